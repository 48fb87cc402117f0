"""Recordings that training holds back, to tell when it no longer helps."""

import numpy as np

from skbss.factorization._pieces import Recording, recordings_of


def held_back(lengths, share, rng):
    """Recordings to train with, and those to validate with.

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
    own, held : lists of Recording
        None are held for a share of 0, and one row is never held alone.
    """
    recordings = recordings_of(lengths)
    if not share:
        return recordings, []
    if len(lengths) == 1:
        n_rows = lengths[0]
        n_own = n_rows - min(max(1, round(share * n_rows)), n_rows - 1)
        return [Recording(0, n_own)], [Recording(n_own, n_rows - n_own)] if n_own < n_rows else []
    n_held = min(max(1, round(share * len(lengths))), len(lengths) - 1)
    held = np.zeros(len(lengths), bool)
    held[rng.permutation(len(lengths))[:n_held]] = True
    return (
        [one for one, out in zip(recordings, held, strict=True) if not out],
        [one for one, out in zip(recordings, held, strict=True) if out],
    )


def rows_of(recordings):
    """Numbers of the rows of recordings.

    Parameters
    ----------
    recordings : sequence of Recording
        Which.

    Returns
    -------
    rows : ndarray of int
    """
    return np.concatenate(
        [np.arange(0), *(np.arange(first, first + length) for first, length in recordings)]
    )
