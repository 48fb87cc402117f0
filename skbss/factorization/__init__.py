"""Factorizations of a non-negative matrix."""

from skbss.factorization._beta_nmf import BetaNMF
from skbss.factorization._functional import non_negative_factorization
from skbss.factorization._minibatch_beta_nmf import MiniBatchBetaNMF

__all__ = ["BetaNMF", "MiniBatchBetaNMF", "non_negative_factorization"]
