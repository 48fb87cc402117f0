"""The autoencoder's bound and gradients; the random walk; updates that majorize and minimize."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skbss._kernels.variational import (
    Autoencoder,
    Standard,
    decode,
    encode,
    log_powers,
    negative_elbo,
)
from skbss._kernels.variational_noise import (
    FLOOR,
    Mixed,
    log_posterior,
    maximization,
    metropolis,
    misfit,
)
from skbss._runtime.device import precision
from skbss.factorization._variational_training import untrained

N_ROWS, N_FREQS, N_HIDDEN, N_LATENT = 5, 7, 6, 3
_bound, _misfit, _maximization = jax.jit(negative_elbo), jax.jit(misfit), jax.jit(maximization)


def networks(seed=0, dtype=np.float64, silent=False):
    rng = np.random.RandomState(seed)
    P = rng.gamma(0.3, size=(N_ROWS, N_FREQS)).astype(dtype)
    if silent:
        P[1] = 0
    weights, standard = untrained(P, N_HIDDEN, N_LATENT, rng)
    return weights, standard, P, rng.standard_normal((N_ROWS, N_LATENT)).astype(dtype)


def test_bound_of_numpy():
    weights, standard, P, noise = networks()
    w = weights
    hidden = np.tanh(
        (np.log(P + 1e-6) - standard.mean) / standard.scale @ w.encoder + w.encoder_bias
    )
    mean = hidden @ w.mean + w.mean_bias
    variance = np.exp(hidden @ w.log_variance + w.log_variance_bias)
    z = mean + np.sqrt(variance) * noise
    power = np.exp(np.tanh(z @ w.decoder + w.decoder_bias) @ w.output + w.output_bias)
    ratio = (P + 1e-6) / power
    divergence = (ratio - np.log(ratio) - 1).sum()
    prior = 0.5 * (mean**2 + variance - np.log(variance) - 1).sum()
    with precision(np.float64):
        found = float(_bound(weights, standard, P, noise))
    np.testing.assert_allclose(found, (divergence + prior) / P.size, rtol=1e-12)


@pytest.mark.parametrize("silent", [False, True])
def test_gradients_are_those_of_finite_differences(silent):
    weights, standard, P, noise = networks(silent=silent)
    with precision(np.float64):
        slope = jax.tree.map(
            np.asarray, jax.jit(jax.grad(negative_elbo))(weights, standard, P, noise)
        )
        rng = np.random.default_rng(1)
        for name in Autoencoder._fields:
            ahead = rng.standard_normal(getattr(weights, name).shape)
            values = [
                float(
                    _bound(
                        weights._replace(**{name: getattr(weights, name) + by * ahead}),
                        standard,
                        P,
                        noise,
                    )
                )
                for by in (1e-5, -1e-5)
            ]
            expected = (values[0] - values[1]) / 2e-5
            np.testing.assert_allclose((getattr(slope, name) * ahead).sum(), expected, rtol=1e-5)


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1.0, 1e6])
def test_gradients_in_float32_are_finite(scale):
    weights, standard, P, noise = networks(dtype=np.float32)
    with precision(np.float32):
        slope = jax.jit(jax.grad(negative_elbo))(weights, standard, np.float32(scale) * P, noise)
    assert all(np.isfinite(one).all() for one in slope)


def test_untrained_networks_decode_the_mean():
    weights, standard, P, _ = networks()
    with precision(np.float64):
        at_zero = np.exp(np.asarray(jax.jit(decode)(weights, np.zeros(N_LATENT))))
        mean, log_variance = (np.asarray(one) for one in jax.jit(encode)(weights, standard, P))
    np.testing.assert_allclose(at_zero, P.mean(axis=0) + 1e-6, rtol=1e-12)
    assert mean.shape == log_variance.shape == (N_ROWS, N_LATENT)


def test_walk_finds_a_normal_distribution():
    """Linear and Gaussian: the posterior of z is known in closed form."""
    rng = np.random.default_rng(0)
    A, y = rng.standard_normal((4, 2)), rng.standard_normal(4)
    covariance = np.linalg.inv(np.eye(2) + A.T @ A)
    mean = covariance @ A.T @ y

    def log_density(z):
        return -(jnp.square(y - z @ A.T).sum(axis=1) + jnp.square(z).sum(axis=1)) / 2

    n_rows, n_samples = 400, 100
    with precision(np.float64):
        walk = jax.jit(partial(metropolis, log_density, n_samples=n_samples))
        key = jax.random.key(0)
        z, n_accepted = walk(np.zeros((n_rows, 2)), key, np.float64(0.7), np.int32(100))
        z, n_accepted = np.asarray(z), np.asarray(n_accepted)
    z = z.reshape(-1, 2)
    # The rows are independent, so that this many standard errors of their number are generous.
    error = 5 / np.sqrt(n_rows)
    np.testing.assert_allclose(z.mean(axis=0), mean, atol=error * np.sqrt(covariance.max()))
    np.testing.assert_allclose(np.cov(z.T), covariance, atol=error * 1.5 * covariance.max())
    assert 0.2 < n_accepted.mean() / 200 < 0.9


def test_walk_finds_the_posterior_of_the_model():
    """One latent dimension: the posterior is integrated over a grid."""
    rng = np.random.RandomState(3)
    P = rng.gamma(0.5, size=(1, N_FREQS))
    weights, _ = untrained(np.repeat(P, 4, axis=0), N_HIDDEN, 1, rng)
    weights = weights._replace(decoder=2 * weights.decoder, output=2 * weights.output)
    W, H = rng.uniform(size=(1, 2)), rng.uniform(size=(2, N_FREQS))
    grid = np.linspace(-8, 8, 4001)[:, None]
    n_rows, n_samples = 400, 100

    def model(n):
        z = np.zeros((n, 1))
        return Mixed(z, np.full(n, 0.8), np.repeat(W, n, axis=0), H)

    with precision(np.float64):
        on_grid = np.repeat(P, len(grid), axis=0)
        density = jax.jit(log_posterior)(weights, on_grid, model(len(grid)), grid)
        log_density = np.asarray(density)
        walk = jax.jit(
            lambda of, *walk: metropolis(partial(log_posterior, *of), *walk, n_samples)[0]
        )
        of = weights, np.repeat(P, n_rows, axis=0), model(n_rows)
        start = np.zeros((n_rows, 1)), jax.random.key(1), np.float64(1.5), np.int32(100)
        z = np.asarray(walk(of, *start)).ravel()
    density = np.exp(log_density - log_density.max())
    density /= density.sum()
    mean = (density * grid[:, 0]).sum()
    deviation = np.sqrt((density * (grid[:, 0] - mean) ** 2).sum())
    assert abs(mean) > 0.3  # The data matters: the prior's is 0.
    assert abs(z.mean() - mean) < 5 * deviation / np.sqrt(n_rows)
    assert abs(z.std() - deviation) < 5 * deviation / np.sqrt(n_rows)


powers = st.sampled_from([0.0, 1e-7, 1e-3, 1.0, 30.0])


@given(
    seed=st.integers(0, 2**16),
    values=st.lists(powers, min_size=N_ROWS * N_FREQS, max_size=N_ROWS * N_FREQS),
    silent_gain=st.booleans(),
)
def test_no_update_raises_the_misfit(seed, values, silent_gain):
    rng = np.random.default_rng(seed)
    P = np.array(values).reshape(N_ROWS, N_FREQS) * rng.gamma(0.5, size=(N_ROWS, N_FREQS))
    S = rng.gamma(0.2, size=(4, N_ROWS, N_FREQS)) + 1e-12
    gain, W, H = (
        rng.gamma(1, size=N_ROWS),
        rng.gamma(1, size=(N_ROWS, 2)),
        rng.gamma(1, size=(2, 7)),
    )
    if silent_gain:
        gain[0] = W[0] = 0
        W[:, 1] = 0
    mixed = Mixed(np.zeros((N_ROWS, N_LATENT)), gain, W, H)
    with precision(np.float64):
        values = [float(_misfit(P, S, mixed))]
        for _ in range(4):
            mixed = _maximization(P, S, mixed)
            values.append(float(_misfit(P, S, mixed)))
        parts = [np.asarray(one) for one in mixed[1:]]
    assert np.isfinite(values).all()
    assert all(np.isfinite(one).all() and (one >= 0).all() for one in parts)
    assert (np.diff(values) <= 1e-10 * np.abs(values[0])).all()
    if silent_gain:
        assert parts[0][0] == 0
        assert not parts[1][0].any()


def test_update_of_numpy():
    rng = np.random.default_rng(0)
    P, S = rng.gamma(1, size=(N_ROWS, N_FREQS)), rng.gamma(1, size=(3, N_ROWS, N_FREQS))
    gain, W, H = (
        rng.gamma(1, size=N_ROWS),
        rng.gamma(1, size=(N_ROWS, 2)),
        rng.gamma(1, size=(2, 7)),
    )
    with precision(np.float64):
        found = _maximization(P, S, Mixed(np.zeros((N_ROWS, 1)), gain, W, H))
        found = [np.asarray(one) for one in found[1:]]

    def V():
        return gain[:, None] * S + W @ H + FLOOR

    W = W * np.sqrt(((P / V() ** 2).sum(0) @ H.T) / ((1 / V()).sum(0) @ H.T))
    H = H * np.sqrt((W.T @ (P / V() ** 2).sum(0)) / (W.T @ (1 / V()).sum(0)))
    gain = gain * np.sqrt((P * S / V() ** 2).sum((0, 2)) / (S / V()).sum((0, 2)))
    for one, expected in zip(found, (gain, W, H), strict=True):
        np.testing.assert_allclose(one, expected, rtol=1e-12)


def test_rows_without_power_influence_no_others():
    rng = np.random.default_rng(0)
    P, S = rng.gamma(1, size=(N_ROWS, N_FREQS)), rng.gamma(1, size=(3, N_ROWS, N_FREQS))
    gain, W, H = (
        rng.gamma(1, size=N_ROWS),
        rng.gamma(1, size=(N_ROWS, 2)),
        rng.gamma(1, size=(2, 7)),
    )
    P[3:] = gain[3:] = W[3:] = 0
    with precision(np.float64):
        found = _maximization(P, S, Mixed(np.zeros((N_ROWS, 1)), gain, W, H))
        alone = _maximization(P[:3], S[:, :3], Mixed(np.zeros((3, 1)), gain[:3], W[:3], H))
        found, alone = (jax.tree.map(np.asarray, one) for one in (found, alone))
    np.testing.assert_allclose(found.H, alone.H, rtol=1e-14)
    np.testing.assert_allclose(found.W[:3], alone.W, rtol=1e-14)
    np.testing.assert_allclose(found.gain[:3], alone.gain, rtol=1e-14)
    assert not found.W[3:].any()
    assert not found.gain[3:].any()


def test_logarithms_of_silence():
    assert np.isfinite(np.asarray(log_powers(jnp.zeros((1, 2))))).all()


def test_standard_of_equal_rows():
    """What does not vary at all is not divided by zero."""
    P = np.ones((3, N_FREQS))
    _, standard = untrained(P, N_HIDDEN, N_LATENT, np.random.RandomState(0))
    assert isinstance(standard, Standard)
    assert standard.scale == 1
