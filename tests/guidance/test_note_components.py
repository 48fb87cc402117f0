"""Spectra of pitches: where they are exact zeros."""

import numpy as np
import pytest

from skbss import STFT
from skbss.frontend._framing import resolve_framing
from skbss.guidance import note_components
from skbss.guidance._note_components import half_main_lobe

RATE = 8000
FRONT_END = STFT(1024)


@pytest.mark.parametrize(
    ("window", "bins"),
    [("hann", 2), ("hamming", 2), ("blackman", 3), ("boxcar", 1), (np.hanning(513)[:512], 2)],
)
def test_the_main_lobe_of_windows(window, bins):
    framing = resolve_framing(STFT(512, window=window))
    assert half_main_lobe(framing) == pytest.approx(bins, abs=0.1)
    wider = resolve_framing(STFT(1024, win_length=512, window=window))
    assert half_main_lobe(wider) == pytest.approx(2 * bins, abs=0.2)


@pytest.mark.parametrize("pitch", [45, 57.3, 69, 90])
def test_tones_of_the_pitch_lie_in_the_component(pitch):
    H = note_components([pitch], sample_rate=RATE, stft=FRONT_END)[0]
    first = 440 * 2 ** ((pitch - 69) / 12)
    time = np.arange(RATE) / RATE
    for semitones in (-0.5, 0, 0.5):
        partials = np.arange(1, int(RATE / 2.2 / first) + 1) * first * 2 ** (semitones / 12)
        tone = np.sin(2 * np.pi * partials[:, None] * time).sum(axis=0)
        V = STFT(1024, output="power").fit_transform(tone)[4:-4].sum(axis=0)
        assert V[H == 0].sum() < 1e-3 * V.sum()


def test_partials_fall_off_and_nothing_is_between_them():
    H = note_components([69], sample_rate=RATE, stft=FRONT_END, rolloff=2, n_partials=3)[0]
    bins = np.rint(np.array([440, 880, 1320, 1760]) * 1024 / RATE).astype(int)
    np.testing.assert_allclose(H[bins], [1, 1 / 4, 1 / 9, 0])
    assert not H[np.rint(np.array([200, 660, 1100]) * 1024 / RATE).astype(int)].any()
    assert set(np.unique(H)) == {0, 1, 1 / 4, 1 / 9}


def test_edges_of_the_tolerance():
    # The window is as wide as four bins, and a bin 7.8125 Hz.
    H = note_components([69], sample_rate=RATE, stft=FRONT_END, n_partials=1, pitch_tolerance=1)[0]
    frequencies = np.arange(513) * RATE / 1024
    low, high = 440 * 2 ** (-1 / 12) - 2 * RATE / 1024, 440 * 2 ** (1 / 12) + 2 * RATE / 1024
    np.testing.assert_array_equal(H > 0, (frequencies >= low) & (frequencies <= high))


def test_a_bin_on_the_edge_belongs_to_it():
    # 1000 Hz is bin 128; without tolerance two bins on both sides are left.
    pitch = 69 + 12 * np.log2(1000 / 440)
    H = note_components([pitch], sample_rate=RATE, stft=FRONT_END, n_partials=1, pitch_tolerance=0)
    np.testing.assert_array_equal(np.flatnonzero(H[0]), np.arange(126, 131))


def test_stretched_partials():
    B = 5e-4
    H = note_components([57], sample_rate=RATE, stft=STFT(8192), inharmonicity=B, n_partials=10)[0]
    tenth = 10 * 220 * np.sqrt((1 + 100 * B) / (1 + B))
    assert tenth / 220 == pytest.approx(10.24, abs=0.01)
    assert H[round(tenth * 8192 / RATE)] == 0.1
    assert np.flatnonzero(H)[0] < 220 * 8192 / RATE < np.flatnonzero(H)[-1]


def test_templates_repeat_the_spectrum():
    settings = {"sample_rate": RATE, "stft": FRONT_END}
    H = note_components([60, 64], **settings)
    templates = note_components([60, 64], **settings, template_length=3)
    assert templates.shape == (2, 3, 513)
    np.testing.assert_array_equal(templates, np.repeat(H[:, None], 3, axis=1))


def test_no_pitches():
    assert note_components([], sample_rate=RATE, stft=FRONT_END).shape == (0, 513)
    assert note_components([], sample_rate=RATE, stft=FRONT_END, template_length=2).shape == (
        (0, 2, 513)
    )


def test_pitches_that_can_not_be_heard():
    with pytest.raises(
        ValueError, match=r"pitches holds the MIDI pitch 120, which is at 8372.* up to 4000 Hz"
    ):
        note_components([60, 120], sample_rate=RATE)
    with pytest.raises(ValueError, match="MIDI pitch 1e"):
        note_components([1e6], sample_rate=RATE)
    with pytest.raises(ValueError, match=r"not Hz: 440 Hz is 69\.$"):
        note_components([440.0], sample_rate=RATE)
    with pytest.raises(ValueError, match=r"up to 4000 Hz\.$"):
        note_components([127], sample_rate=RATE)
    with pytest.raises(ValueError, match="shape"):
        note_components(60, sample_rate=RATE)
    with pytest.raises(ValueError, match="pitch_tolerance"):
        note_components([60], sample_rate=RATE, pitch_tolerance=-1)
    with pytest.raises(ValueError, match="template_length"):
        note_components([60], sample_rate=RATE, template_length=0)
