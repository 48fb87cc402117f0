"""Rows that training holds back, to tell when it no longer helps."""

import numpy as np


def held_back(lengths, share, rng):
    """Rows to train with, and those to validate with.

    Parameters
    ----------
    lengths : sequence of int
        Numbers of rows of the recordings.
    share : float
        Of the recordings, which are drawn, or of the rows of the only one, at its end: less than 1.
    rng : RandomState
        Of the recordings.

    Returns
    -------
    own, held : ndarrays of int
        Numbers of rows. None are held for a share of 0, and one row is never held alone.
    """
    n_rows = sum(lengths)
    everything = np.arange(n_rows)
    if not share:
        return everything, everything[:0]
    if len(lengths) == 1:
        n_held = min(max(1, round(share * n_rows)), n_rows - 1)
        return everything[: n_rows - n_held], everything[n_rows - n_held :]
    n_held = min(max(1, round(share * len(lengths))), len(lengths) - 1)
    recordings = np.repeat(np.arange(len(lengths)), lengths)
    is_held = np.isin(recordings, rng.permutation(len(lengths))[:n_held])
    return everything[~is_held], everything[is_held]
