"""Masks: from a mixture's spectrogram to those of its sources."""

from skbss.masking._wiener import WienerMask

__all__ = ["WienerMask"]
