"""Dense factorizations: to the same loss, for as many iterations, and with the dictionary held."""

from .comparison import PEERS, in_silence, ratio
from .libraries import fit, model
from .problems import problem
from .time_to_loss import faster, fewer_iterations

BETAS = [2.0, 1.0, 0.0, 0.5]


class TimeToLoss:
    """What it takes the peer to come to scikit-learn's loss, over what it takes ours."""

    title = "To the loss of scikit-learn"
    params = [["speech", "music"], BETAS, PEERS]
    param_names = ("workload", "beta", "peer")
    unit = "ratio"
    timeout = 3600
    seed = 0

    def track_time(self, workload, beta, peer):
        return faster(workload, beta, peer, seed=self.seed)

    def track_iterations(self, workload, beta, peer):
        return fewer_iterations(workload, beta, peer, seed=self.seed)


class SameIterations:
    """Time of scikit-learn's solvers over the same of ours, for as many iterations."""

    title = "The same solver, for as many iterations"
    params = [["speech"], BETAS, ["scikit-learn"]]
    param_names = ("workload", "beta", "peer")
    unit = "ratio"

    def track_time(self, workload, beta, peer):
        data, solver = problem(workload, beta), "cd" if beta == 2 else "mu"
        return ratio(
            lambda: fit(peer, data, 50, solver=solver),
            lambda: fit("skbss", data, 50, solver=solver),
        )


class Transform:
    """Time of scikit-learn's ``transform`` over ours, until it has converged."""

    title = "Activations of known components"
    params = [["speech"], BETAS, ["scikit-learn"]]
    param_names = ("workload", "beta", "peer")
    unit = "ratio"

    def track_time(self, workload, beta, peer):
        data = problem(workload, beta)
        fitted = {}
        with in_silence():
            for library in ("skbss", peer):
                fitted[library] = model(library, beta, n_components=len(data.H), init="custom")
                fitted[library].fit(data.X, W=data.W.copy(), H=data.H.copy())
            return ratio(
                lambda: fitted[peer].transform(data.X), lambda: fitted["skbss"].transform(data.X)
            )
