"""Fewer numbers for the weights of trained models."""

from skbss.compression._low_rank import LowRank, low_rank
from skbss.compression._low_rank_adaptation import LoRA, lora
from skbss.compression._merge import merge, n_parameters

__all__ = ["LoRA", "LowRank", "lora", "low_rank", "merge", "n_parameters"]
