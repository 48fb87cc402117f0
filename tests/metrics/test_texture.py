"""Blurred and pierced spectrograms."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.signal import istft, stft

from skbss.metrics import _spectra, over_smoothing, spectral_hole_rate

FRAMES = {"nperseg": 256, "noverlap": 192}


@pytest.fixture
def noise():
    return np.random.default_rng(0).standard_normal(16000)


def masked(signal, gain_of):
    """A signal of which every cell was multiplied with a gain."""
    spectra = stft(signal, **FRAMES)[2]
    return istft(spectra * gain_of(np.abs(spectra)), **FRAMES)[1][: len(signal)]


def test_blur_and_roughness(noise):
    blurred = masked(noise, lambda magnitude: gaussian_filter(magnitude, 5) / magnitude)
    rough = masked(noise, lambda magnitude: magnitude / magnitude.mean())
    indices = over_smoothing([noise] * 3, [blurred, noise, rough], 8000)
    assert indices[0] < 0.9
    assert indices[1] == 1
    assert indices[2] > 1.1


def test_both_by_hand(noise):
    s, s_hat = noise * np.linspace(0, 1, 16000) ** 4, noise + np.roll(noise, 7)
    P, P_hat = (np.abs(stft(x, **FRAMES)[2].T) ** 2 for x in (s, s_hat))
    quietest = 1e-3 * P.max()
    active = quietest <= P
    L, L_hat = (np.log(power / P.max() + 1e-3) for power in (P, P_hat))
    in_time, in_frequency = active[1:] & active[:-1], active[:, 1:] & active[:, :-1]
    varied = [
        np.abs(np.diff(levels, axis=0))[in_time].sum()
        + np.abs(np.diff(levels, axis=1))[in_frequency].sum()
        for levels in (L, L_hat)
    ]
    np.testing.assert_allclose(
        over_smoothing([s], [s_hat], 8000, active_range=30), [varied[1] / varied[0]]
    )
    np.testing.assert_allclose(
        spectral_hole_rate([s], [s_hat], 8000, active_range=30, depth=6),
        [(P_hat <= 10**-0.6 * P)[active].mean()],
    )


@pytest.mark.parametrize("measure", [over_smoothing, spectral_hole_rate])
def test_the_size_of_blocks_does_not_matter(monkeypatch, noise, measure):
    s_hat = np.where(np.arange(16000) % 3000 < 2500, noise, 0)
    whole = measure([noise], [s_hat], 8000)
    monkeypatch.setattr(_spectra, "_SAMPLES_PER_BLOCK", 256 * 20)
    np.testing.assert_allclose(measure([noise], [s_hat], 8000), whole, rtol=1e-12)


def test_holes_of_a_binary_mask(noise):
    def checkered(magnitude):
        return sum(np.indices(magnitude.shape) // 16) % 2

    pierced = masked(noise, checkered)
    soft = masked(noise, lambda magnitude: np.maximum(checkered(magnitude), 0.1))
    rates = spectral_hole_rate([noise] * 2, [pierced, soft], 8000)
    assert rates[0] > 10 * rates[1]
    assert 0 < rates[0] < 0.5


def test_limits_of_holes(noise):
    np.testing.assert_array_equal(
        spectral_hole_rate([noise] * 2, [noise, 1e-3 * noise], 8000), [0, 1]
    )


def test_quiet_cells_do_not_count(noise):
    quiet = np.where(np.arange(16000) < 8000, 1, 1e-2) * noise
    half = np.where(np.arange(16000) < 8000, 1, 0) * noise
    assert spectral_hole_rate([quiet], [half], 8000, active_range=20)[0] < 0.01
    assert 0.45 < spectral_hole_rate([quiet], [half], 8000)[0] < 0.5


def test_a_spectrogram_without_texture():
    """A single cell is active."""
    time = np.arange(320)
    s = np.cos(2 * np.pi * 8 * time / 64) * np.exp(-(((time - 128) / 20) ** 2))
    with pytest.warns(UserWarning, match="has no texture"):
        indices = over_smoothing([s], [s], 8000, n_fft=64, hop_length=64, active_range=1)
    np.testing.assert_array_equal(indices, [np.nan])


@pytest.mark.parametrize("measure", [over_smoothing, spectral_hole_rate])
def test_errors(noise, measure):
    with pytest.raises(ValueError, match="active_range must be positive"):
        measure([noise], [noise], 8000, active_range=0)
    with pytest.raises(ValueError, match="depth must be positive"):
        spectral_hole_rate([noise], [noise], 8000, depth=-40)
