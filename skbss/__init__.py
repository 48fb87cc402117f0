"""Blind source separation with scikit-learn's interface.

- From recordings to their sources: `Separator`, `GuidedSeparator`, or the parts `STFT`,
  `WienerMask` and `ISTFT`.
- Factorizations of a non-negative matrix: `BetaNMF`, `MiniBatchBetaNMF`, `SparseNMF`,
  `ExemplarNMF`, `StructuredNMF`, `ConvNMF`, `ESADNMF`, `ARDNMF`, `GrowingNMF`, `HarmonicNMF`,
  `OrthogonalNMF`, `ContentAwareNMF`, `MultilayerNMF`, `DeepNMF`, `DeepUnfoldedNMF`, `VAENMF`,
  `TransformLearningNMF`, `non_negative_factorization`; how many components: `select_n_components`.
- Compiled programs on disk, for processes to come: `enable_compilation_cache`. Rows on several
  devices or hosts: `shard_rows`.
- Weights of trained models in fewer numbers: `skbss.compression`.
- How good a separation is: `skbss.metrics`. Recordings to try: `skbss.datasets`.

All of these load on first use, so that importing skbss costs next to nothing. On the command line:
``skbss --help``.
"""

import lazy_loader

from skbss._version import __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ += ["__version__"]
