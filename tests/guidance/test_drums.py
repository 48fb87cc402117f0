"""Components of drums, recorded and in general."""

import numpy as np
import pytest

from skbss import STFT
from skbss.guidance import drum_components, hit_components

RATE = 8000
FRONT_END = STFT(256, hop_length=64)


def hit(frequency, at=0.0, seconds=0.5):
    time = np.arange(round(seconds * RATE)) / RATE - at
    ringing = np.exp(-np.maximum(time, 0) / 0.05) * (time >= 0)
    return np.sin(2 * np.pi * frequency * time) * ringing


def test_a_template_begins_where_the_hit_does():
    early = hit_components([hit(500)], stft=FRONT_END, template_length=8)
    # Silence of whole frames changes nothing but where the hit is found.
    late = np.concatenate([np.zeros(20 * 64), hit(500)])
    V = STFT(256, hop_length=64, output="magnitude").fit_transform(late)
    template = hit_components([late], stft=FRONT_END, template_length=8)[0]
    first = int((np.square(V).sum(axis=1) >= 1e-3 * np.square(V).sum(axis=1).max()).argmax())
    assert first in (18, 19)
    np.testing.assert_allclose(template, V[first : first + 8] / V[first : first + 8].sum())
    assert early.shape == (1, 8, 129)


def test_hits_at_given_onsets_are_averaged():
    x = hit(500, 0.08, 1.0) + 3 * hit(500, 0.48, 1.0) + hit(1500, 0.8, 1.0)
    V = STFT(256, hop_length=64, output="power").fit_transform(x)
    H = hit_components(
        [x],
        stft=FRONT_END,
        template_length=5,
        onsets=[[0.48, 0.08]],
        sample_rate=RATE,
        spectrum="power",
    )
    mean = (V[10:15] + V[60:65]) / 2
    np.testing.assert_allclose(H[0], mean / mean.sum())


def test_hits_as_single_spectra():
    H = hit_components([hit(500), hit(1500)], stft=FRONT_END)
    assert H.shape == (2, 129)
    np.testing.assert_allclose(H.sum(axis=1), 1)
    assert H.argmax(axis=1).tolist() == [16, 48]


def test_the_level_of_a_hit_does_not_matter_and_silence_is_silent():
    loud, soft, silent = hit_components(
        [1e4 * hit(500), 1e-4 * hit(500), np.zeros(4000)], stft=FRONT_END, template_length=4
    )
    np.testing.assert_allclose(loud, soft, rtol=1e-10, atol=1e-12)
    assert not silent.any()


def test_a_hit_may_end_before_the_template():
    H = hit_components([hit(500, seconds=0.05)], stft=FRONT_END, template_length=100)
    assert H.shape == (1, 100, 129)
    assert not H[0, 10:].any()


def test_hits_that_are_none():
    for wrong in (hit(500), [0.5, 0.1], [], np.zeros((0, 5)), 5, None, "kick.wav"):
        with pytest.raises(ValueError, match=r"hits must be a list of recordings.*, got"):
            hit_components(wrong)
    with pytest.raises(ValueError, match=r"hits\[0\] must have the shape .*, got 2 of"):
        hit_components([[[0.1, 0.2, 0.3], [0.4]]])
    with pytest.raises(TypeError, match=r"hits\[0\] must hold the samples .* read the file first"):
        hit_components(["kick.wav"])
    with pytest.raises(ValueError, match="onsets must be a list of the onsets of every component"):
        hit_components([hit(500)], onsets=[0.1], sample_rate=RATE)
    with pytest.raises(ValueError, match=r"hits\[1\] must have the shape \(length,\)"):
        hit_components([hit(500), np.ones((2, 4000))])
    with pytest.raises(ValueError, match="pass the sample_rate"):
        hit_components([hit(500)], onsets=[[0]])
    with pytest.raises(ValueError, match="for 2 recordings of 1"):
        hit_components([hit(500)], onsets=[[0], [0]], sample_rate=RATE)
    with pytest.raises(ValueError, match=r"onsets\[0\] is empty"):
        hit_components([hit(500)], onsets=[[]], sample_rate=RATE)
    with pytest.raises(ValueError, match=r"onsets\[0\] holds the onset 3 s"):
        hit_components([hit(500)], onsets=[[3]], sample_rate=RATE)
    with pytest.raises(ValueError, match="spectrum must be"):
        hit_components([hit(500)], spectrum="complex")


def test_generic_drums_differ_and_forbid_nothing():
    kinds = ["kick", "tom", "snare", "hi-hat", "cymbal"]
    H = drum_components(kinds, sample_rate=22050, template_length=16)
    assert H.shape == (5, 16, 1025)
    assert (H.astype(np.float32) > 0).all()
    np.testing.assert_allclose(H.sum(axis=(1, 2)), 1)
    loudest = H[:, 0].argmax(axis=1) * 22050 / 2048
    np.testing.assert_allclose(loudest, [60, 120, 200, 9000, 7000], rtol=0.2)
    halves = H[:, 8:].sum(axis=(1, 2))
    assert (halves < 0.5).all()
    assert halves[4] == halves.max()
    np.testing.assert_allclose(
        drum_components(kinds, sample_rate=22050) / H[:, 0] * H[:, :1].sum(axis=(1, 2))[:, None],
        1,
        rtol=1e-10,
    )


def test_a_drum_that_is_none():
    with pytest.raises(ValueError, match="'kick', 'snare', 'tom', 'hi-hat', 'cymbal', got 'gong'"):
        drum_components(["kick", "gong"], sample_rate=22050)
    for wrong in (5, None, [["kick"]]):
        with pytest.raises(ValueError, match="kinds must be a list of any of 'kick'"):
            drum_components(wrong, sample_rate=22050)
    assert drum_components("kick", sample_rate=22050).shape == (1, 1025)
