"""SpectralSubtraction: noise becomes less, sound without silence stays as it is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skbss import STFT, SpectralSubtraction
from skbss.datasets import load_band, load_piano_notes, load_two_speakers
from skbss.metrics import si_sdr

RATE = 16000


def quality(truth, estimate):
    return float(si_sdr(truth[np.newaxis], estimate[np.newaxis])[0])


def noisy_speech(decibels, seed=0):
    """A voice after a quarter of a second of silence, and white noise."""
    voice = np.concatenate([np.zeros(4000), load_two_speakers().sources[0][: 3 * RATE]])
    noise = np.random.default_rng(seed).standard_normal(len(voice))
    noise *= np.linalg.norm(voice) / np.linalg.norm(noise) * 10 ** (-decibels / 20)
    return voice, noise


@pytest.mark.parametrize(("decibels", "gain"), [(-5, 5), (0, 5), (5, 4.5), (10, 4)])
def test_noise_becomes_less(decibels, gain):
    voice, noise = noisy_speech(decibels)
    cleaned = SpectralSubtraction().fit_transform(voice + noise)
    assert cleaned.shape == voice.shape
    assert quality(voice, cleaned) > decibels + gain
    known = SpectralSubtraction(noise=noise[: RATE // 2]).fit_transform(voice + noise)
    assert quality(voice, known) > decibels + gain


@pytest.mark.parametrize("load", [load_band, load_piano_notes, load_two_speakers])
def test_sound_without_noise_stays(load):
    mixture = load().mixture
    cleaned = SpectralSubtraction().fit_transform(mixture)
    np.testing.assert_allclose(cleaned, mixture, atol=1e-6 * abs(mixture).max())


def test_a_tone_that_is_always_there_stays_unless_others_are_louder():
    time = np.arange(2 * RATE) / RATE
    tone, other = np.sin(2 * np.pi * 440 * time), np.sin(2 * np.pi * 3000 * time)
    np.testing.assert_allclose(SpectralSubtraction().fit_transform(tone), tone, atol=1e-9)
    both = 0.1 * tone + other * (time > 1)
    spectra = STFT(512, output="power").fit_transform(SpectralSubtraction().fit_transform(both))
    bin_of_tone, bin_of_other = round(440 * 512 / RATE), round(3000 * 512 / RATE)
    before = STFT(512, output="power").fit_transform(both)
    middle = slice(20, -20)
    assert (spectra[middle, bin_of_tone] < 0.1 * before[middle, bin_of_tone]).all()
    loud = slice(150, -20)
    np.testing.assert_allclose(spectra[loud, bin_of_other], before[loud, bin_of_other], rtol=0.01)


def test_gains_are_those_of_the_formula():
    voice, noise = noisy_speech(0)
    stft = STFT(256, hop_length=64)
    known = noise[:RATE]
    model = SpectralSubtraction(stft, noise=known, oversubtraction=1.5, floor=0.1)
    Z = stft.fit_transform(voice + noise)
    N = (abs(stft.fit_transform(known)) ** 2).mean(axis=0)
    ratio = N / abs(Z) ** 2
    gain = np.sqrt(np.maximum(1 - 1.5 * ratio, 0.1 * np.minimum(1, ratio)))
    assert gain.min() >= 0
    assert gain.max() <= 1
    expected = stft.inverse_transform(gain * Z, length=len(voice))
    np.testing.assert_allclose(model.fit_transform(voice + noise), expected, atol=1e-9)


@pytest.mark.parametrize("level", [1e-25, 1e25])
def test_the_level_does_not_matter(level):
    x = sum(noisy_speech(5))
    expected = SpectralSubtraction().fit_transform(x)
    found = SpectralSubtraction().fit_transform((level * x).astype(np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found / np.float32(level), expected, atol=1e-4)


def test_what_is_subtracted_nothing_of_stays():
    x = sum(noisy_speech(5))
    model = SpectralSubtraction(oversubtraction=0)
    np.testing.assert_allclose(model.fit_transform(x), x, atol=1e-9)
    softer, harder = (
        np.linalg.norm(SpectralSubtraction(oversubtraction=o).fit_transform(x)) for o in (1, 3)
    )
    assert harder < softer < np.linalg.norm(x)
    lower, higher = (
        np.linalg.norm(SpectralSubtraction(floor=floor).fit_transform(x)) for floor in (0, 0.5)
    )
    assert lower < higher


def test_clips_channels_and_lists():
    clips = np.stack([sum(noisy_speech(5, seed)) for seed in (0, 1)])
    model = SpectralSubtraction()
    each = [model.fit_transform(clip) for clip in clips]
    np.testing.assert_array_equal(model.transform(clips), each)
    found = model.transform([clips[0], clips[1, :30000]])
    np.testing.assert_array_equal(found[0], each[0])
    # Channels decide together which frames are silent: here they are the same.
    stereo = np.stack([clips[0], clips[0] / 2])
    np.testing.assert_allclose(model.transform(stereo[np.newaxis])[0, 1], each[0] / 2, atol=1e-12)
    noise = np.stack([noisy_speech(5)[1]] * 2)
    known = SpectralSubtraction(noise=noise).fit_transform(stereo[np.newaxis])
    assert known.shape == (1, 2, stereo.shape[1])


def test_jax_arrays_stay_where_they_are():
    x = sum(noisy_speech(5)).astype(np.float32)
    found = SpectralSubtraction().fit_transform(jnp.asarray(x))
    assert isinstance(found, jax.Array)
    np.testing.assert_allclose(found, SpectralSubtraction().fit_transform(x), atol=1e-4)


@pytest.mark.parametrize("noise", [None, np.ones(2000)])
def test_silence_stays_silence(noise):
    assert (SpectralSubtraction(noise=noise).fit_transform(np.zeros(5000)) == 0).all()


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"silent_share": 2}, ValueError, "silent_share"),
        ({"oversubtraction": -1}, ValueError, "oversubtraction"),
        ({"floor": 2}, ValueError, "floor"),
        ({"stft": 512}, TypeError, "stft must be an STFT, got 512"),
        ({"noise": np.ones((3, 2000))}, ValueError, r"noise of shape \(3, 2000\) does not fit"),
        ({"noise": np.ones(10)}, ValueError, "10"),
        ({"noise": np.full(2000, np.nan)}, ValueError, "noise"),
    ],
)
def test_refusals(parameters, error, message):
    if "noise" in parameters and parameters["noise"].shape == (10,):
        parameters["stft"] = STFT(512, center=False)
    with pytest.raises(error, match=message):
        SpectralSubtraction(**parameters).fit(np.ones(5000))
