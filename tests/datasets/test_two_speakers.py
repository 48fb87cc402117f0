import numpy as np
import pytest

from skbss.datasets import load_two_speakers


@pytest.fixture(scope="module")
def dry():
    return load_two_speakers(dtype=np.float64)


@pytest.fixture(scope="module")
def room():
    return load_two_speakers(room=True, dtype=np.float64)


def test_shapes_follow_the_number_of_microphones(dry, room):
    length = dry.mixture.shape[-1]
    assert dry.mixture.shape == (length,)
    assert dry.sources.shape == (2, length)
    assert room.mixture.shape == (2, length)
    assert room.sources.shape == (2, 2, length)
    assert room.train_sources.shape == (2, 2, dry.train_sources.shape[-1])
    assert "room_impulse_responses" not in dry


def test_images_are_the_voices_through_the_room(dry, room):
    # A second of it, by the definition of convolution.
    taps = room.room_impulse_responses.shape[-1]
    begin = 40000
    for voice, images, responses in zip(
        dry.sources, room.sources, room.room_impulse_responses, strict=True
    ):
        excerpt = voice[begin - taps + 1 : begin + 16000]
        for image, response in zip(images, responses, strict=True):
            np.testing.assert_allclose(
                image[begin : begin + 16000],
                np.convolve(excerpt, response, mode="valid"),
                rtol=0,
                atol=1e-12,
            )


def test_the_room_takes_nothing_off_the_end(dry, room):
    audible = np.flatnonzero(np.abs(dry.sources).max(axis=0))[-1]
    taps = room.room_impulse_responses.shape[-1]
    assert audible + taps <= dry.sources.shape[-1]


def test_each_voice_reaches_the_nearer_microphone_first(room):
    female, male = np.abs(room.room_impulse_responses).argmax(axis=-1)
    assert female[1] < female[0]  # she stands on the right
    assert male[0] < male[1]


def test_direct_sound_arrives_after_the_way_of_1_2_meters(room):
    arrivals = np.abs(room.room_impulse_responses).argmax(axis=-1) / room.sample_rate
    np.testing.assert_allclose(arrivals, 1.2 / 343, atol=2e-4)


def test_reverberation_time_is_a_fifth_of_a_second(room):
    for response in room.room_impulse_responses.reshape(4, -1):
        remaining = np.square(response)[::-1].cumsum()[::-1]
        decay = 10 * np.log10(remaining[:-400] / remaining[0])
        minus_5, minus_35 = (np.argmax(decay < level) for level in (-5, -35))
        assert 2 * (minus_35 - minus_5) / room.sample_rate == pytest.approx(0.2, abs=0.02)


def test_voices_are_equally_loud(dry):
    for sources in (dry.sources, dry.train_sources):
        female, male = np.square(sources).mean(axis=-1)
        assert female == pytest.approx(male, rel=1e-3)


@pytest.mark.parametrize("room", [1, "large", None])
def test_room_is_true_or_false(room):
    with pytest.raises(TypeError, match="room must be True or False, got"):
        load_two_speakers(room=room)
