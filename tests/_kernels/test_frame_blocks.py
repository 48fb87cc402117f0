"""Rows in blocks: what the matrix as a whole gives, for any number of blocks that are used."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skbss._kernels.dense_data import DenseData
from skbss._kernels.disjoint_supports import Bounds, first_components, iterate_disjoint
from skbss._kernels.extrapolated import Moving, iterate_extrapolated
from skbss._kernels.extrapolated_hals import iterate_extrapolated_hals, moving_hals
from skbss._kernels.frame_blocks import FrameBlocks
from skbss._kernels.growing import spread_activations
from skbss._kernels.hals import HALSState, iterate_hals
from skbss._kernels.multiplicative import StepRule, StepRules, iterate_mu
from skbss._kernels.penalties import ElasticNet, objective

N_BLOCKS, HEIGHT, N_FREQS, K = 4, 8, 12, 3
rng = np.random.default_rng(0)
X = jnp.asarray(rng.gamma(0.5, size=(N_BLOCKS, HEIGHT, N_FREQS)) + 0.01, jnp.float32)
W = jnp.asarray(rng.uniform(0.1, 1, (N_BLOCKS, HEIGHT, K)), jnp.float32)
H = jnp.asarray(rng.uniform(0.1, 1, (K, N_FREQS)), jnp.float32)
PENALTY = ElasticNet(*map(jnp.float32, (0.01, 0.02, 0.03, 0.04)))
FREE = jnp.array([False, True, True])
FLOOR, TOL, COUNT = jnp.float32(1e-7), jnp.float32(0), jnp.int32(10)
ONE, UNKNOWN = jnp.float32(1), jnp.float32(jnp.inf)


def by_updates(beta, data, W):
    rule = StepRule(beta, 1 / (3 - beta), quadratic=True)
    rules = StepRules(rule, rule)
    return iterate_mu(data, W, H, PENALTY, FREE, FLOOR, COUNT, rules=rules)


def with_momentum(beta, data, W):
    rule = StepRule(beta, 1 / (3 - beta), quadratic=True)
    rules = StepRules(rule, rule)
    start, pace = Moving(W, H, W, H, ONE), (jnp.float32(1.6), jnp.float32([1.2, 1.1]))
    ended = iterate_extrapolated(data, start, PENALTY, FREE, FLOOR, *pace, COUNT, rules=rules)
    return ended.W, ended.H


def by_coordinates(data, W):
    orders = jnp.broadcast_to(jnp.arange(K, dtype=jnp.int32), (10, 2, K))
    start = HALSState(W, H, UNKNOWN, UNKNOWN, jnp.int32(0))
    ended, _ = iterate_hals(data, start, PENALTY, FREE, orders, TOL, COUNT)
    return ended.W, ended.H


def by_coordinates_with_momentum(data, W):
    start = moving_hals(W.mT, H)
    ended, *_ = iterate_extrapolated_hals(data, start, PENALTY, FREE, TOL, ONE, COUNT)
    return ended.W, ended.H


def with_disjoint_supports(beta, data, W):
    every, bounds = jnp.ones(K, bool), Bounds(FLOOR, FLOOR)
    start = first_components(data, W, every, bounds, beta=beta)
    return iterate_disjoint(data, start, every, bounds, COUNT, beta=beta)


SOLVERS = [
    partial(by_updates, 1.0),
    partial(with_momentum, 0.5),
    by_coordinates,
    by_coordinates_with_momentum,
    partial(with_disjoint_supports, 0.5),
]


@pytest.mark.parametrize("solve", SOLVERS)
@pytest.mark.parametrize("used", [1, 3, N_BLOCKS])
def test_blocks_give_what_their_rows_give(solve, used):
    blocks = FrameBlocks(X, None, jnp.int32(used))
    whole = DenseData(X[:used].reshape(-1, N_FREQS), None)
    in_blocks, at_once = solve(blocks, W), solve(whole, W[:used].reshape(-1, K))
    # Sums over rows are added up in another order.
    np.testing.assert_allclose(in_blocks[1], at_once[1], rtol=1e-3, atol=1e-5)
    rows = in_blocks[0][:used].reshape(-1, K)
    np.testing.assert_allclose(rows, at_once[0], rtol=1e-3, atol=1e-5)
    losses = [
        sum(objective(data, *factors, PENALTY, FLOOR, beta=1.0))
        for data, factors in ((blocks, in_blocks), (whole, at_once))
    ]
    assert losses[0] == pytest.approx(float(losses[1]), rel=1e-5)
    # Rows that are not used are not touched.
    np.testing.assert_array_equal(in_blocks[0][used:], W[used:])


def test_any_number_of_blocks_shares_a_program():
    solve = jax.jit(by_coordinates_with_momentum)
    for used in (1, 2, 3):
        solve(FrameBlocks(X, None, jnp.int32(used)), W)
    assert solve._cache_size() == 1


@pytest.mark.parametrize("by_coordinates", [False, True])
def test_rows_that_come_in_start_near_their_solution(by_coordinates):
    exact = (W @ H).at[2, 3].set(0)
    data = FrameBlocks(exact, None, jnp.int32(N_BLOCKS))
    exists = jnp.ones((N_BLOCKS, HEIGHT), bool).at[2, 3].set(False)
    none = ElasticNet(*map(jnp.float32, (0, 0, 0, 0)))
    sources = jnp.zeros(N_BLOCKS, jnp.int32)

    def spread(sweeps):
        return spread_activations(
            data,
            W.at[2:].set(0),
            H,
            sources,
            exists,
            jnp.int32(2),
            none,
            FLOOR,
            jnp.int32(sweeps),
            rule=StepRule(1.0, 1.0, quadratic=False),
            by_coordinates=by_coordinates,
        )

    start, solved = spread(0), spread(200)
    np.testing.assert_array_equal(solved[:2], W[:2])  # those that were there stay
    np.testing.assert_array_equal(solved[2, 3], 0)  # what fills up a block stays silent
    there = np.asarray(exists[2:])
    level = exact[2:].sum(axis=-1)
    np.testing.assert_allclose((start[2:] @ H).sum(axis=-1)[there], level[there], rtol=1e-4)
    np.testing.assert_allclose((solved[2:] @ H)[there], exact[2:][there], rtol=0.05, atol=0.02)
