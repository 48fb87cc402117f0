"""Which estimate belongs to which source."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from skbss.metrics._pairs import at_unit_peak, check_pairs, without_mean

_BOUND_DB = 1e3


def best_permutation(references, estimates, *, zero_mean=True):
    """Which estimate belongs to which reference: the assignment of the highest mean SI-SDR.

    Parameters
    ----------
    references : array of shape (..., n_sources, length)
        The true sources.
    estimates : array of shape (..., n_estimates, length)
        The estimated ones, at least as many.
    zero_mean : bool, default=True
        As in `si_sdr`.

    Returns
    -------
    permutation : ndarray of int of shape (..., n_sources)
        Position of the estimate that belongs to every reference, each used once at most. Silent
        signals are given what the others leave.

    Raises
    ------
    ValueError
        If shapes do not fit, there are fewer estimates than references, or a sample is NaN or
        infinite.

    See Also
    --------
    si_sdr : The ratios themselves.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.metrics import best_permutation
    >>> sources = np.random.default_rng(0).standard_normal((3, 1000))
    >>> best_permutation(sources, sources[[2, 0, 1]])
    array([1, 2, 0])
    """
    pairs = check_pairs(references, estimates, equal_count=False)
    return permutation_by_si_sdr(pairs.references, pairs.estimates, zero_mean)


def permutation_by_si_sdr(references, estimates, zero_mean):
    """As `best_permutation`, of what is checked already.

    Parameters
    ----------
    references, estimates : ndarray of shape (..., n, length)
        In float64.
    zero_mean : bool
        Whether means are subtracted.

    Returns
    -------
    permutation : ndarray of int of shape (..., n_references)
    """
    s, s_hat = _unit(references, zero_mean), _unit(estimates, zero_mean)
    likeness = np.square(s @ s_hat.swapaxes(-1, -2))
    likeness = np.clip(likeness, 1e-15, 1 - 1e-15)
    return best_assignment(10 * np.log10(likeness / (1 - likeness)))


def best_assignment(ratios):
    """The assignment of the highest mean ratio.

    Parameters
    ----------
    ratios : ndarray of shape (..., n_references, n_estimates)
        In dB, higher is better; infinite and NaN allowed.

    Returns
    -------
    permutation : ndarray of int of shape (..., n_references)
    """
    # The assignment can not be solved with infinite values.
    ratios = np.clip(np.nan_to_num(ratios, nan=-_BOUND_DB), -_BOUND_DB, _BOUND_DB)
    order = np.empty(ratios.shape[:-1], int)
    for index in np.ndindex(ratios.shape[:-2]):
        order[index] = linear_sum_assignment(ratios[index], maximize=True)[1]
    return order


def in_order(estimates, permutation, *, n_signal_axes=1):
    """The estimates in the order of the references.

    Parameters
    ----------
    estimates : ndarray of shape (..., n_estimates, [n_channels,] length)
        In any order.
    permutation : ndarray of int of shape (..., n_references)
        As `best_permutation` gives it.
    n_signal_axes : {1, 2}
        The axes of one signal.

    Returns
    -------
    estimates : ndarray of shape (..., n_references, [n_channels,] length)
    """
    permutation = permutation.reshape(permutation.shape + (1,) * n_signal_axes)
    return np.take_along_axis(estimates, permutation, axis=-1 - n_signal_axes)


def _unit(signals, zero_mean):
    signals, _ = at_unit_peak(signals)
    if zero_mean:
        signals = without_mean(signals)
    norm = np.linalg.norm(signals, axis=-1, keepdims=True)
    return signals / np.where(norm > 0, norm, 1)
