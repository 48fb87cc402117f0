"""STFT and ISTFT give librosa's numbers, transposed."""

import librosa
import numpy as np
import pytest

from skbss import ISTFT, STFT

SETTINGS = [
    {},
    {"n_fft": 1024, "hop_length": 256, "window": "hamming"},
    {"n_fft": 512, "hop_length": 128, "win_length": 400, "pad_mode": "reflect"},
    {"n_fft": 512, "win_length": 301, "pad_mode": "edge"},
    {"n_fft": 511, "hop_length": 100, "pad_mode": "symmetric"},
    {"n_fft": 255, "hop_length": 64, "win_length": 200, "window": ("kaiser", 5.0)},
    {"n_fft": 256, "hop_length": 100, "window": "boxcar", "center": False},
    {"n_fft": 257, "hop_length": 30, "window": "hamming", "center": False},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("length", [4096, 5003])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-14)])
def test_same_as_librosa(settings, length, dtype, tolerance):
    x = np.random.default_rng(0).standard_normal((2, length)).astype(dtype)
    expected = librosa.stft(x, **settings)
    X = STFT(**settings).fit_transform(x)
    assert X.dtype == expected.dtype
    assert X.shape == expected.swapaxes(-1, -2).shape
    assert np.abs(X - expected.swapaxes(-1, -2)).max() <= tolerance * np.abs(expected).max()

    settings = {name: value for name, value in settings.items() if name != "pad_mode"}
    for wanted in (None, length, length - 700, length + 700):
        back = librosa.istft(expected, length=wanted, **settings)
        y = ISTFT(length=wanted, **settings).fit_transform(expected.swapaxes(-1, -2))
        assert y.dtype == back.dtype
        assert y.shape == back.shape
        np.testing.assert_allclose(y, back, rtol=0, atol=4 * tolerance)


def test_modified_spectra_too():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 129)) + 1j * rng.standard_normal((40, 129))
    y = ISTFT(256).transform(X)
    np.testing.assert_allclose(y, librosa.istft(X.T, n_fft=256), rtol=0, atol=1e-14)
