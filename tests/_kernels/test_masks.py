"""The kernels of the masks: shares, infinite exponents, gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skbss._kernels.masks import (
    masked_spectra,
    masks_with_known,
    soft_masks,
    source_models,
)


def test_models_are_sums_of_own_atoms():
    rng = np.random.default_rng(0)
    W, H = rng.random((2, 7, 4), np.float32), rng.random((4, 5), np.float32)
    V = source_models(W, H, jnp.array([[2, 4], [0, 3], [4, 4]]))
    np.testing.assert_allclose(V[0], W[..., 2:3] * H[2], rtol=1e-6)
    np.testing.assert_allclose(V[1], W[..., [0, 3]] @ H[[0, 3]], rtol=1e-6)
    assert not V[2].any()


@pytest.mark.parametrize(
    ("exponent", "expected"),
    [(1.0, [0.75, 0.25]), (2.0, [0.9, 0.1]), (0.5, [0.633975, 0.366025]), (np.inf, [1, 0])],
)
def test_shares(exponent, expected):
    V = jnp.array([[3.0], [1.0]])
    np.testing.assert_allclose(soft_masks(V, jnp.float32(exponent)).ravel(), expected, rtol=1e-5)


def test_ties_and_silence_are_shared_equally():
    V = jnp.array([[0.0, 2.0], [0.0, 2.0], [0.0, 1.0]])
    masks = soft_masks(V, jnp.float32(np.inf))
    np.testing.assert_allclose(masks, [[1 / 3, 0.5], [1 / 3, 0.5], [1 / 3, 0]], rtol=1e-6)


@pytest.mark.parametrize("level", [1e-37, 1e37])
def test_extreme_levels(level):
    V = jnp.array([[3.0], [1.0]]) * level
    np.testing.assert_allclose(soft_masks(V, jnp.float32(2)).ravel(), [0.9, 0.1], rtol=1e-5)


def test_gradients_are_finite_where_models_are_zero():
    rng = np.random.default_rng(0)
    X = (rng.standard_normal((3, 4)) + 1j).astype(np.complex64)
    W, H = jnp.zeros((3, 2)).at[0].set(1.0), jnp.ones((2, 4)).at[0, 0].set(0.0)
    atoms = jnp.array([[0], [1]])

    def loss(W, H):
        S = masked_spectra(X, W, H, atoms, jnp.float32(0.5))
        return jnp.sum(S.real**2 + S.imag**2)

    for gradient in jax.grad(loss, argnums=(0, 1))(W, H):
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("exponent", [0.5, 1.0, np.inf])
def test_known_shares_are_kept_and_the_rest_is_dealt_out(exponent):
    rng = np.random.default_rng(0)
    V = rng.random((3, 5, 4), np.float32)
    known = np.full(V.shape, -1, np.float32)
    free = masks_with_known(V, known, jnp.float32(exponent))
    np.testing.assert_allclose(free, soft_masks(V, jnp.float32(exponent)), rtol=1e-6)
    known[0, 0] = 0.25
    known[1, 1] = 1
    known[0, 2] = known[1, 2] = 0
    known[:, 3] = [[0.5], [0.2], [0.3]]
    masks = np.asarray(masks_with_known(V, known, jnp.float32(exponent)))
    is_known = known >= 0
    np.testing.assert_allclose(masks[is_known], known[is_known], rtol=1e-6)
    np.testing.assert_allclose(masks.sum(axis=0), 1, rtol=1e-6)
    others = soft_masks(V[1:, 0], jnp.float32(exponent))
    np.testing.assert_allclose(masks[1:, 0], 0.75 * others, rtol=1e-5)
    np.testing.assert_array_equal(masks[2, 1], 0)
    np.testing.assert_allclose(masks[2, 2], 1)


def test_the_rest_is_shared_equally_by_models_of_zeros():
    V = jnp.array([[5.0], [0.0], [0.0]])
    known = jnp.array([[0.4], [-1.0], [-1.0]])
    np.testing.assert_allclose(
        masks_with_known(V, known, jnp.float32(1)).ravel(), [0.4, 0.3, 0.3], rtol=1e-6
    )
