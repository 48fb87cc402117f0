"""Sweeps over all levels of a hierarchy against NumPy, and the closed form of their components."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import lambertw

from skbss._kernels.deep import (
    Level,
    activations_of_mean_one,
    components_between,
    deeper_divergences,
    iterate_deep,
)
from skbss._kernels.dense_data import DenseData

RANKS = (6, 4, 2)
N_ROWS = np.array([12.0, 6, 4])
FLOOR = np.float64(1e-12)


@pytest.fixture(autouse=True)
def in_float64():
    with jax.enable_x64(True):
        yield


def start(seed):
    rng = np.random.default_rng(seed)
    X = rng.gamma(0.5, size=(12, 9)) + 1e-3
    sizes = zip((12, *RANKS[:-1]), RANKS, strict=True)
    return X, [(rng.random(size) + 0.1, rng.random((size[1], 9)) + 0.1) for size in sizes]


def divergence(X, Y):
    return (np.where(X > 0, X * np.log(np.where(X > 0, X, 1) / Y), 0) - X + Y).sum()


def sweep(X, layers, weights):
    """One sweep as the paper has it, with the argument of W written out."""
    layers = list(layers)
    for depth, (W, H) in enumerate(layers):
        data = layers[depth - 1][1] if depth else X
        W = W * ((data / (W @ H)) @ H.T)
        W = W / W.mean(axis=0)
        b = H * (W.T @ (data / (W @ H)))
        a = W.sum(axis=0)[:, None]
        if depth + 1 < len(layers):
            pull = weights[depth + 1] / weights[depth]
            a = a - pull * np.log(layers[depth + 1][0] @ layers[depth + 1][1])
            H = b / pull / lambertw(b / pull * np.exp(a / pull)).real
        else:
            H = b / a
        layers[depth] = W, H
    return layers


def iterated(X, layers, weights, count, entry_weights=None):
    levels = tuple(Level(jnp.asarray(W), jnp.asarray(H)) for W, H in layers)
    data = DenseData(jnp.asarray(X), entry_weights)
    return iterate_deep(data, levels, N_ROWS, np.asarray(weights), np.float64(0), np.int32(count))


@jax.jit
def between(b, a, model, pull):
    return components_between(b, a, model, jnp.asarray(pull))


@jax.jit
@jax.grad
def slope_between(H, b, a, model, pull):
    pulled = H * jnp.log(H / model) - H + model
    return (a * H - b * jnp.log(H) + pull * pulled).sum()


@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0), (1.0, 7.0, 0.3)])
def test_sweeps_are_those_of_numpy(weights):
    X, layers = start(0)
    expected = layers
    for count in range(1, 21):
        expected = sweep(X, expected, weights)
        found = iterated(X, layers, weights, count)
        for (W, H), (W0, H0) in zip(found, expected, strict=True):
            np.testing.assert_allclose(W, W0, rtol=1e-8)
            np.testing.assert_allclose(H, H0, rtol=1e-8)
            np.testing.assert_allclose(W.mean(axis=0), 1, rtol=1e-12)
    losses = np.asarray(deeper_divergences(found, np.float64(0)))
    (_, H1), (W2, H2), (W3, H3) = expected
    np.testing.assert_allclose(losses, [divergence(H1, W2 @ H2), divergence(H2, W3 @ H3)])


@given(
    seed=st.integers(0, 2**16),
    logs=st.lists(st.floats(-3, 3), min_size=3, max_size=3),
    zeros=st.sampled_from([0, 0.5, 0.8]),
    missing=st.sampled_from([0, 0.4]),
)
def test_no_sweep_raises_the_objective(seed, logs, zeros, missing):
    X, layers = start(seed)
    rng = np.random.default_rng(seed)
    X[rng.random(X.shape) < zeros] = 0
    mask = np.asarray(rng.random(X.shape) >= missing, float)
    layers = [(W / W.mean(axis=0), H) for W, H in layers]
    weights = np.exp(logs)
    levels = tuple(Level(jnp.asarray(W), jnp.asarray(H)) for W, H in layers)
    losses = [masked_objective(X, mask, levels, weights)]
    for _ in range(12):
        levels = masked_sweeps(X, mask, levels, weights)
        losses.append(masked_objective(X, mask, levels, weights))
    assert np.isfinite(losses).all()
    assert (np.diff(losses) <= 1e-10 * np.abs(losses[:-1])).all()


def masked_sweeps(X, mask, levels, weights):
    data = DenseData(jnp.asarray(X * mask), jnp.asarray(mask))
    return iterate_deep(data, levels, N_ROWS, weights, FLOOR, np.int32(12))


@jax.jit
def masked_objective(X, mask, levels, weights):
    floor = jnp.asarray(FLOOR)
    first = DenseData(X * mask, mask).row_divergence(*levels[0], 1.0, floor).sum()
    return weights[0] * first + weights[1:] @ deeper_divergences(levels, floor)


@given(seed=st.integers(0, 2**16), spread=st.sampled_from([0, 1, 10, 30]))
def test_activations_minimize_the_bound_with_mean_one(seed, spread):
    rng = np.random.default_rng(seed)
    b, a = np.exp(spread * rng.normal(size=(2, 12, 4)))
    b[rng.random(b.shape) < 0.2] = 0
    b[:, 0] = 0
    W = np.asarray(jax.jit(activations_of_mean_one)(b, a, np.float64(12)))
    np.testing.assert_array_equal(W > 0, b > 0)
    np.testing.assert_allclose(W[:, 1:].mean(axis=0), 1, rtol=1e-12)
    # a - b / W is the same everywhere in a column, as far as W is known.
    for k in range(1, 4):
        reached = b[:, k] > 0
        b_over_w = b[reached, k] / W[reached, k]
        multipliers = b_over_w - a[reached, k]
        middle = multipliers[np.argmin(b_over_w + a[reached, k])]
        assert (np.abs(multipliers - middle) <= 1e-12 * (b_over_w + a[reached, k])).all()


@given(seed=st.integers(0, 2**16), log_pull=st.floats(-9, 9))
def test_the_closed_form_is_where_the_gradient_is_zero(seed, log_pull):
    rng = np.random.default_rng(seed)
    b, a, model = (rng.gamma(0.3, size=(4, 5)) + 1e-6 for _ in range(3))
    pull = np.exp(log_pull)
    H = np.asarray(between(b, a, model, pull))
    # By as much as rounding of the entries of H moves it.
    terms = a + b / H + pull * (1 + np.abs(np.log(H)) + np.abs(np.log(model)))
    assert (np.abs(slope_between(H, b, a, model, pull)) <= 1e-13 * terms).all()


def test_a_step_of_components_minimizes_the_bound_of_the_objective():
    X, layers = start(3)
    weights = np.array([1.0, 2.0, 0.5])
    (W, H), (W2, H2), *_ = layers
    # The majorizer of the first divergence in H, whose gradient at H is that of the divergence.
    b = H * (W.T @ (X / (W @ H)))
    a = W.sum(axis=0)[:, None]

    @jax.grad
    def slope_of_bound(H):
        return (
            weights[0] * (a * H - b * jnp.log(H)).sum()
            + weights[1] * (H * jnp.log(H / (W2 @ H2)) - H).sum()
        )

    def exact(H):
        Y = W @ H
        return (
            weights[0] * (Y - X * jnp.log(Y)).sum()
            + weights[1] * (H * jnp.log(H / (W2 @ H2)) - H).sum()
        )

    slope_of_bound = jax.jit(slope_of_bound)
    np.testing.assert_allclose(slope_of_bound(H), jax.jit(jax.grad(exact))(H), rtol=1e-10)
    found = between(b, a, W2 @ H2, weights[1] / weights[0])
    np.testing.assert_allclose(slope_of_bound(found), 0, atol=1e-12)
    assert exact(found) < exact(H)


def test_zeros_of_the_closed_form():
    b = jnp.array([[0.0, 2.0, 0.0, 1e-300]])
    model = jnp.array([[3.0, 0.0, 0.0, 1.0]])
    H = between(b, jnp.array([[0.5]]), model, 2.0)
    np.testing.assert_allclose(H, [[3 * np.exp(-0.25), 0, 0, np.exp(-0.25)]], rtol=1e-12)


@pytest.mark.parametrize("pull", [1e-12, 1e12])
def test_extreme_pulls(pull):
    b, model = jnp.array([[0.1, 1.0, 30.0]]), jnp.array([[2.0, 1e-5, 0.3]])
    H = between(b, jnp.array([[0.5]]), model, pull)
    # Without a pull it is the multiplicative update, with nothing but a pull the model.
    np.testing.assert_allclose(H, b / 0.5 if pull < 1 else model, rtol=1e-5)


def test_weights_of_entries_and_padding():
    X, layers = start(1)
    weights = np.ones(3)
    mask = np.ones_like(X)
    mask[2, 3] = mask[5] = 0
    plain = iterated(X, layers, weights, 5, jnp.asarray(mask))
    X[2, 3] = X[5] = 7
    for one, other in zip(plain, iterated(X, layers, weights, 5, jnp.asarray(mask)), strict=True):
        np.testing.assert_allclose(one.H, other.H, rtol=1e-12)
    # What fills up are zeros, and changes nothing.
    X, layers = start(1)
    (W, H), (W2, H2), (W3, H3) = layers

    def wider(A, rows, columns):
        return np.pad(A, [(0, rows), (0, columns)])

    filled_up = [
        (wider(W, 3, 2), wider(H, 2, 4)),
        (wider(W2, 2, 0), wider(H2, 0, 4)),
        (W3, wider(H3, 0, 4)),
    ]
    levels = tuple(Level(jnp.asarray(W), jnp.asarray(H)) for W, H in filled_up)
    data = DenseData(jnp.asarray(wider(X, 3, 4)), None)
    floor = np.float64(1e-300)
    found = iterate_deep(data, levels, N_ROWS, weights, floor, np.int32(5))
    for one, other in zip(iterated(X, layers, weights, 5), found, strict=True):
        np.testing.assert_allclose(other.H[: len(one.H), :9], one.H, rtol=1e-12)
        np.testing.assert_array_equal(other.H[len(one.H) :], 0)
        np.testing.assert_array_equal(other.H[:, 9:], 0)
