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
    waveform = recording.waveform

    def separated() -> Separation:
        separator = make_separator(recording.sample_rate, settings, settings.n_sources)
        parts, W, level = separator._fit_and_separate_blocks(_Blocks(waveform))
        paths = [folder / name for name in sound_files(numbered(separator.n_sources_))[1:]]
        with ExitStack() as files:
            writers = [
                files.enter_context(wav_writer(path, waveform.shape, recording.sample_rate))
                for path in paths
            ]
            start = 0
            for part in parts:
                stems = np.array(part if part.ndim == 3 else part[:, np.newaxis])
                stop = start + stems.shape[-1]
                absorb_rounding(waveform[:, start:stop], stems)
                for write, stem in zip(writers, stems, strict=True):
                    write(stem)
                start = stop
        columns = mean_columns(W.reshape(len(waveform), -1, W.shape[-1]))
        return factorized(separator, [RecordedWaveform(path) for path in paths], level * columns)

    return with_notes(separated)
