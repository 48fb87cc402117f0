"""Blind source separation with scikit-learn's interface.

The public names are listed in ``__init__.pyi`` and load on first use, so that importing skbss
costs no more than importing nothing.
"""

import lazy_loader

from skbss._version import __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ += ["__version__"]
