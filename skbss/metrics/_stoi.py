"""Short-time objective intelligibility."""

import warnings

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
# What the package returns for too few frames.
_TOO_SHORT = 1e-5


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
        result = _result_of(package, s, s_hat, int(sample_rate), bool(extended))
        if result == _TOO_SHORT:
            raise NotMeasurableError("fewer than 30 frames are left of the reference")
        if not np.isfinite(result):
            raise NotMeasurableError("the package pystoi gives no number")
        return result

    return score_each_pair(pairs, score, "ESTOI" if extended else "STOI")


def _result_of(package, s, s_hat, sample_rate, extended):
    # The extended measure adds noise at the size of rounding from NumPy's global generator, whose
    # state is the caller's.
    state = np.random.get_state()  # noqa: NPY002
    try:
        np.random.seed(0)  # noqa: NPY002
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return package.stoi(s, s_hat, sample_rate, extended=extended)
    except ValueError:
        # Of signals shorter than a frame the package takes the largest of no values.
        return _TOO_SHORT
    finally:
        np.random.set_state(state)  # noqa: NPY002
