"""A folder of results that appears whole or not at all."""

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import socket
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from skbss._runtime.drafts import draft_of
from skbss.cli._errors import CommandError
from skbss.cli._signals import in_one_go, unfinished

MANIFEST = "separation.json"
# Of which result it is, on which machine it is made, by which process, and chance.
_DRAFT = re.compile(r"\.skbss-([0-9a-f]{16})-([0-9a-f]{8})-([0-9]+)-[0-9a-f]{8}\.part")


def check_target(
    target: Path, *, overwrite: bool, only: str | None = None, resumes: bool = False
) -> list[str]:
    """Names of the files of an earlier result that a new one may replace.

    Parameters
    ----------
    target : Path
        Where the result is to be; it need not exist.
    overwrite : bool
        Whether an earlier result may be replaced.
    only : str, optional
        The sub-command whose results these must be; by default any.
    resumes : bool
        Whether the results that are wanted would have been kept.

    Raises
    ------
    CommandError
        If the folder or one on the way to it is a file or may not be written to, if it holds
        anything that skbss did not write, or an earlier result that may not be replaced.
    """
    try:
        place = next((path for path in (target, *target.parents) if path.exists()), target)
        if not place.is_dir():
            raise CommandError(f"'{place}' is a file; choose another --out.")
        if not os.access(place, os.W_OK | os.X_OK):
            raise CommandError(
                f"cannot write to '{place}': {os.strerror(errno.EACCES)}; choose another --out."
            )
        found = sorted(entry.name for entry in target.iterdir()) if place == target else []
        # What is left of a process that was killed is in nobody's way.
        found = [name for name in found if not _DRAFT.fullmatch(name)]
    except (OSError, ValueError) as error:
        raise CommandError(f"'{target}' cannot be used: {error}.") from None
    if not found:
        return []
    files, command = _manifest(target / MANIFEST)
    foreign = set(found) - files
    if foreign:
        raise CommandError(
            f"'{target}' holds '{min(foreign)}', which skbss did not write; choose another --out."
        )
    if not overwrite:
        if resumes:
            found_is, ways = "another result, or a part of one", ""
        else:
            found_is, ways = "an earlier result", "--resume to keep it, "
        raise CommandError(
            f"'{target}' holds {found_is}; pass {ways}--overwrite to replace it, or choose another "
            "--out."
        )
    if only is not None and command != only:
        raise CommandError(
            f"'{target}' holds a result that skbss {only} did not write; choose another --out."
        )
    return found


@contextmanager
def output_folder(target: Path, *, overwrite: bool, only: str | None = None) -> Iterator[Path]:
    """A folder to write into; what it holds moves to `target` when all went well.

    On an error or Ctrl-C nothing remains of it, nor of folders made on the way to it.

    Raises
    ------
    CommandError
        As `check_target`, and if the folder cannot be written to.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100 - links in the path are kept
    check_target(target, overwrite=overwrite, only=only)
    # Beside the target, or in it if there is one, so that moving never copies.
    parent = target if target.is_dir() else target.parent
    made = [folder for folder in (parent, *parent.parents) if not folder.exists()]
    maker = f"{_machine()}-{os.getpid()}-{secrets.token_hex(4)}"
    draft = parent / f".skbss-{_mark(target)}-{maker}.part"

    def discard() -> None:
        shutil.rmtree(draft, ignore_errors=True)
        for folder in made:
            _remove_if_empty(folder)

    with unfinished(discard):
        try:
            parent.mkdir(parents=True, exist_ok=True)
            draft.mkdir()
            yield draft
            with in_one_go():
                # Others may have been here meanwhile.
                _publish(draft, target, check_target(target, overwrite=overwrite, only=only))
        except OSError as error:
            raise CommandError(f"cannot write to '{target}': {error.strerror or error}.") from error


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Let nobody else work in a folder that holds the results of many recordings.

    Parameters
    ----------
    folder : Path
        It is made if it is missing.

    Raises
    ------
    CommandError
        If somebody else works there.
    """
    try:
        import fcntl
    except ImportError:  # not on this system
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise CommandError(f"cannot write to '{folder}': {error.strerror}.") from error
    try:
        with suppress(OSError):  # some shared disks know no locks of folders
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CommandError(
                    f"another skbss separate is at work in '{folder}'; wait for its end, or choose "
                    "another --out."
                ) from None
        yield
    finally:
        os.close(descriptor)


