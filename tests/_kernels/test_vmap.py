"""The kernels of a factorization over a leading axis: what a loop over it gives."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skbss._kernels.activations import (
    RowPenalties,
    advance_rows,
    flat_activations,
    start_rows,
)
from skbss._kernels.dense_data import DenseData
from skbss._kernels.extrapolated import advance_extrapolated, start_extrapolated
from skbss._kernels.extrapolated_hals import (
    advance_extrapolated_hals,
    start_extrapolated_hals,
)
from skbss._kernels.hals import advance_hals, advance_hals_rows, start_hals, start_hals_rows
from skbss._kernels.multiplicative import advance_mu, mm_exponent, start_mu
from skbss._kernels.online import online_step, start_online
from skbss._kernels.penalties import Penalties

N_MATRICES, N_FRAMES, N_FREQS, K = 3, 6, 9, 2
# Rows of weights of one and a half, and an entry that was not observed.
WEIGHTS = np.ones((N_MATRICES, N_FRAMES, N_FREQS), np.float32)
WEIGHTS[:, 2] = 1.5
WEIGHTS[:, 1, 3] = 0

PENALTIES = Penalties(0.01, 0.02, 0.03, 0.04)
NO_PENALTIES = Penalties(0.0, 0.0, 0.0, 0.0)
FREE = np.array([False, True])
FLOOR, TOL, UNTIL = np.float32(1e-7), np.float32(3e-3), np.int32(60)
ORDERS = np.broadcast_to(np.arange(K, dtype=np.int32), (10, 2, K))


def draw():
    rng = np.random.default_rng(0)
    X = rng.uniform(0.1, 2, (N_MATRICES, N_FRAMES, N_FREQS))
    W = rng.uniform(0.1, 1, (N_MATRICES, N_FRAMES, K))
    H = rng.uniform(0.1, 1, (N_MATRICES, K, N_FREQS))
    # One matrix is almost at its goal, and stops sooner than the others.
    X[0] = 1.001 * W[0] @ H[0]
    return tuple(jnp.asarray(array, jnp.float32) for array in (X, W, H))


def on_device(tree):
    return jax.tree.map(jnp.asarray, tree)


def single(penalties):
    return on_device(Penalties(*(np.float32(penalty) for penalty in penalties)))


def rule(beta, penalties):
    quadratic = bool(penalties.l2_W)
    return {
        "beta": beta,
        "exponent": mm_exponent(beta, quadratic=quadratic),
        "quadratic": quadratic,
    }


def advance_by_mu(beta, penalties, data, W, H):
    at, rules = single(penalties), rule(beta, penalties)
    free, floor, tol, until = on_device((FREE, FLOOR, TOL, UNTIL))
    state = start_mu(data, W, H, at, floor, beta=beta)
    return advance_mu(data, state, at, free, floor, tol, until, **rules)


def advance_with_momentum(beta, penalties, data, W, H):
    at, rules = single(penalties), rule(beta, penalties)
    free, floor, tol, until = on_device((FREE, FLOOR, TOL, UNTIL))
    state = start_extrapolated(data, W, H, at, floor, beta=beta)
    bold = jnp.float32(1.3)
    return advance_extrapolated(data, state, at, free, floor, tol, until, until, bold, **rules)


def advance_the_rows(beta, penalties, data, W, H, *, extrapolate):
    rules = rule(beta, penalties)
    floor, tol, until = on_device((FLOOR, TOL, UNTIL))
    at = RowPenalties(*(jnp.full((len(W), 1), each) for each in penalties[:2]))
    start = flat_activations(data, H, jnp.zeros(len(W), bool))
    state = start_rows(data, start, H, at, floor, beta=beta)
    bold = jnp.float32(1.3)
    return advance_rows(
        data, H, state, at, floor, tol, until, until, bold, extrapolate=extrapolate, **rules
    )


def advance_by_coordinates(beta, penalties, data, W, H):
    at = single(penalties)
    free, orders, tol, until = on_device((FREE, ORDERS, TOL, UNTIL))
    return advance_hals(data, start_hals(data, W, H, at), at, free, orders, tol, until)


def advance_by_coordinates_with_momentum(beta, penalties, data, W, H):
    at = single(penalties)
    free, tol, until = on_device((FREE, TOL, UNTIL))
    state = start_extrapolated_hals(data, W, H, at)
    return advance_extrapolated_hals(data, state, at, free, tol, until, until)


def advance_rows_by_coordinates(beta, penalties, data, W, H):
    l1, l2 = jnp.full((len(W), 1), penalties.l1_W), jnp.float32(penalties.l2_W)
    orders, tol, until = on_device((ORDERS, TOL, UNTIL))
    return advance_hals_rows(data, H, start_hals_rows(W), l1, l2, orders, tol, until)


def advance_online(beta, penalties, data, W, H, *, solved):
    at, rules = single(penalties), rule(beta, penalties)
    free, forget, floor = on_device((FREE, np.float32(0.7), FLOOR))
    state = start_online(H)
    return online_step(data, W, state, at, free, forget, floor, solved=solved, **rules)


def assert_mapped_equals_looped(kernel, *, weighted):
    X, W, H = draw()
    data = DenseData(X, jnp.asarray(WEIGHTS) if weighted else None)
    mapped = jax.vmap(kernel)(data, W, H)
    looped = []
    for i in range(N_MATRICES):
        weights = None if data.weights is None else data.weights[i]
        looped.append(kernel(DenseData(X[i], weights), W[i], H[i]))
    stacked = jax.tree.map(lambda *parts: jnp.stack(parts), *looped)
    # Sums of products are added up in another order; sixty sweeps carry the difference on.
    jax.tree.map(partial(np.testing.assert_allclose, rtol=2e-4, atol=1e-5), mapped, stacked)
    return mapped


@pytest.mark.parametrize(
    ("advance", "beta", "penalties", "weighted"),
    [
        (advance_by_mu, 0.0, PENALTIES, False),
        (advance_with_momentum, 1.0, NO_PENALTIES, True),
        (advance_by_coordinates, 2.0, PENALTIES, False),
        (advance_by_coordinates_with_momentum, 2.0, PENALTIES, False),
        (partial(advance_the_rows, extrapolate=False), 1.0, NO_PENALTIES, True),
        (partial(advance_the_rows, extrapolate=True), 1.0, NO_PENALTIES, True),
        (advance_rows_by_coordinates, 2.0, NO_PENALTIES, False),
    ],
)
def test_loops(advance, beta, penalties, weighted):
    state = assert_mapped_equals_looped(partial(advance, beta, penalties), weighted=weighted)
    # One matrix ended on its own account, which must not have ended the others.
    assert len(set(np.asarray(state.n_iter))) > 1


@pytest.mark.parametrize("solved", [False, True])
def test_online_updates(solved):
    kernel = partial(advance_online, 1.0, PENALTIES, solved=solved)
    W, state, *_ = assert_mapped_equals_looped(kernel, weighted=True)
    _, before, H = draw()
    np.testing.assert_array_equal(state.H[:, 0], H[:, 0])  # the component that is not free
    assert np.array_equal(W, before) == solved
