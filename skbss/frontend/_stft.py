"""From waveforms to spectrograms."""

import numbers

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_scalar

from skbss._runtime.waveforms import check_spectra, check_waveforms
from skbss.frontend._framing import resolve_framing
from skbss.frontend._transforms import analyze, magnitude, power, synthesize

_OUTPUTS = {"complex": lambda X: X, "magnitude": magnitude, "power": power}


class STFT(TransformerMixin, BaseEstimator):
    r"""Short-time Fourier transform of clips, one frame a row.

    With the window :math:`w`, the hop :math:`R` and the padded signal :math:`x`, frame
    :math:`t` and frequency :math:`f` hold

    .. math:: X_{tf} = \sum_{n=0}^{n_{fft}-1} w_n \, x_{tR+n} \, e^{-2\pi i f n / n_{fft}}.

    Parameters, defaults and numbers are those of `librosa.stft`; the result is its transpose,
    because rows are samples in scikit-learn. Nothing is learned from data: `transform` works
    without `fit`.

    Parameters
    ----------
    n_fft : int, default=2048
        Length of a frame in samples.
    hop_length : int, default=None
        Samples between frames; a quarter of `win_length` by default.
    win_length : int, default=None
        Length of the window, at most `n_fft`, which is the default; zeros fill the frame on both
        sides.
    window : str, tuple, float, callable or array of shape (win_length,), default="hann"
        The window, as in :func:`scipy.signal.get_window` (periodic).
    center : bool, default=True
        Whether frame t is centered at sample ``t * hop_length``, for which ``n_fft // 2``
        samples are made up on both sides. Without it, frame t begins there, and samples after
        the last whole frame are not seen.
    pad_mode : {"constant", "edge", "linear_ramp", "reflect", "symmetric"}, default="constant"
        What the made-up samples are, as in :func:`numpy.pad`: silence by default.
    output : {"complex", "magnitude", "power"}, default="complex"
        The transform itself, its absolute value, or the square of that.

    See Also
    --------
    ISTFT : Back to waveforms.
    skbss.WienerMask : Share a complex STFT among sources.

    References
    ----------
    .. [1] D. Griffin and J. Lim, "Signal estimation from modified short-time Fourier transform",
       IEEE Transactions on Acoustics, Speech, and Signal Processing 32(2), 1984, eq. 1.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import STFT
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    >>> spectrogram = STFT(n_fft=512, output="magnitude").fit_transform(tone)
    >>> spectrogram.shape
    (126, 257)
    >>> int(spectrogram[60].argmax()) * 16000 / 512
    1000.0
    """

    def __init__(
        self,
        n_fft=2048,
        *,
        hop_length=None,
        win_length=None,
        window="hann",
        center=True,
        pad_mode="constant",
        output="complex",
    ):
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.win_length = win_length
        self.window = window
        self.center = center
        self.pad_mode = pad_mode
        self.output = output

    def fit(self, X, y=None):
        """Check parameters and clips; there is nothing to learn.

        Parameters
        ----------
        X : array of shape (length,), (n_clips, length) or (n_clips, n_channels, length), or list
            Waveforms; a list may hold clips of unequal length.
        y : None
            Ignored.

        Returns
        -------
        self : STFT
            The estimator itself.
        """
        self._check(X)
        return self

    def transform(self, X):
        """Transform clips.

        Parameters
        ----------
        X : array of shape (length,), (n_clips, length) or (n_clips, n_channels, length), or list
            Waveforms, in any unit; a list may hold clips of unequal length. Silence gives zeros.

        Returns
        -------
        spectra : array of shape (..., n_frames, n_freqs), or list of such arrays
            With the leading axes of `X` and ``n_freqs = n_fft // 2 + 1``; a list for clips of
            unequal length. Half of the precision of a complex64 or complex128 array is that of
            `X`. A JAX array where `X` is one.

        Raises
        ------
        ValueError
            If a clip is empty, holds NaN or infinity, is complex, or is too short for a frame.
        """
        clips, framing = self._check(X)
        output = _OUTPUTS[self.output]
        spectra = [analyze(x, framing, output) for x in clips.arrays]
        return spectra if clips.layout == "list" else spectra[0]

    def inverse_transform(self, X, length=None):
        """Waveforms whose transforms come closest to given ones.

        Parameters
        ----------
        X : complex array of shape (..., n_frames, n_freqs), or list of such arrays
            Spectra.
        length : int, default=None
            Samples of every waveform; by default as many as is sure without knowing the signal.

        Returns
        -------
        waveforms : array of shape (..., length), or list of such arrays
            The exact signal for the unmodified output of `transform`.
        """
        if self.output != "complex":
            raise ValueError(
                f"inverse_transform needs output='complex': output={self.output!r} has no phases."
            )
        return invert(X, resolve_framing(self), length)

    def _check(self, X):
        framing = resolve_framing(self)
        if self.output not in _OUTPUTS:
            raise ValueError(
                f"output must be 'complex', 'magnitude' or 'power', got {self.output!r}."
            )
        clips = check_waveforms(X)
        for x in clips.arrays:
            framing.check_length(x.shape[-1])
        return clips, framing

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def invert(X, framing, length):
    """Check spectra and take them back to waveforms.

    Parameters
    ----------
    X : complex array of shape (..., n_frames, n_freqs), or list of such arrays
        Spectra.
    framing : Framing
        The frames they came from.
    length : int or None
        Samples of every waveform.

    Returns
    -------
    waveforms : array of shape (..., length), or list of such arrays
    """
    framing.check_invertible()
    check_wanted_length(length)
    clips = check_spectra(X)
    check_frequencies(clips, framing)
    waveforms = [synthesize(one, framing, length) for one in clips.arrays]
    return waveforms if clips.layout == "list" else waveforms[0]


def check_wanted_length(length):
    """Refuse what is no number of samples.

    Parameters
    ----------
    length : int or None
        Samples of every waveform; None leaves it to the frames.
    """
    if length is not None:
        check_scalar(length, "length", numbers.Integral, min_val=1)


def check_frequencies(clips, framing):
    """Refuse spectra of frames of another length.

    Parameters
    ----------
    clips : Clips
        Spectra.
    framing : Framing
        The frames.
    """
    for one in clips.arrays:
        if one.shape[-1] != framing.n_freqs:
            raise ValueError(
                f"X has {one.shape[-1]} frequencies, but n_fft={framing.n_fft} gives "
                f"{framing.n_freqs}: use the n_fft of the STFT that X came from."
            )
