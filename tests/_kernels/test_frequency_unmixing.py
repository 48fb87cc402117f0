"""Unmixing by frequencies: the objective, sweeps that never raise it, where they come to rest."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skbss._kernels.frequency_unmixing import covariances, improve_unmixing, sparse_objective

N_FREQS, N_FRAMES = 5, 40


@pytest.fixture(autouse=True)
def in_float64():
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"):
        yield


def complex_normal(rng, *shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def draw(seed=0, n_channels=3):
    """Sources that are loud at times, mixed anew at every frequency, and some unmixing."""
    rng = np.random.default_rng(seed)
    loudness = rng.gamma(0.3, size=(n_channels, N_FRAMES))
    S = complex_normal(rng, N_FREQS, n_channels, N_FRAMES) * loudness
    Z = complex_normal(rng, N_FREQS, n_channels, n_channels) @ S
    return Z, complex_normal(rng, N_FREQS, n_channels, n_channels)


def count(number):
    return np.asarray(number, np.int32)


def plain_objective(Z, U):
    Y = U @ Z
    norms = np.sqrt((abs(Y) ** 2).sum(axis=0))
    volumes = [np.log(abs(np.linalg.det(one))) for one in U]
    return 2 * norms.sum() / (Z.shape[-1] * np.sqrt(len(Z))) - 2 * np.mean(volumes)


def test_the_objective_is_the_one_of_the_formula():
    Z, U = draw()
    value = sparse_objective(Z, U, count(N_FRAMES))
    np.testing.assert_allclose(value, plain_objective(Z, U), rtol=1e-12)
    permuted = U[:, [2, 0, 1]] * np.exp(1j * np.arange(3))[:, None]
    np.testing.assert_allclose(sparse_objective(Z, permuted, count(N_FRAMES)), value, rtol=1e-12)
    # Each frequency by itself must not be permuted.
    confused = U.copy()
    confused[0] = U[0, [1, 0, 2]]
    assert abs(sparse_objective(Z, confused, count(N_FRAMES)) - value) > 1e-3


@settings(deadline=None, max_examples=20)
@given(
    seed=st.integers(0, 10**6),
    n_channels=st.integers(1, 4),
    silent=st.sampled_from(["nothing", "frames", "a frequency", "a channel"]),
)
def test_no_sweep_raises_the_objective(seed, n_channels, silent):
    with jax.enable_x64(True):
        Z, U = draw(seed, n_channels)
        if silent == "frames":
            Z[..., ::3] = 0
        elif silent == "a frequency":
            Z[1] = 0
        elif silent == "a channel":
            Z[:, -1] = 1e-5 * Z[:, -1]
        values = [float(sparse_objective(Z, U, count(N_FRAMES)))]
        for _ in range(8):
            U = improve_unmixing(Z, U, count(N_FRAMES), count(1))
            values.append(float(sparse_objective(Z, U, count(N_FRAMES))))
        # A frequency without anything in it may be scaled once, to any volume.
        rises = np.diff(values[1:] if silent == "a frequency" else values)
        assert (rises <= 1e-9 * max(map(abs, values))).all()
        assert values[-1] < values[0] or silent == "a frequency"


def test_it_rests_where_the_gradient_vanishes():
    Z, U = draw(n_channels=2)
    U = np.asarray(improve_unmixing(Z, U, count(N_FRAMES), count(2000)))
    Y = U @ Z
    slopes = np.sqrt(N_FREQS) * Y / np.sqrt((abs(Y) ** 2).sum(axis=0))
    products = slopes @ Y.conj().swapaxes(1, 2) / N_FRAMES
    np.testing.assert_allclose(products, np.broadcast_to(np.eye(2), products.shape), atol=1e-6)

    def at(real, imaginary):
        return sparse_objective(Z, jax.lax.complex(real, imaginary), count(N_FRAMES))

    for slope in jax.grad(at, argnums=(0, 1))(jnp.asarray(U.real), jnp.asarray(U.imag)):
        np.testing.assert_allclose(slope, 0, atol=1e-6)


def test_many_sweeps_at_once_are_single_ones():
    Z, U = draw()
    at_once = improve_unmixing(Z, U, count(N_FRAMES), count(4))
    for _ in range(4):
        U = improve_unmixing(Z, U, count(N_FRAMES), count(1))
    np.testing.assert_allclose(at_once, U, rtol=1e-9)


def test_what_fills_up_has_no_influence():
    Z, U = draw()
    filled = np.concatenate([Z, np.zeros_like(Z[..., :7])], axis=-1)
    for kernel in (covariances, lambda *data: improve_unmixing(data[0], U, data[1], count(3))):
        np.testing.assert_allclose(
            kernel(filled, count(N_FRAMES)), kernel(Z, count(N_FRAMES)), rtol=1e-9
        )
    np.testing.assert_allclose(
        sparse_objective(filled, U, count(N_FRAMES)), plain_objective(Z, U), rtol=1e-12
    )
