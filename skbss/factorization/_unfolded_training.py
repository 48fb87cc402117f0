"""The training of unfolded iterations with pieces of recordings."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skbss._kernels.unfolded_training import Batch, Examples, SeparationError
from skbss._runtime.device import for_kernels
from skbss._runtime.gains import draw_gains
from skbss.factorization._pieces import drawn_pieces, pieces_of
from skbss.factorization._training import Course, Recipe, train


@dataclass(frozen=True)
class Mixing:
    """How batches are made.

    Attributes
    ----------
    batch_size : int
        Rows of a step.
    piece_length : int
        Rows of a piece.
    gains : list or None
        Of every source, from `check_gains`: pieces of sources are drawn and mixed anew. None
        takes the mixtures as they are.
    n_steps : int or None
        Steps of an epoch; None for as many as all rows take.
    """

    batch_size: int
    piece_length: int
    gains: list[Any] | None
    n_steps: int | None


def train_unfolded(
    course: Course,
    held,
    examples: Examples,
    recordings,
    objective: SeparationError,
    mixing: Mixing,
    recipe: Recipe,
    rng,
    watch=None,
):
    """Train, in place.

    Parameters
    ----------
    course : Course
        From `begin`, or from training before.
    held : Held
        What is not trained.
    examples : Examples
        Mixtures and their sources.
    recordings : tuple of lists of Recording
        Those to train with, and those to hold back, which may be none.
    objective : SeparationError
        What is minimized.
    mixing : Mixing
        How batches are made.
    recipe : Recipe
        How to train.
    rng : RandomState
        Of the batches.
    watch : Watch, optional
        Told of every epoch.
    """
    own, spared = recordings
    silent = len(examples.mixture) - 1
    n_rows = sum(length for _, length in own)
    length = min(mixing.piece_length, mixing.batch_size, n_rows)
    n_pieces = max(1, min(mixing.batch_size, n_rows) // length)

    def batches():
        if mixing.gains is not None:
            n_steps = mixing.n_steps or max(1, n_rows // (n_pieces * length))
            return [(held, examples, remixed(mixing.gains)) for _ in range(n_steps)]
        found: list[Any] = []
        while not found or len(found) < (mixing.n_steps or 0):
            # What is left over comes up another time.
            pieces = rng.permutation(pieces_of(own, length, silent, rng=rng))
            stop = len(pieces) // n_pieces * n_pieces
            pieces = pieces[:stop].reshape(-1, n_pieces, length)
            found += [(held, examples, Batch(one)) for one in pieces]
        return found[: mixing.n_steps]

    def remixed(gains):
        pieces = [drawn_pieces(own, n_pieces, length, silent, rng) for _ in gains]
        decibels = np.stack([draw_gains(gains, rng, "remix_db") for _ in range(n_pieces)], axis=1)
        return Batch(np.stack(pieces), for_kernels(10 ** (decibels / 20), held.dictionary.dtype))

    to_validate = pieces_of(spared, length, silent) if spared else np.zeros((0, length))
    parts = [to_validate[at : at + n_pieces] for at in range(0, len(to_validate), n_pieces)]
    validation = [(len(part), (held, examples, Batch(part))) for part in parts]
    train(course, recipe, objective, batches, validation, watch)
