"""What importing costs, in fresh interpreters."""

import math

from .comparison import PEERS, QUICK, ratio
from .libraries import is_installed
from .processes import run_python

STATEMENTS = ["import skbss", "from skbss import BetaNMF"]
_PEERS = {
    "scikit-learn": "from sklearn.decomposition import NMF",
    "torchnmf": "from torchnmf.nmf import NMF",
}


class Import:
    """Process that imports the peer's NMF, over one with the statement."""

    title = "Import"
    params = [STATEMENTS, PEERS]
    param_names = ("statement", "peer")
    unit = "ratio"

    def track_time(self, statement, peer):
        # A process takes a second: one pair of them shows that it works.
        if not is_installed(peer) or (QUICK and [statement, peer] != [STATEMENTS[0], PEERS[0]]):
            return math.nan
        return ratio(
            lambda: run_python("-c", _PEERS[peer]), lambda: run_python("-c", statement), repeats=7
        )
