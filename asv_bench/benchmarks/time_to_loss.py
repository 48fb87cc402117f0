"""Time until a factorization is as good as scikit-learn's, from the same start.

1. The goal is the loss of scikit-learn: for beta = 2 where coordinate descent stops by its
   tolerance of 1e-4, or after 1000 iterations; else after 200 multiplicative updates.
2. For every library the smallest sufficient ``max_iter`` is looked for, which is not timed: none
   pays for iterations beyond the goal.
3. Whole calls of ``fit_transform`` are timed in turns, and the losses that came out looked at.
"""

import functools
import hashlib
import json
import math
from pathlib import Path

import scipy.sparse as sp
import sklearn

from .comparison import QUICK, ratio
from .libraries import fit, is_installed
from .problems import divergence, problem

# What 3 minutes take scikit-learn and torchnmf: that of a tenth of their iterations, ten times.
SHARES = {"music": 1 if QUICK else 10}
REPEATS = {"music": 3}

_MOST_ITERATIONS = 20 if QUICK else 600
# On tiny data only that something is found.
_SLACK = 1.0 if QUICK else 1e-5
_REMEMBERED = Path(__file__).parents[2] / ".asv" / "goals.json"


def faster(workload, beta, peer, *, seed=0):
    """Time of the peer over ours; 0 if ours misses the goal, NaN if the peer does."""
    own, theirs = (iterations(library, workload, beta, seed) for library in ("skbss", peer))
    if own is None or theirs is None:
        return 0.0 if own is None else math.nan
    data, share = problem(workload, beta, seed), SHARES.get(workload, 1)
    fewer = max(1, theirs // share)
    fits = []
    measured = ratio(
        lambda: fit(peer, data, fewer),
        lambda: fits.append(fit("skbss", data, own)),
        repeats=REPEATS.get(workload, 5),
    )
    most = (1 + max(_SLACK, 1e-3)) * goal(workload, beta, seed)[0]
    reached = all(divergence(data.X, W, H, beta) <= most for W, H, _ in fits)
    return measured * theirs / fewer if reached else 0.0


def fewer_iterations(workload, beta, peer, *, seed=0):
    """Iterations of the peer over ours, to the same loss."""
    own, theirs = (iterations(library, workload, beta, seed) for library in ("skbss", peer))
    if own is None or theirs is None:
        return 0.0 if own is None else math.nan
    return theirs / own


@functools.lru_cache
def goal(workload, beta, seed):
    """The loss that scikit-learn comes to, and its iterations; remembered from run to run."""
    data = problem(workload, beta, seed)
    settings = {"max_iter": 1000, "tol": 1e-4} if beta == 2 else {"max_iter": 200}
    if QUICK:
        settings["max_iter"] = 10
    key = hashlib.sha256(f"{sklearn.__version__} {beta} {settings}".encode())
    for array in (data.X.data if sp.issparse(data.X) else data.X, data.W, data.H):
        key.update(array.tobytes())
    known = json.loads(_REMEMBERED.read_text()) if _REMEMBERED.exists() else {}
    if key.hexdigest() in known:
        return tuple(known[key.hexdigest()])
    W, H, n_iter = fit("scikit-learn", data, **settings)
    found = divergence(data.X, W, H, beta), n_iter
    if not QUICK:
        _REMEMBERED.parent.mkdir(exist_ok=True)
        _REMEMBERED.write_text(json.dumps({**known, key.hexdigest(): found}))
    return found


@functools.lru_cache
def iterations(library, workload, beta, seed):
    """The fewest with which a library reaches the goal, to 6 %; None if it does not."""
    loss, n_iter = goal(workload, beta, seed)
    if library == "scikit-learn":
        return n_iter
    if not is_installed(library):
        return None
    data, most = problem(workload, beta, seed), (1 + _SLACK) * loss
    if library == "torchnmf":
        return _fewest_in_passing(library, data, most)
    return fewest(
        lambda n: divergence(data.X, *fit(library, data, n)[:2], beta) <= most,
        max(n_iter, _MOST_ITERATIONS),
    )


def fewest(reaches, limit=_MOST_ITERATIONS):
    """The smallest number of a grid with which a goal is reached; None if the last does not."""
    grid = _grid(limit)
    below, at = 0, 0
    while not reaches(grid[at]):
        if at == len(grid) - 1:
            return None
        # In growing leaps, so that few of the fits are long.
        below, at = at + 1, min(len(grid) - 1, at + max(2, at // 2))
    while below < at:
        middle = (below + at) // 2
        if reaches(grid[middle]):
            at = middle
        else:
            below = middle + 1
    return grid[at]


def _fewest_in_passing(library, data, most):
    """The same for plain multiplicative updates, which go on from where they stood."""
    done, W, H = 0, data.W, data.H
    for n in _grid(_MOST_ITERATIONS):
        W, H, _ = fit(library, data._replace(W=W, H=H), n - done)
        done = n
        if divergence(data.X, W, H, data.beta) <= most:
            return n
    return None


def _grid(limit):
    steps = (round(1.06**k) for k in range(200))
    return sorted({n for n in steps if n < limit} | {limit})
