"""How loud windowed frames are, and which of them are too quiet to learn from."""

import jax.numpy as jnp
import numpy as np

from skbss._runtime.device import is_jax_array


def rms_of_frames(X):
    """The root of the mean square of every frame, which no number is too large or small for.

    Parameters
    ----------
    X : array of shape (n_frames, n_features)
        NumPy or JAX, finite.

    Returns
    -------
    level : array of shape (n_frames, 1)
        0 for frames of zeros.
    """
    xp = jnp if is_jax_array(X) else np
    peak = abs(X).max(axis=1, keepdims=True)
    share = X / xp.where(peak > 0, peak, 1)
    # The mean first: the root is no larger than the peak.
    return peak * xp.sqrt(xp.square(share).mean(axis=1, keepdims=True))


def sounding_frames(level, lengths, top_db):
    """Which frames are not much quieter than the loudest of their recording.

    Parameters
    ----------
    level : ndarray of shape (n_frames, 1)
        From `rms_of_frames`.
    lengths : sequence of int
        Numbers of frames of the recordings.
    top_db : float
        How many decibels below the loudest frame are too quiet.

    Returns
    -------
    sounds : bool ndarray of shape (n_frames,)
    """
    level = level[:, 0]
    starts = np.cumsum([0, *lengths[:-1]])
    loudest = np.repeat(np.maximum.reduceat(level, starts), lengths)
    return (level > 0) & (level / np.where(loudest > 0, loudest, 1) >= 10 ** (-top_db / 20))
