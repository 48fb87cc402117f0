"""What sounds in the page."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from skbss._runtime import recorded_waveform
from skbss.report._players import PreviewPlan, audio_data_uris, plan_previews


def heard(waveform, rate, plan):
    (uri,) = audio_data_uris([waveform], rate, plan)
    _, encoded = uri.split(";base64,")
    return soundfile.read(io.BytesIO(base64.b64decode(encoded)), always_2d=True)


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).uniform(-0.25, 0.25, (2, 16_000)).astype(np.float32)


def test_a_short_recording_is_heard_as_it_is_but_for_one_gain(noise):
    plan = plan_previews(3, 2, 16_000, 16_000, peak=0.5)
    samples, rate = heard(noise, 16_000, plan)
    assert (plan.encoding, rate, samples.shape) == ("FLAC", 16_000, (16_000, 2))
    np.testing.assert_allclose(samples.T / plan.gain, noise, atol=2**-15)


def test_all_players_share_one_gain_that_fills_full_scale():
    plan = plan_previews(2, 1, 8000, 8000, peak=20.0)
    samples, _ = heard(np.full((1, 800), 20.0, np.float32), 8000, plan)
    assert 0.97 < samples.max() < 1
    assert "-26.2 dB" in plan.describe()


@pytest.mark.parametrize(("rate", "expected"), [(4_000, 8_000), (96_000, 48_000), (11_025, 11_025)])
def test_rates_that_browsers_do_not_play_are_converted(rate, expected):
    tone = np.sin(2 * np.pi * 440 * np.arange(rate) / rate).astype(np.float32)[np.newaxis]
    plan = plan_previews(1, 1, rate, rate, peak=1.0)
    samples, played = heard(tone, rate, plan)
    assert played == expected
    spectrum = np.abs(np.fft.rfft(samples[:, 0]))
    assert np.argmax(spectrum) * played / len(samples) == pytest.approx(440, abs=1)


def test_three_minutes_are_compressed_but_whole():
    plan = plan_previews(3, 2, 180 * 44_100, 44_100, peak=1.0)
    assert (plan.encoding, plan.n_channels, plan.seconds) == ("MP3", 2, None)


def test_hours_are_heard_in_part_and_the_page_says_so(noise):
    plan = plan_previews(5, 2, 3 * 3600 * 44_100, 44_100, peak=1.0)
    assert (plan.encoding, plan.n_channels) == ("MP3", 1)
    assert plan.seconds * 5 * 6000 == pytest.approx(16e6)
    assert "the first 9 minutes" in plan.describe()
    samples, rate = heard(noise, 16_000, plan)
    assert (rate, samples.shape[1]) == (22_050, 1)


def test_more_channels_than_a_browser_plays_are_mixed_down(noise):
    plan = plan_previews(1, 6, 8000, 8000, peak=1.0)
    assert heard(np.repeat(noise, 3, axis=0), 8000, plan)[0].shape[1] == 1


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize(
    "plan",
    [
        PreviewPlan("FLAC", 16_000, 2, None, 2.0),
        PreviewPlan("FLAC", 8_000, 1, 0.9, 2.0),
        PreviewPlan("MP3", 22_050, 1, 0.5, 2.0),
        PreviewPlan("MP3", 32_000, 2, None, 2.0),
    ],
)
def test_blocks_are_not_heard(monkeypatch, noise, channels, plan):
    recording = np.concatenate([noise, noise[:1]])[:channels]
    if channels != 2:
        plan = replace(plan, n_channels=1)
    whole = audio_data_uris([recording], 16_000, plan)
    monkeypatch.setattr(recorded_waveform, "_BLOCK", 777)
    assert audio_data_uris([recording], 16_000, plan) == whole
    seconds = plan.seconds or 1.0
    samples, _ = heard(recording, 16_000, plan)
    if plan.encoding == "FLAC":
        assert samples.shape == (seconds * plan.sample_rate, plan.n_channels)
    else:
        # The encoder fills up its frames.
        assert len(samples) / plan.sample_rate == pytest.approx(seconds, abs=0.2)
