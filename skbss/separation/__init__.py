"""The whole task: from recordings of mixtures to recordings of their sources."""

from skbss.separation._separator import Separator

__all__ = ["Separator"]
