"""Files that are replaced at once: whenever writing is cut off, the old or the new one is whole."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def draft_of(path: Path) -> Iterator[Path]:
    """A file beside it to write to, which takes its place in the end, or is removed.

    Parameters
    ----------
    path : path
        What is replaced.

    Yields
    ------
    draft : path
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
