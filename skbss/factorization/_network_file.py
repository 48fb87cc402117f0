"""Trained networks on disk: arrays and text, of which nothing is executed when they are read."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from skbss._runtime.drafts import draft_of

_FORMAT = "skbss.DeepUnfoldedNMF 1"


def write_network(path, arrays, facts):
    """Write a file of safetensors.

    Parameters
    ----------
    path : str or path
        An existing file is replaced.
    arrays : dict of array
        By name.
    facts : dict
        What JSON can hold.
    """
    save_file = _safetensors().numpy.save_file
    metadata = {"format": _FORMAT, "facts": json.dumps(facts)}
    arrays = {name: np.ascontiguousarray(one) for name, one in arrays.items()}
    with draft_of(Path(path)) as draft:
        save_file(arrays, draft, metadata)


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
    """
    safetensors = _safetensors()
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
    return arrays, facts


def _safetensors():
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(
            'Files of networks need safetensors: pip install "skbss[deep]".'
        ) from error
    return safetensors
