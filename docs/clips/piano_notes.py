"""Three piano notes, one after another, then together."""

from instruments import play
from midi_file import Note
from stems import aligned, faded, limited

SAMPLE_RATE = 22050
_PIANO = 0
_SECONDS = 7.25
_FIRST = 0.1
_STEP = 1.25
_ALONE = 1.2
_TOGETHER = 3.0

# Three templates learn these notes from every random start that was tried, 150 of them. Higher up
# the strokes of the hammer weigh more: from one start in ten a template learns those, and two notes
# share another.
_NOTES = {"D3": 50, "Fs3": 54, "A3": 57}
_VELOCITY = 76


def render():
    """Stem of each note, by the end of its file name."""
    waveforms = [
        play(played, program=_PIANO, sample_rate=SAMPLE_RATE) for played in _performance().values()
    ]
    stems = aligned(waveforms, round(_SECONDS * SAMPLE_RATE))
    return dict(zip(_NOTES, limited(faded(stems, SAMPLE_RATE)), strict=True))


def notes():
    """What is played, by the end of the file name: onset and duration in seconds, MIDI pitch."""
    return {
        name: [(note.start, note.length, note.pitch) for note in played]
        for name, played in _performance().items()
    }


def _performance():
    together = _FIRST + len(_NOTES) * _STEP
    return {
        name: [
            Note(_FIRST + position * _STEP, _ALONE, pitch, _VELOCITY),
            Note(together, _TOGETHER, pitch, _VELOCITY),
        ]
        for position, (name, pitch) in enumerate(_NOTES.items())
    }
