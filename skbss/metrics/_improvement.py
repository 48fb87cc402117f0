"""What separation gained over doing nothing."""

import numpy as np

from skbss._runtime.warning import each_once, warn
from skbss.metrics._bss_eval import bss_eval
from skbss.metrics._pairs import check_pairs_of_mixture
from skbss.metrics._ratios import snr
from skbss.metrics._scale_invariant import si_sdr


def sdr(references, estimates):
    """Signal-to-distortion ratio of BSS Eval, of estimates in the order of their references."""
    return bss_eval(references, estimates, permute=False).sdr


_NAMED = {"sdr": sdr, "si_sdr": si_sdr, "snr": snr}


def sdr_improvement(references, estimates, mixture, *, metric="sdr", align=None):
    r"""How much better the estimated sources are than the mixture taken for every source.

    .. math:: \Delta = m(s, \hat s) - m(s, x)

    for the metric :math:`m`, the reference :math:`s`, its estimate :math:`\hat s` and the mixture
    :math:`x`.

    Parameters
    ----------
    references, estimates : array of shape (..., n_sources, length)
        True and estimated sources, in the same order.
    mixture : array of shape (..., length)
        What was separated.
    metric : {"sdr", "si_sdr", "snr"} or callable, default="sdr"
        The signal-to-distortion ratio of `bss_eval`, the one of `si_sdr`, the ratio of `snr`, or a
        function of references and estimates that gives one number per source.
    align : {None, "trim"}, default=None
        Whether signals of different lengths are refused, or the longer are cut at their end.

    Returns
    -------
    improvements : ndarray of shape (..., n_sources)
        In the unit of the metric, dB; above 0 the estimate is better than the mixture. NaN with a
        warning where the metric is NaN, or infinite for both, as it is for a single source that
        is the mixture.

    Raises
    ------
    ValueError
        If shapes do not belong together, a sample is NaN or infinite, or `metric` is not known.

    Warns
    -----
    UserWarning
        If a value is NaN, as it is for silent sources.

    See Also
    --------
    bss_eval, si_sdr, snr : The ratios.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.metrics import sdr_improvement
    >>> sources = np.random.default_rng(0).standard_normal((2, 8000))
    >>> estimates = sources + 0.1 * sources[::-1]
    >>> sdr_improvement(sources, estimates, sources.sum(axis=0), metric="si_sdr").round(1)
    array([20.1, 20.1])
    """
    if isinstance(metric, str) and metric not in _NAMED:
        raise ValueError(
            f"metric must be one of {', '.join(_NAMED)} or a function, got {metric!r}."
        )
    function = _NAMED[metric] if isinstance(metric, str) else metric
    pairs, mixtures = check_pairs_of_mixture(references, estimates, mixture, align=align)
    return gained(function, pairs.references, pairs.estimates, mixtures)


def gained(function, references, estimates, mixtures):
    """Improvements over the mixture; what is wrong with the references is said once.

    Parameters
    ----------
    function : callable
        Of references and estimates; gives one number per source.
    references, estimates, mixtures : ndarray of shape (..., n_sources, length)
        What is compared.

    Returns
    -------
    improvements : ndarray of shape (..., n_sources)
    """
    with each_once():
        return difference(function(references, estimates), function(references, mixtures))


def difference(after, before):
    """Improvements; a warning where there is none because both are infinite.

    Parameters
    ----------
    after, before : ndarray
        Scores of estimates and of mixtures.

    Returns
    -------
    improvements : ndarray
    """
    with np.errstate(invalid="ignore"):
        gain = np.asarray(after, float) - np.asarray(before, float)
    lost = np.isnan(gain) & ~np.isnan(after) & ~np.isnan(before)
    if lost.any():
        warn(
            f"{int(lost.sum())} source(s) can not be told from the mixture, so that nothing can "
            "improve: the improvement is NaN."
        )
    return gain
