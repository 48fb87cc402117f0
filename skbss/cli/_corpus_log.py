"""The manifest of a corpus: what became of every recording."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from skbss._runtime.record_file import RecordFile
from skbss.cli._errors import CommandError
from skbss.cli._job import Outcome
from skbss.report import printable

CORPUS = "corpus.jsonl"


class CorpusLog:
    """A file in the folder of all results, with a line for every recording.

    Parameters
    ----------
    root : Path
        The folder.

    Raises
    ------
    CommandError
        If there is a file of that name that is something else, or it cannot be read.
    """

    def __init__(self, root: Path):
        path = root / CORPUS
        told = f"'{path}' is no manifest of a corpus; choose another --out."
        self._file = RecordFile(path, "skbss corpus 1", told)
        self._records = self._read()

    @property
    def folders(self) -> dict[str, str]:
        """The folder of the result of every recording, by its name in the corpus."""
        return {name: record["folder"] for name, record in self._records.items()}

    def _read(self) -> dict[str, Any]:
        try:
            records = self._file.read()
            for record in records:
                if not isinstance(record.get("file"), str) or not _is_inside(record.get("folder")):
                    raise self._file.refusal()
            by_file = {record["file"]: record for record in records}
            if len({record["folder"] for record in by_file.values()}) < len(by_file):
                raise self._file.refusal()
        except (OSError, ValueError) as error:
            raise CommandError(_told(self._file.path, error)) from None
        return by_file

    def begin(self, anew: Iterable[str]) -> None:
        """Begin to write, without the lines of recordings whose turn comes again."""
        anew = set(anew)
        self._records = self._read()
        kept = [record for name, record in self._records.items() if name not in anew]
        try:
            self._file.begin_with(kept)
        except OSError as error:
            raise CommandError(_told(self._file.path, error)) from error

    def add(self, name: str, folder: str, outcome: Outcome) -> None:
        """Add what became of a recording; on disk before this returns."""
        record: dict[str, Any] = {
            "file": name,
            "folder": folder,
            "state": "failed" if outcome.error else "separated",
            "sources": outcome.n_stems,
            "seconds": round(outcome.seconds, 3),
            "notes": [printable(note) for note in outcome.notes],
        }
        if outcome.error:
            record["error"] = printable(outcome.error)
        if outcome.details:
            record["details"] = outcome.details
        try:
            self._file.append(record)
        except OSError as error:
            raise CommandError(_told(self._file.path, error)) from error


def _is_inside(folder: Any) -> bool:
    """Whether it is a folder below that of all results, whoever wrote it."""
    if not isinstance(folder, str):
        return False
    return all(
        part and part[0] != "." and not set(part) & set("\\:\0") for part in folder.split("/")
    )


def _told(path: Path, error: Exception) -> str:
    if isinstance(error, OSError):
        return f"'{path}' cannot be used: {error.strerror or error}; choose another --out."
    return str(error)
