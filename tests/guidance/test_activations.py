"""Activations from notes, onsets and intervals: which frames are exact zeros."""

import numpy as np
import pytest

from skbss import STFT
from skbss.guidance import interval_activations, note_activations, onset_activations

RATE, HOP = 1000, 16
FRONT_END = STFT(64, hop_length=HOP)
EXACT = {"onset_tolerance": 0, "offset_tolerance": 0}
FRAMES = {"n_frames": 20, "sample_rate": RATE, "stft": FRONT_END}


def frames_of(W):
    return [np.flatnonzero(column).tolist() for column in W.T]


def test_the_times_of_frames_are_those_of_the_transform():
    # An impulse in the middle of a frame is heard by no frame as loudly as by this one.
    for center in (True, False):
        front_end = STFT(64, hop_length=HOP, center=center, output="magnitude")
        for sample in (96, 160, 240):
            impulse = np.zeros(320)
            impulse[sample] = 1
            V = front_end.fit_transform(impulse)
            time = sample / RATE
            W = interval_activations(
                [(time, time)], len(V), sample_rate=RATE, stft=front_end, **EXACT
            )
            assert frames_of(W) == [[int(V.sum(axis=1).argmax())]]


@pytest.mark.parametrize("frame", [0, 1, 7, 13, 19])
@pytest.mark.parametrize(("rate", "hop"), [(1000, 16), (22050, 512), (44100, 441), (16000, 7)])
def test_both_ends_of_an_interval_belong_to_it(frame, rate, hop):
    front_end = STFT(4 * hop, hop_length=hop)
    time = frame * hop / rate
    settings = {"sample_rate": rate, "stft": front_end}
    W = interval_activations([(time, time + 3 * hop / rate)], 30, **settings, **EXACT)
    assert frames_of(W) == [list(range(frame, frame + 4))]
    inside = [(time + 0.01 * hop / rate, time + 2.99 * hop / rate)]
    nearest = interval_activations(inside, 30, **settings, **EXACT)
    # The frame nearest to the beginning is one of them in any case.
    assert frames_of(nearest) == [list(range(frame, frame + 3))]


def test_tolerances_reach_as_far_as_they_say():
    interval = [(5 * HOP / RATE, 8 * HOP / RATE)]
    for before, after, expected in [
        (1, 0, range(4, 9)),
        (0.99, 0, range(5, 9)),
        (0, 2, range(5, 11)),
        (0, 1.99, range(5, 10)),
        (100, 100, range(20)),
    ]:
        W = interval_activations(
            interval,
            **FRAMES,
            onset_tolerance=before * HOP / RATE,
            offset_tolerance=after * HOP / RATE,
        )
        assert frames_of(W) == [list(expected)]


def test_frames_that_are_not_centered():
    front_end = STFT(64, hop_length=HOP, center=False)
    W = interval_activations([(0.032, 0.048)], 4, sample_rate=RATE, stft=front_end, **EXACT)
    # Frame t has its middle at sample 32 + 16 t.
    assert frames_of(W) == [[0, 1]]


def test_notes_in_any_order_are_the_same():
    rng = np.random.default_rng(0)
    notes = np.column_stack(
        [rng.uniform(0, 0.3, 12), rng.uniform(0, 0.1, 12), rng.choice([60, 62.5, 64], 12)]
    )
    W = note_activations(notes, **FRAMES)
    np.testing.assert_array_equal(note_activations(notes[rng.permutation(12)], **FRAMES), W)
    np.testing.assert_array_equal(note_activations(list(map(tuple, notes)), **FRAMES), W)
    for k, pitch in enumerate([60, 62.5, 64]):
        own = notes[notes[:, 2] == pitch]
        spans = np.column_stack([own[:, 0], own[:, 0] + own[:, 1]])
        np.testing.assert_array_equal(W[:, [k]], interval_activations(spans, **FRAMES))


def test_components_follow_given_pitches():
    notes = [(0.0, 0.05, 60), (0.1, 0.05, 72)]
    W = note_activations(notes, **FRAMES, pitches=[72, 50, 60])
    np.testing.assert_array_equal(W[:, [2, 0]], note_activations(notes, **FRAMES))
    assert not W[:, 1].any()


def test_velocities_scale_the_start_and_lock_the_same_frames():
    notes = np.array([(0.0, 0.05, 60, 127), (0.16, 0.05, 60, 30), (0.16, 0.02, 60, 60)])
    W = note_activations(notes, **FRAMES)
    plain = note_activations(notes[:, :3], **FRAMES)
    np.testing.assert_array_equal(W > 0, plain > 0)
    assert W[0] == 1
    assert W[10] == 60 / 127


def test_no_notes_are_no_components():
    assert note_activations([], **FRAMES).shape == (20, 0)
    assert not note_activations([], **FRAMES, pitches=[60, 61]).any()
    assert not interval_activations([], **FRAMES).any()
    assert onset_activations([[], []], **FRAMES).shape == (20, 2)


