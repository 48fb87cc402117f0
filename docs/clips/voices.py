"""Synthetic voices: text in, one waveform out, by flite."""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile

VOICE_RATE = 16000
_AUDIBLE = 0.003  # of the peak: about -50 dB
_MARGIN = 0.03  # seconds kept around what is audible


def speak(text, *, voice):
    """Speak a text.

    Parameters
    ----------
    text : str
        One or more sentences.
    voice : {"awb", "kal16", "rms", "slt"}
        The voices of flite that speak at 16 kHz.

    Returns
    -------
    waveform : ndarray of shape (length,)
        At `VOICE_RATE`, float64, without the silence before and after the speech.
    """
    with tempfile.TemporaryDirectory() as folder:
        audio = Path(folder, "speech.wav")
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(audio)], check=True)
        waveform, rate = soundfile.read(audio)
    if rate != VOICE_RATE:
        raise ValueError(f"voice {voice!r} speaks at {rate} Hz, not at {VOICE_RATE} Hz")
    waveform -= waveform.mean()
    audible = np.flatnonzero(np.abs(waveform) > _AUDIBLE * np.abs(waveform).max())
    margin = round(_MARGIN * rate)
    return waveform[max(audible[0] - margin, 0) : audible[-1] + margin]
