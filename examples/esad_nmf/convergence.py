r"""Iterations of the sparse decomposition: fixed steps, the paper's schedule, Adam, momentum.

All minimize :math:`J(S, A) = \|X - S A\|^2 + \alpha \|S\|_1` over non-negative codes S and
non-negative atoms A of norm one, from one start, for data of peak one. An iteration is a step of
all codes and one of all atoms. The codes go down by 1/L, where L is the Lipschitz constant of their
gradient; the atoms by what is compared.
"""

import itertools
import math
from typing import NamedTuple

import numpy as np

from skbss import SparseNMF

from . import published

# The steps of the atoms that are tried, of which the best counts.
CONSTANT_STEPS = tuple(10.0**exponent for exponent in np.arange(-3, 0.1, 0.25))
SHARES_OF_LIPSCHITZ = (1.0, 1.5, 1.9)
ADAM_RATES = (1e-3, 3e-3, 1e-2, 3e-2)
DECAY = 1e-4
FIXED = RELATIVE, FULL, CONSTANT = "step s/L, best s", "step 1/L", "constant step r, best r"
SCHEDULED = "constant step, the paper's schedule"
ACCELERATED = "step 1/L with momentum", "SparseNMF"
_FIRST, _SECOND, _EPSILON = 0.9, 0.999, 1e-8


class Problem(NamedTuple):
    """Data of peak one, the strength of the sparsity, and where all begin."""

    X: np.ndarray
    alpha: float
    S: np.ndarray
    A: np.ndarray


def problem(X, n_components, alpha, seed):
    """Atoms start from frames of the data, codes from how much these look like them."""
    X = np.asarray(X, float) / X.max()
    rng = np.random.default_rng(seed)
    frames = rng.choice(np.flatnonzero(X.max(axis=1) > 0), n_components, replace=False)
    A = X[frames] + 1e-3 * np.abs(rng.standard_normal((n_components, X.shape[1])))
    A /= np.linalg.norm(A, axis=1, keepdims=True)
    return Problem(X, alpha, X @ A.T / n_components, A)


def objective(p, S, A):
    """J."""
    return float(np.square(p.X - S @ A).sum() + p.alpha * S.sum())


def lipschitz(gram):
    """Of the gradient of the squared error in one factor, from the other's products."""
    return 2 * np.linalg.eigvalsh(gram)[-1] or 1.0


def nearest_atoms(A, otherwise):
    """Non-negative and of norm one."""
    A = np.maximum(A, 0)
    norms = np.linalg.norm(A, axis=1, keepdims=True)
    return np.where(norms > 0, A / np.where(norms > 0, norms, 1), otherwise)


def next_codes(p, S, A, share=1.0):
    """A proximal gradient step."""
    gram = A @ A.T
    slope = 2 * (S @ gram - p.X @ A.T) + p.alpha
    return np.maximum(S - share / lipschitz(gram) * slope, 0)


def next_atoms(p, S, A, step):
    """A projected step: ``step(gradient, L)`` is subtracted."""
    gram = S.T @ S
    gradient = 2 * (gram @ A - S.T @ p.X)
    return nearest_atoms(A - step(gradient, lipschitz(gram)), A)


def descend(p, step, share=1.0):
    """The objective after every iteration."""
    S, A = p.S, p.A
    while True:
        S = next_codes(p, S, A, share)
        A = next_atoms(p, S, A, step)
        yield objective(p, S, A)


def by_lipschitz(share=1.0):
    """The step share/L, with the L of the iteration."""
    return lambda gradient, bound: share / bound * gradient


def by_rate(rate, decay=0.0):
    """A step that stays as it is, or decays as the paper's: rate / (1 + decay * t)."""
    t = itertools.count()
    return lambda gradient, bound: rate / (1 + decay * next(t)) * gradient


def by_adam(rate, decay=0.0):
    """Adam, which table 7 of the paper names."""
    first, second, t = 0.0, 0.0, 0

    def step(gradient, bound):
        nonlocal first, second, t
        t += 1
        first = _FIRST * first + (1 - _FIRST) * gradient
        second = _SECOND * second + (1 - _SECOND) * gradient**2
        spread = np.sqrt(second / (1 - _SECOND**t)) + _EPSILON
        return rate / (1 + decay * (t - 1)) * first / (1 - _FIRST**t) / spread

    return step


