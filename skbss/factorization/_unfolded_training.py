"""The training of unfolded iterations: epochs of batches, until a validation share gets worse."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optax

from skbss._kernels.unfolded import Weights
from skbss._kernels.unfolded_training import (
    Examples,
    Training,
    error_of_rows,
    train_step,
)
from skbss._runtime.device import for_kernels

# The learning rate is told with every step: another one compiles nothing.
_OPTIMIZER = optax.chain(optax.clip_by_global_norm(1.0), optax.scale_by_adam())
# Rows whose errors are computed at once.
_ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes
    ----------
    unfolding : Unfolding
        What the layers do.
    loss : {"signal", "mask"}
        What is minimized.
    n_epochs : int
        How often all training rows are seen, at most.
    batch_size : int
        Rows of a step.
    learning_rate : float
        Of the first step; it falls to zero along half a period of a cosine, if `decays`.
    patience : int
        Epochs without a lower error on the validation rows, after which training ends.
    decays : bool
        Whether the learning rate falls.
    """

    unfolding: Any
    loss: Any
    n_epochs: int
    batch_size: int
    learning_rate: float
    patience: int
    decays: bool = True


@dataclass
class Course:
    """How training went.

    Attributes
    ----------
    weights : Weights
        Those of the lowest validation error, or the last ones where nothing is held back.
    training : Training
        Where it stands.
    losses, validation_losses : list of float
        Mean error over the batches of every epoch; that of the validation rows before the first
        epoch and after each.
    """

    weights: Weights
    training: Training
    losses: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)


def begin(weights: Weights) -> Course:
    """Before the first step.

    Parameters
    ----------
    weights : Weights
        To begin with.

    Returns
    -------
    course : Course
    """
    return Course(weights, Training(weights, _OPTIMIZER.init(weights)))


def go_on(weights: Weights, memory) -> Course:
    """Where training ended.

    Parameters
    ----------
    weights : Weights
        The last ones.
    memory : tree of arrays
        What the optimizer remembers.

    Returns
    -------
    course : Course
    """
    return Course(weights, Training(weights, memory))


def train(course: Course, held, examples: Examples, rows, recipe: Recipe, rng):
    """Train, in place.

    Parameters
    ----------
    course : Course
        From `begin`, or from training before.
    held : Held
        What is not trained.
    examples : Examples
        Mixtures and their sources.
    rows : tuple of ndarrays of int
        Those to train with, and those to validate with, which may be none.
    recipe : Recipe
        How.
    rng : RandomState
        Of the batches.
    """
    own, held_back = rows
    size = min(recipe.batch_size, len(own))
    n_batches = len(own) // size
    best = np.inf
    if len(held_back) and not course.validation_losses:
        course.validation_losses.append(_error(course, held, examples, held_back, recipe))
    if course.validation_losses:
        best = min(course.validation_losses)
    waited = 0
    for epoch in range(recipe.n_epochs):
        # What is left over of an epoch comes up in another one.
        order = rng.permutation(own).astype(np.int32)
        values = []
        for batch in range(n_batches):
            done = (epoch + batch / n_batches) / recipe.n_epochs
            rate = recipe.learning_rate
            if recipe.decays:
                rate *= (1 + np.cos(np.pi * done)) / 2
            course.training, value = train_step(
                course.training,
                held,
                examples,
                order[batch * size : (batch + 1) * size],
                for_kernels(rate, held.dictionary.dtype),
                unfolding=recipe.unfolding,
                loss=recipe.loss,
                optimizer=_OPTIMIZER,
            )
            # Waiting here leaves Ctrl-C heard between the steps.
            values.append(float(value))
        course.losses.append(float(np.mean(values)))
        if not len(held_back):
            course.weights = course.training.weights
        else:
            found = _error(course, held, examples, held_back, recipe)
            course.validation_losses.append(found)
            waited = 0 if found < best else waited + 1
            if found < best:
                best, course.weights = found, course.training.weights
        if waited > recipe.patience:
            break


def _error(course, held, examples, rows, recipe):
    weights = course.training.weights
    sizes, errors = [], []
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        some = rows[start : start + _ROWS_AT_ONCE].astype(np.int32)
        sizes.append(len(some))
        found = error_of_rows(
            weights, held, examples, some, unfolding=recipe.unfolding, loss=recipe.loss
        )
        errors.append(float(found))
    return float(np.average(errors, weights=sizes))
