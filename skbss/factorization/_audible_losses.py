"""What trained separation may minimize where it counts what is heard."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import jax.numpy as jnp
import librosa
from scipy.signal import get_window
from sklearn.utils import check_scalar

from skbss._kernels.audible_losses import mel_error, multi_resolution_error


@dataclass(frozen=True)
class MelLoss:
    r"""Mean absolute difference of the logarithms of mel spectra.

    .. math::

        \frac{1}{J T B} \sum_{j,t,b} \left|
          \log \left( \sum_f m_{fb} |\hat Y_{jtf}|^2 + \epsilon \right)
          - \log \left( \sum_f m_{fb} |Y_{jtf}|^2 + \epsilon \right)
        \right| , \qquad \epsilon = 10^{-5} ,

    of :math:`J` sources in :math:`T` rows and :math:`B` bands, where the mean of the training data
    is 1. Quiet rows count as much as loud ones, and high frequencies, which have little energy, as
    much as the ear gives them.

    Parameters
    ----------
    sample_rate : float, default=22050
        In Hz, of the signals whose spectra are separated.
    n_mels : int, default=64
        Bands, equally wide on the mel scale, from 0 Hz to half of `sample_rate`: triangles that
        reach from the middle of one neighbour to that of the other, and peak at 1.

    See Also
    --------
    skbss.DeepUnfoldedNMF : Takes it as its `loss`.
    skbss.metrics.mel_distance : A like measure of the result.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.factorization import MelLoss
    >>> loss = MelLoss(8000, n_mels=20)
    >>> spectra = np.random.default_rng(0).random((2, 1, 5, 129))
    >>> float(loss(spectra, spectra))
    0.0
    """

    sample_rate: float = 22050
    n_mels: int = 64

    def __post_init__(self):
        check_scalar(self.sample_rate, "sample_rate", Real, min_val=0, include_boundaries="neither")
        check_scalar(self.n_mels, "n_mels", Integral, min_val=1)

    def __call__(self, estimates: Any, sources: Any):
        """The loss.

        Parameters
        ----------
        estimates, sources : arrays of shape (n_sources, n_pieces, n_rows, n_features)
            Spectra, complex or their magnitudes.

        Returns
        -------
        loss : JAX array of shape ()
        """
        estimates, sources = jnp.asarray(estimates), jnp.asarray(sources)
        n_freqs = sources.shape[-1]
        bands = librosa.filters.mel(
            sr=self.sample_rate, n_fft=2 * (n_freqs - 1), n_mels=self.n_mels, norm=None
        )
        return mel_error(estimates, sources, jnp.asarray(bands.T, sources.real.dtype))


@dataclass(frozen=True)
class MultiResolutionSTFTLoss:
    r"""Difference of the magnitudes of the waveforms in frames of several lengths.

    The estimated spectra are brought back to waveforms :math:`\hat y_j`, which are compared with
    the true :math:`y_j` by means of other STFTs, of magnitudes :math:`\hat S` and :math:`S`,

    .. math::

        \frac{\|\hat S - S\|}{\|S\|} + \frac{1}{TF} \sum_{t,f} | \log \hat S_{tf} - \log S_{tf} | ,

    as a mean over these, the sources and the pieces. Neither clicks nor tones that one length of
    frames blurs go unheard.

    Parameters
    ----------
    hop_length : int, default=None
        Distance of the frames that are separated, in samples: a quarter of their length by
        default, as of `skbss.STFT`. Frames have twice as many samples as spectra have frequencies,
        less two.
    window : str, tuple or float, default="hann"
        Their window, as `scipy.signal.get_window` has it.
    resolutions : sequence of (int, int), default=((256, 64), (512, 128), (1024, 256))
        Lengths of the other frames and their distances, in samples. Their windows are Hann's.

    See Also
    --------
    skbss.DeepUnfoldedNMF : Takes it as its `loss`.

    Notes
    -----
    It needs complex spectra, and pieces that are longer than the longest frame. Roots and
    logarithms leave out what is more than 50 dB below the mean of the training data, and norms what
    is 30 dB below the mixture.

    References
    ----------
    .. [1] R. Yamamoto, E. Song and J.-M. Kim, "Parallel WaveGAN: a fast waveform generation model
       based on generative adversarial networks with multi-resolution spectrogram", ICASSP 2020
       (eq. 4 to 6).

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import STFT
    >>> from skbss.factorization import MultiResolutionSTFTLoss
    >>> x = np.random.default_rng(0).standard_normal((2, 8000))
    >>> spectra = STFT(512, hop_length=128).fit_transform(x)[:, None]
    >>> loss = MultiResolutionSTFTLoss(128, resolutions=[(256, 64)])
    >>> float(loss(spectra, spectra)) < 0.01 < 1 < float(loss(0 * spectra, spectra))
    True
    """

    hop_length: int | None = None
    window: Any = "hann"
    resolutions: Sequence[tuple[int, int]] = ((256, 64), (512, 128), (1024, 256))

    def __post_init__(self):
        if self.hop_length is not None:
            check_scalar(self.hop_length, "hop_length", Integral, min_val=1)
        try:
            pairs = tuple((int(length), int(hop)) for length, hop in self.resolutions)
        except (TypeError, ValueError):
            pairs = ()
        if not pairs or any(not 0 < hop <= length or length < 2 for length, hop in pairs):
            raise ValueError(
                "resolutions must be pairs of a length and a smaller distance of frames, in "
                f"samples, such as ((256, 64), (1024, 256)); got {self.resolutions!r}."
            )
        # Of a kind that compares and hashes: equal losses compile once.
        object.__setattr__(self, "resolutions", pairs)

    def __call__(self, estimates: Any, sources: Any):
        """The loss.

        Parameters
        ----------
        estimates, sources : complex arrays of shape (n_sources, n_pieces, n_rows, n_features)
            Spectra.

        Returns
        -------
        loss : JAX array of shape ()

        Raises
        ------
        ValueError
            If the spectra are magnitudes, or of fewer samples than the longest frame.
        """
        estimates, sources = jnp.asarray(estimates), jnp.asarray(sources)
        n_rows, n_freqs = sources.shape[-2:]
        n_fft = 2 * (n_freqs - 1)
        hop_length = n_fft // 4 if self.hop_length is None else self.hop_length
        if not jnp.iscomplexobj(sources):
            raise ValueError(
                "MultiResolutionSTFTLoss needs complex spectra, to make waveforms of them; got "
                f"{sources.dtype} magnitudes. Separator passes complex ones."
            )
        longest, length = max(self.resolutions)[0], (n_rows - 1) * hop_length
        if length < longest:
            least = math.ceil(longest / hop_length) + 1
            raise ValueError(
                f"MultiResolutionSTFTLoss compares frames of up to {longest} samples: pieces must "
                f"have {least} rows or more, {hop_length} samples apart, got {n_rows}. Set a "
                "larger piece_length and batch_size, or leave out resolutions."
            )
        dtype = sources.real.dtype
        analyses = [
            (jnp.asarray(get_window("hann", length), dtype), hop)
            for length, hop in self.resolutions
        ]
        window = jnp.asarray(get_window(self.window, n_fft), dtype)
        return multi_resolution_error(estimates, sources, window, analyses, hop_length=hop_length)
