"""The folder of a listening test, which appears whole or not at all."""

import json
import os
import secrets
import shutil
from pathlib import Path

KEY_FORMAT = "skbss-listening-test-key"
_PAGE, _KEY = "index.html", "key.json"


def check_folder(out):
    """Where a test may be written: nothing there, or an earlier one.

    Parameters
    ----------
    out : path-like
        As the caller gave it.

    Returns
    -------
    out : Path
        Absolute, without links.

    Raises
    ------
    FileExistsError
        If there is a file, or a folder that holds anything but a listening test.
    """
    out = Path(os.fspath(out)).resolve()
    if not out.exists():
        return out
    if not out.is_dir():
        raise FileExistsError(f"out is a file: '{out}'. Choose a folder.")
    found = {path.name for path in out.iterdir()}
    foreign = found - {_PAGE, _KEY}
    if foreign:
        raise FileExistsError(
            f"out holds '{min(foreign)}', which no listening test wrote: '{out}'. Choose a new "
            "folder, and keep collected ratings beside it."
        )
    if found and not _is_key(out / _KEY):
        raise FileExistsError(f"out holds no listening test of skbss: '{out}'. Choose another.")
    return out


def publish(out, page, key):
    """Write page and key; on an error nothing of them remains, and an earlier test stays.

    Parameters
    ----------
    out : Path
        From `check_folder`.
    page, key : str
        What to write.

    Returns
    -------
    page : Path
        The file.
    """
    # Beside the folder, or in it if there is one, so that moving never copies.
    parent = out if out.is_dir() else out.parent
    draft = parent / f".skbss-{secrets.token_hex(4)}.part"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir()
        for name, text in [(_KEY, key), (_PAGE, page)]:
            (draft / name).write_text(text, encoding="utf-8", newline="\n")
        if out.is_dir():
            for name in (_KEY, _PAGE):
                (draft / name).replace(out / name)
            draft.rmdir()
        else:
            draft.rename(out)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return out / _PAGE


def _is_key(path):
    try:
        return json.loads(path.read_text(encoding="utf-8")).get("format") == KEY_FORMAT
    except (OSError, ValueError, AttributeError):
        return False
