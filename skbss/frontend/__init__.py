"""Between waveforms and spectrograms."""

from skbss.frontend._amplitude_normalizer import AmplitudeNormalizer
from skbss.frontend._istft import ISTFT
from skbss.frontend._spectral_subtraction import SpectralSubtraction
from skbss.frontend._stft import STFT

__all__ = ["ISTFT", "STFT", "AmplitudeNormalizer", "SpectralSubtraction"]
