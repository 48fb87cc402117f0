"""Unmixing by filters: the objective, what does not matter to it, its gradient, Adam's steps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skbss._kernels.fir_unmixing import AdaptingFilters, adapt_filters, scale_free_objective

N_FFT, N_TAPS, N_CHANNELS, N_FRAMES = 16, 6, 2, 30
N_FREQS = N_FFT // 2 + 1


@pytest.fixture(autouse=True)
def in_float64():
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"):
        yield


def draw(seed=0):
    rng = np.random.default_rng(seed)
    shape = (2, N_FREQS, N_CHANNELS, N_FRAMES)
    real, imaginary = rng.standard_normal(shape) * rng.gamma(0.3, size=(N_CHANNELS, N_FRAMES))
    return real + 1j * imaginary, rng.standard_normal((N_CHANNELS, N_CHANNELS, N_TAPS))


def count(number):
    return np.asarray(number, np.int32)


def objective(u, Z, n_frames=N_FRAMES):
    return scale_free_objective(jnp.asarray(u), Z, count(n_frames), n_fft=N_FFT)


def plain_objective(u, Z):
    U = np.moveaxis(np.fft.rfft(u, N_FFT), -1, 0)
    Y = U @ Z
    variances = (abs(Y) ** 2).mean(axis=-1)
    norms = np.sqrt((abs(Y) ** 2 / variances[..., None]).sum(axis=0))
    volumes = [
        2 * np.log(abs(np.linalg.det(one))) - np.log(own).sum()
        for one, own in zip(U, variances, strict=True)
    ]
    return 2 * norms.sum() / (N_FRAMES * np.sqrt(N_FREQS)) - np.mean(volumes)


def test_the_objective_is_the_one_of_the_formula():
    Z, u = draw()
    np.testing.assert_allclose(objective(u, Z), plain_objective(u, Z), rtol=1e-12)


def test_neither_scales_nor_spectra_nor_the_order_of_sources_matter():
    Z, u = draw()
    value = objective(u, Z)
    gains = np.array([-3.0, 0.01])[:, None, None]
    np.testing.assert_allclose(objective(gains * u, Z), value, rtol=1e-12)
    np.testing.assert_allclose(objective(u[::-1], Z), value, rtol=1e-12)
    echo = np.zeros_like(u[..., :4])
    echo[..., [0, 3]] = 1, -0.7
    colored = np.stack(
        [
            [np.convolve(taps, own) for taps, own in zip(*one, strict=True)]
            for one in zip(u, echo, strict=True)
        ]
    )
    np.testing.assert_allclose(objective(colored, Z), value, rtol=1e-12)
    assert abs(objective(np.roll(u, 1, axis=1), Z) - value) > 1e-3


@pytest.mark.parametrize("silent", [False, True])
def test_the_gradient(silent):
    Z, u = draw()
    if silent:
        Z[3] = 0
        Z[..., ::4] = 0
    gradient = np.asarray(jax.grad(objective)(jnp.asarray(u), Z))
    assert np.isfinite(gradient).all()
    rng = np.random.default_rng(1)
    for _ in range(3):
        direction = rng.standard_normal(u.shape)
        step = 1e-5
        slope = (objective(u + step * direction, Z) - objective(u - step * direction, Z)) / 2 / step
        np.testing.assert_allclose((gradient * direction).sum(), slope, rtol=1e-6)


def test_steps_are_those_of_adam():
    Z, u = draw()
    zeros = jnp.zeros_like(jnp.asarray(u))
    start = AdaptingFilters(jnp.asarray(u), zeros, zeros, jnp.asarray(0, jnp.int32))
    rate, decay = np.asarray(0.01), np.asarray(0.5)
    found = adapt_filters(Z, start, count(N_FRAMES), rate, decay, count(3), n_fft=N_FFT)
    first = second = np.zeros_like(u)
    for t in range(3):
        gradient = np.asarray(jax.grad(objective)(jnp.asarray(u), Z))
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        spread = np.sqrt(second / (1 - 0.999 ** (t + 1))) + 1e-8
        u = u - 0.01 / (1 + 0.5 * t) * first / (1 - 0.9 ** (t + 1)) / spread
    np.testing.assert_allclose(found.u, u, rtol=1e-9)
    assert found.n_steps == 3
    assert objective(found.u, Z) < objective(start.u, Z)


def test_what_fills_up_has_no_influence():
    Z, u = draw()
    filled = np.concatenate([Z, np.zeros_like(Z[..., :7])], axis=-1)
    np.testing.assert_allclose(objective(u, filled), objective(u, Z), rtol=1e-12)
    assert np.isfinite(objective(u, np.zeros_like(Z)))
