"""Whether attacks stay sharp."""

import numpy as np
from scipy.signal import find_peaks

from skbss.metrics._each_pair import NotMeasurableError, score_each_pair
from skbss.metrics._pairs import check_pairs
from skbss.metrics._spectra import check_positive, check_sample_rate

TRANSIENT_SMEARING = (
    "By how many dB the level rises less in the estimate than in the reference from the 20 ms "
    "before to the 20 ms after an onset, mean over the reference's onsets of at least 10 dB."
)
_STEP_SECONDS = 0.001
_BETWEEN_ONSETS_SECONDS = 0.05
# 60 dB below the loudest moment of a signal there is no difference between quiet and silent.
_FLOOR = 1e-6


def transient_smearing(
    references,
    estimates,
    sample_rate,
    *,
    window=0.02,
    smallest_rise=10.0,
    align=None,
    on_silent="nan",
):
    r"""How much of the energy of attacks estimated sources hold before their time.

    A mask is constant over a frame, and what it gets wrong spreads over the frame: attacks lose
    their edge, and something is heard before they come, the pre-echo of audio coding. With the
    energies :math:`E^-` just before and :math:`E^+` just after an onset, the level there rises by

    .. math:: R = 10 \log_{10} \frac{E^+ + \epsilon}{E^- + \epsilon},

    and the smearing is the mean of :math:`R(S) - R(\hat S)` over the onsets of the reference
    :math:`S`, for its estimate :math:`\hat S`. Gain has no influence, since the floor
    :math:`\epsilon` of each signal is 60 dB below the loudest window of that signal.

    Parameters
    ----------
    references, estimates : array of shape (..., n_sources, length)
        True and estimated sources, in the same order.
    sample_rate : float
        In Hz.
    window : float, default=0.02
        Over how many seconds energies are taken, before and after.
    smallest_rise : float, default=10
        In dB, over which a peak of :math:`R(S)` is an onset, if there is no higher one within
        50 ms.
    align : {None, "trim"}, default=None
        Whether signals of different lengths are refused, or the longer are cut at their end.
    on_silent : {"nan", "raise"}, default="nan"
        What to do about silent signals.

    Returns
    -------
    smearing : ndarray of shape (..., n_sources)
        In dB, from -50 to 120; 0 is best: attacks as sharp as the reference's. Positive where they
        are smeared, or covered by other sources; negative where they are sharper. NaN with a
        warning where a signal is silent, or the reference has no onset.

    Raises
    ------
    TypeError, ValueError
        If shapes differ, a sample is NaN or infinite, a parameter is not allowed, or a signal is
        silent and `on_silent` is "raise".

    Warns
    -----
    UserWarning
        If a value is NaN; the warning says why.

    See Also
    --------
    over_smoothing : Blur of the whole spectrogram.

    Notes
    -----
    Pre-echo and its cause are described in [1]_ and [2]_; the number, its windows and its floor are
    ours. Onsets are found in the energy at all frequencies together, so soft notes above loud ones
    may be missed, and an estimate that is late by a part of the window counts as sharper or
    smeared.

    References
    ----------
    .. [1] T. Painter and A. Spanias, "Perceptual coding of digital audio", Proceedings of the IEEE
       88(4), 2000: pre-echo distortion.
    .. [2] A. Spanias, T. Painter and V. Atti, "Audio signal processing and coding", Wiley, 2007,
       section 6.9.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.metrics import transient_smearing
    >>> noise = np.random.default_rng(0).standard_normal(8000)
    >>> source = np.where(np.arange(8000) < 4000, 0.01, 1) * noise
    >>> early = np.where(np.arange(8000) < 3920, 0.01, 1) * noise
    >>> transient_smearing([source, source], [source, early], sample_rate=8000).round(1)
    array([ 0. , 36.9])
    """
    sample_rate = check_sample_rate(sample_rate)
    smallest_rise = check_positive(smallest_rise, "smallest_rise")
    n_window = max(1, round(check_positive(window, "window") * sample_rate))
    step = max(1, round(_STEP_SECONDS * sample_rate))
    distance = max(1, round(_BETWEEN_ONSETS_SECONDS * sample_rate / step))
    pairs = check_pairs(references, estimates, align=align, on_silent=on_silent)

    def score(s, s_hat):
        at = np.arange(n_window, len(s) - n_window + 1, step)
        if len(at):
            rise = _rises(s, n_window, at)
            onsets, _ = find_peaks(rise, height=smallest_rise, distance=distance)
            if len(onsets):
                return np.mean(rise[onsets] - _rises(s_hat, n_window, at[onsets]))
        raise NotMeasurableError(f"the reference has no onset of {smallest_rise:g} dB")

    return score_each_pair(pairs, score, "transient smearing")


def _rises(signal, n_window, at):
    """By how many dB the level rises at every position."""
    peak = np.abs(signal).max()
    energy = np.concatenate([[0.0], np.cumsum(np.square(signal / peak))])
    loudest = np.max(energy[n_window:] - energy[:-n_window])
    after = energy[at + n_window] - energy[at]
    before = energy[at] - energy[at - n_window]
    floor = _FLOOR * loudest
    return 10 * np.log10((after + floor) / (before + floor))
