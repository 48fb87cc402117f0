"""Finished runs on disk, so that an evaluation that was stopped goes on where it was."""

import json
import os
from pathlib import Path
from typing import Any

_FORMAT = "skbss evaluation 1"
_FACTS = {"task", "tags", "system", "oracle", "learned_from", "seed", "sources", "metrics"}
_FACTS |= {"seconds", "scores", "metric_errors", "error", "warnings", "version"}
_TEXTS = ("task", "system", "learned_from", "version")
_HEADER = json.dumps({"format": _FORMAT}) + "\n"


class Journal:
    """A file of one line for every finished run.

    A line is written at once and whole: what a stop cuts short is dropped when the file is opened
    again.

    Parameters
    ----------
    path : path-like or None
        The file; None remembers nothing beyond this process.

    Raises
    ------
    ValueError
        If the file holds anything else.
    """

    def __init__(self, path: Any):
        self._path = None if path is None else Path(os.fspath(path))
        if self._path is not None and self._path.exists() and not self._path.is_file():
            raise ValueError(f"path must be a file, new or of an earlier evaluation; got '{path}'.")
        self._runs = {} if self._path is None else _read(self._path)
        if self._path is not None:
            _prepare(self._path)

    @property
    def lasts(self) -> bool:
        """Whether there is a file."""
        return self._path is not None

    def holds(self, key: str) -> bool:
        """Whether the run is there, and nothing went wrong in it."""
        run = self._runs.get(key)
        return run is not None and run["error"] is None and not run["metric_errors"]

    def __getitem__(self, key: str) -> dict[str, Any]:
        return self._runs[key]

    def add(self, key: str, run: dict[str, Any]) -> None:
        """Remember a run; on disk before this returns."""
        self._runs[key] = run
        if self._path is not None:
            line = json.dumps({"key": key, "run": run}, ensure_ascii=True)
            _append(self._path, line + "\n")


def read_runs(path: Any) -> list[dict[str, Any]]:
    """The finished runs of a journal.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    runs : list of dict
        The last of each key, in the order in which they were first written.

    Raises
    ------
    ValueError
        If the file is no journal.
    OSError
        If it can not be read.
    """
    path = Path(os.fspath(path))
    if not path.exists():
        raise FileNotFoundError(f"There is no evaluation in '{path}'.")
    return list(_read(path).values())


def _prepare(path):
    """Drop what a stop cut short, or begin a file."""
    if path.exists() and path.stat().st_size:
        with path.open("rb+") as file:
            whole = file.read().rfind(b"\n") + 1
            file.truncate(whole)
        if whole:
            return
    path.parent.mkdir(parents=True, exist_ok=True)
    _append(path, _HEADER)


def _append(path, text):
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _read(path):
    if not path.exists():
        return {}
    lines = path.read_bytes().split(b"\n")
    # After the last line break there is nothing, or what was cut short.
    lines = lines[:-1]
    if not lines:
        # Anything but the beginning of our own first line is somebody else's.
        if not _HEADER.encode().startswith(path.read_bytes()):
            raise _foreign(path)
        return {}
    if _parsed(lines[0], path).get("format") != _FORMAT:
        raise _foreign(path)
    runs = {}
    for line in lines[1:]:
        entry = _parsed(line, path)
        run = entry.get("run")
        if not isinstance(entry.get("key"), str) or not isinstance(run, dict):
            raise _foreign(path)
        if not run.keys() >= _FACTS or not all(isinstance(run[key], str) for key in _TEXTS):
            raise _foreign(path)
        runs[entry["key"]] = entry["run"]
    return runs


def _parsed(line, path):
    try:
        entry = json.loads(line)
    except ValueError:
        raise _foreign(path) from None
    if not isinstance(entry, dict):
        raise _foreign(path)
    return entry


def _foreign(path):
    return ValueError(
        f"'{path}' is no record of an evaluation, or of another version of skbss: choose another "
        "path, or remove the file."
    )
