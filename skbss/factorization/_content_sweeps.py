"""Sweeps with activations that are drawn to a prediction of them."""

import math
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from skbss._kernels.multiplicative import iterate_mu
from skbss._kernels.predicted_activations import Prediction, row_objective
from skbss._kernels.structure import Structure
from skbss._runtime.device import for_kernels
from skbss._runtime.loop import fetch, run_loop, wait_for
from skbss.factorization._divergence import joint_objective
from skbss.factorization._rules import CHECK_EVERY, bounded, step_rules

# Zeros, which no such update moves, are raised to this share of the mean of their factor.
_LEAST = 1e-6


class Coupled(NamedTuple):
    """Factors, what is predicted, and the objective when last looked at."""

    W: Any
    H: Any
    penalty: Structure
    losses: tuple[float, ...]
    n_iter: int = 0
    done: bool = False


def near(weight, predicted, dtype) -> Structure:
    """The penalty on activations that are not as predicted."""
    return bounded(Structure((Prediction(weight, predicted),)), dtype)


def couple(observed, W, H, predict, settings, weight, watch) -> Coupled:
    """Alternate ten sweeps over both factors and a new prediction.

    Parameters
    ----------
    observed : Observations
        The data, in one block.
    W, H : arrays of shapes (n_samples, n_components) and (n_components, n_features)
        Where they start, for data of mean one.
    predict : callable ``(W, H) -> G``
        What is predicted of W: no further from it than the last time.
    settings : Settings
    weight : float
        Of the penalty.
    watch : Watch

    Returns
    -------
    state : Coupled
        The last one, laid out.
    """
    data, layout, dtype = observed.data, observed.layout, H.dtype
    beta, free = settings.beta, layout.mark_components(np.ones(len(H), bool))
    floor = for_kernels(settings.floor, dtype)

    def predicted(W, H):
        G = predict(layout.gather(W, layout.n_components, np), layout.gather_components(H, np))
        return near(weight, layout.lay_out(G, dtype, layout.rank), dtype)

    def objective(W, H, penalty):
        return float(sum(joint_objective(data, W, H, penalty, beta)))

    def advance(state, until):
        rules = step_rules("majorize-minimize", beta, state.penalty)
        steps = for_kernels(until - state.n_iter, np.int32)
        W, H = iterate_mu(data, state.W, state.H, state.penalty, free, floor, steps, rules=rules)
        wait_for(H)
        state = state._replace(W=W, H=H, n_iter=until)
        if until % CHECK_EVERY and until < settings.max_iter:
            return state
        penalty = predicted(W, H)
        losses = (*state.losses, objective(W, H, penalty))
        drop = math.sqrt(max(losses[-2], 0)) - math.sqrt(max(losses[-1], 0))
        settled = settings.tol > 0 and not drop >= settings.tol * math.sqrt(max(losses[0], 0))
        done = settled or not 0 < losses[-1] < math.inf
        return state._replace(penalty=penalty, losses=losses, done=done)

    def after(state, n_iter):
        return watch.after(n_iter, lambda: layout.gather_components(state.H, np), state.losses[-1])

    W, H = layout.lay_out(_lifted(W), dtype, layout.rank), layout.lay_out_components(_lifted(H))
    penalty = predicted(W, H)
    loss = objective(W, H, penalty)
    start = Coupled(W, H, penalty, (loss,), done=loss <= 0)
    stride = 1 if watch.closely else CHECK_EVERY
    return run_loop(
        advance, start, settings.max_iter, stride=stride, before=watch.before, after=after
    )


class _Found(NamedTuple):
    W: Any
    first: Any
    costs: Any
    moves: Any
    n_iter: int
    done: bool


def activations_near(observed, W, H, predicted, settings, weight):
    """Minimize over every row of W by itself, with the components held.

    Parameters
    ----------
    observed : Observations
        The data, in one block, divided by the same for every row.
    W : array of shape (n_samples, n_components)
        Where they start.
    H : array of shape (n_components, n_features)
        Components.
    predicted : array of shape (n_samples, n_components)
    settings : Settings
    weight : float
        Of the penalty.

    Returns
    -------
    W : jax.Array
        Laid out.
    n_iter : int
        Iterations of the row that took most.
    converged : bool
        Whether all rows did.
    """
    data, layout, dtype, beta = observed.data, observed.layout, H.dtype, settings.beta
    penalty = near(weight, layout.lay_out(predicted, dtype, layout.rank), dtype)
    rules = step_rules("majorize-minimize", beta, penalty, learns=False)
    floor = for_kernels(settings.floor, dtype)
    none = np.zeros(layout.rank, bool)
    H = layout.lay_out_components(H)

    def costs(W):
        rows = fetch(row_objective(data, W, H, penalty.parts[0], floor, beta=beta))
        return np.sqrt(np.maximum(rows, 0))

    def advance(state, until):
        steps = for_kernels(until - state.n_iter, np.int32)
        W, _ = iterate_mu(data, state.W, H, penalty, none, floor, steps, rules=rules)
        # Whether a row goes on must not depend on the others.
        W = jnp.where(state.moves[:, None], W, state.W)
        wait_for(W)
        state = state._replace(W=W, n_iter=until)
        if until % CHECK_EVERY and until < settings.max_iter:
            return state
        found = costs(W)
        falls = state.costs - found > settings.tol * state.first
        moves = state.moves & (falls | (settings.tol == 0))
        return state._replace(costs=found, moves=moves, done=not moves.any())

    W = layout.lay_out(W, dtype, layout.rank)
    first = costs(W)
    start = _Found(W, first, first, layout.holds_data & (first > 0), 0, not (first > 0).any())
    state = run_loop(advance, start, settings.max_iter, stride=CHECK_EVERY)
    return state.W, state.n_iter, state.done


def _lifted(A):
    """On the host, without zeros but where there is nothing else."""
    A = np.asarray(A)
    return np.maximum(A, A.dtype.type(_LEAST * A.mean(dtype=np.float64)))
