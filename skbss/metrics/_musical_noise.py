"""Musical noise: what is left of noise that was cut out cell by cell."""

import math

import numpy as np

from skbss.metrics._each_pair import NotMeasurableError, score_each_pair
from skbss.metrics._pairs import at_unit_peak, check_pairs_of_mixture
from skbss.metrics._spectra import check_analysis

LOG_KURTOSIS_RATIO = (
    "Natural logarithm of the kurtosis of the estimate's power over that of the mixture's, in "
    "frames of 32 ms where the reference is 30 dB below its loudest frame."
)
_FEWEST_CELLS = 500
# Of less than this share of the largest power of a cell, 120 dB below it, nothing is heard.
_INAUDIBLE = 1e-12
# Of the fourth moment, that the source itself may make up in its pauses.
_LARGEST_SHARE = 0.1


def log_kurtosis_ratio(
    references,
    estimates,
    mixture,
    sample_rate,
    *,
    noise_threshold=-30.0,
    n_fft=None,
    hop_length=None,
    window="hann",
    align=None,
    on_silent="nan",
):
    r"""Musical noise in estimated sources: the log kurtosis ratio.

    In the frames :math:`\mathcal N` in which the reference all but pauses, what the estimate holds
    is what is left of the noise: the other sources. Isolated peaks that come and go, heard as
    tones, make its powers :math:`P` more heavy-tailed than those of the mixture,

    .. math::

        \log \frac{k(\hat S)}{k(X)}, \qquad
        k = \frac{\frac{1}{|\mathcal N|} \sum_{\mathcal N} P^4}
        {\left(\frac{1}{|\mathcal N|} \sum_{\mathcal N} P^2\right)^2},

    with the natural logarithm. Gaussian noise has :math:`k = 6`, and spectral subtraction of
    :math:`\beta` times its mean power gives it a ratio of :math:`\beta`. Neither gain has any
    influence.

    Parameters
    ----------
    references, estimates : array of shape (..., n_sources, length)
        True and estimated sources, in the same order.
    mixture : array of shape (..., length)
        What was separated.
    sample_rate : float
        In Hz; it only decides the default of `n_fft`.
    noise_threshold : float, default=-30
        In dB, negative. Frames count in which the reference's power is that far below its loudest
        frame.
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
    ratios : ndarray of shape (..., n_sources)
        0 is best: no musical noise. Positive with musical noise, negative where the noise became
        smoother. NaN with a warning where a signal is silent, the reference pauses in fewer than
        500 cells, nothing is left there of the mixture or of the estimate, or what is left is the
        quiet source rather than noise, as in estimates that are nearly exact.

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
    spectral_hole_rate : What the same processing cuts out of the source itself.

    Notes
    -----
    Cells of all frequencies are pooled, without those at 0 Hz and at half the sample rate. What is
    left is the source where the reference, at its gain in the estimate, holds more than a tenth of
    the sum of :math:`P^4`; this limit and that of 500 cells are ours. For nonstationary noise, such
    as other speakers, the number only compares systems on one mixture, and listeners agree with it
    in part [2]_.

    References
    ----------
    .. [1] T. Inoue, H. Saruwatari, Y. Takahashi, K. Shikano and K. Kondo, "Theoretical analysis of
       musical noise in generalized spectral subtraction based on higher order statistics", IEEE
       Transactions on Audio, Speech, and Language Processing 19(6), 2011: the kurtosis ratio.
    .. [2] M. Torcoli, "An improved measure of musical noise based on spectral kurtosis", WASPAA
       2019.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.metrics import log_kurtosis_ratio
    >>> noise = np.random.default_rng(0).standard_normal(16000)
    >>> source = np.where(np.arange(16000) < 4000, noise[::-1], 0)
    >>> bursts = np.where(np.arange(16000) // 256 % 8 == 0, noise, 0)
    >>> estimates = [0.5 * (source + noise), source + bursts]
    >>> log_kurtosis_ratio([source] * 2, estimates, source + noise, sample_rate=8000).round(1) + 0
    array([0. , 2.1])
    """
    analysis = check_analysis(sample_rate, n_fft, hop_length, window)
    threshold = _checked_threshold(noise_threshold)
    pairs, mixtures = check_pairs_of_mixture(
        references, estimates, mixture, align=align, on_silent=on_silent
    )

    def score(s, s_hat, x):
        power_of_frame = np.concatenate([P.sum(axis=1) for (P,) in analysis.power_blocks(s)])
        pauses = power_of_frame < threshold * power_of_frame.max()
        if pauses.sum() * (analysis.n_fft // 2 - 1) < _FEWEST_CELLS:
            raise NotMeasurableError(
                f"the reference is {-noise_threshold:g} dB below its loudest frame in fewer than "
                f"{_FEWEST_CELLS} cells"
            )
        return math.log(
            _kurtosis(analysis, s_hat, s, pauses, "estimate")
            / _kurtosis(analysis, x, s, pauses, "mixture")
        )

    return score_each_pair(pairs, score, "log kurtosis ratio", mixtures)


def _kurtosis(analysis, signal, reference, pauses, name):
    signal, _ = at_unit_peak(signal)
    gain = np.dot(signal, reference) / np.dot(reference, reference)
    n_cells = pauses.sum() * (analysis.n_fft // 2 - 1)
    largest, first, second, fourth = _moments(analysis, signal, pauses)
    if first <= _INAUDIBLE * largest * n_cells:
        raise NotMeasurableError(f"nothing is left of the {name} where the reference pauses")
    if _moments(analysis, gain * reference, pauses)[-1] > _LARGEST_SHARE * fourth:
        raise NotMeasurableError(
            f"what the {name} holds where the reference pauses is the source rather than noise"
        )
    return fourth * n_cells / second**2


def _moments(analysis, signal, pauses):
    """The largest power of all, and the sums of the powers in pauses, their squares, and so on."""
    largest = first = second = fourth = 0.0
    start = 0
    for (P,) in analysis.power_blocks(signal):
        largest = max(largest, P.max())
        cells = P[pauses[start : start + len(P)], 1:-1]
        start += len(P)
        first += cells.sum()
        second += np.square(cells).sum()
        fourth += np.square(np.square(cells)).sum()
    return largest, first, second, fourth


def _checked_threshold(noise_threshold):
    if not (math.isfinite(noise_threshold) and noise_threshold < 0):
        raise ValueError(
            f"noise_threshold must be negative and finite, in dB, got {noise_threshold!r}."
        )
    return 10 ** (noise_threshold / 10)
