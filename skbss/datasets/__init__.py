"""Short recordings with their true sources, to try a separation on and to measure it.

They were rendered from sampled instruments and synthetic voices, are part of the package, and may
be redistributed: each clip carries its license.
"""

from skbss.datasets._band import load_band
from skbss.datasets._piano_notes import load_piano_notes
from skbss.datasets._two_speakers import load_two_speakers

__all__ = ["load_band", "load_piano_notes", "load_two_speakers"]
