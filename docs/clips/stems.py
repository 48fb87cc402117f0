"""From rendered waveforms to stems of one length and level, and to files."""

import numpy as np
import soundfile

PEAK = 0.9


def aligned(waveforms, length):
    """Waveforms cut or padded with silence to one length: shape (n_sources, length)."""
    stems = np.zeros((len(waveforms), length))
    for stem, waveform in zip(stems, waveforms, strict=True):
        stem[: len(waveform)] = waveform[:length]
    return stems


def faded(stems, sample_rate, *, begin=0.005, end=0.05):
    """Stems that rise from zero and fall to it, over so many seconds."""
    gain = np.ones(stems.shape[-1])
    for seconds, part in ((begin, gain), (end, gain[::-1])):
        length = round(seconds * sample_rate)
        part[:length] *= np.sin(0.5 * np.pi * np.arange(length) / length) ** 2
    return stems * gain


def balanced(stems, decibels):
    """Stems whose root mean squares stand in the given relation."""
    level = np.sqrt(np.square(stems).mean(axis=-1, keepdims=True))
    return stems / level * 10 ** (np.reshape(decibels, (-1, 1)) / 20)


def limited(stems):
    """Stems under one common gain, such that neither they nor their sum exceed `PEAK`."""
    return stems * (PEAK / max(np.abs(stems).max(), np.abs(stems.sum(axis=0)).max()))


def write_flac(path, waveform, sample_rate, *, subtype="PCM_16"):
    """Write one FLAC file, compressed as far as it goes.

    Parameters
    ----------
    path : Path
    waveform : ndarray of shape (length,) or (n_channels, length)
    sample_rate : int
    subtype : {"PCM_16", "PCM_24"}
        Resolution. Samples are rounded, not dithered, so that silence stays silent.
    """
    bits = int(subtype.removeprefix("PCM_"))
    samples = np.rint(waveform * 2.0 ** (bits - 1)).astype(np.int32) << (32 - bits)
    soundfile.write(
        path, samples.T, sample_rate, format="FLAC", subtype=subtype, compression_level=1.0
    )
