"""A grid search over the number of components, in three folds."""

import tempfile
from pathlib import Path

import numpy as np
from sklearn.model_selection import GridSearchCV

from .comparison import QUICK, in_silence, ratio
from .libraries import model
from .problems import divergence, problem
from .processes import call, store

RANKS = [4] if QUICK else [5, 10, 15, 20, 25, 30, 35, 40]


def minus_loss(fitted, X, y=None):
    """How well the components that were learned explain other frames."""
    return -divergence(X, fitted.transform(X), fitted.components_, 1.0)


def search(library, X):
    """Held-out loss of every rank, with the settings that both have by default."""
    candidate = model(library, 1.0, init="random", random_state=0)
    tuned = GridSearchCV(candidate, {"n_components": RANKS}, scoring=minus_loss, cv=3, refit=False)
    with in_silence():
        return -tuned.fit(X).cv_results_["mean_test_score"]


def search_once(library, folder):
    """From import to result."""
    search(library, np.load(Path(folder) / "X.npy"))


class GridSearch:
    """Time of a search with scikit-learn's NMF over that with ours, and what comes out."""

    title = "GridSearchCV over 8 ranks in 3 folds"
    params = [["speech"], ["warm", "cold"], ["scikit-learn"]]
    param_names = ("workload", "process", "peer")
    unit = "ratio"
    timeout = 1800

    def track_time(self, workload, process, peer):
        data = problem(workload, 1.0)
        if process == "warm":
            return ratio(lambda: search(peer, data.X), lambda: search("skbss", data.X), repeats=3)
        with tempfile.TemporaryDirectory() as folder:
            store(data, folder)
            return ratio(
                lambda: call(search_once, peer, folder),
                lambda: call(search_once, "skbss", folder),
                repeats=3,
            )


def track_held_out_loss():
    """Held-out loss of scikit-learn over ours, mean of the ranks: that the faster is no worse."""
    X = problem("speech", 1.0).X
    return float(np.mean(search("scikit-learn", X) / search("skbss", X)))


track_held_out_loss.unit = "ratio"
