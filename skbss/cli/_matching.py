"""Which sound file belongs to which."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skbss.cli._errors import CommandError
from skbss.cli._sound_names import as_counted, is_sound_name

MATCHINGS = ("auto", "name", "permutation")
_MIXTURE = "mixture"
# What skbss itself leaves beside recordings.
_OURS = frozenset({"separation.json", "index.html"})
_MOST_NAMES = 3


@dataclass(frozen=True)
class SoundFolder:
    """What a folder holds.

    Attributes
    ----------
    path : Path
        The folder.
    sounds : list of Path
        Its recordings, in the order in which people count.
    mixtures : list of Path
        Recordings called ``mixture``, which are no sources.
    skipped : list of str
        Names of other files and folders that someone may miss.
    """

    path: Path
    sounds: list[Path]
    mixtures: list[Path]
    skipped: list[str]


def list_sounds(option: str, folder: Path) -> SoundFolder:
    """The recordings in a folder, of which none is opened.

    Parameters
    ----------
    option : str
        That named the folder.
    folder : Path
        The folder.

    Raises
    ------
    CommandError
        If it is none, cannot be read, or holds no recording but mixtures.
    """
    try:
        if not folder.exists():
            raise CommandError(f"{option} '{folder}' does not exist.")
        if not folder.is_dir():
            raise CommandError(f"{option} '{folder}' is not a folder.")
        entries = sorted(folder.iterdir(), key=as_counted)
        found = SoundFolder(folder, [], [], [])
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _OURS:
                continue
            if entry.is_dir() or not is_sound_name(entry):
                found.skipped.append(entry.name)
            elif entry.stem.casefold() == _MIXTURE:
                found.mixtures.append(entry)
            else:
                found.sounds.append(entry)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CommandError(f"{option} '{folder}' cannot be read: {reason}.") from None
    if not found.sounds:
        raise CommandError(
            f"{option} '{folder}' holds no recordings of sources (wav, flac, ogg, mp3, aiff)."
        )
    return found


def find_mixture(*folders: SoundFolder) -> Path | None:
    """The recording called ``mixture`` in the first folder that has one.

    Raises
    ------
    CommandError
        If that folder has several.
    """
    for folder in folders:
        if len(folder.mixtures) > 1:
            raise CommandError(
                f"{enumerated([path.name for path in folder.mixtures])} in '{folder.path}' are all "
                "called mixture; name one by --mixture."
            )
        if folder.mixtures:
            return folder.mixtures[0]
    return None


def match_names(
    references: Sequence[Path], estimates: Sequence[Path], *, matching: str
) -> list[Path] | None:
    """The estimate of every reference by its name, in whatever case and format.

    Parameters
    ----------
    references, estimates : sequence of Path
        Recordings.
    matching : str
        One of `MATCHINGS`.

    Returns
    -------
    list of Path, or None
        An estimate for each reference; None if it has to be found by listening: because
        `matching` is "permutation", or "auto" and no reference has an estimate of its name.

    Raises
    ------
    CommandError
        If there are fewer estimates than references, or names leave open what belongs together.
    """
    if len(estimates) < len(references):
        raise CommandError(
            f"there are {len(references)} references and only {len(estimates)} "
            f"{'estimate' if len(estimates) == 1 else 'estimates'}: every reference needs one."
        )
    if matching == "permutation":
        return None
    namesakes = [[e for e in estimates if _key(e) == _key(r)] for r in references]
    if matching == "auto" and not any(namesakes):
        return None
    for reference, same in zip(references, namesakes, strict=True):
        rivals = [other for other in references if _key(other) == _key(reference)]
        for paths in (rivals, same):
            if len(paths) > 1:
                raise CommandError(
                    f"{enumerated([path.name for path in paths])} in '{paths[0].parent}' have one "
                    "name, so that it does not tell what belongs together; rename or remove one, "
                    "or pass --match permutation."
                )
        if not same:
            raise CommandError(
                f"no estimate is called '{reference.stem}'; rename the estimates, or pass "
                "--match permutation to match them by their sound."
            )
    return [same[0] for same in namesakes]


def enumerated(names: Sequence[str]) -> str:
    """The names in quotation marks, the first few of many.

    Examples
    --------
    >>> enumerated(["a", "b"])
    "'a' and 'b'"
    >>> enumerated(["a", "b", "c", "d", "e"])
    "'a', 'b', 'c' and 2 more"
    """
    shown = [f"'{name}'" for name in names[:_MOST_NAMES]]
    if len(names) > _MOST_NAMES:
        shown.append(f"{len(names) - _MOST_NAMES} more")
    return " and ".join([part for part in (", ".join(shown[:-1]), shown[-1]) if part])


def _key(path: Path) -> str:
    return unicodedata.normalize("NFC", path.stem).casefold()
