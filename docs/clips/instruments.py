"""Sampled instruments: notes in, one waveform out, by fluidsynth and the FluidR3 sound font."""

import subprocess
import tempfile
from pathlib import Path

import soundfile
import soxr
from midi_file import DRUM_CHANNEL, midi_bytes

SOUND_FONT = "/usr/share/sounds/sf2/FluidR3_GM.sf2"
_SYNTHESIS_RATE = 44100


def play(notes, *, program, sample_rate, beats_per_minute=60.0):
    """Play notes on one instrument, dry.

    Reverberation and chorus are off: with them a note would depend on its neighbors, and the
    notes of a piece would not add up to the piece.

    Parameters
    ----------
    notes : iterable of Note
    program : int or None
        General MIDI program from 0; None for the drum kit.
    sample_rate : int
        Of the result, in Hz.
    beats_per_minute : float
        Tempo.

    Returns
    -------
    waveform : ndarray of shape (length,)
        Mean of the two channels of the sound font, float64.
    """
    channel = DRUM_CHANNEL if program is None else 0
    score = midi_bytes(notes, program=program, channel=channel, beats_per_minute=beats_per_minute)
    with tempfile.TemporaryDirectory() as folder:
        midi, audio = Path(folder, "score.mid"), Path(folder, "score.wav")
        midi.write_bytes(score)
        command = ["fluidsynth", "-ni", "-q", "-R", "0", "-C", "0", "-g", "0.5"]
        command += ["-r", str(_SYNTHESIS_RATE), "-o", "synth.cpu-cores=1"]
        command += ["-T", "wav", "-O", "float", "-F", str(audio), SOUND_FONT, str(midi)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        stereo, rate = soundfile.read(audio)
    return soxr.resample(stereo.mean(axis=1), rate, sample_rate, quality="VHQ")
