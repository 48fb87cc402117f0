"""A folder of results that appears whole or not at all."""

import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skbss.cli._errors import CommandError
from skbss.cli._signals import in_one_go, unfinished

MANIFEST = "separation.json"


def check_target(target: Path, *, overwrite: bool, only: str | None = None) -> list[str]:
    """Names of the files of an earlier result that a new one may replace.

    Parameters
    ----------
    target : Path
        Where the result is to be; it need not exist.
    overwrite : bool
        Whether an earlier result may be replaced.
    only : str, optional
        The sub-command whose results these must be; by default any.

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
        raise CommandError(
            f"'{target}' holds an earlier result; choose another --out or pass --overwrite."
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
    replaced = check_target(target, overwrite=overwrite, only=only)
    # Beside the target, or in it if there is one, so that moving never copies.
    parent = target if target.is_dir() else target.parent
    made = [folder for folder in (parent, *parent.parents) if not folder.exists()]
    draft = parent / f".skbss-{secrets.token_hex(4)}.part"

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
                _publish(draft, target, replaced)
        except OSError as error:
            raise CommandError(f"cannot write to '{target}': {error.strerror or error}.") from error


def _publish(draft: Path, target: Path, replaced: list[str]) -> None:
    if not target.is_dir():
        draft.rename(target)
        return
    names = sorted(entry.name for entry in draft.iterdir())
    for name in names:
        (draft / name).replace(target / name)
    for name in set(replaced) - set(names):
        (target / name).unlink()
    draft.rmdir()


def _manifest(path: Path) -> tuple[set[str], str]:
    """Files that an earlier result consists of, and the sub-command that made it."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        files, words = told["files"], str(told.get("command", "")).split()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set(), ""
    files = files if isinstance(files, list) else []
    return {name for name in files if isinstance(name, str)}, "".join(words[1:2])


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return
