"""Files that appear whole and together, or not at all."""

import errno
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from skbss.cli._errors import CommandError
from skbss.cli._signals import in_one_go, unfinished


def check_files(
    targets: Mapping[str, Path], *, overwrite: bool, inputs: Sequence[Path] = ()
) -> None:
    """Refuse files that cannot be written.

    Parameters
    ----------
    targets : mapping of str to Path
        Files to write by the options that name them.
    overwrite : bool
        Whether existing files may be replaced.
    inputs : sequence of Path
        Files that are read, and must not be replaced in any case.

    Raises
    ------
    CommandError
        If a folder is missing or may not be written to, a file is there already or is no regular
        file, or two options name the same one.
    """
    taken: dict[Path, str] = {}
    read = {Path(os.path.realpath(path)) for path in inputs}
    for option, target in targets.items():
        try:
            _check_file(option, target, overwrite=overwrite)
        except (OSError, ValueError) as error:
            raise CommandError(f"{option} '{target}' cannot be used: {error}.") from None
        place = _place(target)
        if place in read:
            raise CommandError(f"{option} '{target}' is one of the recordings.")
        if place in taken:
            raise CommandError(f"{taken[place]} and {option} name the same file, '{target}'.")
        taken[place] = option


@contextmanager
def output_files(targets: Mapping[str, Path], *, overwrite: bool) -> Iterator[dict[str, Path]]:
    """Files to write into, by option, which become `targets` when all went well.

    On an error or Ctrl-C nothing remains of them.

    Raises
    ------
    CommandError
        As `check_files`, and if a file cannot be written.
    """
    check_files(targets, overwrite=overwrite)
    drafts = {
        option: _place(target).with_name(f".skbss-{secrets.token_hex(4)}.part")
        for option, target in targets.items()
    }

    def discard() -> None:
        for draft in drafts.values():
            with suppress(OSError):
                draft.unlink()

    with unfinished(discard):
        try:
            yield drafts
            with in_one_go():
                check_files(targets, overwrite=overwrite)
                for option, target in targets.items():
                    drafts[option].replace(_place(target))
        except OSError as error:
            names = " and ".join(f"'{target}'" for target in targets.values())
            raise CommandError(f"cannot write {names}: {error.strerror or error}.") from error


def _check_file(option: str, target: Path, *, overwrite: bool) -> None:
    place = _place(target)
    if place.is_dir():
        raise CommandError(f"{option} '{target}' is a folder; name a file.")
    if place.exists() and not place.is_file():
        raise CommandError(f"{option} '{target}' is not a regular file.")
    if place.exists() and not overwrite:
        raise CommandError(
            f"{option} '{target}' is there already; choose another or pass --overwrite."
        )
    folder = place.parent
    if not folder.is_dir():
        raise CommandError(f"{option} '{target}': there is no folder '{target.parent}'.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CommandError(
            f"cannot write to '{folder}': {os.strerror(errno.EACCES)}; choose another {option}."
        )


def _place(target: Path) -> Path:
    """Where it lies when links are followed, so that a link stays one."""
    return Path(os.path.realpath(target))
