from . import datasets as datasets
from . import guidance as guidance
from . import metrics as metrics
from ._runtime.compilation import enable_compilation_cache as enable_compilation_cache
from .factorization import ARDNMF as ARDNMF
from .factorization import ESADNMF as ESADNMF
from .factorization import BetaNMF as BetaNMF
from .factorization import ConvNMF as ConvNMF
from .factorization import DeepNMF as DeepNMF
from .factorization import DeepUnfoldedNMF as DeepUnfoldedNMF
from .factorization import ExemplarNMF as ExemplarNMF
from .factorization import GrowingNMF as GrowingNMF
from .factorization import HarmonicNMF as HarmonicNMF
from .factorization import MiniBatchBetaNMF as MiniBatchBetaNMF
from .factorization import MultilayerNMF as MultilayerNMF
from .factorization import SparseNMF as SparseNMF
from .factorization import StructuredNMF as StructuredNMF
from .factorization import non_negative_factorization as non_negative_factorization
from .factorization import select_n_components as select_n_components
from .frontend import ISTFT as ISTFT
from .frontend import STFT as STFT
from .frontend import AmplitudeNormalizer as AmplitudeNormalizer
from .frontend import SpectralSubtraction as SpectralSubtraction
from .masking import WienerMask as WienerMask
from .separation import GuidedSeparator as GuidedSeparator
from .separation import Separator as Separator

__version__: str
