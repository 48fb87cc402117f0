"""A recording that comes through a pipe, and stems that go through one."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from skbss.cli._errors import CommandError, complain
from skbss.cli._in_blocks import InBlocks
from skbss.cli._methods import find_method
from skbss.cli._progress import progress
from skbss.cli._recording import decode_recording, read_recording
from skbss.cli._separation import Separation, on_device, separate_waveform, with_notes
from skbss.cli._settings import Settings
from skbss.cli._signals import unfinished

_INPUT = "standard input"
_BLOCK = 1 << 18


def separate_stream(source: BinaryIO, sink: int, settings: Settings, device: str) -> None:
    """Separate what can be read into what is written, by way of files that are gone afterwards.

    Parameters
    ----------
    source : binary file
        A sound file of any format, read to its end.
    sink : int
        The descriptor of a file or pipe. It gets a sound file of the format AU, whose length need
        not be known, with 32-bit floats: the channels of the first source, those of the second
        and so on.
    settings : Settings
        Not resolved.
    device : str
        Where to compute.

    Raises
    ------
    CommandError
        If what is read is no recording that can be separated, or nobody reads what is written.
    """
    folder = Path(tempfile.mkdtemp(prefix="skbss-"))

    def discard() -> None:
        shutil.rmtree(folder, ignore_errors=True)

    with unfinished(discard), progress() as say:
        try:
            say("Reading")
            path = folder / "recording"
            with path.open("wb") as file:
                shutil.copyfileobj(source, file)
            _separate(path, folder, sink, settings, device, say)
        except CommandError as error:
            raise CommandError(str(error).replace(f"'{path}'", _INPUT)) from None
        except OSError as error:
            raise CommandError(f"cannot go on: {error.strerror or error}.") from error
        finally:
            discard()


def _separate(path, folder, sink, settings, device, say):
    in_blocks = find_method(settings.method).in_blocks
    recording = decode_recording(path, folder / "mixture.wav") if in_blocks else None
    recording = recording or read_recording(path)
    settings = settings.resolve(recording.sample_rate, len(recording.waveform))
    say("Separating")
    with on_device(device):
        if in_blocks:

            def separated() -> Separation:
                found = InBlocks(recording, settings)
                found.learn()
                _write(found.pieces(), sink, recording.sample_rate)
                return found.separation([])

            separation = with_notes(separated)
        else:
            separation = separate_waveform(recording.waveform, recording.sample_rate, settings)
            _write(_cut(separation.stems), sink, recording.sample_rate)
    for note in separation.notes:
        complain(note)


def _cut(stems: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, stems.shape[-1], _BLOCK):
        yield stems[..., start : start + _BLOCK]


def _write(pieces: Iterator[Any], sink: int, sample_rate: int) -> None:
    """Pieces of shape (n_sources, n_channels, n), one after the other."""
    import soundfile

    first = next(pieces)
    n_signals = first.shape[0] * first.shape[1]
    try:
        with soundfile.SoundFile(
            sink, "w", sample_rate, n_signals, subtype="FLOAT", format="AU", closefd=False
        ) as file:
            while first is not None:
                file.write(first.reshape(n_signals, -1).T)
                first = next(pieces, None)
    except (soundfile.LibsndfileError, AssertionError):
        raise CommandError("nobody reads standard output any more.") from None
