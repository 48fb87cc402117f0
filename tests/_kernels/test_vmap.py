"""The kernels of a factorization over a leading axis: what a loop over it gives."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skbss._kernels.activations import (
    MovingRows,
    flat_activations,
    iterate_rows,
)
from skbss._kernels.dense_data import DenseData
from skbss._kernels.extrapolated import Moving, iterate_extrapolated
from skbss._kernels.extrapolated_hals import iterate_extrapolated_hals, moving_hals
from skbss._kernels.hals import HALSRows, HALSState, iterate_hals, iterate_hals_rows
from skbss._kernels.multiplicative import StepRule, StepRules, iterate_mu, mm_exponent
from skbss._kernels.online import online_step, start_online
from skbss._kernels.penalties import ElasticNet, objective

N_MATRICES, N_FRAMES, N_FREQS, K = 3, 6, 9, 2
# Rows of weights of one and a half, and an entry that was not observed.
WEIGHTS = np.ones((N_MATRICES, N_FRAMES, N_FREQS), np.float32)
WEIGHTS[:, 2] = 1.5
WEIGHTS[:, 1, 3] = 0

PENALTY = ElasticNet(0.01, 0.02, 0.03, 0.04)
NO_PENALTY = ElasticNet(0.0, 0.0, 0.0, 0.0)
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


def single(penalty):
    return on_device(ElasticNet(*map(np.float32, penalty)))


def rules_of(beta, penalty):
    each = penalty.are_quadratic()
    return StepRules(*(StepRule(beta, mm_exponent(beta, quadratic=one), one) for one in each))


def by_updates(beta, penalty, data, W, H):
    at, rules = single(penalty), rules_of(beta, penalty)
    free, floor, count = on_device((FREE, FLOOR, UNTIL))
    W, H = iterate_mu(data, W, H, at, free, floor, count, rules=rules)
    return W, H, objective(data, W, H, at, floor, beta=beta)


def with_momentum(beta, penalty, data, W, H):
    at, rules = single(penalty), rules_of(beta, penalty)
    free, floor, count = on_device((FREE, FLOOR, UNTIL))
    start = Moving(W, H, W, H, jnp.float32(1))
    pace = on_device((np.float32(1), np.float32([1.3, 1.2])))
    return iterate_extrapolated(data, start, at, free, floor, *pace, count, rules=rules)


def rows_by_updates(beta, penalty, data, W, H, *, has_momentum):
    rule, size = rules_of(beta, penalty).W, len(W)
    floor, count = on_device((FLOOR, UNTIL))
    start = flat_activations(data, H, jnp.zeros(size, bool))
    rows = MovingRows(start, start, jnp.ones(size))
    told = (jnp.arange(size) != 4, *penalty[:2], 1.6, 1.3)
    orders = jnp.stack([jnp.full(size, each, jnp.float32) for each in told], axis=-1)
    return iterate_rows(
        data,
        H,
        rows,
        orders,
        floor,
        count,
        jnp.bool_(True),
        rule=rule,
        has_momentum=has_momentum,
    )


def by_coordinates(beta, penalty, data, W, H):
    at, unknown = single(penalty), jnp.float32(jnp.inf)
    free, orders, tol, until = on_device((FREE, ORDERS, TOL, UNTIL))
    start = HALSState(W, H, unknown, unknown, jnp.int32(0))
    ended, settled = iterate_hals(data, start, at, free, orders, tol, until)
    return ended, settled, ended.n_iter


def by_coordinates_with_momentum(beta, penalty, data, W, H):
    at, one = single(penalty), jnp.float32(1)
    free, tol, count = on_device((FREE, TOL, UNTIL))
    start = moving_hals(W.mT, H)
    ended, n_iter, settled = iterate_extrapolated_hals(data, start, at, free, tol, one, count)
    return ended, settled, n_iter


def rows_by_coordinates(beta, penalty, data, W, H):
    l1, l2 = jnp.full((len(W), 1), penalty.l1_W), jnp.float32(penalty.l2_W)
    orders, tol, until = on_device((ORDERS, TOL, UNTIL))
    unknown, all_rows = jnp.full(len(W), jnp.inf), jnp.ones(len(W), bool)
    start = HALSRows(W, unknown, all_rows, jnp.zeros(len(W), jnp.int32))
    ended, n_iter, settled = iterate_hals_rows(
        data, H, start, l1, l2, orders, tol, jnp.int32(0), until
    )
    return ended, settled, n_iter


def advance_online(beta, penalty, data, W, H, *, solved):
    at, rules = single(penalty), rules_of(beta, penalty)
    free, forget, floor = on_device((FREE, np.float32(0.7), FLOOR))
    state = start_online(H)
    return online_step(data, W, state, at, free, forget, floor, solved=solved, rules=rules)


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
    ("iterate", "beta", "penalty", "weighted"),
    [
        (by_updates, 0.0, PENALTY, False),
        (with_momentum, 1.0, NO_PENALTY, True),
        (partial(rows_by_updates, has_momentum=False), 1.0, NO_PENALTY, True),
        (partial(rows_by_updates, has_momentum=True), 1.0, NO_PENALTY, True),
    ],
)
def test_updates(iterate, beta, penalty, weighted):
    assert_mapped_equals_looped(partial(iterate, beta, penalty), weighted=weighted)


@pytest.mark.parametrize(
    ("iterate", "penalty"),
    [
        (by_coordinates, PENALTY),
        (by_coordinates_with_momentum, PENALTY),
        (rows_by_coordinates, NO_PENALTY),
    ],
)
def test_loops_that_end_by_themselves(iterate, penalty):
    mapped = assert_mapped_equals_looped(partial(iterate, 2.0, penalty), weighted=False)
    # One matrix ended on its own account, which must not have ended the others.
    assert len(set(np.asarray(mapped[-1]))) > 1


@pytest.mark.parametrize("solved", [False, True])
def test_online_updates(solved):
    kernel = partial(advance_online, 1.0, PENALTY, solved=solved)
    W, state, *_ = assert_mapped_equals_looped(kernel, weighted=True)
    _, before, H = draw()
    np.testing.assert_array_equal(state.H[:, 0], H[:, 0])  # the component that is not free
    assert np.array_equal(W, before) == solved
