"""The sparse adaptive decomposition, from data to sparse codes and atoms."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from sklearn.utils import check_random_state

from skbss._kernels.sparse_adaptive import Adapting, Rates, adapt_for_an_epoch
from skbss._runtime.blocks import bucket
from skbss._runtime.device import for_kernels, is_jax_array
from skbss._runtime.loop import fetch, run_loop

# Epochs in which the error has to stand still for the search to end.
_PATIENCE = 5
# The level of the noise on frames that atoms start from, relative to the peak of the data.
_NOISE = 1e-3


class Plan(NamedTuple):
    """What the decomposition is told.

    Attributes
    ----------
    alpha : float
        Strength of the sparsity, for data of peak one.
    learning_rate, decay : float
        The step of the atoms in the beginning, and how it decays with every batch.
    batch_size : int
        Frames between two steps of the atoms.
    tol : float
        The relative fall of the error at which an epoch brings nothing more.
    max_iter : int
        Epochs at most.
    """

    alpha: float
    learning_rate: float
    decay: float
    batch_size: int
    tol: float
    max_iter: int


class Decomposition(NamedTuple):
    """Where the decomposition ended.

    Attributes
    ----------
    S : array of shape (n_samples, n_components)
        Sparse codes, in units of the data.
    A : array of shape (n_components, n_features)
        Atoms of norm one.
    errors, objectives : list of float
        After every epoch: the squared error as a share of the energy of the data, and the objective
        of the data at peak one.
    converged : bool
        Whether the error stood still.
    """

    S: Any
    A: Any
    errors: list[float]
    objectives: list[float]
    converged: bool


class _Search(NamedTuple):
    state: Adapting
    errors: tuple[float, ...] = ()
    objectives: tuple[float, ...] = ()
    n_stale: int = 0
    n_iter: int = 0
    done: bool = False


def decompose(X, n_components, plan, random_state, fixed=None) -> Decomposition:
    """Sparse codes and atoms of data; to be called in its precision scope.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
        Non-negative, without missing entries; NumPy or JAX.
    n_components : int
        Number of atoms.
    plan : Plan
    random_state : int, RandomState instance or None
        Draws the frames from which the atoms start, and the batches.
    fixed : array of shape (n_fixed, n_features) or None
        The first atoms, of any norm, if they are known.

    Returns
    -------
    decomposition : Decomposition
    """
    rng, dtype, xp = check_random_state(random_state), X.dtype, jnp if is_jax_array(X) else np
    n_samples = len(X)
    peak = float(X.max()) or 1.0
    height = bucket(n_samples)
    data = jnp.asarray(xp.pad(X / xp.asarray(peak, dtype), ((0, height - n_samples), (0, 0))))
    energy = float((data**2).sum()) or 1.0
    A = jnp.asarray(_first_atoms(X, peak, n_components, rng, fixed).astype(dtype))
    free = np.arange(n_components) >= (0 if fixed is None else len(fixed))
    rates = Rates(*(for_kernels(number, dtype) for number in plan[:3]))
    batches = np.full((-(-height // plan.batch_size), plan.batch_size), height - 1, np.int32)
    # A frame of zeros has to be there for what fills up the last batch.
    if height == n_samples:
        data = jnp.pad(data, ((0, 1), (0, 0)))
        batches[:] = height

    def advance(search, until):
        order = batches.ravel().copy()
        order[:n_samples] = rng.permutation(n_samples)
        state, quality = adapt_for_an_epoch(
            data,
            search.state,
            rates,
            free,
            order.reshape(batches.shape),
            for_kernels(n_samples, np.int32),
        )
        error, objective = float(fetch(quality.error)) / energy, float(quality.objective)
        last = search.errors[-1] if search.errors else np.inf
        stale = search.n_stale + 1 if not error < (1 - plan.tol) * last else 0
        return _Search(
            state,
            (*search.errors, error),
            (*search.objectives, objective),
            stale,
            until,
            plan.tol > 0 and stale >= _PATIENCE,
        )

    zeros = jnp.zeros_like(A)
    start = Adapting(data @ A.T / n_components, A, zeros, zeros, for_kernels(0, np.int32))
    found = run_loop(advance, _Search(start), plan.max_iter, stride=1)
    S = xp.asarray(found.state.S)[:n_samples] * xp.asarray(peak, dtype)
    converged = found.done or plan.tol == 0
    return Decomposition(
        S, xp.asarray(found.state.A), list(found.errors), list(found.objectives), converged
    )


def _first_atoms(X, peak, n_components, rng, fixed):
    """Frames that sound, with a little noise, of norm one; those that are known as they are."""
    sounds = np.flatnonzero(np.asarray(X.max(axis=1)) > 0)
    pool = sounds if len(sounds) else np.arange(len(X))
    chosen = rng.choice(pool, n_components, replace=len(pool) < n_components)
    atoms = np.asarray(X[np.sort(chosen)], float) / peak
    atoms += _NOISE * np.abs(rng.standard_normal(atoms.shape))
    if fixed is not None:
        atoms[: len(fixed)] = fixed
    norms = np.linalg.norm(atoms, axis=1, keepdims=True)
    return atoms / np.where(norms > 0, norms, 1)
