"""Short-time objective intelligibility."""

import numpy as np

from skbss.metrics._each_pair import NotMeasurableError, score_each_pair
from skbss.metrics._extras import imported
from skbss.metrics._pairs import at_unit_peak, check_pairs
from skbss.metrics._spectra import check_sample_rate

STOI = "Short-time objective intelligibility (Taal et al. 2011, package pystoi), at 10 kHz."
ESTOI = (
    "Extended short-time objective intelligibility (Jensen and Taal 2016, package pystoi), at "
    "10 kHz."
)
_RATE = 10000
_N_WINDOW = 256
_HOP = 128
_DYNAMIC_RANGE_DB = 40
_SEGMENT = 30


def stoi(
    references,
    estimates,
    sample_rate,
    *,
    extended=False,
    align=None,
    on_silent="nan",
):
    """STOI of estimated speech: how much of it is understood.

    The short-time objective intelligibility by the package pystoi: the mean correlation of the
    envelopes of estimate and reference in third-octave bands from 150 Hz to 4.3 kHz, over segments
    of 384 ms, without the frames in which the reference is 40 dB below its loudest. Level has no
    influence. It is made for speech.

    Parameters
    ----------
    references, estimates : array of shape (..., n_sources, length)
        True and estimated sources, in the same order.
    sample_rate : int
        In Hz, any whole number. The package resamples to 10 kHz.
    extended : bool, default=False
        Whether to compute the extended measure, ESTOI, which also holds for noise that fluctuates,
        such as other speakers. They can not be compared.
    align : {None, "trim"}, default=None
        Whether signals of different lengths are refused, or the longer are cut at their end.
    on_silent : {"nan", "raise"}, default="nan"
        What to do about silent signals.

    Returns
    -------
    scores : ndarray of shape (..., n_sources)
        Higher is better: 1 for equal signals, about 0 where nothing is understood, a correlation
        that can be slightly negative. NaN with a warning where a signal is silent, or fewer than
        30 frames, about 0.4 s, are left of the reference.

    Raises
    ------
    ImportError
        If the package pystoi is not installed.
    TypeError, ValueError
        If shapes differ, a sample is NaN or infinite, the sample rate is no whole number, or a
        signal is silent and `on_silent` is "raise".

    Warns
    -----
    UserWarning
        If a value is NaN; the warning says why.

    See Also
    --------
    pesq : How good the speech sounds.

    Notes
    -----
    The last step of the extended measure, the correlations of normalized segments, is ours: the
    package adds noise to them, at the size of rounding, from the global generator of NumPy.

    References
    ----------
    .. [1] C. H. Taal, R. C. Hendriks, R. Heusdens and J. Jensen, "An algorithm for intelligibility
       prediction of time-frequency weighted noisy speech", IEEE Transactions on Audio, Speech, and
       Language Processing 19(7), 2011, eqs. 1 to 6.
    .. [2] J. Jensen and C. H. Taal, "An algorithm for predicting the intelligibility of speech
       masked by modulated noise maskers", IEEE/ACM Transactions on Audio, Speech, and Language
       Processing 24(11), 2016.

    Examples
    --------
    >>> from skbss.datasets import load_two_speakers
    >>> from skbss.metrics import stoi
    >>> clip = load_two_speakers()
    >>> stoi(clip.sources, clip.sources, clip.sample_rate).round(2)
    array([1., 1.])
    """
    package = imported("pystoi", "STOI", "pystoi", "perceptual")
    sample_rate = check_sample_rate(sample_rate)
    if sample_rate != int(sample_rate):
        raise ValueError(f"sample_rate must be a whole number of Hz, got {sample_rate!r}.")
    pairs = check_pairs(references, estimates, align=align, on_silent=on_silent)

    def score(s, s_hat):
        s_hat, _ = at_unit_peak(s_hat)
        if sample_rate != _RATE:
            s, s_hat = (
                package.utils.resample_oct(signal, _RATE, int(sample_rate)) for signal in (s, s_hat)
            )
        if _n_frames_left(s) < _SEGMENT:
            raise NotMeasurableError(f"fewer than {_SEGMENT} frames are left of the reference")
        with np.errstate(all="ignore"):
            result = _extended(package, s, s_hat) if extended else package.stoi(s, s_hat, _RATE)
        if not np.isfinite(result):
            raise NotMeasurableError("the package pystoi gives no number")
        return result

    return score_each_pair(pairs, score, "ESTOI" if extended else "STOI")


def _n_frames_left(s):
    """Frames of the STFT after those are gone in which the reference is silent.

    The package warns where they are too few, and fails where there is none.
    """
    if len(s) <= _N_WINDOW:
        return 0
    frames = np.lib.stride_tricks.sliding_window_view(s[:-1], _N_WINDOW)[::_HOP]
    level = np.linalg.norm(np.hanning(_N_WINDOW + 2)[1:-1] * frames, axis=1)
    level = 20 * np.log10(level + np.finfo(float).eps)
    # What is left is put together anew, and the last frame of it does not count.
    return int((level.max() - _DYNAMIC_RANGE_DB - level < 0).sum()) - 1


def _extended(package, s, s_hat):
    """Mean correlation of the columns of segments whose rows and columns are normalized."""
    utils = package.utils
    heard = utils.remove_silent_frames(s, s_hat, _DYNAMIC_RANGE_DB, _N_WINDOW, _HOP)
    bands, _ = utils.thirdoct(_RATE, 2 * _N_WINDOW, 15, 150)
    normalized = []
    for signal in heard:
        power = np.square(np.abs(utils.stft(signal, _N_WINDOW, 2 * _N_WINDOW, overlap=2)))
        envelopes = np.sqrt(bands @ power.T)
        segments = np.lib.stride_tricks.sliding_window_view(envelopes, _SEGMENT, axis=1)
        segments = np.moveaxis(segments, 1, 0)
        normalized.append(_normalized(_normalized(segments, axis=2), axis=1))
    x, y = normalized
    return np.einsum("mjn,mjn->", x, y) / (_SEGMENT * len(x))


def _normalized(segments, axis):
    segments = segments - segments.mean(axis=axis, keepdims=True)
    norm = np.linalg.norm(segments, axis=axis, keepdims=True)
    return segments / np.where(norm > 0, norm, 1)
