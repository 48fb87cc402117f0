"""Files that are taken for recordings, by their names."""

import re
from pathlib import Path

# Where it cannot be read, that is an error and not passed over.
_SOUND = re.compile(
    r"\.(3gp|aac|ac3|aif|aifc|aiff|amr|ape|au|caf|dts|flac|m4[ab]|mka|mp[123]|og[ag]|opus|rf64|snd"
    r"|voc|w64|wave?|weba|wma|wv)",
    re.IGNORECASE,
)


def is_sound_name(path: Path) -> bool:
    """Whether a name ends as those of recordings do."""
    return _SOUND.fullmatch(path.suffix) is not None


def as_counted(path: Path) -> list[tuple[int, str]]:
    """What sorts names as people count, 2 before 10."""
    parts = re.split(r"(\d+)", path.name.casefold())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
