"""Pictures of spectrograms."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from skbss.report._spectrogram import (
    display_power,
    erb_rows,
    png_data_uri,
    pool_frequencies,
)


@pytest.mark.parametrize("frequency", [100.0, 440.0, 3000.0, 10_000.0])
def test_a_tone_is_brightest_at_its_frequency(frequency):
    tone = np.sin(2 * np.pi * frequency * np.arange(22_050) / 44_100)[np.newaxis]
    power = display_power(tone, 44_100)
    edges = erb_rows(len(power), 44_100)
    row = int(power.mean(axis=1).argmax())
    nearest = int(np.searchsorted(edges, frequency)) - 1
    assert abs(row - nearest) <= 1


def test_an_event_is_seen_when_it_happens():
    click = np.zeros((1, 80_000))
    click[0, 60_000] = 1.0
    power = display_power(click, 8000, n_columns=100)
    assert int(power.sum(axis=0).argmax()) == pytest.approx(75, abs=1)


def test_no_event_of_a_long_recording_is_lost():
    n_columns = 50
    for position in (3, 7_777, 123_456, 199_990):
        click = np.zeros((1, 200_000), np.float32)
        click[0, position] = 1.0
        assert display_power(click, 8000, n_columns=n_columns).sum() > 0


@pytest.mark.parametrize("length", [1, 2, 63, 64, 1000])
def test_short_recordings_have_fewer_columns(length):
    power = display_power(np.ones((2, length), np.float32), 8000)
    assert 1 <= power.shape[1] <= 900
    assert np.isfinite(power).all()


def test_blocks_do_not_show():
    noise = np.random.default_rng(0).standard_normal((1, 30_000))
    whole = display_power(noise, 8000, n_columns=1200)
    late = display_power(noise[:, 15_000:], 8000, n_columns=600)
    inner = slice(30, -30)
    np.testing.assert_allclose(whole[:, 600:][:, inner], late[:, : whole.shape[1] - 600][:, inner])


def test_pooling_keeps_the_largest_bin():
    spectra = np.random.default_rng(0).random((4, 1025))
    edges = np.linspace(0, 22_050, 11)
    pooled = pool_frequencies(spectra, edges, 44_100)
    assert pooled.max() == spectra.max()


def test_all_pictures_share_one_scale():
    def pixels(power, loudest):
        _, encoded = png_data_uri(power, loudest=loudest).split(",")
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))))

    power = np.array([[1.0, 1e-4], [1e-8, 0.0]])
    np.testing.assert_array_equal(pixels(power, 1.0), [[0, 0], [255, 128]])
    np.testing.assert_array_equal(pixels(power, 1e4), [[0, 0], [128, 0]])
    assert not pixels(np.zeros((2, 2)), 0.0).any()
