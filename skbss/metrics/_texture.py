"""What separation did to the texture of a spectrogram: blur it, or pierce it."""

import numpy as np

from skbss.metrics._each_pair import NotMeasurableError, score_each_pair
from skbss.metrics._pairs import check_pairs
from skbss.metrics._spectra import check_analysis, check_positive

OVER_SMOOTHING = (
    "Total variation of the estimate's log spectrogram over that of the reference's, in cells "
    "within 60 dB of the reference's largest, frames of 32 ms."
)
SPECTRAL_HOLE_RATE = (
    "Share of the cells within 60 dB of the reference's largest in which the estimate is 40 dB "
    "below the reference, frames of 32 ms."
)


def over_smoothing(
    references,
    estimates,
    sample_rate,
    *,
    active_range=60.0,
    n_fft=None,
    hop_length=None,
    window="hann",
    align=None,
    on_silent="nan",
):
    r"""How much of the texture of their spectrograms estimated sources keep.

    With the logarithms :math:`L = \log(|\cdot|^2 / \max |S|^2 + \phi)` of the power spectra of the
    reference :math:`S` and of the estimate :math:`\hat S`, and differences of neighbors in time and
    in frequency,

    .. math::

        \frac{\sum |\nabla_t L_{\hat S}| + \sum |\nabla_f L_{\hat S}|}
        {\sum |\nabla_t L_S| + \sum |\nabla_f L_S|},
        \qquad \phi = 10^{-\mathtt{active\_range} / 10},

    where both neighbors are active in the reference: at most `active_range` below its largest
    power.

    Parameters
    ----------
    references, estimates : array of shape (..., n_sources, length)
        True and estimated sources, in the same order and unit.
    sample_rate : float
        In Hz; it only decides the default of `n_fft`.
    active_range : float, default=60
        In dB. Decides both which cells count and below what powers make no difference, so that
        values for different ranges can not be compared.
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
    indices : ndarray of shape (..., n_sources)
        At least 0. 1 is best, the texture of the reference; below 1 it is blurred, above 1
        rougher, as by holes. NaN with a warning where a signal is silent, or the reference has no
        neighbors that are active and differ.

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
    spectral_hole_rate : The opposite fault.

    Notes
    -----
    The ratio of the anisotropic total variations [1]_ of two images, which are log spectrograms
    here. Blurred parts can make up for rough ones: look at `spectral_hole_rate` too.

    References
    ----------
    .. [1] L. I. Rudin, S. Osher and E. Fatemi, "Nonlinear total variation based noise removal
       algorithms", Physica D 60, 1992.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.ndimage import uniform_filter1d
    >>> from skbss.metrics import over_smoothing
    >>> source = np.random.default_rng(0).standard_normal(16000)
    >>> muffled = uniform_filter1d(source, 100)
    >>> over_smoothing([source, source], [source, muffled], sample_rate=8000).round(2)
    array([1.  , 0.73])
    """
    analysis = check_analysis(sample_rate, n_fft, hop_length, window)
    phi = 10 ** (-check_positive(active_range, "active_range") / 10)
    pairs = check_pairs(references, estimates, align=align, on_silent=on_silent)

    def score(s, s_hat):
        largest = analysis.largest_power(s)
        quietest = phi * largest
        variation = variation_hat = 0.0
        is_first = True
        for P, P_hat in analysis.power_blocks(s, s_hat, overlap=1):
            active = quietest <= P
            L, L_hat = (np.log(power / largest + phi) for power in (P, P_hat))
            in_time = active[1:] & active[:-1]
            in_frequency = active[:, 1:] & active[:, :-1]
            if not is_first:
                in_frequency[0] = False
            variation += _variation(L, in_time, in_frequency)
            variation_hat += _variation(L_hat, in_time, in_frequency)
            is_first = False
        if variation == 0:
            raise NotMeasurableError("the spectrogram of the reference has no texture")
        return variation_hat / variation

    return score_each_pair(pairs, score, "over-smoothing index")


def spectral_hole_rate(
    references,
    estimates,
    sample_rate,
    *,
    depth=40.0,
    active_range=60.0,
    n_fft=None,
    hop_length=None,
    window="hann",
    align=None,
    on_silent="nan",
):
    r"""Share of the cells of a source that are missing in its estimate.

    .. math::

        \frac{1}{|\mathcal A|} \left|\left\{(t, f) \in \mathcal A :
        |\hat S_{tf}|^2 \le 10^{-\mathtt{depth} / 10} |S_{tf}|^2\right\}\right|

    for the spectra :math:`S` of the reference and :math:`\hat S` of the estimate, and the active
    cells :math:`\mathcal A` of the reference: at most `active_range` below its largest power.
    Masks of zeros and ones leave such holes, which are heard as warbling. The gain of the estimate
    counts.

    Parameters
    ----------
    references, estimates : array of shape (..., n_sources, length)
        True and estimated sources, in the same order and unit.
    sample_rate : float
        In Hz; it only decides the default of `n_fft`.
    depth : float, default=40
        By how many dB a cell must be lower to be a hole.
    active_range : float, default=60
        In dB below the largest power of the reference.
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
    rates : ndarray of shape (..., n_sources)
        From 0, no holes, to 1, nothing but holes; lower is better. NaN with a warning where the
        reference or the estimate is silent.

    Raises
    ------
    TypeError, ValueError
        If shapes differ, a sample is NaN or infinite, a parameter is not allowed, or a signal is
        silent and `on_silent` is "raise".

    Warns
    -----
    UserWarning
        If a reference or an estimate is silent.

    See Also
    --------
    log_kurtosis_ratio : What masks leave of the other sources.
    over_smoothing : The opposite fault.

    Notes
    -----
    A count, without weights for the ear; both thresholds are ours.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.metrics import spectral_hole_rate
    >>> source = np.random.default_rng(0).standard_normal(16000)
    >>> gated = np.where(np.arange(16000) < 12000, source, 0)
    >>> spectral_hole_rate([source], [gated], sample_rate=8000).round(2)
    array([0.24])
    """
    analysis = check_analysis(sample_rate, n_fft, hop_length, window)
    deeper = 10 ** (-check_positive(depth, "depth") / 10)
    phi = 10 ** (-check_positive(active_range, "active_range") / 10)
    pairs = check_pairs(references, estimates, align=align, on_silent=on_silent)

    def score(s, s_hat):
        quietest = phi * analysis.largest_power(s)
        n_holes = n_active = 0
        for P, P_hat in analysis.power_blocks(s, s_hat):
            active = quietest <= P
            n_active += int(active.sum())
            n_holes += int((active & (P_hat <= deeper * P)).sum())
        return n_holes / n_active

    return score_each_pair(pairs, score, "spectral hole rate")


def _variation(L, in_time, in_frequency):
    return (
        np.abs(np.diff(L, axis=0))[in_time].sum() + np.abs(np.diff(L, axis=1))[in_frequency].sum()
    )
