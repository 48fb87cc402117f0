"""What separation took from a source at high frequencies."""

import numpy as np

from skbss.metrics._each_pair import NotMeasurableError, score_each_pair
from skbss.metrics._pairs import check_pairs
from skbss.metrics._spectra import check_analysis, check_positive

HIGH_FREQUENCY_LOSS = (
    "Energy above 4 kHz of the reference over that of the estimate, each at least 100 dB below the "
    "whole reference."
)
# Energy of less than this share of the reference's, 100 dB below it, is none.
_NOTHING = 1e-10


def high_frequency_loss(
    references,
    estimates,
    sample_rate,
    *,
    cutoff=4000.0,
    n_fft=None,
    hop_length=None,
    window="hann",
    align=None,
    on_silent="nan",
):
    r"""How much of the energy of high frequencies estimated sources have lost.

    .. math::

        10 \log_{10} \frac{\sum_t \sum_{f > f_c} |S_{tf}|^2}
        {\sum_t \sum_{f > f_c} |\hat S_{tf}|^2}

    for the spectra :math:`S` of the reference and :math:`\hat S` of the estimate. An estimate that
    was filtered counts as undistorted by SDR, as far as 512 taps go; it sounds muffled, and shows
    here. The gain of the estimate counts too.

    Parameters
    ----------
    references, estimates : array of shape (..., n_sources, length)
        True and estimated sources, in the same order and unit.
    sample_rate : float
        In Hz.
    cutoff : float, default=4000
        The frequency :math:`f_c` in Hz, below half the sample rate.
    n_fft : int, default=None
        Samples of a frame, even. By default the power of 2 closest to 32 ms.
    hop_length : int, default=None
        Samples between frames, by default a quarter of a frame.
    window : str, tuple or array of shape (n_fft,), default="hann"
        As in `scipy.signal.get_window`.
    align : {None, "trim"}, default=None
        Whether signals of different lengths are refused, or the longer are cut at their end.
    on_silent : {"nan", "raise"}, default="nan"
        What to do about silent signals.

    Returns
    -------
    losses : ndarray of shape (..., n_sources)
        In dB; 0 is best, positive values are muffled, negative ones shrill or noisy. Energies of
        less than 1e-10 of the whole reference, 100 dB below it, count as that, so that 100 is the
        largest value. NaN with a warning where a signal is silent, or the reference has no more
        than that above the cutoff.

    Raises
    ------
    TypeError, ValueError
        If shapes differ, a sample is NaN or infinite, a parameter is not allowed, the cutoff is not
        below half the sample rate, or a signal is silent and `on_silent` is "raise".

    Warns
    -----
    UserWarning
        If a value is NaN; the warning says why.

    See Also
    --------
    over_smoothing : Loss of detail at all frequencies.
    mel_distance : Differences of level at all frequencies.

    Notes
    -----
    A plain ratio of energies in a band, without weights for the ear; the cutoff and the floor are
    ours.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.metrics import high_frequency_loss
    >>> time = np.arange(16000) / 16000
    >>> low, high = np.sin(2 * np.pi * np.array([[500], [6000]]) * time)
    >>> high_frequency_loss([low + high], [low + 0.1 * high], sample_rate=16000).round(2)
    array([20.])
    """
    analysis = check_analysis(sample_rate, n_fft, hop_length, window)
    cutoff = check_positive(cutoff, "cutoff")
    if cutoff >= analysis.sample_rate / 2:
        raise ValueError(
            f"cutoff={cutoff:g} Hz must be below half the sample_rate={analysis.sample_rate:g} Hz: "
            "there is nothing above it."
        )
    pairs = check_pairs(references, estimates, align=align, on_silent=on_silent)
    first = np.searchsorted(analysis.frequencies, cutoff, side="right")

    def score(s, s_hat):
        whole = high = high_hat = 0.0
        for P, P_hat in analysis.power_blocks(s, s_hat):
            whole += P.sum()
            high += P[:, first:].sum()
            high_hat += P_hat[:, first:].sum()
        nothing = _NOTHING * whole
        if high <= nothing:
            raise NotMeasurableError(f"the reference has no energy above {cutoff:g} Hz")
        return 10 * np.log10(high / max(high_hat, nothing))

    return score_each_pair(pairs, score, "high-frequency loss")
