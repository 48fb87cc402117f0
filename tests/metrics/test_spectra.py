"""The spectrograms that measures are taken of: frames, blocks, parameters."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.signal import stft

from skbss.metrics import _spectra, log_spectral_distance, spectral_hole_rate
from skbss.metrics._spectra import check_analysis


@pytest.mark.parametrize(("n_fft", "hop_length"), [(64, 16), (64, 64), (100, 30)])
def test_same_powers_as_scipy(n_fft, hop_length):
    signal = np.random.default_rng(0).standard_normal(1000)
    analysis = check_analysis(8000, n_fft, hop_length, "hann")
    (power,) = next(analysis.power_blocks(signal))
    _, _, spectra = stft(
        signal, nperseg=n_fft, noverlap=n_fft - hop_length, padded=True, scaling="spectrum"
    )
    n_frames = analysis.n_frames(len(signal))
    assert len(power) == n_frames
    expected = np.abs(spectra.T[:n_frames] * analysis.window.sum()) ** 2
    np.testing.assert_allclose(power, expected, atol=1e-9)


@pytest.mark.parametrize("overlap", [0, 1, 6])
def test_blocks_are_one_spectrogram(monkeypatch, overlap):
    signals = np.random.default_rng(0).standard_normal((2, 5000))
    analysis = check_analysis(8000, 64, 16, "hann")
    (whole,) = analysis.power_blocks(*signals)
    monkeypatch.setattr(_spectra, "_SAMPLES_PER_BLOCK", 64 * 20)
    blocks = list(analysis.power_blocks(*signals, overlap=overlap))
    assert len(blocks) > 10
    for n, power in enumerate(whole):
        parts = [block[n] for block in blocks]
        joined = np.concatenate([parts[0], *(part[overlap:] for part in parts[1:])])
        np.testing.assert_array_equal(joined, power)
        for before, after in pairwise(parts):
            np.testing.assert_array_equal(before[len(before) - overlap :], after[:overlap])


@pytest.mark.parametrize(
    ("sample_rate", "n_fft"),
    [(100, 16), (8000, 256), (16000, 512), (22050, 512), (44100, 1024), (48000, 2048)],
)
def test_frames_of_32_ms(sample_rate, n_fft):
    analysis = check_analysis(sample_rate, None, None, "hann")
    assert (analysis.n_fft, analysis.hop_length) == (n_fft, n_fft // 4)
    assert analysis.frequencies[-1] == sample_rate / 2


def test_a_window_may_be_given():
    signals = np.random.default_rng(0).standard_normal((2, 1, 500))
    expected = log_spectral_distance(*signals, 8000, n_fft=64, window="hamming")
    window = np.asarray(check_analysis(8000, 64, None, "hamming").window)
    np.testing.assert_array_equal(
        log_spectral_distance(*signals, 8000, n_fft=64, window=window), expected
    )


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"sample_rate": 0}, ValueError, "sample_rate must be positive"),
        ({"sample_rate": np.nan}, ValueError, "sample_rate must be positive and finite"),
        ({"sample_rate": "8k"}, TypeError, "sample_rate must be a number, got '8k'"),
        ({"n_fft": 15}, ValueError, "n_fft must be even and at least 16, got 15"),
        ({"n_fft": 8}, ValueError, "n_fft must be even and at least 16, got 8"),
        ({"n_fft": 64.0}, TypeError, "n_fft must be an integer"),
        ({"n_fft": 64, "hop_length": 65}, ValueError, "hop_length must be from 1 to n_fft=64"),
        ({"hop_length": 0}, ValueError, "hop_length must be from 1"),
        ({"hop_length": True}, TypeError, "hop_length must be an integer"),
        ({"n_fft": 64, "window": np.ones(63)}, ValueError, "window must hold n_fft=64 weights"),
        ({"window": "round"}, ValueError, "round"),
    ],
)
def test_errors(options, error, message):
    signals = np.ones((2, 1, 500))
    with pytest.raises(error, match=message):
        log_spectral_distance(*signals, **{"sample_rate": 8000, **options})


def test_what_no_frame_sees_can_not_be_measured():
    source = np.zeros((1, 128))
    source[0, 32] = 1
    with pytest.warns(UserWarning, match="no frame sees a sample of the reference"):
        rates = spectral_hole_rate(source, source, 8000, n_fft=64, hop_length=64)
    np.testing.assert_array_equal(rates, [np.nan])
