"""The kernels of the ideal filters: frames that fill up shapes, silence, a leading axis."""

import jax
import jax.numpy as jnp
import numpy as np

from skbss._kernels.ideal_filters import (
    ideally_masked_waveforms,
    spatial_moments,
    wiener_waveforms,
)

HOP, WINDOW = 16, np.hanning(65)[:64].astype(np.float32)
N_FRAMES = np.asarray(5)
EYE = np.broadcast_to(np.eye(2, dtype=np.complex64), (3, 33, 2, 2))


def draw(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def masked(x, sources, n_frames=N_FRAMES, exponent=2):
    exponent = jnp.float32(exponent)
    return ideally_masked_waveforms(x, sources, exponent, WINDOW, n_frames, hop_length=HOP)


def filtered(x, sources, R, n_frames=N_FRAMES):
    return wiener_waveforms(x, sources, R, WINDOW, n_frames, hop_length=HOP)


def moments(sources, n_frames=N_FRAMES):
    return spatial_moments(sources, WINDOW, n_frames, hop_length=HOP)


def test_frames_that_fill_up_the_shape_do_not_count():
    sources = draw(3, 2, 64 + 9 * HOP)
    x = sources.sum(axis=0)
    short = 64 + 4 * HOP
    np.testing.assert_allclose(moments(sources), moments(sources[..., :short]), rtol=1e-5)
    for kernel in (masked, lambda x, s: filtered(x, s, EYE)):
        padded = np.asarray(kernel(x, sources))
        np.testing.assert_allclose(
            padded[..., :short], kernel(x[..., :short], sources[..., :short]), atol=1e-5
        )
        assert not padded[..., short:].any()


def test_moments_are_hermitian_sums_of_outer_products():
    sources = draw(3, 2, 64 + 4 * HOP)
    found = np.asarray(moments(sources))
    frames = np.stack([sources[..., t * HOP : t * HOP + 64] for t in range(5)], axis=2)
    S = np.fft.rfft(frames * WINDOW)
    np.testing.assert_allclose(found, np.einsum("jatf,jbtf->jfab", S, S.conj()), atol=1e-3)
    np.testing.assert_array_equal(found, found.conj().swapaxes(-1, -2))


def test_gradients_of_silence_are_finite():
    x = draw(2, 64 + 4 * HOP)
    silence = np.zeros((3, 2, 64 + 4 * HOP), np.float32)

    def energy(x):
        return jnp.sum(filtered(x, silence, EYE) ** 2) + jnp.sum(masked(x, silence) ** 2)

    assert np.isfinite(jax.grad(energy)(x)).all()


def test_over_a_leading_axis():
    sources = draw(4, 3, 2, 64 + 4 * HOP)
    x = sources.sum(axis=1)
    for kernel in (masked, lambda x, s: filtered(x, s, EYE + 0.1 * moments(s))):
        looped = np.stack([kernel(*one) for one in zip(x, sources, strict=True)])
        np.testing.assert_allclose(jax.vmap(kernel)(x, sources), looped, atol=1e-4)
