"""What is known about sources beforehand, as starts of a factorization and locked zeros in them."""

from skbss.guidance._drums import drum_components, hit_components
from skbss.guidance._guide import Guide
from skbss.guidance._intervals import interval_activations, onset_activations
from skbss.guidance._note_activations import note_activations
from skbss.guidance._note_components import note_components
from skbss.guidance._paint import painted_activations

__all__ = [
    "Guide",
    "drum_components",
    "hit_components",
    "interval_activations",
    "note_activations",
    "note_components",
    "onset_activations",
    "painted_activations",
]
