"""Rows of recordings, seen together with those around them."""

from typing import Any

import numpy as np

from skbss._kernels.unfolded import Frames


def frames_of(X, lengths, context, xp: Any) -> Frames:
    """Rows of recordings with those around them.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
        Recordings below each other.
    lengths : sequence of int
        Their numbers of rows.
    context : int
        How many rows before and after each are shown.
    xp : module
        NumPy or JAX, of which the result is made.

    Returns
    -------
    frames : Frames
    """
    n_rows = len(X)
    first = np.repeat(np.cumsum([0, *lengths[:-1]]), lengths)
    last = np.repeat(np.cumsum(lengths), lengths)
    around = np.arange(n_rows)[:, None] + np.arange(-context, context + 1)
    inside = (around >= first[:, None]) & (around < last[:, None])
    neighbors = xp.asarray(np.where(inside, around, n_rows), np.int32)
    return Frames(xp.concatenate([X, xp.zeros((1, X.shape[1]), X.dtype)]), neighbors)