def drafts_of(targets: Iterable[Path]) -> set[Path]:
    """What is being made, or was when its process was killed.

    Parameters
    ----------
    targets : iterable of Path
        Where the results are to be.
    """
    marks: dict[Path, set[str]] = {}
    for target in targets:
        target = Path(os.path.abspath(target))  # noqa: PTH100 - links in the path are kept
        for folder in (target.parent, target):
            marks.setdefault(folder, set()).add(_mark(target))
    drafts = set()
    for folder, wanted in marks.items():
        with suppress(OSError):
            for entry in folder.iterdir():
                found = _DRAFT.fullmatch(entry.name)
                if found and found[1] in wanted:
                    drafts.add(entry)
    return drafts


def remove_dead_drafts(drafts: Iterable[Path], old: Set[Path]) -> None:
    """Remove drafts that nobody works at any more.

    Parameters
    ----------
    drafts : iterable of Path
        From `drafts_of`.
    old : set of Path
        Those that were there so long ago that whoever made them on another machine is done.
    """
    for draft in drafts:
        found = _DRAFT.fullmatch(draft.name)
        assert found is not None, "no draft"
        is_ours = found[2] == _machine()
        if (is_ours and not _is_alive(int(found[3]))) or (not is_ours and draft in old):
            shutil.rmtree(draft, ignore_errors=True)


def is_result(folder: Path) -> bool:
    """Whether skbss has written what a folder holds."""
    return bool(_told(folder / MANIFEST)["files"])


def result_of(target: Path, making: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the manifest tells of the whole result of what `making` says, if it is there.

    Parameters
    ----------
    target : Path
        The folder; it need not exist.
    making : mapping
        What was separated and how, as the manifest tells it.
    """
    told = _told(target / MANIFEST)
    sizes = told.get("bytes")
    if told.get("making") != making or not isinstance(sizes, dict) or not sizes:
        return None
    try:
        is_whole = all((target / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return None
    return told if is_whole else None


def _mark(target: Path) -> str:
    """What tells the drafts of a result from those of others beside it."""
    return hashlib.blake2b(os.fsencode(target.name), digest_size=8).hexdigest()


def _machine() -> str:
    return hashlib.blake2b(socket.gethostname().encode(), digest_size=4).hexdigest()


def _is_alive(process: int) -> bool:
    if os.name != "posix":  # elsewhere to ask is to kill
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # not ours to ask
        pass
    return True


def _publish(draft: Path, target: Path, replaced: list[str]) -> None:
    if not target.is_dir():
        draft.rename(target)
        return
    names = [entry.name for entry in draft.iterdir()]
    if replaced:
        # Whenever this is cut off, the folder can be told to be ours, and not to be complete.
        earlier = _told(target / MANIFEST)
        files = sorted({*names, *replaced})
        with draft_of(target / MANIFEST) as manifest:
            told = {"command": earlier.get("command"), "files": files}
            manifest.write_text(json.dumps(told), encoding="utf-8")
    for name in set(replaced) - set(names):
        (target / name).unlink()
    # The manifest comes last: it says that all is there.
    for name in sorted(names, key=lambda name: (name == MANIFEST, name)):
        (draft / name).replace(target / name)
    draft.rmdir()


def _manifest(path: Path) -> tuple[set[str], str]:
    """Files that an earlier result consists of, and the sub-command that made it."""
    told = _told(path)
    words = str(told.get("command", "")).split()
    return set(told["files"]), "".join(words[1:2])


def _told(path: Path) -> dict[str, Any]:
    """What a manifest says; of what is none, that there are no files."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        files = [name for name in told["files"] if isinstance(name, str)]
        return {**told, "files": files if isinstance(told["files"], list) else []}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {"files": []}


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return
