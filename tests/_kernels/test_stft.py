"""The kernels of the transform: batches, gradients, projections."""

import jax
import jax.numpy as jnp
import numpy as np

from skbss._kernels.stft import frame_spectra, istft, overlap_add, stft

WINDOW = np.hanning(65)[:64].astype(np.float32)
SETTINGS = {"hop_length": 16, "margin": 32}


def forward(x):
    return stft(x, WINDOW, pad_mode="constant", **SETTINGS)


def backward(X, length):
    return istft(X, WINDOW, length=length, **SETTINGS)


def noise(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def test_frames_are_added_where_they_belong():
    frames = noise(3, 5, 10)
    for hop in (1, 3, 5, 10, 13):
        expected = np.zeros((3, 4 * hop + 10))
        for n in range(5):
            expected[:, n * hop : n * hop + 10] += frames[:, n]
        np.testing.assert_allclose(overlap_add(frames, hop_length=hop), expected, atol=1e-6)


def test_leading_axes_equal_vmap():
    x = noise(2, 3, 500)
    mapped = jax.vmap(jax.vmap(forward))(x)
    np.testing.assert_allclose(forward(x), mapped, atol=1e-5)
    np.testing.assert_allclose(
        backward(mapped, 500), jax.vmap(lambda X: backward(X, 500))(mapped), atol=1e-6
    )


def test_only_whole_frames_count():
    assert frame_spectra(noise(64 + 15), WINDOW, hop_length=16).shape == (1, 33)
    assert frame_spectra(noise(64 + 16), WINDOW, hop_length=16).shape == (2, 33)


def test_back_and_forth_is_a_projection():
    X = noise(32, 33) + 1j * noise(32, 33)
    once = forward(backward(X, 496))
    np.testing.assert_allclose(forward(backward(once, 496)), once, atol=2e-5)


def test_a_change_of_one_sample_changes_the_loss_as_the_gradient_says():
    x = noise(200)

    def loss(x):
        Z = forward(x)
        return jnp.sum(jnp.square(Z.real)) + jnp.sum(backward(0.5 * Z, 200) ** 2)

    gradient = np.asarray(jax.grad(loss)(x))
    with jax.enable_x64(True):
        for n in (0, 57, 199):
            step = np.zeros(200)
            step[n] = 1e-4
            slope = (loss(jnp.asarray(x + step, float)) - loss(jnp.asarray(x - step, float))) / 2e-4
            np.testing.assert_allclose(gradient[n], slope, rtol=1e-3, atol=1e-3)
