"""remix: pieces of the recordings, at the levels that are drawn, the same for the same seed."""

import importlib.util

import numpy as np
import pytest
from scipy.stats import uniform

from skbss.evaluation import remix

RATE = 1000


def recordings(lengths=(3000, 5000), seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(length) for length in lengths]


def test_mixtures_are_the_sums_of_their_sources():
    found = remix([recordings(), recordings(seed=1), recordings(seed=2)], 7, sample_rate=RATE)
    assert found.sources.shape == (7, 3, 1000)
    np.testing.assert_array_equal(found.mixtures, found.sources.sum(axis=1))


def test_sources_are_pieces_of_their_recordings_at_the_gain():
    given = [recordings(), recordings(seed=1)]
    found = remix(given, 5, sample_rate=RATE, seconds=0.5, gain_db=-6.0)
    np.testing.assert_allclose(np.square(found.sources).mean(axis=-1), 10**-0.6)
    for images in found.sources:
        for image, of_source in zip(images, given, strict=True):
            # Normalized correlation is 1 where the piece was cut out.
            best = 0.0
            for one in of_source:
                windows = np.lib.stride_tricks.sliding_window_view(one, 500)
                likeness = windows @ image / np.linalg.norm(windows, axis=1)
                best = max(best, likeness.max() / np.linalg.norm(image))
            assert best > 1 - 1e-9


def test_gains_are_drawn_for_every_source():
    found = remix(recordings(), 200, sample_rate=RATE, seconds=0.2, gain_db=uniform(-3, 9))
    decibels = 10 * np.log10(np.square(found.sources).mean(axis=-1))
    assert (decibels >= -3 - 1e-9).all()
    assert (decibels <= 6 + 1e-9).all()
    assert abs(decibels.mean() - 1.5) < 0.5
    assert abs(np.corrcoef(decibels.T)[0, 1]) < 0.2


def test_a_mixture_depends_on_its_number_and_the_seed_alone():
    given = recordings()
    few, many = (remix(given, n, sample_rate=RATE, random_state=3) for n in (4, 9))
    np.testing.assert_array_equal(few.sources, many.sources[:4])
    other = remix(given, 4, sample_rate=RATE, random_state=4)
    assert (other.sources != few.sources).any()
    assert (few.sources[0] != few.sources[1]).any()


def test_short_recordings_are_repeated():
    click = np.zeros(100)
    click[:10] = 1
    found = remix([click, recordings()[0]], 3, sample_rate=RATE, seconds=0.5)
    np.testing.assert_allclose(found.sources[:, 0, 100:], found.sources[:, 0, :-100])


def test_no_piece_is_a_pause():
    pause = np.concatenate([np.ones(100), np.zeros(5000)])
    found = remix([pause, recordings()[0]], 20, sample_rate=RATE, seconds=0.05)
    assert (np.abs(found.sources[:, 0]).max(axis=-1) > 0).all()
    assert np.isfinite(found.sources).all()


@pytest.mark.skipif(
    importlib.util.find_spec("pyroomacoustics") is None, reason="needs pyroomacoustics"
)
def test_rooms_have_microphones():
    found = remix(recordings(), 2, sample_rate=8000, seconds=0.1, rooms=["anechoic", "mild"])
    assert found.mixtures.shape == (2, 2, 800)
    np.testing.assert_array_equal(found.mixtures, found.sources.sum(axis=1))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_mixtures": 0}, ValueError, "n_mixtures must be at least 1"),
        ({"n_mixtures": 1.5}, TypeError, "n_mixtures must be an int"),
        ({"sources": [np.ones(10)]}, ValueError, "at least two, got 1"),
        ({"sources": [np.ones(10), np.zeros(10)]}, ValueError, r"sources\[1\]"),
        ({"sources": [np.ones(10), np.ones((2, 2, 10))]}, ValueError, r"sources\[1\]"),
        ({"gain_db": "loud"}, TypeError, "gain_db must be a number or a distribution"),
        ({"gain_db": 200}, ValueError, "from -150 dB to 150 dB"),
        ({"seconds": 0}, ValueError, "seconds must be at least that of one sample"),
        ({"seconds": None}, TypeError, "seconds must be a number"),
        ({"sample_rate": -1}, ValueError, "sample_rate must be positive"),
    ],
)
def test_refusals(arguments, error, message):
    usual = {"sources": recordings(), "n_mixtures": 2, "sample_rate": RATE}
    with pytest.raises(error, match=message):
        remix(**{**usual, **arguments})


def test_every_source_can_have_a_gain_of_its_own():
    found = remix(recordings(), 40, sample_rate=RATE, seconds=0.2, gain_db=[uniform(3, 6), -20])
    decibels = 10 * np.log10(np.square(found.sources).mean(axis=-1))
    assert decibels[:, 0].min() >= 3 - 1e-9
    assert decibels[:, 0].max() <= 9 + 1e-9
    assert np.ptp(decibels[:, 0]) > 3
    np.testing.assert_allclose(decibels[:, 1], -20)
    with pytest.raises(ValueError, match="one for each of the 2 sources, got 3"):
        remix(recordings(), 4, sample_rate=RATE, gain_db=[0, 0, 0])


def test_pieces_are_played_at_other_speeds_each_by_itself():
    time = np.arange(8000) / 8000
    tones = [np.sin(2 * np.pi * pitch * time) for pitch in (1000, 500)]
    found = remix(tones, 60, sample_rate=8000, seconds=0.5, transpositions=(12, -12), gain_db=0)
    pitches = np.abs(np.fft.rfft(found.sources * np.hanning(4000))).argmax(axis=-1) * 2
    every = {(one, other) for one in (500, 1000, 2000) for other in (250, 500, 1000)}
    assert {tuple(pair) for pair in pitches.tolist()} == every


def test_what_lies_beyond_the_band_when_transposed_is_not_drawn():
    time = np.arange(8000) / 8000
    high = np.sin(2 * np.pi * 3000 * time) * np.hanning(8000)
    found = remix([high, high], 20, sample_rate=8000, seconds=0.5, transpositions=(12,), gain_db=0)
    assert (np.abs(np.fft.rfft(found.sources)).argmax(axis=-1) / 0.5 > 2900).all()
