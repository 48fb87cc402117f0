"""Recordings that training holds back, to tell when it no longer helps."""

import numpy as np

from skbss.factorization._pieces import Recording, recordings_of


def check_groups(groups, n_recordings):
    """Which recordings belong together.

    Parameters
    ----------
    groups : array-like of shape (n_recordings,) or None
        Labels.
    n_recordings : int
        How many there are.

    Returns
    -------
    groups : ndarray of shape (n_recordings,)
        Numbers from 0; every recording by itself for None.

    Raises
    ------
    ValueError
        If there is not one label for each of the recordings.
    """
    if groups is None:
        return np.arange(n_recordings)
    labels = np.asarray(groups)
    if labels.shape != (n_recordings,):
        raise ValueError(
            f"groups must hold one label for each of the {n_recordings} recordings, got an array "
            f"of shape {labels.shape}."
        )
    return np.unique(labels, return_inverse=True)[1].ravel()


def held_back(lengths, share, groups, rng):
    """Recordings to train with, and those to validate with.

    Parameters
    ----------
    lengths : sequence of int
        Numbers of rows of the recordings.
    share : float
        Of the groups, which are drawn, or of the rows of each recording of the only one, at its
        end: less than 1.
    groups : ndarray of shape (n_recordings,)
        From `check_groups`: those of a group are held back together, or not at all.
    rng : RandomState
        Of the groups.

    Returns
    -------
    own, held : lists of Recording
        None are held for a share of 0, and one row is never held alone.
    """
    recordings, n_groups = recordings_of(lengths), len(set(groups))
    if not share:
        return recordings, []
    if n_groups == 1:
        own, held = [], []
        for first, n_rows in recordings:
            n_held = min(max(1, round(share * n_rows)), n_rows - 1)
            own.append(Recording(first, n_rows - max(n_held, 0)))
            if n_held > 0:
                held.append(Recording(first + n_rows - n_held, n_held))
        return own, held
    n_held = min(max(1, round(share * n_groups)), n_groups - 1)
    is_held = np.isin(groups, rng.permutation(n_groups)[:n_held])
    return (
        [one for one, out in zip(recordings, is_held, strict=True) if not out],
        [one for one, out in zip(recordings, is_held, strict=True) if out],
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
