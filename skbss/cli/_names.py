"""Names of files to write, made from names that others chose."""

import re
import unicodedata
from collections.abc import Iterable

_LONGEST_BYTES = 120
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)


def file_name(name: str, *, fallback: str = "recording") -> str:
    r"""A plain file name that stays inside its folder on every system.

    Letters and digits of every script stay; separators, control and quotation characters, and
    what shells and web addresses treat as special become ``_``; no name starts with a dot or a
    dash, ends with a dot or a space, or is longer than 120 bytes.

    Examples
    --------
    >>> file_name("../../etc/<script>alert(1)</script>")
    '_.._etc__script_alert(1)__script_'
    >>> file_name("-rf .. ")
    'rf'
    >>> file_name("Für Elise")
    'Für Elise'
    """
    name = unicodedata.normalize("NFC", name)
    kept = "".join(
        character
        if character.isalnum()
        or unicodedata.category(character) in ("Mn", "Mc")
        or character in " ._-()+,="
        else "_"
        for character in name
    )
    kept = kept.lstrip(" .-").rstrip(" .")
    kept = kept.encode("utf-8")[:_LONGEST_BYTES].decode("utf-8", "ignore").rstrip(" .")
    if _DEVICES.fullmatch(kept.split(".")[0]):
        kept = f"_{kept}"
    return kept or fallback


def distinct(names: Iterable[str]) -> list[str]:
    """The names with ``-2``, ``-3`` … after those that repeat, also in another case.

    Examples
    --------
    >>> distinct(["song", "Song", "voice"])
    ['song', 'Song-2', 'voice']
    """
    taken: set[str] = set()
    result = []
    for name in names:
        candidate, number = name, 1
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{name}-{number}"
        taken.add(candidate.casefold())
        result.append(candidate)
    return result


def numbered(count: int) -> list[str]:
    """Names for so many stems."""
    width = len(str(count))
    return [f"source-{k:0{width}d}" for k in range(1, 1 + count)]
