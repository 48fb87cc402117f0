"""Between waveforms and spectrograms."""

from skbss.frontend._istft import ISTFT
from skbss.frontend._stft import STFT

__all__ = ["ISTFT", "STFT"]
