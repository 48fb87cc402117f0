"""SSIM: the definition, the package, blocks, and a package that is missing."""

import sys

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from skbss.metrics import _spectra, spectrogram_ssim, ssim


@pytest.fixture
def package():
    return pytest.importorskip("skimage.metrics")


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    images = rng.random((2, 3, 20, 15))
    return images, np.clip(images + 0.3 * rng.standard_normal(images.shape), 0, 1)


@pytest.mark.parametrize("data_range", [1, 255.0])
def test_by_hand(package, images, data_range):
    x, y = (sliding_window_view(one, (7, 7), axis=(2, 3)) for one in images)
    x, y = (one.reshape(*one.shape[:4], 49) for one in (x, y))
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    mx, my = x.mean(-1), y.mean(-1)
    cov = ((x - mx[..., None]) * (y - my[..., None])).sum(-1) / 48
    vx, vy = x.var(-1, ddof=1), y.var(-1, ddof=1)
    expected = (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    similarities = ssim(*images, data_range=data_range)
    np.testing.assert_allclose(similarities, expected.mean(axis=(2, 3)))
    np.testing.assert_allclose(
        similarities[1, 2],
        package.structural_similarity(images[0][1, 2], images[1][1, 2], data_range=data_range),
    )


def test_limits(package, images):
    np.testing.assert_allclose(ssim(images[0], images[0], data_range=1), np.ones((2, 3)))
    similarity = ssim(images[0][0, 0], 1 - images[0][0, 0], data_range=1)
    assert np.shape(similarity) == ()
    assert -1 <= similarity < -0.5
    np.testing.assert_allclose(ssim(np.zeros((9, 9)), np.zeros((9, 9)), data_range=1), 1)
    assert ssim(np.zeros((9, 9)), np.ones((9, 9)), data_range=1) < 1e-3


def test_the_unit_does_not_matter(package, images):
    expected = ssim(*images, data_range=1)
    for gain in (1e-200, 255, 1e200):
        scaled = (gain * one for one in images)
        np.testing.assert_allclose(ssim(*scaled, data_range=gain), expected)


@pytest.mark.parametrize(
    ("shape", "other", "data_range", "error", "message"),
    [
        ((6, 9), (6, 9), 1, ValueError, "sides of at least 7, got .6, 9."),
        ((9,), (9,), 1, ValueError, "reference_images must have the shape"),
        ((9, 9), (9, 8), 1, ValueError, "must have the same shape"),
        ((9, 9), (9, 9), 0, ValueError, "data_range must be positive"),
        ((9, 9), (9, 9), None, TypeError, "data_range must be a number"),
    ],
)
def test_errors(package, shape, other, data_range, error, message):
    with pytest.raises(error, match=message):
        ssim(np.ones(shape), np.ones(other), data_range=data_range)


def test_pixels_must_be_numbers(package):
    with pytest.raises(ValueError, match="Input estimated_images contains NaN"):
        ssim(np.ones((9, 9)), np.full((9, 9), np.nan), data_range=1)


def test_of_spectrograms(package, monkeypatch):
    rng = np.random.default_rng(0)
    s = rng.standard_normal(6000) * np.linspace(0, 1, 6000)
    s_hat = s + 0.2 * rng.standard_normal(6000)
    (powers,) = _spectra.check_analysis(8000, 128, 32, "hann").power_blocks(s, s_hat)
    images = [10 * np.log10(power / powers[0].max() + 1e-8) for power in powers]
    expected = package.structural_similarity(*images, data_range=80)
    options = {"n_fft": 128, "hop_length": 32}
    np.testing.assert_allclose(spectrogram_ssim([s], [s_hat], 8000, **options), [expected])
    monkeypatch.setattr(_spectra, "_SAMPLES_PER_BLOCK", 128 * 16)
    np.testing.assert_allclose(spectrogram_ssim([s], [s_hat], 8000, **options), [expected])


def test_spectrograms_of_few_frames_are_nan(package):
    s = np.random.default_rng(0).standard_normal((1, 128))
    with pytest.warns(UserWarning, match="fewer than 7 frames"):
        similarities = spectrogram_ssim(s, s, 8000, n_fft=128, hop_length=32)
    np.testing.assert_array_equal(similarities, [np.nan])


def test_a_missing_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.metrics", None)
    for compute in (
        lambda: ssim(np.ones((9, 9)), np.ones((9, 9)), data_range=1),
        lambda: spectrogram_ssim(np.ones((1, 900)), np.ones((1, 900)), 8000),
    ):
        with pytest.raises(ImportError, match=r'needs the .* pip install "skbss\[vision\]"'):
            compute()
