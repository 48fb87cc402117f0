"""The recordings of a corpus, and where the results go."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from skbss.cli._errors import CommandError
from skbss.cli._names import file_name
from skbss.cli._output import MANIFEST, is_result
from skbss.cli._sound_names import as_counted, is_sound_name


@dataclass(frozen=True)
class Found:
    """A recording that was named, or lies in a folder that was named.

    Attributes
    ----------
    file : Path
        The recording.
    name : str
        What it is called, as no other one: the path that was named, or that in the only folder
        that was, between slashes.
    place : PurePosixPath
        After which the folder of the result is named.
    """

    file: Path
    name: str
    place: PurePosixPath


def find_recordings(paths: Iterable[Path], *, besides: Path | None = None) -> list[Found]:
    """The recordings among files and folders, each once.

    Folders are gone through with all that is in them, but for hidden files, results of skbss, and
    links to other folders; they are told from each other by their names if there are several.

    Parameters
    ----------
    paths : iterable of Path
        As the user gave them; files are taken whatever their names.
    besides : Path, optional
        A folder that holds no recordings but results.

    Raises
    ------
    CommandError
        If a folder cannot be read or holds no recordings.
    """
    paths = list(paths)
    found: dict[str, Found] = {}
    is_alone = len(paths) == 1
    for path in paths:
        if not path.is_dir():
            one = Found(path, _readable(os.path.normpath(path)), PurePosixPath(path.name))
            found.setdefault(os.path.realpath(path), one)
            continue
        skipped = None if besides is None else os.path.realpath(besides)
        files = list(_in_folder(path, skipped))
        if not files:
            raise CommandError(f"'{path}' holds no recordings (wav, flac, ogg, mp3, aiff).")
        for file in files:
            inside = file.relative_to(path)
            name = inside if is_alone else Path(os.path.normpath(path)) / inside
            place = PurePosixPath("" if is_alone else path.resolve().name, *inside.parts)
            found.setdefault(os.path.realpath(file), Found(file, _readable(name), place))
    return list(found.values())


def folders_of(recordings: Iterable[Found], known: Mapping[str, str]) -> list[PurePosixPath]:
    """The folder of each result, which are as nested as the recordings.

    Parameters
    ----------
    recordings : iterable of Found
    known : mapping of str to str
        Folders by the names of recordings, from an earlier run: they stay, whatever recordings
        have come since.
    """
    names = _Names()
    for folder in known.values():
        names.reserve(PurePosixPath(folder))
    # Folders first: they are the parents of others, and keep their names.
    recordings = list(recordings)
    parents = {found.place.parent for found in recordings}
    for parent in sorted(parents):
        names.of_parent(parent)
    return [
        PurePosixPath(known[found.name]) if found.name in known else names.of_recording(found.place)
        for found in recordings
    ]


class _Names:
    """Names that are safe to write to, each once in its folder, whatever the case."""

    def __init__(self):
        self._taken: set[str] = set()
        self._parents = {PurePosixPath(): PurePosixPath()}

    def reserve(self, folder: PurePosixPath) -> None:
        self._taken.add(str(folder).casefold())

    def of_parent(self, parent: PurePosixPath) -> PurePosixPath:
        if parent not in self._parents:
            self._parents[parent] = self._free(self.of_parent(parent.parent), parent.name)
        return self._parents[parent]

    def of_recording(self, name: PurePosixPath) -> PurePosixPath:
        return self._free(self.of_parent(name.parent), name.stem)

    def _free(self, folder: PurePosixPath, name: str) -> PurePosixPath:
        place = first = folder / file_name(name)
        number = 1
        while str(place).casefold() in self._taken:
            number += 1
            place = first.with_name(f"{first.name}-{number}")
        self.reserve(place)
        return place


def _in_folder(folder: Path, skipped: str | None) -> Iterable[Path]:
    def refuse(error: OSError) -> None:
        raise CommandError(f"'{error.filename}' cannot be read: {error.strerror or error}.")

    for place, folders, files in os.walk(folder, onerror=refuse):
        ours = MANIFEST in files and is_result(Path(place))
        if ours or os.path.realpath(place) == skipped:
            folders.clear()
            continue
        folders[:] = sorted((name for name in folders if name[0] != "."), key=_as_counted)
        for name in sorted(files, key=_as_counted):
            if name[0] != "." and is_sound_name(Path(name)):
                yield Path(place, name)


def _readable(path: str | Path) -> str:
    """A path as text for every program, also where its bytes are none."""
    return Path(path).as_posix().encode("utf-8", "backslashreplace").decode()


def _as_counted(name: str) -> list[tuple[int, str]]:
    return as_counted(Path(name))
