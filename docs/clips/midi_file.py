"""Standard MIDI files from a list of notes, with nothing but the standard library."""

import struct
from typing import NamedTuple

TICKS_PER_BEAT = 480
DRUM_CHANNEL = 9


class Note(NamedTuple):
    """One note: start and length in beats, pitch and velocity as MIDI numbers."""

    start: float
    length: float
    pitch: int
    velocity: int


def midi_bytes(notes, *, program=None, channel=0, beats_per_minute=60.0):
    """A MIDI file of one track that plays `notes`.

    Parameters
    ----------
    notes : iterable of Note
        In any order.
    program : int or None
        General MIDI program from 0; None for the drum kit.
    channel : int
        MIDI channel from 0; `DRUM_CHANNEL` plays drums.
    beats_per_minute : float
        Tempo.

    Returns
    -------
    contents : bytes
        The same bytes for the same notes.
    """
    events = []
    for note in sorted(notes):
        begin = round(note.start * TICKS_PER_BEAT)
        end = round((note.start + note.length) * TICKS_PER_BEAT)
        # Ends sort before beginnings, so that a repeated note is struck again.
        events.append((begin, 1, bytes([0x90 | channel, note.pitch, note.velocity])))
        events.append((end, 0, bytes([0x80 | channel, note.pitch, 64])))
    tempo = round(60e6 / beats_per_minute).to_bytes(3, "big")
    track = b"\x00\xff\x51\x03" + tempo
    if program is not None:
        track += bytes([0, 0xC0 | channel, program])
    now = 0
    for tick, _, message in sorted(events):
        track += _variable_length(tick - now) + message
        now = tick
    track += b"\x00\xff\x2f\x00"
    header = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, TICKS_PER_BEAT)
    return header + struct.pack(">4sI", b"MTrk", len(track)) + track


def _variable_length(value):
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))
