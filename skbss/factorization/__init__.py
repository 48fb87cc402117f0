"""Factorizations of a non-negative matrix."""

from skbss.factorization._ard_nmf import ARDNMF
from skbss.factorization._audible_losses import MelLoss, MultiResolutionSTFTLoss
from skbss.factorization._beta_nmf import BetaNMF
from skbss.factorization._content_aware_nmf import ContentAwareNMF
from skbss.factorization._conv_nmf import ConvNMF
from skbss.factorization._deep_nmf import DeepNMF
from skbss.factorization._deep_unfolded_nmf import DeepUnfoldedNMF
from skbss.factorization._esad_nmf import ESADNMF
from skbss.factorization._exemplar_nmf import ExemplarNMF
from skbss.factorization._functional import non_negative_factorization
from skbss.factorization._growing_nmf import GrowingNMF
from skbss.factorization._harmonic_nmf import HarmonicNMF
from skbss.factorization._minibatch_beta_nmf import MiniBatchBetaNMF
from skbss.factorization._minibatch_sparse_nmf import MiniBatchSparseNMF
from skbss.factorization._multilayer_nmf import MultilayerNMF
from skbss.factorization._orthogonal_nmf import OrthogonalNMF
from skbss.factorization._rank import select_n_components
from skbss.factorization._sparse_nmf import SparseNMF
from skbss.factorization._structured_nmf import StructuredNMF
from skbss.factorization._transform_learning_nmf import TransformLearningNMF
from skbss.factorization._vae_nmf import VAENMF

__all__ = [
    "ARDNMF",
    "ESADNMF",
    "VAENMF",
    "BetaNMF",
    "ContentAwareNMF",
    "ConvNMF",
    "DeepNMF",
    "DeepUnfoldedNMF",
    "ExemplarNMF",
    "GrowingNMF",
    "HarmonicNMF",
    "MelLoss",
    "MiniBatchBetaNMF",
    "MiniBatchSparseNMF",
    "MultiResolutionSTFTLoss",
    "MultilayerNMF",
    "OrthogonalNMF",
    "SparseNMF",
    "StructuredNMF",
    "TransformLearningNMF",
    "non_negative_factorization",
    "select_n_components",
]