def accelerated(p):
    """The step 1/L from points ahead, which are given up where the objective rose.

    Y. Xu and W. Yin, "A block coordinate descent method for regularized multiconvex optimization
    with applications to nonnegative tensor factorization and completion", SIAM Journal on Imaging
    Sciences 6(3), 2013, algorithm 1. An iteration that is given up counts.
    """
    S, A, level, pace = p.S, p.A, math.inf, 1.0
    ahead_S, ahead_A = S, A
    while True:
        new_S = next_codes(p, ahead_S, A)
        new_A = next_atoms(p, new_S, ahead_A, by_lipschitz())
        value = objective(p, new_S, new_A)
        if value > level:
            ahead_S, ahead_A, pace = S, A, 1.0
            yield level
            continue
        following = (1 + math.sqrt(1 + 4 * pace**2)) / 2
        pull, pace = (pace - 1) / following, following
        ahead_S = np.maximum(new_S + pull * (new_S - S), 0)
        ahead_A = np.maximum(new_A + pull * (new_A - A), 0)
        S, A, level = new_S, new_A, value
        yield level


def first_below(objectives, target, limit):
    """How many iterations it takes; infinity if more than `limit`, or never."""
    for count, value in enumerate(itertools.islice(objectives, limit), 1):
        if value <= target:
            return count
    return math.inf


def equal_sparsity(p):
    """What makes the objective of SparseNMF that of the decomposition, but for a factor of 2."""
    return p.alpha / (2 * p.X.mean())


def after_sparse_nmf(p, max_iter):
    """The objective after so many iterations of SparseNMF."""
    model = SparseNMF(
        len(p.A), beta_loss=2, sparsity=equal_sparsity(p), init="custom", tol=0, max_iter=max_iter
    )
    S = model.fit_transform(p.X, W=p.S, H=p.A)
    return objective(p, S, model.components_)


def fewest_of_sparse_nmf(p, target, limit):
    """By bisection, as its objective does not rise."""
    if after_sparse_nmf(p, limit) > target:
        return math.inf
    low, high = 0, limit
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if after_sparse_nmf(p, middle) <= target else (middle, high)
    return high


def compared(p, *, n_iter=published.ITERATIONS[0], patience=4):
    """Iterations to where the best fixed step comes in `n_iter`; best of many fixed steps.

    Returns
    -------
    rows : list of dict
        With ``method``, ``setting``, ``iterations``, and ``limit``, `patience` times `n_iter`;
        iterations beyond it are infinity.
    """
    constants = {rate: after(descend(p, by_rate(rate)), n_iter) for rate in CONSTANT_STEPS}
    shares = {s: after(descend(p, by_lipschitz(s), s), n_iter) for s in SHARES_OF_LIPSCHITZ}
    rate, share = min(constants, key=constants.get), min(shares, key=shares.get)
    target = min(constants[rate], shares[share])
    limit = patience * n_iter

    def count(objectives):
        return first_below(objectives, target, limit)

    def fastest_adam(decay):
        counts = {r: count(descend(p, by_adam(r, decay))) for r in ADAM_RATES}
        best = min(counts, key=counts.get)
        return f"r = {best:g}", counts[best]

    constant = f"r = {rate:.2g}"
    rows = [
        (RELATIVE, f"s = {share:g}", count(descend(p, by_lipschitz(share), share))),
        (FULL, "", count(descend(p, by_lipschitz()))),
        (CONSTANT, constant, count(descend(p, by_rate(rate)))),
        (SCHEDULED, constant, count(descend(p, by_rate(rate, DECAY)))),
        ("Adam at the paper's rate", "r = 0.001", count(descend(p, by_adam(1e-3)))),
        ("Adam, the paper's schedule", "r = 0.001", count(descend(p, by_adam(1e-3, DECAY)))),
        ("Adam, best r", *fastest_adam(0)),
        ("Adam, best r, the paper's schedule", *fastest_adam(DECAY)),
        (ACCELERATED[0], "", count(accelerated(p))),
        (ACCELERATED[1], "", fewest_of_sparse_nmf(p, target, n_iter)),
    ]
    names = ("method", "setting", "iterations")
    return [{**dict(zip(names, row, strict=True)), "limit": limit} for row in rows]


def after(objectives, n_iter):
    """The objective after so many iterations; infinity where it overflowed."""
    value = next(itertools.islice(objectives, n_iter - 1, None))
    return value if np.isfinite(value) else math.inf
