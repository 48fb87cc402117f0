"""Sound files in and out."""

import os
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skbss._runtime.recorded_waveform import RecordedWaveform
from skbss.cli._errors import CommandError

_BLOCK = 1 << 18
_LARGEST_WAV_BYTES = 4_000_000_000
# Players and encoders disagree by a frame or two on where a compressed file ends.
_TOLERATED_GAP = 4_096
_CUT_SHORT = re.compile(r"^data : (\d+) \(should be (\d+)\)", re.MULTILINE)
_UNKNOWN_LENGTH = 0x7FFF_0000
# What phones, cameras and other programs write, which the sound library cannot read.
_FOR_FFMPEG = re.compile(
    r"\.(3gp|aac|ac3|amr|ape|avi|dts|flv|m4[abv]|mk[av]|mov|mp4|mpe?g|webm|wm[av]|wv)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Recording:
    """A recording as it is in its file.

    Attributes
    ----------
    waveform : array of shape (n_channels, length), float32, or RecordedWaveform
        Finite; full scale is 1.
    sample_rate : int
        In Hz.
    name : str
        Name of the file, as found: not safe to show or to write to.
    tag : str or None
        Title and artist from the file's tags, not safe to show either.
    """

    waveform: Any
    sample_rate: int
    name: str
    tag: str | None = None


def probe_recording(path: Path) -> tuple[int, int]:
    """The sample rate in Hz and the number of channels of a sound file.

    Only its beginning is read.

    Raises
    ------
    CommandError
        If the file is missing, no sound file, empty, or visibly shorter than it says.
    """
    with _opened(path) as file:
        if not len(file.read(1)):
            raise _no_samples(path)
        return file.samplerate, file.channels


def read_recording(path: Path, *, allow_silence: bool = False) -> Recording:
    """Everything in a sound file.

    Raises
    ------
    CommandError
        If the file is missing, no sound file, damaged, empty, silent (unless `allow_silence`), or
        holds NaN or infinity.
    """
    with _opened(path) as file:
        blocks = list(_blocks(file, path))
        n_announced, sample_rate, n_channels = file.frames, file.samplerate, file.channels
        tag = _tag(file.copy_metadata())
    length = sum(len(block) for block in blocks)
    if length + _TOLERATED_GAP < n_announced:
        raise _damaged(path, length / n_announced)
    if not length:
        raise _no_samples(path)
    waveform = np.empty((n_channels, length), dtype=np.float32)
    start = 0
    for block in blocks:
        waveform[:, start : start + len(block)] = block.T
        start += len(block)
    if not (allow_silence or waveform.any()):
        raise _silent(path)
    return Recording(waveform, sample_rate, path.name, tag)


def write_wav(path: Path, waveform: np.ndarray, sample_rate: int) -> None:
    """Write shape (n_channels, length) as 32-bit float samples; RF64 where WAV is too small."""
    with wav_writer(path, waveform.shape, sample_rate) as write:
        for start in range(0, waveform.shape[-1], _BLOCK):
            write(waveform[:, start : start + _BLOCK])


@contextmanager
def wav_writer(
    path: Path, shape: tuple[int, int], sample_rate: int
) -> Iterator[Callable[[np.ndarray], None]]:
    """A function that writes more and more samples of shape (n_channels, n), as `write_wav`.

    Parameters
    ----------
    path : Path
        The file.
    shape : tuple of int
        ``(n_channels, length)`` of all samples.
    sample_rate : int
        In Hz.
    """
    import soundfile

    kind = "WAV" if 4 * shape[0] * shape[1] < _LARGEST_WAV_BYTES else "RF64"
    with (
        _told_as_unwritten(path),
        soundfile.SoundFile(path, "w", sample_rate, shape[0], subtype="FLOAT", format=kind) as file,
    ):

        def write(samples: np.ndarray) -> None:
            with _told_as_unwritten(path):
                file.write(samples.T)

        yield write


def decode_recording(path: Path, target: Path) -> Recording:
    """Everything in a sound file, written to a WAV file that is read from then on.

    Parameters
    ----------
    path : Path
        The recording.
    target : Path
        The WAV file, which is replaced.

    Raises
    ------
    CommandError
        As `read_recording`.
    """
    with _opened(path) as file:
        n_announced, sample_rate, n_channels = file.frames, file.samplerate, file.channels
        tag = _tag(file.copy_metadata())
        length, is_heard = 0, False
        with wav_writer(target, (n_channels, n_announced), sample_rate) as write:
            for block in _blocks(file, path):
                write(block.T)
                length += len(block)
                is_heard = is_heard or bool(block.any())
    if length + _TOLERATED_GAP < n_announced:
        raise _damaged(path, length / n_announced)
    if not length:
        raise _no_samples(path)
    if not is_heard:
        raise _silent(path)
    return Recording(RecordedWaveform(target), sample_rate, path.name, tag)


class _UnwrittenError(OSError):
    """A sound file could not be written; nothing is wrong with the one that was read."""


@contextmanager
def _told_as_unwritten(path: Path) -> Iterator[None]:
    import soundfile

    try:
        yield
    # The library has no number for it, and for less written than was given an assertion.
    except (soundfile.SoundFileError, AssertionError) as error:
        reason = str(getattr(error, "error_string", "")).strip().rstrip(".")
        reason = f" ({reason})" if reason else ""
        raise _UnwrittenError(
            f"'{path.name}' was not written to its end{reason}, as where a disk is full"
        ) from error


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The sound file, closed afterwards; whatever cannot be read in it is told in one line."""
    import soundfile

    _check_is_file(path)
    try:
        with (
            path.open("rb") as stream,
            _silent_decoders(),
            # By descriptor, because the library opens no path that is not Unicode.
            soundfile.SoundFile(stream.fileno(), closefd=False) as file,
        ):
            if cut := _CUT_SHORT.search(file.extra_info):
                announced, held = int(cut[1]), int(cut[2])
                if held < announced < _UNKNOWN_LENGTH:
                    raise _damaged(path, held / announced)
            yield file
    except _UnwrittenError:
        raise
    except (soundfile.SoundFileError, TypeError, ValueError) as error:
        raise _unreadable(path, getattr(error, "error_string", "")) from None
    except OSError as error:
        raise CommandError(f"'{path}' cannot be read: {error.strerror or error}.") from None


def _check_is_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise CommandError(f"'{path}' is a folder; name the sound files in it.")
        if not path.exists():
            raise CommandError(f"'{path}' does not exist.")
        if not path.is_file():
            raise CommandError(f"'{path}' is not a regular file.")
        if not path.stat().st_size:
            raise CommandError(f"'{path}' is empty.")
    except (OSError, ValueError) as error:
        raise CommandError(f"'{path}' cannot be read: {error}.") from None


def _blocks(file, path: Path) -> Iterator[np.ndarray]:
    # A header may announce any length, so memory is taken only for what the file holds.
    start = 0
    while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
        finite = np.isfinite(block).all(axis=1)
        if not finite.all():
            seconds = (start + int(np.argmin(finite))) / file.samplerate
            raise CommandError(
                f"'{path}' holds a sample that is NaN or infinite at {seconds:.3f} s; "
                "repair the recording first."
            )
        start += len(block)
        yield block


def _unreadable(path: Path, reason: str) -> CommandError:
    what = f"'{path}' cannot be read as a sound file (wav, flac, ogg, mp3, aiff)"
    if _FOR_FFMPEG.fullmatch(path.suffix):
        names = [str(name) for name in (path, path.with_suffix(".wav"))]
        names = [f"./{name}" if name.startswith("-") else name for name in names]
        return CommandError(f"{what}; convert it first: {shlex.join(['ffmpeg', '-i', *names])}")
    return CommandError(f"{what}: {reason.strip().rstrip('.') or 'its content is not sound'}.")


def _no_samples(path: Path) -> CommandError:
    return CommandError(f"'{path}' holds no samples.")


def _silent(path: Path) -> CommandError:
    return CommandError(f"'{path}' is silent: every sample is zero.")


def _damaged(path: Path, share: float) -> CommandError:
    return CommandError(
        f"'{path}' is damaged: it ends after {100 * share:.0f} % of the length it announces. "
        "Copy it again, or convert what is left to another file."
    )


def _tag(metadata: dict[str, str]) -> str | None:
    parts = [metadata[key].strip() for key in ("title", "artist") if metadata.get(key, "").strip()]
    return " · ".join(parts) or None


@contextmanager
def _silent_decoders() -> Iterator[None]:
    """Keep what C decoders write to stderr away from the user, who gets one line from us."""
    saved = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)
