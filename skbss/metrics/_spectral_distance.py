"""How far the levels of a spectrogram are from those of the reference, in dB."""

import numpy as np

from skbss.metrics._each_pair import score_each_pair
from skbss.metrics._pairs import check_pairs
from skbss.metrics._spectra import check_analysis, check_positive, check_whole

LOG_SPECTRAL_DISTANCE = (
    "Root mean square over frequencies, mean over frames of 32 ms, of the difference of levels "
    "above a floor 80 dB below the reference's largest."
)
MEL_DISTANCE = (
    "Mean absolute difference of the levels in 64 mel bands, frames of 32 ms, above a floor 80 dB "
    "below the reference's largest."
)


def log_spectral_distance(
    references,
    estimates,
    sample_rate,
    *,
    floor=1e-8,
    n_fft=None,
    hop_length=None,
    window="hann",
    align=None,
    on_silent="nan",
):
    r"""Log-spectral distance of estimated sources: how much the levels of their spectra differ.

    With the power spectra :math:`|S_{tf}|^2` of the reference, :math:`|\hat S_{tf}|^2` of the
    estimate, and a floor :math:`\phi`,

    .. math::

        \text{LSD} = \frac{1}{T} \sum_t \sqrt{\frac{1}{F} \sum_f
        \left(10 \log_{10} \frac{|S_{tf}|^2 + \phi}{|\hat S_{tf}|^2 + \phi}\right)^2},
        \qquad \phi = \mathtt{floor} \cdot \max_{tf} |S_{tf}|^2.

    Phases have no influence, gain has: an estimate at half the level is 6 dB away. Quiet cells
    count as much as loud ones, down to the floor, so values at different floors can not be
    compared.

    Parameters
    ----------
    references, estimates : array of shape (..., n_sources, length)
        True and estimated sources, in the same order and unit.
    sample_rate : float
        In Hz; it only decides the default of `n_fft`.
    floor : float, default=1e-8
        Power below which levels make no difference, as a share of the reference's largest: 1e-8 is
        80 dB below it.
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
    distances : ndarray of shape (..., n_sources)
        In dB, lower is better, 0 for equal spectra. NaN with a warning where the reference or the
        estimate is silent.

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
    mel_distance : With the resolution of the ear.

    References
    ----------
    .. [1] A. H. Gray and J. D. Markel, "Distance measures for speech processing", IEEE Transactions
       on Acoustics, Speech and Signal Processing 24(5), 1976: the root mean square log spectral
       measure. The floor is ours.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.metrics import log_spectral_distance
    >>> source = np.random.default_rng(0).standard_normal((1, 8000))
    >>> log_spectral_distance(source, 0.5 * source, sample_rate=8000).round(2)
    array([6.02])
    """
    analysis = check_analysis(sample_rate, n_fft, hop_length, window)
    floor = check_positive(floor, "floor")
    pairs = check_pairs(references, estimates, align=align, on_silent=on_silent)

    def score(s, s_hat):
        phi = floor * analysis.largest_power(s)
        total = 0.0
        for P, P_hat in analysis.power_blocks(s, s_hat):
            difference = _level(P, phi) - _level(P_hat, phi)
            total += np.sqrt(np.square(difference).mean(axis=1)).sum()
        return total / analysis.n_frames(len(s))

    return score_each_pair(pairs, score, "log-spectral distance")


def mel_distance(
    references,
    estimates,
    sample_rate,
    *,
    n_mels=64,
    floor=1e-8,
    n_fft=None,
    hop_length=None,
    window="hann",
    align=None,
    on_silent="nan",
):
    r"""Mean absolute difference of the levels of estimated sources in mel bands.

    With the powers :math:`M_{tb}` of the reference and :math:`\hat M_{tb}` of the estimate in
    :math:`B` bands that are equally wide on the mel scale, and a floor :math:`\phi`,

    .. math::

        \frac{1}{TB} \sum_{tb} \left|10 \log_{10}
        \frac{M_{tb} + \phi}{\hat M_{tb} + \phi}\right|,
        \qquad \phi = \mathtt{floor} \cdot \max_{tb} M_{tb}.

    Phases have no influence, gain has. Low frequencies are resolved finely and high ones coarsely,
    roughly as they are heard.

    Parameters
    ----------
    references, estimates : array of shape (..., n_sources, length)
        True and estimated sources, in the same order and unit.
    sample_rate : float
        In Hz. The bands cover all frequencies up to half of it.
    n_mels : int, default=64
        Number of bands.
    floor : float, default=1e-8
        Power below which levels make no difference, as a share of the reference's largest in a
        band: 1e-8 is 80 dB below it.
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
    distances : ndarray of shape (..., n_sources)
        In dB, lower is better, 0 for equal levels. NaN with a warning where the reference or the
        estimate is silent.

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
    log_spectral_distance : With all frequencies alike.

    References
    ----------
    .. [1] J. Kong, J. Kim and J. Bae, "HiFi-GAN: Generative adversarial networks for efficient and
       high fidelity speech synthesis", NeurIPS 2020, eq. 3: the same distance with natural
       logarithms of magnitudes.
    .. [2] M. Slaney, "Auditory toolbox", Interval Research technical report 1998-010, 1998: the
       bands, as librosa builds them.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.metrics import mel_distance
    >>> source = np.random.default_rng(0).standard_normal((1, 8000))
    >>> mel_distance(source, 0.5 * source, sample_rate=8000).round(2)
    array([6.02])
    """
    analysis = check_analysis(sample_rate, n_fft, hop_length, window)
    floor = check_positive(floor, "floor")
    bands = _mel_bands(analysis, n_mels)
    pairs = check_pairs(references, estimates, align=align, on_silent=on_silent)

    def score(s, s_hat):
        analysis.largest_power(s)
        phi = floor * max((P @ bands).max() for (P,) in analysis.power_blocks(s))
        # Of a reference that lies between the bands alone there is nothing to compare.
        phi = max(phi, np.finfo(float).tiny)
        total = sum(
            np.abs(_level(P @ bands, phi) - _level(P_hat @ bands, phi)).sum()
            for P, P_hat in analysis.power_blocks(s, s_hat)
        )
        return total / (analysis.n_frames(len(s)) * n_mels)

    return score_each_pair(pairs, score, "mel distance")


def _level(power, floor):
    return 10 * np.log10(power + floor)


def _mel_bands(analysis, n_mels):
    """Weights of shape (n_freqs, n_mels)."""
    if check_whole(n_mels, "n_mels") < 1:
        raise ValueError(f"n_mels must be at least 1, got {n_mels}.")
    import librosa

    rate, n_fft, n_mels = analysis.sample_rate, analysis.n_fft, int(n_mels)
    frequencies = librosa.fft_frequencies(sr=rate, n_fft=n_fft)
    edges = librosa.mel_frequencies(n_mels + 2, fmin=0.0, fmax=rate / 2)
    first = np.searchsorted(frequencies, edges[:-2], side="right")
    last = np.searchsorted(frequencies, edges[2:], side="left")
    if (first == last).any():
        raise ValueError(
            f"n_mels={n_mels} bands are narrower than the frequencies of n_fft={n_fft}: "
            "use fewer bands or longer frames."
        )
    return librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=n_mels, dtype=np.float64).T
