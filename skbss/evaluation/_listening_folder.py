"""The folder of a listening test, which appears whole or not at all."""

import json
import os
import secrets
import shutil
from pathlib import Path

from skbss.report import printable

KEY_FORMAT = "skbss-listening-test-key"
_PAGE, _KEY = "index.html", "key.json"
# What decides whether ratings of one test can be read with the key of another, and mean the same.
_IDENTITY = ("test", "items", "stimuli")


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
    if found and _earlier_key(out) is None:
        raise FileExistsError(f"out holds no listening test of skbss: '{out}'. Choose another.")
    return out


def refuse_other_test(out, key):
    """Keep the key of another test, without which its ratings can not be read.

    Parameters
    ----------
    out : Path
        From `check_folder`.
    key : dict
        That of the test to be written.

    Raises
    ------
    ValueError
        If the folder holds a test, and not this one.
    """
    earlier = _earlier_key(out)
    if earlier is None or all(earlier.get(part) == key[part] for part in _IDENTITY):
        return
    title = printable(str(earlier.get("title")))
    raise ValueError(
        f"out holds another listening test, {title!r}, whose ratings can only be read with the "
        f"key.json that would be replaced: '{out}'. Choose a new folder, or pass overwrite=True "
        "to give up those ratings."
    )


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
            _replace_files(draft, out)
            draft.rmdir()
        else:
            draft.rename(out)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return out / _PAGE


def _replace_files(draft, out):
    """Replace key and page, or neither: a page is of no use with the key of another."""
    # Beside the draft, which is removed whatever happens.
    earlier = draft.with_suffix(".earlier")
    earlier.mkdir()
    placed = []
    try:
        for name in (_KEY, _PAGE):
            if (out / name).exists():
                (out / name).replace(earlier / name)
            (draft / name).replace(out / name)
            placed.append(name)
    except BaseException:
        for name in placed:
            (out / name).unlink()
        for path in earlier.iterdir():
            path.replace(out / path.name)
        earlier.rmdir()
        raise
    shutil.rmtree(earlier, ignore_errors=True)


def _earlier_key(out):
    path = out / _KEY
    # Opening a pipe would wait for whoever writes into it.
    if not path.is_file():
        return None
    try:
        key = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return key if isinstance(key, dict) and key.get("format") == KEY_FORMAT else None