def test_what_lasts_beyond_the_end_is_cut():
    W = note_activations([(0.016 * 18, 100.0, 60)], **FRAMES, **EXACT)
    assert frames_of(W) == [[18, 19]]


def test_an_onset_is_one_frame_without_tolerance():
    W = onset_activations([[0.0479, 0.15]], **FRAMES, onset_tolerance=0)
    assert frames_of(W) == [[3, 9]]


def test_onsets_with_tolerance_duration_and_decay():
    onset = 5 * HOP / RATE
    settings = {"onset_tolerance": HOP / RATE, "duration": 3 * HOP / RATE}
    W = onset_activations([[onset]], **FRAMES, **settings, decay=2 * HOP / RATE)
    expected = np.zeros(20)
    expected[4:10] = np.exp(-np.maximum(np.arange(-1, 5), 0) / 2)
    np.testing.assert_allclose(W[:, 0], expected, rtol=1e-12)
    np.testing.assert_array_equal(W[:, 0] == 0, expected == 0)
    flat = onset_activations([[onset]], **FRAMES, **settings)
    np.testing.assert_array_equal(flat[:, 0], expected > 0)


def test_a_decay_locks_nothing():
    W = onset_activations([[0]], **FRAMES, duration=1, decay=1e-6)
    assert (W.astype(np.float32) > 0).all()


@pytest.mark.parametrize(
    ("notes", "error"),
    [
        ([(-0.1, 1, 60)], "notes holds the time -0.1 s, before the clip begins"),
        ([(0.4, 1, 60)], "notes holds the onset 0.4 s, but the clip ends at 0.319 s"),
        ([(0, -1, 60)], "the duration -1 s: it is negative"),
        ([(0, 1)], r"must have the shape \(n_notes, 3\) or \(n_notes, 4\)"),
        ([(0, 1, 60), (0, 1)], r"all rows of one length, got \[\(0, 1, 60\), \(0, 1\)\]"),
        (None, "notes must be real numbers, got None"),
        ([(0, 1, "C4")], "must be real numbers"),
        ([(0, np.nan, 60)], "notes contains NaN or infinity"),
        ([(0, 1, 60, 0)], "velocities of notes"),
        ([(0, 1, 60, 128)], "at most 127"),
    ],
)
def test_notes_that_are_none(notes, error):
    with pytest.raises(ValueError, match=error):
        note_activations(notes, **FRAMES)


def test_a_pitch_without_component():
    with pytest.raises(ValueError, match="the pitch 61, of which there is no component"):
        note_activations([(0, 0.1, 61)], **FRAMES, pitches=[60])
    with pytest.raises(ValueError, match="every pitch once"):
        note_activations([(0, 0.1, 60)], **FRAMES, pitches=[60, 60])


def test_intervals_that_are_none():
    with pytest.raises(ValueError, match=r"ends at 0.1 s, before it begins \(0.2\)"):
        interval_activations([(0.2, 0.1)], **FRAMES)
    with pytest.raises(ValueError, match=r"shape \(n_intervals, 2\)"):
        interval_activations([1, 2, 3], **FRAMES)
    with pytest.raises(ValueError, match="intervals holds the onset 5 s"):
        interval_activations([(5, 6)], **FRAMES)


def test_onsets_that_are_none():
    for wrong in (0.1, [0.1, 0.2], [], [[0.1], 0.2], None):
        with pytest.raises(ValueError, match=r"a list of the onsets of every component.*, got "):
            onset_activations(wrong, **FRAMES)
    with pytest.raises(ValueError, match=r"onsets\[1\] must have all rows of one length"):
        onset_activations([[0.1], [[0.1], [0.1, 0.2]]], **FRAMES)
    with pytest.raises(ValueError, match=r"onsets\[1\] holds the time -1 s"):
        onset_activations([[0.1], [-1]], **FRAMES)
    with pytest.raises(ValueError, match="onsets holds the onset 9 s"):
        onset_activations([[9]], **FRAMES)
    with pytest.raises(ValueError, match="decay must be positive"):
        onset_activations([[0.1]], **FRAMES, decay=0)


@pytest.mark.parametrize(
    ("parameter", "value", "error"),
    [
        ("n_frames", 0, ValueError),
        ("n_frames", 2.5, TypeError),
        ("sample_rate", 0, ValueError),
        ("sample_rate", None, TypeError),
        ("stft", 512, TypeError),
        ("onset_tolerance", -0.1, ValueError),
        ("offset_tolerance", np.inf, ValueError),
    ],
)
def test_parameters_are_checked(parameter, value, error):
    with pytest.raises(error, match=parameter):
        note_activations([(0, 0.1, 60)], **{**FRAMES, parameter: value})
