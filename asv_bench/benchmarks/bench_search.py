"""A grid search over the number of components, in three folds."""

import functools
import tempfile
from pathlib import Path

import numpy as np
from sklearn.model_selection import GridSearchCV

from .comparison import QUICK, in_silence, ratio
from .libraries import model
from .problems import divergence, problem
from .processes import call, store
from .time_to_loss import fewest

RANKS = [4] if QUICK else [5, 10, 15, 20, 25, 30, 35, 40]


def minus_loss(fitted, X, y=None):
    """How well the components that were learned explain other frames."""
    return -divergence(X, fitted.transform(X), fitted.components_, 1.0)


def search(library, X, max_iter=200):
    """Held-out loss of every rank."""
    candidate = model(library, 1.0, init="random", random_state=0, max_iter=max_iter)
    tuned = GridSearchCV(candidate, {"n_components": RANKS}, scoring=minus_loss, cv=3, refit=False)
    with in_silence():
        return -tuned.fit(X).cv_results_["mean_test_score"]


def search_once(library, folder, max_iter):
    """From import to result."""
    search(library, np.load(Path(folder) / "X.npy"), max_iter)


@functools.lru_cache
def sufficient(workload):
    """With how many iterations our held-out loss is, in the mean of the ranks, scikit-learn's."""
    X = problem(workload, 1.0).X
    goals = search("scikit-learn", X)
    most = 2 if QUICK else 1
    return fewest(lambda n: np.mean(search("skbss", X, n) / goals) <= most)


class GridSearch:
    """Time of a search with scikit-learn's NMF over that with ours, to the same held-out loss."""

    title = "GridSearchCV over 8 ranks in 3 folds"
    params = [["speech"], ["defaults", "same loss"], ["warm", "cold"], ["scikit-learn"]]
    param_names = ("workload", "iterations", "process", "peer")
    unit = "ratio"
    timeout = 1800

    def track_time(self, workload, iterations, process, peer):
        data = problem(workload, 1.0)
        count = 200 if iterations == "defaults" else sufficient(workload)
        if count is None:
            return 0.0
        if process == "warm":
            return ratio(
                lambda: search(peer, data.X), lambda: search("skbss", data.X, count), repeats=3
            )
        with tempfile.TemporaryDirectory() as folder:
            store(data, folder)
            return ratio(
                lambda: call(search_once, peer, folder, 200),
                lambda: call(search_once, "skbss", folder, count),
                repeats=3,
            )
