"""Sparse factorizations, of the shape of text."""

import math

from .comparison import PEERS, ratio
from .libraries import fit, is_installed
from .problems import problem
from .time_to_loss import faster, fewer_iterations


class SparseTimeToLoss:
    """What it takes the peer to come to scikit-learn's loss, over what it takes ours."""

    title = "Sparse data, to the loss of scikit-learn"
    params = [["text"], [2.0, 1.0], PEERS]
    param_names = ("workload", "beta", "peer")
    unit = "ratio"
    timeout = 3600
    seed = 0

    def track_time(self, workload, beta, peer):
        return faster(workload, beta, peer, seed=self.seed)

    def track_iterations(self, workload, beta, peer):
        return fewer_iterations(workload, beta, peer, seed=self.seed)


class SparseSameIterations:
    """Time of multiplicative updates of the peer over that of ours, for as many."""

    title = "Sparse data, as many multiplicative updates"
    params = [["text"], [1.0], PEERS]
    param_names = ("workload", "beta", "peer")
    unit = "ratio"

    def track_time(self, workload, beta, peer):
        if not is_installed(peer):
            return math.nan
        data = problem(workload, beta)
        return ratio(
            lambda: fit(peer, data, 20), lambda: fit("skbss", data, 20, solver="mu"), repeats=3
        )
