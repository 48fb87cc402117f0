"""Rows in blocks: what the matrix as a whole gives, for any number of blocks that are used."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skbss._kernels.dense_data import DenseData
from skbss._kernels.extrapolated import advance_extrapolated, start_extrapolated
from skbss._kernels.extrapolated_hals import (
    advance_extrapolated_hals,
    start_extrapolated_hals,
)
from skbss._kernels.frame_blocks import FrameBlocks
from skbss._kernels.growing import spread_activations
from skbss._kernels.hals import advance_hals, start_hals
from skbss._kernels.multiplicative import advance_mu, start_mu
from skbss._kernels.penalties import Penalties

N_BLOCKS, HEIGHT, N_FREQS, K = 4, 8, 12, 3
rng = np.random.default_rng(0)
X = jnp.asarray(rng.gamma(0.5, size=(N_BLOCKS, HEIGHT, N_FREQS)) + 0.01, jnp.float32)
W = jnp.asarray(rng.uniform(0.1, 1, (N_BLOCKS, HEIGHT, K)), jnp.float32)
H = jnp.asarray(rng.uniform(0.1, 1, (K, N_FREQS)), jnp.float32)
PENALTIES = Penalties(*map(jnp.float32, (0.01, 0.02, 0.03, 0.04)))
FREE = jnp.array([False, True, True])
FLOOR, TOL, UNTIL = jnp.float32(1e-7), jnp.float32(0), jnp.int32(10)


def by_updates(beta, data, W):
    rule = {"beta": beta, "exponent": 1 / (3 - beta), "quadratic": True}
    state = start_mu(data, W, H, PENALTIES, FLOOR, beta=beta)
    return advance_mu(data, state, PENALTIES, FREE, FLOOR, TOL, UNTIL, **rule)


def with_momentum(beta, data, W):
    rule = {"beta": beta, "exponent": 1.0, "quadratic": True}
    state = start_extrapolated(data, W, H, PENALTIES, FLOOR, beta=beta)
    return advance_extrapolated(
        data, state, PENALTIES, FREE, FLOOR, TOL, UNTIL, UNTIL, jnp.float32(1.2), **rule
    )


def by_coordinates(data, W):
    orders = jnp.broadcast_to(jnp.arange(K, dtype=jnp.int32), (10, 2, K))
    state = start_hals(data, W, H, PENALTIES)
    return advance_hals(data, state, PENALTIES, FREE, orders, TOL, UNTIL)


def by_coordinates_with_momentum(data, W):
    state = start_extrapolated_hals(data, W, H, PENALTIES)
    return advance_extrapolated_hals(data, state, PENALTIES, FREE, TOL, UNTIL, UNTIL)


SOLVERS = [
    partial(by_updates, 1.0),
    partial(with_momentum, 0.5),
    by_coordinates,
    by_coordinates_with_momentum,
]


@pytest.mark.parametrize("solve", SOLVERS)
@pytest.mark.parametrize("used", [1, 3, N_BLOCKS])
def test_blocks_give_what_their_rows_give(solve, used):
    blocks = solve(FrameBlocks(X, None, jnp.int32(used)), W)
    whole = solve(DenseData(X[:used].reshape(-1, N_FREQS), None), W[:used].reshape(-1, K))
    # Sums over rows are added up in another order.
    np.testing.assert_allclose(blocks.H, whole.H, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(blocks.W[:used].reshape(-1, K), whole.W, rtol=1e-3, atol=1e-5)
    assert blocks.loss == pytest.approx(float(whole.loss), rel=1e-5)
    # Rows that are not used are not touched.
    np.testing.assert_array_equal(blocks.W[used:], W[used:])


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
    none = Penalties(*map(jnp.float32, (0, 0, 0, 0)))
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
            beta=1.0,
            exponent=1.0,
            quadratic=False,
            by_coordinates=by_coordinates,
        )

    start, solved = spread(0), spread(200)
    np.testing.assert_array_equal(solved[:2], W[:2])  # those that were there stay
    np.testing.assert_array_equal(solved[2, 3], 0)  # what fills up a block stays silent
    there = np.asarray(exists[2:])
    level = exact[2:].sum(axis=-1)
    np.testing.assert_allclose((start[2:] @ H).sum(axis=-1)[there], level[there], rtol=1e-4)
    np.testing.assert_allclose((solved[2:] @ H)[there], exact[2:][there], rtol=0.05, atol=0.02)
