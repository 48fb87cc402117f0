"""Convolution over frames: sums, transposes, gradients, the boundaries of recordings."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skbss._kernels.convolution import fold, unfold
from skbss._kernels.convolutive_data import ConvolutiveData, flat_activations
from skbss._kernels.dense_data import DenseData
from skbss._kernels.divergences import beta_divergence
from skbss.factorization._recordings import positions

BETAS = [-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0]
LENGTHS = (5, 1, 3)
N_FRAMES, N_FREQS, K, TAPS = sum(LENGTHS), 6, 2, 3
FLOOR, NO_FLOOR = jnp.asarray(np.float32([1e-3, 0]))
POSITION = jnp.asarray(positions(LENGTHS))

lengths_of_recordings = st.lists(st.integers(1, 6), min_size=1, max_size=4)


@pytest.fixture(autouse=True)
def in_float64():
    with jax.enable_x64(True):
        yield


def draw(seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(0.1, 2, (N_FRAMES, N_FREQS))
    W = rng.uniform(0.1, 1, (N_FRAMES, K))
    H = rng.uniform(0.1, 1, (TAPS, K, N_FREQS))
    return jnp.asarray(X), jnp.asarray(W), jnp.asarray(H)


def model(W, H, lengths):
    """The sum of delayed products, recording by recording."""
    Y = np.zeros((len(W), H.shape[-1]))
    begin = 0
    for length in lengths:
        for n, tap in itertools.product(range(length), range(len(H))):
            if tap <= n:
                Y[begin + n] += W[begin + n - tap] @ H[tap]
        begin += length
    return Y


@settings(deadline=None, max_examples=15)
@given(lengths=lengths_of_recordings, taps=st.integers(1, 8), seed=st.integers(0, 2**16))
def test_unfolding_makes_a_product_of_the_convolution(lengths, taps, seed):
    rng = np.random.default_rng(seed)
    W, H = rng.random((sum(lengths), K)), rng.random((taps, K, N_FREQS))
    with jax.enable_x64(True):
        U = unfold(jnp.asarray(W), jnp.asarray(positions(lengths)), taps)
    np.testing.assert_allclose(U @ H.reshape(-1, N_FREQS), model(W, H, lengths), atol=1e-12)


@settings(deadline=None, max_examples=15)
@given(lengths=lengths_of_recordings, taps=st.integers(1, 8), seed=st.integers(0, 2**16))
def test_folding_is_the_transpose_of_unfolding(lengths, taps, seed):
    rng = np.random.default_rng(seed)
    W, G = rng.normal(size=(sum(lengths), K)), rng.normal(size=(sum(lengths), taps * K))
    with jax.enable_x64(True):
        position = jnp.asarray(positions(lengths))
        unfolded = np.vdot(unfold(jnp.asarray(W), position, taps), G)
        folded = np.vdot(W, fold(jnp.asarray(G), position, taps))
    assert unfolded == pytest.approx(folded, abs=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("beta", BETAS)
def test_parts_are_those_of_the_gradient(beta, weighted):
    X, W, H = draw()
    weights = jnp.asarray(np.random.default_rng(1).random(X.shape)) if weighted else None
    data, floor = ConvolutiveData(DenseData(X, weights), POSITION), FLOOR if beta < 2 else NO_FLOOR

    def loss(W, H):
        Y = unfold(W, POSITION, TAPS) @ H.reshape(-1, N_FREQS) + floor
        divergence = beta_divergence(X, Y, beta)
        return (divergence if weights is None else weights * divergence).sum()

    slopes = jax.grad(loss, argnums=(0, 1))(W, H)
    parts = data.activation_parts(W, H, beta, floor), data.component_parts(W, H, beta, floor)
    for slope, (numerator, denominator) in zip(slopes, parts, strict=True):
        assert (numerator >= 0).all()
        assert (denominator >= 0).all()
        np.testing.assert_allclose(denominator - numerator, slope, rtol=1e-9, atol=1e-9)
    assert data.row_divergence(W, H, beta, floor).sum() == pytest.approx(float(loss(W, H)))


def test_products_of_long_templates_are_those_of_short_ones():
    # With more delayed activations than twice the frequencies the model itself is computed.
    all_X, W, all_H = draw()
    for n_freqs in (2, N_FREQS):
        X, H = all_X[:, :n_freqs], all_H[:, :, :n_freqs]
        plain = ConvolutiveData(DenseData(X, None), POSITION)
        weighted = ConvolutiveData(DenseData(X, jnp.ones_like(X)), POSITION)
        for name in ("activation_parts", "component_parts"):
            each = (getattr(data, name)(W, H, 2.0, NO_FLOOR) for data in (plain, weighted))
            jax.tree.map(np.testing.assert_allclose, *each)


def test_averaged_steps_are_means_of_ratios():
    X, W, H = draw()
    data = ConvolutiveData(DenseData(X, None), POSITION, averages=True)
    numerator, denominator = data.activation_parts(W, H, 1.0, FLOOR)
    ratio = X / (model(W, H, LENGTHS) + FLOOR)
    begin = 0
    for length in LENGTHS:
        for n in range(length):
            taps = range(min(TAPS, length - n))
            asked = [ratio[begin + n + tap] @ H[tap].T / H[tap].sum(axis=1) for tap in taps]
            found = numerator[begin + n] / denominator[begin + n]
            np.testing.assert_allclose(found, np.mean(asked, axis=0))
        begin += length


def test_what_is_silent_or_does_not_count_has_no_say_in_averages():
    X, W, H = draw()
    weights = jnp.ones_like(X).at[2:4].set(0)

    def ratio(H, weights=None):
        data = ConvolutiveData(DenseData(X, weights), POSITION, averages=True)
        numerator, denominator = data.activation_parts(W, H, 1.0, FLOOR)
        return numerator / denominator

    padded = jnp.pad(H, ((0, 2), (0, 0), (0, 0)))
    np.testing.assert_allclose(ratio(padded), ratio(H))
    # Of the third frame's three frames of templates only the last one counts.
    asked = (X[4] / (model(W, H, LENGTHS)[4] + FLOOR)) @ H[2].T / H[2].sum(axis=1)
    np.testing.assert_allclose(ratio(H, weights)[2], asked)


def test_frames_that_fill_up_change_nothing():
    X, W, H = draw()
    data = ConvolutiveData(DenseData(X, None), POSITION)
    filled = ConvolutiveData(
        DenseData(jnp.pad(X, ((0, 4), (0, 0)), constant_values=1e-3), None),
        jnp.pad(POSITION, (0, 4)),
    )
    more = jnp.pad(W, ((0, 4), (0, 0)))
    for beta in (0.0, 1.0, 2.0):
        plain = data.activation_parts(W, H, beta, FLOOR), data.component_parts(W, H, beta, FLOOR)
        first = tuple(part[:N_FRAMES] for part in filled.activation_parts(more, H, beta, FLOOR))
        both = first, filled.component_parts(more, H, beta, FLOOR)
        jax.tree.map(np.testing.assert_allclose, plain, both)
        rows = filled.row_divergence(more, H, beta, FLOOR)
        np.testing.assert_allclose(rows[N_FRAMES:], 0, atol=1e-12)


def test_activations_start_at_the_level_around_them():
    X, _, H = draw()
    X = X.at[2:5].set(0)  # the end of the first recording, which is five frames long
    H = H.at[:, 1].set(0)
    W = flat_activations(ConvolutiveData(DenseData(X, None), POSITION), H)
    assert (W[2:5] == 0).all()  # whatever begins there is silent
    assert (W[:2, 0] > 0).all()  # a template may begin in silence, but not end in it
    assert (W[:, 1] == 0).all()
    assert (W[5:, 0] > 0).all()
    louder = flat_activations(ConvolutiveData(DenseData(4 * X, None), POSITION), H)
    np.testing.assert_allclose(louder, 4 * W)
