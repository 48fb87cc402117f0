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

# The sound font is softer on E4 than on its neighbors: these velocities make the notes equally
# loud.
_NOTES = {"C4": (60, 76), "E4": (64, 110), "G4": (67, 72)}


def render():
    """Stem of each note, by the end of its file name."""
    waveforms = []
    for position, (pitch, velocity) in enumerate(_NOTES.values()):
        alone = Note(_FIRST + position * _STEP, _ALONE, pitch, velocity)
        together = Note(_FIRST + len(_NOTES) * _STEP, _TOGETHER, pitch, velocity)
        waveforms.append(play([alone, together], program=_PIANO, sample_rate=SAMPLE_RATE))
    stems = aligned(waveforms, round(_SECONDS * SAMPLE_RATE))
    return dict(zip(_NOTES, limited(faded(stems, SAMPLE_RATE)), strict=True))
