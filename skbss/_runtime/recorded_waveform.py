"""Recordings that are not in memory: their files are read where they are looked at."""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

_BLOCK = 1 << 18


class RecordedWaveform:
    """A sound file as an array of shape (n_channels, length), of which slices of time are read.

    Parameters
    ----------
    path : str or path-like
        Of a file whose samples can be told by number, as WAV or FLAC.
    """

    ndim = 2

    def __init__(self, path: Any):
        import soundfile

        self._path = os.fspath(path)
        info = soundfile.info(self._path)
        self.shape = (info.channels, info.frames)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: tuple[slice, slice]) -> np.ndarray:
        import soundfile

        channels, time = index
        start, stop, _ = time.indices(self.shape[1])
        with soundfile.SoundFile(self._path) as file:
            file.seek(start)
            samples = file.read(max(0, stop - start), dtype="float32", always_2d=True)
        return samples.T[channels]


def in_blocks(waveform: Any, length: int | None = None) -> Iterator[np.ndarray]:
    """A waveform of shape ([n_channels,] length), or its beginning, in blocks of its last axis."""
    n_samples = waveform.shape[-1] if length is None else min(length, waveform.shape[-1])
    for start in range(0, n_samples, _BLOCK):
        time = slice(start, min(start + _BLOCK, n_samples))
        yield waveform[time] if waveform.ndim == 1 else waveform[:, time]
