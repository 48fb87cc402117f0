"""Recordings whose spectrograms are decomposed, other than the mixtures."""

import librosa
import numpy as np

from skbss import STFT
from skbss.datasets import load_band, load_two_speakers

from .material import SAMPLE_RATE
from .systems import FRONT_END


def spectrogram(waveform):
    """Magnitudes of the paper's frames, at a peak of one."""
    V = STFT(**FRONT_END, output="magnitude").fit_transform(waveform)
    return V / V.max()


def spectrograms(material, *, seconds=None):
    """By the name of the recording."""
    speakers, band = load_two_speakers(), load_band()
    waveforms = {
        "woman": (speakers.sources[0], speakers.sample_rate),
        "man": (speakers.sources[1], speakers.sample_rate),
        "band": (band.mixture, band.sample_rate),
        "speech": (material.speech, SAMPLE_RATE),
    }
    return {
        name: spectrogram(_at_rate(waveform, rate, seconds))
        for name, (waveform, rate) in waveforms.items()
    }


def _at_rate(waveform, rate, seconds):
    waveform = np.asarray(waveform, float)
    if rate != SAMPLE_RATE:
        waveform = librosa.resample(waveform, orig_sr=rate, target_sr=SAMPLE_RATE)
    return waveform if seconds is None else waveform[: round(seconds * SAMPLE_RATE)]
