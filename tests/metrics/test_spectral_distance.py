"""Distances of levels: by hand, known values, floors, bands."""

import librosa
import numpy as np
import pytest

from skbss.metrics import log_spectral_distance, mel_distance


@pytest.fixture
def signals():
    rng = np.random.default_rng(0)
    s = rng.standard_normal(4000) * np.linspace(0, 1, 4000) ** 3
    return s, s + 0.1 * rng.standard_normal(4000)


def powers(signal):
    spectra = librosa.stft(signal, n_fft=256, hop_length=64, pad_mode="constant")
    return np.abs(spectra) ** 2


@pytest.mark.parametrize("floor", [1e-8, 1e-3])
def test_log_spectral_distance_by_hand(signals, floor):
    P, P_hat = map(powers, signals)
    levels = [10 * np.log10(power + floor * P.max()) for power in (P, P_hat)]
    expected = np.sqrt(((levels[0] - levels[1]) ** 2).mean(axis=0)).mean()
    distance = log_spectral_distance(*(s[None] for s in signals), 8000, floor=floor)
    np.testing.assert_allclose(distance, [expected], rtol=1e-10)


def test_mel_distance_by_hand(signals):
    bands = librosa.filters.mel(sr=8000, n_fft=256, n_mels=40, dtype=np.float64)
    M, M_hat = (bands @ powers(signal) for signal in signals)
    levels = [10 * np.log10(power + 1e-8 * M.max()) for power in (M, M_hat)]
    expected = np.abs(levels[0] - levels[1]).mean()
    distance = mel_distance(*(s[None] for s in signals), 8000, n_mels=40)
    np.testing.assert_allclose(distance, [expected], rtol=1e-10)


@pytest.mark.parametrize("measure", [log_spectral_distance, mel_distance])
def test_they_depend_on_their_floor(signals, measure):
    s, s_hat = (signal[None] for signal in signals)
    low, high = (measure(s, s_hat, 8000, floor=floor)[0] for floor in (1e-12, 1e-2))
    assert low > 2 * high


@pytest.mark.parametrize("measure", [log_spectral_distance, mel_distance])
@pytest.mark.parametrize("gain", [0.1, -0.1, 10])
def test_a_gain_is_a_distance_but_a_sign_is_none(measure, gain):
    s = np.random.default_rng(0).standard_normal((1, 8000))
    np.testing.assert_allclose(measure(s, gain * s, 8000), [20], rtol=0.01)


def test_bands_follow_the_ear():
    """The same octave is lost below and above: below it holds more bands."""
    rng = np.random.default_rng(0)
    spectrum = np.fft.rfft(rng.standard_normal(16000))
    frequencies = np.fft.rfftfreq(16000, 1 / 16000)
    s = np.fft.irfft(spectrum)[None]
    low, high = (
        np.fft.irfft(np.where((frequencies > f) & (frequencies < 2 * f), 0, spectrum))[None]
        for f in (500, 4000)
    )
    ratio = mel_distance(s, low, 16000) / mel_distance(s, high, 16000)
    assert ratio > 1.5 * log_spectral_distance(s, low, 16000) / log_spectral_distance(
        s, high, 16000
    )


@pytest.mark.parametrize("sample_rate", [8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000])
def test_the_default_bands_suit_every_rate(sample_rate):
    s = np.random.default_rng(0).standard_normal((1, 4000))
    np.testing.assert_array_equal(mel_distance(s, s, sample_rate), [0])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_mels": 0}, ValueError, "n_mels must be at least 1, got 0"),
        ({"n_mels": 2.5}, TypeError, "n_mels must be an integer"),
        ({"n_mels": 200}, ValueError, "n_mels=200 bands are narrower"),
        ({"floor": 0}, ValueError, "floor must be positive"),
        ({"floor": None}, TypeError, "floor must be a number"),
    ],
)
def test_errors(options, error, message):
    s = np.ones((1, 500))
    with pytest.raises(error, match=message):
        mel_distance(s, s, 8000, **options)
