"""Finished runs on disk, so that an evaluation that was stopped goes on where it was."""

import os
from pathlib import Path
from typing import Any

from skbss._runtime.record_file import RecordFile

_FACTS = {"task", "tags", "system", "oracle", "learned_from", "seed", "sources", "metrics"}
_FACTS |= {"seconds", "scores", "metric_errors", "error", "warnings", "version"}
_TEXTS = ("task", "system", "learned_from", "version")


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
        self._file = None if path is None else _file(path)
        if self._file is not None and self._file.path.exists() and not self._file.path.is_file():
            raise ValueError(f"path must be a file, new or of an earlier evaluation; got '{path}'.")
        self._runs = {} if self._file is None else _read(self._file)
        if self._file is not None:
            self._file.begin()

    @property
    def lasts(self) -> bool:
        """Whether there is a file."""
        return self._file is not None

    def holds(self, key: str) -> bool:
        """Whether the run is there, and nothing went wrong in it."""
        run = self._runs.get(key)
        return run is not None and run["error"] is None and not run["metric_errors"]

    def __getitem__(self, key: str) -> dict[str, Any]:
        return self._runs[key]

    def add(self, key: str, run: dict[str, Any]) -> None:
        """Remember a run; on disk before this returns."""
        self._runs[key] = run
        if self._file is not None:
            self._file.append({"key": key, "run": run})


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
    file = _file(path)
    if not file.path.exists():
        raise FileNotFoundError(f"There is no evaluation in '{file.path}'.")
    return list(_read(file).values())


def _file(path):
    path = Path(os.fspath(path))
    return RecordFile(
        path,
        "skbss evaluation 1",
        f"'{path}' is no record of an evaluation, or of another version of skbss: choose another "
        "path, or remove the file.",
    )


def _read(file):
    runs = {}
    for entry in file.read():
        run = entry.get("run")
        if not isinstance(entry.get("key"), str) or not isinstance(run, dict):
            raise file.refusal()
        if not run.keys() >= _FACTS or not all(isinstance(run[key], str) for key in _TEXTS):
            raise file.refusal()
        runs[entry["key"]] = run
    return runs
