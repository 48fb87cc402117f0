"""How good a separation is."""

from skbss.metrics._si_sdr import best_permutation, si_sdr

__all__ = ["best_permutation", "si_sdr"]
