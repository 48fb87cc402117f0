"""Sample by sample: the signal-to-noise ratio and the mean squared error."""

import numpy as np

from skbss.metrics._pairs import check_pairs, warn_of_silence


def snr(references, estimates, *, align=None, on_silent="nan"):
    r"""Signal-to-noise ratio of estimated sources.

    .. math:: \text{SNR} = 10 \log_{10} \frac{\|s\|^2}{\|s - \hat s\|^2}

    for the reference :math:`s` and the estimate :math:`\hat s`, whose gain, sign, offset and delay
    all matter.

    Parameters
    ----------
    references, estimates : array of shape (..., n_sources, length)
        True and estimated sources, in the same order and unit.
    align : {None, "trim"}, default=None
        Whether signals of different lengths are refused, or the longer are cut at their end.
    on_silent : {"nan", "raise"}, default="nan"
        What to do about silent references.

    Returns
    -------
    ratios : ndarray of shape (..., n_sources)
        In dB, higher is better: infinity for an exact estimate, 0 for a silent one. NaN with a
        warning where the reference is silent.

    Raises
    ------
    ValueError
        If shapes differ, a sample is NaN or infinite, or a signal is silent and `on_silent` is
        "raise".

    Warns
    -----
    UserWarning
        If a reference is silent.

    See Also
    --------
    si_sdr : Where the gain does not matter.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.metrics import snr
    >>> source = np.sin(np.arange(1000) / 10)[np.newaxis]
    >>> snr(source, 0.9 * source).round(3)
    array([20.])
    """
    pairs = check_pairs(references, estimates, align=align, on_silent=on_silent)
    s, noise, _ = _compared(pairs)
    warn_of_silence(pairs.silent_references, False, "SNR")
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = 10 * np.log10(np.square(s).sum(axis=-1) / np.square(noise).sum(axis=-1))
    return np.where(pairs.silent_references, np.nan, ratios)


def mse(references, estimates, *, align=None):
    r"""Mean squared error of estimated sources.

    .. math:: \text{MSE} = \frac{1}{N} \sum_{n=1}^{N} (s_n - \hat s_n)^2

    Parameters
    ----------
    references, estimates : array of shape (..., n_sources, length)
        True and estimated sources, in the same order and unit. Silence is a signal like others.
    align : {None, "trim"}, default=None
        Whether signals of different lengths are refused, or the longer are cut at their end.

    Returns
    -------
    errors : ndarray of shape (..., n_sources)
        In the square of the unit of the signals, lower is better, 0 for an exact estimate.
        Infinity where the square of the error is beyond float64.

    Raises
    ------
    ValueError
        If shapes differ, or a sample is NaN or infinite.

    See Also
    --------
    snr : The same relative to the reference.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.metrics import mse
    >>> mse([[1.0, 2.0, 3.0]], [[1.0, 2.0, 5.0]]).round(3)
    array([1.333])
    """
    _, noise, peak = _compared(check_pairs(references, estimates, align=align))
    with np.errstate(over="ignore"):
        return np.square(noise).mean(axis=-1) * peak * peak


def _compared(pairs):
    """References and errors relative to the larger peak of both, and that peak."""
    larger = np.maximum(np.abs(pairs.references), np.abs(pairs.estimates)).max(axis=-1)
    peak = np.where(larger > 0, larger, 1)
    s, s_hat = pairs.references / peak[..., None], pairs.estimates / peak[..., None]
    return s, s - s_hat, peak
