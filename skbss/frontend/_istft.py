"""From complex spectrograms to waveforms."""

from sklearn.base import BaseEstimator, TransformerMixin

from skbss._runtime.waveforms import check_spectra
from skbss.frontend._framing import resolve_framing
from skbss.frontend._stft import check_frequencies, check_wanted_length, invert


class ISTFT(TransformerMixin, BaseEstimator):
    r"""Waveforms from complex STFTs, the exact inverse of `STFT`.

    For spectra that were changed, as by a mask, the waveform :math:`x` whose STFT comes closest
    to them [1]_: with the window :math:`w`, the hop :math:`R` and :math:`y_t` the inverse Fourier
    transform of frame :math:`t`,

    .. math:: x_n = \frac{\sum_t w_{n-tR} \, y_{t,n-tR}}{\sum_t w_{n-tR}^2}.

    Parameters, defaults and numbers are those of `librosa.istft`, of transposed arrays. Nothing
    is learned from data: `transform` works without `fit`.

    Parameters
    ----------
    n_fft : int, default=2048
        Length of a frame in samples, as in the `STFT` that the spectra come from; so for the
        next five parameters.
    hop_length : int, default=None
        Samples between frames; a quarter of `win_length` by default.
    win_length : int, default=None
        Length of the window; `n_fft` by default.
    window : str, tuple, float, callable or array of shape (win_length,), default="hann"
        The window, as in :func:`scipy.signal.get_window` (periodic).
    center : bool, default=True
        Whether the first ``n_fft // 2`` samples were made up and are taken away.
    pad_mode : str, default="constant"
        Has no influence; there so that one dictionary of settings fits `STFT` and `ISTFT`.
    length : int, default=None
        Samples of every waveform, exactly. By default ``hop_length * (n_frames - 1)`` (for
        centered frames of even length), which leaves out up to ``hop_length - 1`` samples at the
        end of the signal: how many there were can not be seen from the frames.

    See Also
    --------
    STFT : From waveforms to spectra.

    Notes
    -----
    With a hop above a quarter of the window, the last samples of a signal lie only under the
    fading end of a window. Rounding errors grow there, with a hop of half a Hann window up to 1e-3
    in float32.

    References
    ----------
    .. [1] D. Griffin and J. Lim, "Signal estimation from modified short-time Fourier transform",
       IEEE Transactions on Acoustics, Speech, and Signal Processing 32(2), 1984, eq. 6.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import ISTFT, STFT
    >>> clip = np.random.default_rng(0).standard_normal(1000)
    >>> spectra = STFT(n_fft=256).fit_transform(clip)
    >>> bool(np.allclose(ISTFT(n_fft=256, length=1000).fit_transform(spectra), clip))
    True
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
        length=None,
    ):
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.win_length = win_length
        self.window = window
        self.center = center
        self.pad_mode = pad_mode
        self.length = length

    def fit(self, X, y=None):
        """Check parameters and spectra; there is nothing to learn.

        Parameters
        ----------
        X : complex array of shape (..., n_frames, n_freqs), or list of such arrays
            Spectra.
        y : None
            Ignored.

        Returns
        -------
        self : ISTFT
            The estimator itself.
        """
        check_frequencies(check_spectra(X), self._resolve())
        return self

    def transform(self, X):
        """Transform spectra back.

        Parameters
        ----------
        X : complex array of shape (..., n_frames, n_freqs), or list of such arrays
            Spectra; all leading axes stay, be they clips, sources or channels. Imaginary parts at
            the first and, for even `n_fft`, last frequency have no influence.

        Returns
        -------
        waveforms : array of shape (..., length), or list of such arrays
            In half the precision of `X`: float32 from complex64, float64 from complex128. A JAX
            array where `X` is one.

        Raises
        ------
        ValueError
            If X is real, empty, holds NaN or infinity, or has not ``n_fft // 2 + 1``
            frequencies; if the windows leave samples unseen, so that there is no inverse.
        """
        return invert(X, self._resolve(), self.length)

    def _resolve(self):
        framing = resolve_framing(self)
        framing.check_invertible()
        check_wanted_length(self.length)
        return framing

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = []
        return tags
