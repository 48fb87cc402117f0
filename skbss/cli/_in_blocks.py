"""From a recording of any length to the files of its stems."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from skbss._runtime.recorded_waveform import RecordedWaveform, in_blocks
from skbss.cli._names import numbered
from skbss.cli._recording import Recording, wav_writer
from skbss.cli._result import sound_files
from skbss.cli._separation import (
    Separation,
    absorb_rounding,
    factorized,
    make_separator,
    mean_columns,
    with_notes,
)
from skbss.cli._settings import Settings


class _Blocks:
    """The blocks of a recording, of shape ([n_channels,] n), the same every time."""

    def __init__(self, waveform: Any):
        self._waveform = waveform

    def __iter__(self) -> Iterator[np.ndarray]:
        single = len(self._waveform) == 1
        return (block[0] if single else block for block in in_blocks(self._waveform))


class InBlocks:
    """The separation of a recording that is in a file.

    Parameters
    ----------
    recording : Recording
        From ``decode_recording``.
    settings : Settings
        Resolved for it.
    """

    def __init__(self, recording: Recording, settings: Settings):
        self._waveform = recording.waveform
        self._separator = make_separator(recording.sample_rate, settings, settings.n_sources)

    def learn(self) -> None:
        """Learn from all of it, so that the rest can be told."""
        found = self._separator._fit_and_separate_blocks(_Blocks(self._waveform))
        self._parts, self._W, self._level = found
        self.n_sources = int(self._separator.n_sources_)

    def pieces(self) -> Iterator[np.ndarray]:
        """Stems of shape (n_sources, n_channels, n), piece by piece."""
        start = 0
        for part in self._parts:
            stems = np.array(part if part.ndim == 3 else part[:, np.newaxis])
            stop = start + stems.shape[-1]
            absorb_rounding(self._waveform[:, start:stop], stems)
            yield stems
            start = stop

    def separation(self, stems: Any) -> Separation:
        """What was found, with the stems as they were kept."""
        W = self._W.reshape(len(self._waveform), -1, self._W.shape[-1])
        return factorized(self._separator, stems, self._level * mean_columns(W))


def separate_recording(recording: Recording, settings: Settings, folder: Path) -> Separation:
    """Separate a recording that is in a file, and write its stems.

    Parameters
    ----------
    recording : Recording
        From ``decode_recording``.
    settings : Settings
        Resolved for it.
    folder : Path
        Where the stems are written, numbered.

    Returns
    -------
    separation : Separation

    Raises
    ------
    CommandError
        If the library refuses the settings for this recording.
    """
    shape, sample_rate = recording.waveform.shape, recording.sample_rate

    def separated() -> Separation:
        found = InBlocks(recording, settings)
        found.learn()
        paths = [folder / name for name in sound_files(numbered(found.n_sources))[1:]]
        with ExitStack() as files:
            writers = [files.enter_context(wav_writer(path, shape, sample_rate)) for path in paths]
            for stems in found.pieces():
                for write, stem in zip(writers, stems, strict=True):
                    write(stem)
        return found.separation([RecordedWaveform(path) for path in paths])

    return with_notes(separated)
