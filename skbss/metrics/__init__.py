"""How good a separation is."""

from skbss.metrics._bss_eval import BSSEvalScores, bss_eval
from skbss.metrics._bss_eval_images import BSSEvalImageScores, bss_eval_images
from skbss.metrics._catalog import METRICS
from skbss.metrics._component_stability import component_stability
from skbss.metrics._factor_quality import reconstruction_rmse, sparsity_index
from skbss.metrics._high_frequencies import high_frequency_loss
from skbss.metrics._image_similarity import spectrogram_ssim, ssim
from skbss.metrics._improvement import sdr_improvement
from skbss.metrics._metric import Metric
from skbss.metrics._musical_noise import log_kurtosis_ratio
from skbss.metrics._permutation import best_permutation
from skbss.metrics._pesq import pesq
from skbss.metrics._ratios import mse, snr
from skbss.metrics._registry import score_sources
from skbss.metrics._scale_invariant import si_sar, si_sdr, si_sir
from skbss.metrics._scorer import make_separation_scorer
from skbss.metrics._spectral_distance import log_spectral_distance, mel_distance
from skbss.metrics._stoi import stoi
from skbss.metrics._texture import over_smoothing, spectral_hole_rate
from skbss.metrics._transients import transient_smearing

__all__ = [
    "METRICS",
    "BSSEvalImageScores",
    "BSSEvalScores",
    "Metric",
    "best_permutation",
    "bss_eval",
    "bss_eval_images",
    "component_stability",
    "high_frequency_loss",
    "log_kurtosis_ratio",
    "log_spectral_distance",
    "make_separation_scorer",
    "mel_distance",
    "mse",
    "over_smoothing",
    "pesq",
    "reconstruction_rmse",
    "score_sources",
    "sdr_improvement",
    "si_sar",
    "si_sdr",
    "si_sir",
    "snr",
    "sparsity_index",
    "spectral_hole_rate",
    "spectrogram_ssim",
    "ssim",
    "stoi",
    "transient_smearing",
]
