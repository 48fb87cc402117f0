"""Perceptual evaluation of speech quality."""

import numpy as np

from skbss.metrics._each_pair import NotMeasurableError, score_each_pair
from skbss.metrics._extras import imported
from skbss.metrics._pairs import at_unit_peak, check_pairs
from skbss.metrics._spectra import check_sample_rate

PESQ_WIDEBAND = (
    "ITU-T P.862.2 as in the package pesq, at 16 kHz; longer than 20 s the mean over equal parts."
)
PESQ_NARROWBAND = (
    "ITU-T P.862, mapped to listening quality by P.862.1, as in the package pesq, at 8 or 16 kHz; "
    "longer than 20 s the mean over equal parts."
)
# The package holds 50 utterances, of which none is shorter than 0.4 s with the pause behind it,
# and writes beyond its arrays where there are more.
_LONGEST_SECONDS = 20


def pesq(
    references,
    estimates,
    sample_rate,
    *,
    variant="wb",
    resample=False,
    align=None,
    on_silent="nan",
):
    """PESQ of estimated speech: the quality that listeners would give it.

    The perceptual evaluation of speech quality of ITU-T recommendation P.862, on the scale of mean
    opinion scores, by the package pesq. It is made for speech of 8 to 30 s sent over telephones,
    and says little about music. No listener gave the score. Level has no influence.

    Parameters
    ----------
    references, estimates : array of shape (..., n_sources, length)
        True and estimated sources, in the same order.
    sample_rate : float
        In Hz: 16000, or 8000 for the narrowband variant, unless `resample` is True.
    variant : {"wb", "nb"}, default="wb"
        Wideband, P.862.2, or narrowband, P.862 mapped by P.862.1. They can not be compared.
    resample : bool, default=False
        Whether signals at other rates are resampled with soxr: to 16000 Hz, or for the narrowband
        variant to 8000 Hz from below 16000 Hz.
    align : {None, "trim"}, default=None
        Whether signals of different lengths are refused, or the longer are cut at their end.
    on_silent : {"nan", "raise"}, default="nan"
        What to do about silent signals.

    Returns
    -------
    scores : ndarray of shape (..., n_sources)
        Higher is better. Wideband from 1.04 to 4.64, narrowband from 1.02 to 4.55, which equal
        signals reach. NaN with a warning where a signal is silent or shorter than 1/4 s, or the
        package finds no utterance.

    Raises
    ------
    ImportError
        If the package pesq is not installed.
    TypeError, ValueError
        If shapes differ, a sample is NaN or infinite, the sample rate does not suit the variant, or
        a signal is silent and `on_silent` is "raise".

    Warns
    -----
    UserWarning
        If a value is NaN; the warning says why.

    See Also
    --------
    stoi : How much of the speech is understood.

    Notes
    -----
    The package crashes on long signals. Those of more than 20 s are cut into parts of equal length
    of at most 20 s, and the score is the mean over the parts that hold an utterance. It follows
    P.862.2 without its later corrigendum.

    References
    ----------
    .. [1] A. W. Rix, J. G. Beerends, M. P. Hollier and A. P. Hekstra, "Perceptual evaluation of
       speech quality (PESQ)", ICASSP 2001.
    .. [2] ITU-T recommendations P.862 (2001), P.862.1 (2003) and P.862.2 (2007).

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.datasets import load_two_speakers
    >>> from skbss.metrics import pesq
    >>> clip = load_two_speakers()
    >>> pesq(clip.sources, clip.sources, clip.sample_rate, resample=True).round(2)
    array([4.64, 4.64])
    """
    package = imported("pesq", "PESQ", "pesq", "perceptual")
    if variant not in ("wb", "nb"):
        raise ValueError(f"variant must be 'wb' or 'nb', got {variant!r}.")
    sample_rate = check_sample_rate(sample_rate)
    rate = _rate_of(variant, sample_rate, resample)
    pairs = check_pairs(references, estimates, align=align, on_silent=on_silent)

    def score(s, s_hat):
        s_hat, _ = at_unit_peak(s_hat)
        s, s_hat = (_at_rate(signal, sample_rate, rate) for signal in (s, s_hat))
        n_parts = max(1, -(-len(s) // (_LONGEST_SECONDS * rate)))
        parts = zip(np.array_split(s, n_parts), np.array_split(s_hat, n_parts), strict=True)
        scores, reasons = [], []
        for part, part_hat in parts:
            try:
                scores.append(_score_of_part(package, part, part_hat, rate, variant))
            except NotMeasurableError as error:
                reasons.append(error)
        if not scores:
            raise reasons[0]
        return np.mean(scores)

    return score_each_pair(pairs, score, "PESQ")


def _rate_of(variant, sample_rate, resample):
    allowed = (16000,) if variant == "wb" else (8000, 16000)
    if sample_rate in allowed:
        return int(sample_rate)
    if not resample:
        rates = " or ".join(map(str, allowed))
        raise ValueError(
            f"sample_rate must be {rates} Hz for variant={variant!r}, got {sample_rate:g}: pass "
            "resample=True to convert the signals with soxr."
        )
    return 8000 if variant == "nb" and sample_rate < 16000 else 16000


def _at_rate(signal, sample_rate, rate):
    if sample_rate == rate:
        return signal
    import soxr

    return soxr.resample(signal, sample_rate, rate)


def _score_of_part(package, part, part_hat, rate, variant):
    if 4 * len(part) < rate:
        raise NotMeasurableError("PESQ needs at least 1/4 s")
    if not part.any() or not part_hat.any():
        raise NotMeasurableError("a signal is silent")
    try:
        score = package.pesq(rate, part, part_hat, variant)
    except (package.PesqError, ValueError) as error:
        raise NotMeasurableError(f"the package pesq refuses the signals ({_said(error)})") from None
    if not np.isfinite(score):
        raise NotMeasurableError("the package pesq gives no number")
    return score


def _said(error):
    """What an error of the package says, which it says in bytes."""
    said = error.args[0] if error.args else type(error).__name__
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
