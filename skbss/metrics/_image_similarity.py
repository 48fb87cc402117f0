"""Structural similarity of images, and of spectrograms as images."""

import numpy as np

from skbss.metrics._each_pair import NotMeasurableError, score_each_pair
from skbss.metrics._extras import imported
from skbss.metrics._pairs import check_pairs, checked_signals
from skbss.metrics._spectra import check_analysis, check_positive

SPECTROGRAM_SSIM = (
    "Structural similarity (Wang et al. 2004, package scikit-image, windows of 7 by 7) of log "
    "spectrograms from the reference's largest power to 80 dB below it, frames of 32 ms."
)
_SIDE = 7
_MARGIN = _SIDE // 2


def ssim(reference_images, estimated_images, *, data_range):
    r"""Structural similarity of estimated images with the true ones.

    The mean over all windows of 7 by 7 pixels of

    .. math::

        \frac{(2 \mu_x \mu_y + c_1) (2 \sigma_{xy} + c_2)}
        {(\mu_x^2 + \mu_y^2 + c_1) (\sigma_x^2 + \sigma_y^2 + c_2)},
        \qquad c_1 = (0.01 R)^2, \quad c_2 = (0.03 R)^2,

    with the means :math:`\mu`, variances :math:`\sigma^2` and covariance :math:`\sigma_{xy}` of
    the samples in a window, all of equal weight, and the range :math:`R` of the data. By the
    package scikit-image.

    Parameters
    ----------
    reference_images, estimated_images : array of shape (..., height, width)
        Gray images in the same unit, such as frames of a film. Both sides are at least 7.
    data_range : float
        Difference between the largest and the smallest value that an image can have, such as 1 or
        255. The result depends on it.

    Returns
    -------
    similarities : ndarray of shape (...)
        From -1 to 1; higher is better, 1 for equal images. Constant images are no exception.

    Raises
    ------
    ImportError
        If the package scikit-image is not installed.
    TypeError, ValueError
        If shapes differ or are too small, a pixel is NaN or infinite, or `data_range` is not
        positive.

    See Also
    --------
    spectrogram_ssim : Of the spectrograms of sources.

    Notes
    -----
    Reference [1]_ uses Gaussian windows of 11 by 11; windows of equal weight are what most tables
    of separation report. The two differ.

    References
    ----------
    .. [1] Z. Wang, A. C. Bovik, H. R. Sheikh and E. P. Simoncelli, "Image quality assessment: from
       error visibility to structural similarity", IEEE Transactions on Image Processing 13(4),
       2004, eq. 13.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.metrics import ssim
    >>> image = np.add.outer(np.arange(16), np.arange(16)) / 30
    >>> ssim(image, 1 - image, data_range=1).round(2)
    np.float64(-0.79)
    """
    similarity_map = _similarity_map()
    data_range = check_positive(data_range, "data_range")
    reference_images = _checked(reference_images, "reference_images")
    estimated_images = _checked(estimated_images, "estimated_images")
    if reference_images.shape != estimated_images.shape:
        raise ValueError(
            f"reference_images of shape {reference_images.shape} and estimated_images of shape "
            f"{estimated_images.shape} must have the same shape."
        )
    similarities = np.empty(reference_images.shape[:-2])
    for index in np.ndindex(similarities.shape):
        pixels = similarity_map(
            reference_images[index] / data_range, estimated_images[index] / data_range, 1.0
        )
        similarities[index] = pixels.mean()
    return similarities[()]


def spectrogram_ssim(
    references,
    estimates,
    sample_rate,
    *,
    n_fft=None,
    hop_length=None,
    window="hann",
    align=None,
    on_silent="nan",
):
    r"""Structural similarity of the log spectrograms of estimated sources with the true ones.

    The SSIM, as in `ssim`, of the images

    .. math:: 10 \log_{10} \left(\frac{|\cdot|^2}{\max |S|^2} + 10^{-8}\right)

    of the power spectra of the reference :math:`S` and of the estimate. They reach from 0 dB, the
    largest power of the reference, down to -80 dB, and the range of the data is 80.

    Parameters
    ----------
    references, estimates : array of shape (..., n_sources, length)
        True and estimated sources, in the same order and unit.
    sample_rate : float
        In Hz; it only decides the default of `n_fft`.
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
    similarities : ndarray of shape (..., n_sources)
        From -1 to 1; higher is better, 1 for equal spectrograms. NaN with a warning where a signal
        is silent or has fewer than 7 frames.

    Raises
    ------
    ImportError
        If the package scikit-image is not installed.
    TypeError, ValueError
        If shapes differ, a sample is NaN or infinite, a parameter is not allowed, or a signal is
        silent and `on_silent` is "raise".

    Warns
    -----
    UserWarning
        If a value is NaN; the warning says why.

    See Also
    --------
    ssim : Of any images.
    log_spectral_distance : In dB, frame by frame.

    Notes
    -----
    The value depends on the resolution, the floor and the range of the data, none of which is
    standard: compare only values of the same settings.

    References
    ----------
    .. [1] Z. Wang, A. C. Bovik, H. R. Sheikh and E. P. Simoncelli, "Image quality assessment: from
       error visibility to structural similarity", IEEE Transactions on Image Processing 13(4),
       2004, eq. 13.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.metrics import spectrogram_ssim
    >>> source = np.random.default_rng(0).standard_normal((1, 8000))
    >>> spectrogram_ssim(source, source, sample_rate=8000).round(2)
    array([1.])
    """
    similarity_map = _similarity_map()
    analysis = check_analysis(sample_rate, n_fft, hop_length, window)
    pairs = check_pairs(references, estimates, align=align, on_silent=on_silent)

    def score(s, s_hat):
        if analysis.n_frames(len(s)) < _SIDE:
            raise NotMeasurableError(f"a spectrogram has fewer than {_SIDE} frames")
        largest = analysis.largest_power(s)
        total, n_windows = 0.0, 0
        # Blocks share the frames by which windows at their borders overlap.
        for powers in analysis.power_blocks(s, s_hat, overlap=_SIDE - 1):
            images = (10 * np.log10(power / largest + 1e-8) for power in powers)
            windows = similarity_map(*images, 80.0)
            total += windows.sum()
            n_windows += windows.size
        return total / n_windows

    return score_each_pair(pairs, score, "SSIM of spectrograms")


def _similarity_map():
    """A function of two images and their range that gives the similarity in every window."""
    package = imported("skimage.metrics", "SSIM", "scikit-image", "vision")

    def similarity_map(image, other, data_range):
        _, pixels = package.structural_similarity(
            image, other, win_size=_SIDE, data_range=data_range, full=True
        )
        return pixels[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]

    return similarity_map


def _checked(images, name):
    images = checked_signals(images, name)
    if images.ndim < 2 or not images.size or min(images.shape[-2:]) < _SIDE:
        raise ValueError(
            f"{name} must have the shape (..., height, width) with sides of at least {_SIDE}, got "
            f"{images.shape}."
        )
    return images
