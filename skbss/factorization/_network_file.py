"""Trained networks on disk: arrays and text, of which nothing is executed when they are read."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from skbss._runtime.drafts import draft_of

_FORMAT = "skbss.DeepUnfoldedNMF 1"
# Of all arrays the only integers.
_INDICES = "atom_source"


def write_network(path, arrays, facts):
    """Write a file of safetensors.

    Parameters
    ----------
    path : str or path
        An existing file is replaced.
    arrays : dict of array
        By name.
    facts : dict
        What JSON can hold, and scalars of NumPy.

    Raises
    ------
    OSError
        If nothing can be written there; what was there stays.
    """
    save, path = _safetensors().numpy.save, Path(path)
    metadata = {"format": _FORMAT, "facts": json.dumps(facts, default=_plain)}
    content = save({name: np.ascontiguousarray(one) for name, one in arrays.items()}, metadata)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    try:
        with draft_of(path) as draft:
            draft.write_bytes(content)
    except OSError as error:
        # The user knows nothing of the draft. Of the number follows the class.
        raise OSError(error.errno, error.strerror, str(path)) from error


def read_network(path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read a file that `write_network` wrote.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    arrays : dict of ndarray
    facts : dict

    Raises
    ------
    OSError
        If there is no file, or if it cannot be read.
    ValueError
        If it is another file, or has arrays of another type than networks have.
    """
    safetensors = _safetensors()
    # Which tells by itself what is wrong with a path.
    with Path(path).open("rb"):
        pass
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != _FORMAT:
                raise ValueError(f"its format is {metadata.get('format')!r}, not {_FORMAT!r}")
            facts = json.loads(metadata["facts"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError:
        raise
    # Of safetensors' own error, ValueError is no base.
    except Exception as error:
        raise ValueError(f"{path} is no file of a DeepUnfoldedNMF: {error}.") from error
    for name, one in arrays.items():
        kinds = "i" if name == _INDICES else "f"
        if one.dtype.kind != kinds or one.dtype.itemsize < 4:
            raise ValueError(
                f"{path} holds no whole DeepUnfoldedNMF: its array {name!r} is of {one.dtype}."
            )
    return arrays, facts


def _plain(scalar):
    """A scalar of NumPy as one of Python, which JSON knows."""
    if isinstance(scalar, np.bool_ | np.integer):
        return scalar.item()
    # Of the longest precision, `item` makes no number of Python.
    if isinstance(scalar, np.floating):
        return float(scalar)
    raise TypeError(f"Object of type {type(scalar).__name__} is not JSON serializable")


def _safetensors():
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(
            'Files of networks need safetensors: pip install "skbss[deep]".'
        ) from error
    return safetensors
