"""Sparse sources in channels: optimal sources, gradients, columns of norm one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skbss._kernels.sparse_adaptive import Rates
from skbss._kernels.sparse_mixing import (
    AdaptingMixing,
    adapt_mixing_for_an_epoch,
    shrunk,
    sparse_sources,
)

N_CHANNELS, N_SOURCES, N_BINS = 3, 2, 9


@pytest.fixture(autouse=True)
def in_float64():
    with jax.enable_x64(True):
        yield


def draw(seed=0):
    rng = np.random.default_rng(seed)

    def spectra(n):
        return rng.standard_normal((n, N_BINS)) + 1j * rng.standard_normal((n, N_BINS))

    M = rng.standard_normal((N_CHANNELS, N_SOURCES))
    M /= np.linalg.norm(M, axis=0)
    return tuple(map(jnp.asarray, (spectra(N_CHANNELS), spectra(N_SOURCES), M)))


def test_shrinking_keeps_phases():
    S = jnp.asarray([[3 + 4j, 0.3 - 0.4j, 0, -1]])
    np.testing.assert_allclose(shrunk(S, jnp.asarray(1.0)), [[2.4 + 3.2j, 0, 0, 0]])


@pytest.mark.parametrize("alpha", [0.1, 1, 3])
def test_sources_are_optimal(alpha):
    Z, S, M = draw()
    S = sparse_sources(Z, S, M, jnp.asarray(float(alpha)), count=3000)
    slope = 2 * M.T @ (M @ S - Z)
    heard = abs(S) > 0
    phases = S / jnp.where(heard, abs(S), 1)
    np.testing.assert_allclose(jnp.where(heard, slope + alpha * phases, 0), 0, atol=1e-9)
    assert (abs(slope)[~heard] <= alpha + 1e-9).all()
    assert heard.any()
    assert not (heard.all() and alpha == 3)


def test_a_step_goes_down_the_gradient():
    Z, S, M = draw()
    rates = Rates(*map(jnp.asarray, (0.1, 0.01, 0.0)))
    zeros = jnp.zeros_like(M)
    state = AdaptingMixing(S[None], M, zeros, zeros, jnp.int32(0))
    batches, one = Z[None], jnp.int32(1)
    moved, objective = adapt_mixing_for_an_epoch(batches, state, rates, jnp.zeros(1, int), one)
    S = sparse_sources(Z, S, M, rates.alpha)
    np.testing.assert_allclose(moved.S[0], S)
    slope = jax.grad(lambda M: jnp.square(jnp.abs(Z - M @ S)).sum())(M)
    # The first step of Adam goes by the signs alone.
    expected = M - 0.01 * jnp.sign(slope)
    expected = expected / jnp.linalg.norm(expected, axis=0)
    np.testing.assert_allclose(moved.M, expected, rtol=1e-6)
    error = jnp.square(jnp.abs(Z - moved.M @ S)).sum()
    assert objective == pytest.approx(float(error + 0.1 * abs(S).sum()))


def test_batches_that_fill_up_are_not_gone_through():
    Z, S, M = draw()
    rates = Rates(*map(jnp.asarray, (0.1, 0.01, 0.1)))
    zeros, none = jnp.zeros_like(M), jnp.zeros_like(S)
    one = AdaptingMixing(S[None], M, zeros, zeros, jnp.int32(0))
    three = one._replace(S=jnp.stack([S, none, none]))
    batches = jnp.stack([Z, jnp.zeros_like(Z), jnp.zeros_like(Z)])
    order, used = jnp.arange(3), jnp.int32(1)
    expected, objective = adapt_mixing_for_an_epoch(Z[None], one, rates, order[:1], used)
    found, same = adapt_mixing_for_an_epoch(batches, three, rates, order, used)
    np.testing.assert_allclose(found.M, expected.M)
    assert found.n_steps == 1
    assert same == pytest.approx(float(objective))
    # Silence among the batches that count asks for nothing either.
    found, _ = adapt_mixing_for_an_epoch(batches, three, rates, order[::-1], jnp.int32(3))
    np.testing.assert_allclose(jnp.linalg.norm(found.M, axis=0), 1)
    assert found.n_steps == 3
