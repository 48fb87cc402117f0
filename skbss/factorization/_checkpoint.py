"""Training on disk: where it stood when it was cut off."""

import os
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import jax
import joblib
import numpy as np

from skbss._runtime.drafts import draft_of
from skbss.factorization._training import Course


class Checkpoint:
    """A file from which the same training goes on; without a path nothing is kept.

    Parameters
    ----------
    path : str, path or None
        Where it is, or will be.
    beginning : object
        All that decides on the training: parameters, data, what it goes on from.

    Attributes
    ----------
    stored : dict of ndarray
        What was found; empty where no such file is.
    """

    def __init__(self, path, beginning):
        self._path = None if path is None else Path(path)
        self._kept: dict[str, Any] = {}
        self.stored: dict[str, np.ndarray] = {}
        if self._path is not None:
            self._kept["fingerprint"] = joblib.hash(beginning)
            self.stored = self._read(self._path)

    def keep(self, **arrays):
        """What is written, beside where training stands.

        Parameters
        ----------
        **arrays : arrays
            By name.
        """
        self._kept |= arrays

    def rewind(self, rng):
        """Bring a random number generator to where it was when this was called at first.

        Parameters
        ----------
        rng : RandomState
            Changed in place if a training goes on.
        """
        if self._path is None:
            return
        if self.stored:
            _set_state(rng, self.stored["random state before"])
        self._kept["random state before"] = _state_of(rng)

    def resume(self, course: Course, rng):
        """Go on where the training was cut off, if it was.

        Parameters
        ----------
        course : Course
            Of the same training, from its beginning; changed in place, as is the next.
        rng : RandomState
            Of the batches.
        """
        if not self.stored:
            return
        leaves, structure = jax.tree.flatten((course.weights, course.last, course.memory))
        found = [jax.numpy.asarray(self.stored[f"leaf {number}"]) for number in range(len(leaves))]
        course.weights, course.last, course.memory = jax.tree.unflatten(structure, found)
        course.losses = self.stored["losses"].tolist()
        course.validation_losses = self.stored["validation losses"].tolist()
        course.epoch, course.waited = self.stored["counts"].tolist()
        course.lowest = self.stored["lowest"].item()
        if np.isnan(course.lowest):
            course.lowest = None
        _set_state(rng, self.stored["random state"])

    def write(self, course: Course, rng):
        """Replace the file at once: whenever it is cut off, the old or the new one is whole.

        Parameters
        ----------
        course : Course
            Where training stands.
        rng : RandomState
            Of the batches.
        """
        if self._path is None:
            return
        leaves = jax.tree.leaves((course.weights, course.last, course.memory))
        arrays = {f"leaf {number}": np.asarray(leaf) for number, leaf in enumerate(leaves)} | {
            "losses": np.array(course.losses, float),
            "validation losses": np.array(course.validation_losses, float),
            "counts": np.array([course.epoch, course.waited]),
            "lowest": np.array(np.nan if course.lowest is None else course.lowest),
            "random state": _state_of(rng),
        }
        with draft_of(self._path) as draft, draft.open("wb") as file:
            np.savez(file, **self._kept, **arrays)

    def remove(self):
        """Training has ended."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _read(self, path):
        if not path.exists():
            if not (path.parent.is_dir() and os.access(path.parent, os.W_OK)):
                raise ValueError(
                    f"checkpoint={str(path)!r} can not be written: {path.parent} must be a folder "
                    "that may be written to."
                )
            return {}
        try:
            # Nothing is unpickled: the file may come from anywhere.
            with np.load(path, allow_pickle=False) as stored:
                arrays = dict(stored)
            fingerprint = arrays["fingerprint"]
        except (OSError, ValueError, KeyError, AttributeError, EOFError, BadZipFile) as error:
            raise ValueError(
                f"{path} is no checkpoint of a training: name another file, or remove this one."
            ) from error
        if str(fingerprint) != self._kept["fingerprint"]:
            raise ValueError(
                f"{path} is the checkpoint of a training with other data or parameters: name "
                "another file, or remove this one to begin anew."
            )
        return arrays


def _state_of(rng):
    state: Any = rng.get_state(legacy=False)
    if state["bit_generator"] != "MT19937":
        raise ValueError(
            "A checkpoint keeps the state of NumPy's usual generator, MT19937, got a random_state "
            f"with {state['bit_generator']}: leave out checkpoint, or pass an int."
        )
    rest = [state["state"]["pos"], state["has_gauss"], state["gauss"]]
    return np.concatenate([state["state"]["key"].astype(float), rest])


def _set_state(rng, state):
    *key, pos, has_gauss, gauss = state
    rng.set_state(("MT19937", np.array(key, np.uint32), int(pos), int(has_gauss), float(gauss)))
