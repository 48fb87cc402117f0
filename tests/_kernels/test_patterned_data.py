"""Components that are sums of patterns: gradients, limits, blocks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skbss._kernels.dense_data import DenseData
from skbss._kernels.extrapolated import Moving, iterate_extrapolated
from skbss._kernels.frame_blocks import FrameBlocks
from skbss._kernels.multiplicative import iterate_mu
from skbss._kernels.patterned_data import PatternedData
from skbss._kernels.penalties import ElasticNet
from skbss.factorization._rules import step_rules

NONE = ElasticNet(0.0, 0.0, 0.0, 0.0)


@pytest.fixture(autouse=True)
def in_float64():
    with jax.enable_x64(True):
        yield


def draw(seed=0, frames=12, k=4, bands=3, freqs=7, patterned=3):
    rng = np.random.default_rng(seed)
    patterns = rng.random((patterned, bands, freqs)) * (rng.random((patterned, bands, freqs)) < 0.7)
    H = rng.uniform(0.1, 1, (k, freqs))
    H[:patterned, bands:] = 0
    arrays = rng.uniform(0.1, 2, (frames, freqs)), rng.uniform(0.1, 1, (frames, k)), H, patterns
    return tuple(map(jnp.asarray, arrays))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("beta", [-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0])
def test_parts_make_the_gradient(beta, weighted):
    X, W, H, patterns = draw()
    weights = jnp.asarray(np.random.default_rng(1).uniform(0, 2, X.shape)) if weighted else None
    data, floor = PatternedData(DenseData(X, weights), patterns), jnp.asarray(0.0)

    def loss(W, H):
        return data.row_divergence(W, H, beta, floor).sum()

    slopes = jax.grad(loss, argnums=(0, 1))(W, H)
    both = data.activation_parts(W, H, beta, floor), data.component_parts(W, H, beta, floor)
    for (numerator, denominator), slope in zip(both, slopes, strict=True):
        assert (numerator >= 0).all()
        assert (denominator >= 0).all()
        # Entries that are not learned are zeros, and stay so.
        told = jnp.where(slope != 0, denominator - numerator, 0)
        np.testing.assert_allclose(told, slope, rtol=1e-7, atol=1e-9)
    assert not both[1][0][:3, 3:].any()
    assert not both[1][1][:3, 3:].any()


@pytest.mark.parametrize("solver", ["mu", "extrapolated"])
@pytest.mark.parametrize("beta", [-1.0, 0.0, 0.5, 1.0, 2.0, 3.0])
def test_identity_patterns_are_no_patterns(beta, solver):
    X, W, _, _ = draw()
    H = jnp.asarray(np.random.default_rng(2).uniform(0.1, 1, (4, 7)))
    plain = DenseData(X, None)
    patterned = PatternedData(plain, jnp.broadcast_to(jnp.eye(7), (3, 7, 7)))
    rules = step_rules(solver, beta, NONE)
    told = NONE, jnp.ones(4, bool), jnp.asarray(1e-12)

    def run(data):
        if solver == "mu":
            return iterate_mu(data, W, H, *told, jnp.int32(20), rules=rules)
        start = Moving(W, H, W, H, jnp.asarray(1.0))
        exponents = jnp.asarray([rules.W.exponent, rules.H.exponent])
        moved = iterate_extrapolated(
            data, start, *told, jnp.asarray(1.0), exponents, jnp.int32(20), rules=rules
        )
        return moved.W, moved.H

    for A, B in zip(run(plain), run(patterned), strict=True):
        np.testing.assert_allclose(A, B, rtol=1e-9)


@pytest.mark.parametrize("beta", [-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0])
def test_no_step_raises_the_divergence(beta):
    for seed in range(5):
        X, W, H, patterns = draw(seed)
        data = PatternedData(DenseData(X, None), patterns)
        rules, told = step_rules("mu", beta, NONE), (NONE, jnp.ones(4, bool), jnp.asarray(1e-12))
        losses = []
        for _ in range(15):
            losses.append(float(data.row_divergence(W, H, beta, jnp.asarray(1e-12)).sum()))
            W, H = iterate_mu(data, W, H, *told, jnp.int32(1), rules=rules)
        assert (np.diff(losses) <= 1e-10 * losses[0]).all()


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
def test_blocks_are_one_matrix(beta):
    X, W, H, patterns = draw()
    rules, told = step_rules("mu", beta, NONE), (NONE, jnp.ones(4, bool), jnp.asarray(1e-12))
    blocks = FrameBlocks(X.reshape(3, 4, 7), None, jnp.int32(3))
    whole = iterate_mu(
        PatternedData(DenseData(X, None), patterns), W, H, *told, jnp.int32(5), rules=rules
    )
    cut = iterate_mu(
        PatternedData(blocks, patterns), W.reshape(3, 4, 4), H, *told, jnp.int32(5), rules=rules
    )
    np.testing.assert_allclose(cut[0].reshape(12, 4), whole[0], rtol=1e-10)
    np.testing.assert_allclose(cut[1], whole[1], rtol=1e-10)
