"""Means of scores, of which some are not defined."""

import numpy as np


def nan_mean(values, axis=None):
    """Mean of what is no NaN, and NaN, without a warning of NumPy, where nothing else is.

    Parameters
    ----------
    values : array-like
        Any shape. Infinite scores of both signs have the mean NaN.
    axis : int or None, default=None
        Over which the mean is taken; None is over all.

    Returns
    -------
    means : ndarray
        Without that axis.
    """
    values = np.asarray(values, float)
    known = ~np.isnan(values)
    counts = known.sum(axis=axis)
    with np.errstate(invalid="ignore"):
        sums = np.where(known, values, 0).sum(axis=axis)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
