"""Bass, drums and vibraphone: a piece to separate, and another of the same band to train on."""

import random

from instruments import play
from midi_file import Note
from stems import aligned, balanced, faded, limited

SAMPLE_RATE = 22050
SOURCES = ("bass", "drums", "melody")

_BEATS_PER_MINUTE = 100.0
_BEATS_PER_BAR = 4
_PROGRAMS = {"bass": 33, "drums": None, "melody": 11}  # finger bass, kit, vibraphone
_LEVELS = (0.0, -1.0, -2.0)  # dB
_SECONDS = {"piece": 10.5, "train": 10.0}

_KICK, _SNARE, _CLOSED_HAT, _OPEN_HAT, _CRASH = 36, 38, 42, 46, 49

# One tuple per note: beat within the bar, length in beats, pitch, velocity.
_BASS = {
    "piece": [
        [(0, 0.9, 38, 104), (1.5, 0.4, 38, 88), (2, 0.8, 45, 98), (3, 0.45, 48, 92),
         (3.5, 0.4, 45, 90)],
        [(0, 0.9, 43, 104), (1.5, 0.4, 43, 88), (2, 0.8, 50, 96), (3, 0.45, 47, 92),
         (3.5, 0.4, 43, 90)],
        [(0, 0.9, 36, 104), (1.5, 0.4, 36, 88), (2, 0.8, 43, 98), (3, 0.45, 40, 92),
         (3.5, 0.4, 43, 90)],
        [(0, 0.9, 45, 104), (1.5, 0.4, 45, 88), (2, 0.8, 40, 98), (3, 0.45, 45, 94),
         (3.5, 0.4, 37, 96)],
        [(0, 1.6, 38, 106)],
    ],
    "train": [
        [(0, 1.4, 41, 102), (1.5, 0.4, 45, 90), (2, 0.4, 48, 96), (2.5, 0.9, 45, 92)],
        [(0, 0.9, 40, 102), (1, 0.9, 40, 90), (2, 0.9, 45, 98), (3, 0.9, 37, 94)],
        [(0, 1.4, 38, 104), (1.5, 0.4, 41, 88), (2, 0.9, 45, 96), (3, 0.9, 50, 92)],
        [(0, 0.9, 43, 104), (1, 0.4, 47, 88), (1.5, 0.9, 50, 94), (2.5, 0.4, 43, 90),
         (3, 0.9, 36, 98)],
    ],
}  # fmt: skip
_MELODY = {
    "piece": [
        [(0.5, 0.5, 69, 88), (1, 0.5, 72, 92), (1.5, 1.4, 74, 102), (3, 0.5, 77, 98),
         (3.5, 0.5, 76, 92)],
        [(0, 1.4, 74, 100), (1.5, 0.5, 71, 86), (2, 0.5, 74, 92), (2.5, 1, 79, 104),
         (3.5, 0.5, 77, 94)],
        [(0, 1.4, 76, 100), (1.5, 0.5, 67, 84), (2, 0.5, 72, 90), (2.5, 0.5, 76, 94),
         (3, 1, 79, 102)],
        [(0, 0.75, 81, 106), (0.75, 0.75, 79, 94), (1.5, 0.5, 76, 92), (2, 1, 73, 98),
         (3, 0.5, 76, 92), (3.5, 0.5, 73, 92)],
        [(0, 1.6, 74, 104)],
    ],
    "train": [
        [(0, 0.9, 77, 98), (1, 0.5, 76, 90), (1.5, 0.9, 72, 94), (2.5, 1.4, 69, 92)],
        [(0, 0.5, 71, 90), (0.5, 0.5, 74, 92), (1, 0.9, 76, 98), (2, 0.9, 73, 94),
         (3, 0.9, 79, 100)],
        [(0, 1.4, 77, 100), (1.5, 0.5, 74, 90), (2, 0.9, 81, 104), (3, 0.5, 79, 94),
         (3.5, 0.5, 77, 92)],
        [(0, 0.9, 74, 98), (1, 0.5, 71, 88), (1.5, 0.9, 67, 90), (2.5, 0.5, 72, 94),
         (3, 0.9, 76, 98)],
    ],
}  # fmt: skip

# Beats on which a drum is struck softly or hard: (beat, velocity).
_GROOVE = {
    _KICK: [(0, 112), (1.5, 92), (2.5, 104)],
    _SNARE: [(1, 108), (1.75, 46), (3, 110), (3.75, 50)],
    _CLOSED_HAT: [(beat / 2, 84 if beat % 2 == 0 else 66) for beat in range(7)],
    _OPEN_HAT: [(3.5, 76)],
}
_FILL = {
    _KICK: [(0, 112), (1.5, 92), (3.5, 100)],
    _SNARE: [(1, 108), (2, 80), (2.5, 88), (2.75, 72), (3, 100), (3.25, 92), (3.75, 112)],
    _CLOSED_HAT: [(beat / 2, 84 if beat % 2 == 0 else 66) for beat in range(4)],
}
_ENDING = {_KICK: [(0, 114)], _CRASH: [(0, 96)]}
_STRAIGHT = {
    _KICK: [(0, 110), (0.75, 88), (2, 106)],
    _SNARE: [(1, 106), (2.75, 52), (3, 108)],
    _CLOSED_HAT: [(beat / 2, 82 if beat % 2 == 0 else 64) for beat in range(1, 8)],
}
_OPENING = {**_STRAIGHT, _CRASH: [(0, 92)]}
_DRUMS = {
    "piece": [_GROOVE, _GROOVE, _GROOVE, _FILL, _ENDING],
    "train": [_OPENING, _STRAIGHT, _STRAIGHT, _FILL],
}


def render(part):
    """Stems of the piece to separate ("piece") or to train on ("train"), by instrument."""
    played = _performance(part)
    waveforms = [
        play(
            played[name],
            program=_PROGRAMS[name],
            sample_rate=SAMPLE_RATE,
            beats_per_minute=_BEATS_PER_MINUTE,
        )
        for name in SOURCES
    ]
    stems = faded(aligned(waveforms, round(_SECONDS[part] * SAMPLE_RATE)), SAMPLE_RATE, end=0.25)
    return dict(zip(SOURCES, limited(balanced(stems, _LEVELS)), strict=True))


def notes(part):
    """What is played in a piece, by instrument: onset and duration in seconds, MIDI pitch."""
    beat = 60 / _BEATS_PER_MINUTE
    return {
        name: [(beat * note.start, beat * note.length, note.pitch) for note in played]
        for name, played in _performance(part).items()
    }


def _performance(part):
    scores = {
        "bass": _line(_BASS[part]),
        "drums": _beats(_DRUMS[part]),
        "melody": _line(_MELODY[part]),
    }
    players = random.Random(f"{part} of the band")
    return {name: _humanized(scores[name], players) for name in SOURCES}


def _line(bars):
    return [
        Note(bar * _BEATS_PER_BAR + beat, length, pitch, velocity)
        for bar, notes in enumerate(bars)
        for beat, length, pitch, velocity in notes
    ]


def _beats(bars):
    return [
        Note(bar * _BEATS_PER_BAR + beat, 0.2, drum, velocity)
        for bar, drums in enumerate(bars)
        for drum, strokes in drums.items()
        for beat, velocity in strokes
    ]


def _humanized(notes, players):
    # A downbeat at zero can only be late; the offset leaves room for an early one.
    offset = 0.1
    return [
        Note(
            note.start + offset + players.uniform(-0.015, 0.015),
            note.length,
            note.pitch,
            min(127, note.velocity + players.randint(-5, 5)),
        )
        for note in notes
    ]
