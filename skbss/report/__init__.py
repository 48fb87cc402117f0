"""Pages on which to listen to, look at and judge a separation."""

import lazy_loader

# The command line needs one light name of this package before it knows what to do.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
