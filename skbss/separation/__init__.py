"""The whole task: from recordings of mixtures to recordings of their sources."""

from skbss.separation._esad_pipeline import make_esad_pipeline
from skbss.separation._esad_separator import ESADSeparator
from skbss.separation._guided_separator import GuidedSeparator
from skbss.separation._ideal_masks import IdealBinaryMask, IdealRatioMask
from skbss.separation._ideal_wiener import IdealWienerFilter
from skbss.separation._mixture_estimate import MixtureAsEstimate
from skbss.separation._separator import Separator
from skbss.separation._sparse_component_analysis import SparseComponentAnalysis
from skbss.separation._unmixing_separator import UnmixingSeparator

__all__ = [
    "ESADSeparator",
    "GuidedSeparator",
    "IdealBinaryMask",
    "IdealRatioMask",
    "IdealWienerFilter",
    "MixtureAsEstimate",
    "Separator",
    "SparseComponentAnalysis",
    "UnmixingSeparator",
    "make_esad_pipeline",
]
