"""The ``skbss`` command."""

import lazy_loader

# The program heeds signals before it loads the command.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
