"""One recording that is to be separated, in this process or another one."""

import os
import shlex
import socket
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from skbss.cli._errors import CommandError
from skbss.cli._methods import find_method
from skbss.cli._names import numbered
from skbss.cli._output import output_folder, result_of
from skbss.cli._settings import Settings
from skbss.report import printable

# Warnings are caught, and decoders silenced, for the whole process.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Job:
    """A recording, where its stems go, and how they are made.

    Attributes
    ----------
    file : Path
        The recording.
    target : Path
        The folder of the result.
    root : Path
        The folder of all results, which is there from the beginning.
    settings : Settings
        Not resolved.
    device : str
        Where to compute.
    overwrite : bool
        Whether an earlier result may be replaced.
    html : bool
        Whether to write a page.
    """

    file: Path
    target: Path
    root: Path
    settings: Settings
    device: str = "auto"
    overwrite: bool = False
    html: bool = True

    def making(self) -> dict[str, Any]:
        """What is separated and how, by which its result is known again."""
        found = self.file.stat()
        options = [*self.settings.options(), *([] if self.html else ["--no-html"])]
        return {
            "file": printable(self.file.name),
            "bytes": found.st_size,
            "modified_ns": found.st_mtime_ns,
            "options": options,
        }

    def everywhere(self) -> "Job":
        """The same for processes in other folders and on other machines."""
        where = (self.file, self.target, self.root)
        file, target, root = (Path(os.path.abspath(path)) for path in where)  # noqa: PTH100
        return replace(self, file=file, target=target, root=root)

    def done(self) -> "Outcome | None":
        """What became of it, if the result is there: of this recording, made in this way."""
        try:
            told = result_of(self.target, self.making())
        except OSError:
            return None
        sources = None if told is None else told.get("sources")
        return Outcome(len(sources)) if isinstance(sources, list) else None


@dataclass(frozen=True)
class Outcome:
    """What became of a job.

    Attributes
    ----------
    n_stems : int
        How many there are; 0 where it failed.
    seconds : float
        The time that it took; 0 where the result was there before.
    notes : tuple of str
        What the listener should know about the recording.
    error : str or None
        Why it failed, on one line.
    details : str or None
        Where in the program that was, if nobody foresaw it.
    """

    n_stems: int
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    error: str | None = None
    details: str | None = None


def separate_job(job: Job, say: Callable[[str], None]) -> Outcome:
    """Separate a recording and write its result.

    Parameters
    ----------
    job : Job
    say : callable (str) -> None
        Is told every stage.

    Raises
    ------
    CommandError
        If the recording can not be separated, or the result not be written.
    """
    from skbss.cli._in_blocks import separate_recording
    from skbss.cli._recording import decode_recording, read_recording
    from skbss.cli._result import Account, write_result
    from skbss.cli._separation import on_device, separate_waveform

    start = time.monotonic()
    in_blocks = find_method(job.settings.method).in_blocks
    making = job.making() if job.file.is_file() else None
    recording = None if in_blocks else read_recording(job.file)
    with output_folder(job.target, overwrite=job.overwrite) as folder:
        say(f"Separating {job.file.name}")
        if recording is None:
            recording = decode_recording(job.file, folder / "mixture.wav")
        _check_unchanged(job, making)
        settings = job.settings.resolve(recording.sample_rate, len(recording.waveform))
        with on_device(job.device):
            if in_blocks:
                separation = separate_recording(recording, settings, folder)
            else:
                separation = separate_waveform(recording.waveform, recording.sample_rate, settings)
        say("Writing the stems and the page" if job.html else "Writing the stems")
        numbers = range(1, 1 + len(separation.stems))
        account = Account(
            title=job.file.name,
            subtitle=recording.tag,
            command=_command(job, settings),
            source_names=[f"Source {k}" for k in numbers],
            stem_names=numbered(len(numbers)),
            making=making,
        )
        write_result(
            folder,
            recording.waveform,
            recording.sample_rate,
            separation,
            settings,
            account,
            html=job.html,
        )
    return Outcome(len(separation.stems), time.monotonic() - start, separation.notes)


def attempt(job: Job) -> Outcome:
    """Separate one recording of many, whatever happens with it.

    Parameters
    ----------
    job : Job
        Of which the result may be there by now, of a process that was thought to be lost.

    Returns
    -------
    outcome : Outcome
    """
    details = None
    with _ONE_AT_A_TIME:
        start = time.monotonic()
        try:
            _check_is_seen(job)
            outcome = None if job.overwrite else job.done()
            return outcome or separate_job(job, lambda text: None)
        except CommandError as error:
            reason = str(error)
        except MemoryError:
            reason = f"'{job.file}': not enough memory."
        except Exception as error:
            reason = " ".join(f"'{job.file}': {type(error).__name__}: {error}".split())
            details = traceback.format_exc()
        seconds = time.monotonic() - start
    # A result that was to be replaced is none of this.
    found = None if job.overwrite else job.done()
    return found or Outcome(0, seconds, error=reason, details=details)


def lost(job: Job) -> Outcome:
    """What there is of a job that takes every process with it that works at it."""
    return Outcome(0, error=f"'{job.file}': the process died, as it does when memory gives out.")


def _check_is_seen(job: Job) -> None:
    for place in (job.file, job.root):
        if not place.exists():
            raise CommandError(
                f"'{place}' is not there on '{socket.gethostname()}': every process that separates "
                "must see the same files under the same names."
            )


def _check_unchanged(job: Job, making: dict[str, Any] | None) -> None:
    try:
        is_same = job.making() == making
    except OSError:
        is_same = False
    if not is_same:
        raise CommandError(f"'{job.file}' was changed while it was read; separate it again.")


def _command(job: Job, settings: Settings) -> str:
    """The command that makes the result again, without the folders of whoever ran it."""
    name = job.file.name
    folder = os.path.basename(os.path.abspath(job.target))  # noqa: PTH100, PTH119
    words = ["skbss", "separate", *settings.options(), "--out", folder]
    words += [] if job.html else ["--no-html"]
    words += ["--", name] if name.startswith("-") else [name]
    return shlex.join(words)
