"""A file of one record a line, which grows by whole lines however often it is cut off."""

import json
import os
from pathlib import Path
from typing import Any

from skbss._runtime.drafts import draft_of


class RecordFile:
    """Records as JSON, a line each, below a line that says what they are.

    Parameters
    ----------
    path : Path
        The file; it need not exist.
    form : str
        What the first line says.
    foreign : str
        What to raise ``ValueError`` with where the file holds anything else.
    """

    def __init__(self, path: Path, form: str, foreign: str):
        self.path = path
        self._foreign = foreign
        self._header = json.dumps({"format": form}) + "\n"

    def read(self) -> list[dict[str, Any]]:
        """The records; what a stop cut short is none."""
        if not self.path.exists():
            return []
        lines = self.path.read_bytes().split(b"\n")
        # After the last line break there is nothing, or what was cut short.
        lines = lines[:-1]
        if not lines:
            # Anything but the beginning of our own first line is somebody else's.
            if not self._header.encode().startswith(self.path.read_bytes()):
                raise self.refusal()
            return []
        if self._parsed(lines[0]) != json.loads(self._header):
            raise self.refusal()
        return [self._parsed(line) for line in lines[1:]]

    def begin(self) -> None:
        """Drop what a stop cut short, or begin a file."""
        if self.path.exists() and self.path.stat().st_size:
            with self.path.open("rb+") as file:
                whole = file.read().rfind(b"\n") + 1
                file.truncate(whole)
            if whole:
                return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._append(self._header)

    def begin_with(self, records: list[dict[str, Any]]) -> None:
        """Begin the file anew with these; until that is done, the old one is there."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with draft_of(self.path) as draft:
            text = self._header + "".join(map(_line, records))
            draft.write_text(text, encoding="utf-8", newline="\n")

    def append(self, record: dict[str, Any]) -> None:
        """Add one, on disk before this returns."""
        self._append(_line(record))

    def refusal(self) -> ValueError:
        """What to raise where a record is not what it should be."""
        return ValueError(self._foreign)

    def _append(self, text):
        with self.path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def _parsed(self, line):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            raise self.refusal() from None
        if not isinstance(entry, dict):
            raise self.refusal()
        return entry


def _line(record):
    return json.dumps(record, ensure_ascii=True) + "\n"
