"""The training of a network: epochs of batches, until what is held back gets worse."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import jax
import numpy as np
import optax
from sklearn.exceptions import ConvergenceWarning

from skbss._kernels.gradient_step import Objective, gradient_step, value_of
from skbss._runtime.callbacks import IterationCallbacks
from skbss._runtime.device import for_kernels

# The learning rate is told with every step: another one compiles nothing.
_OPTIMIZER = optax.chain(optax.clip_by_global_norm(1.0), optax.scale_by_adam())


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes
    ----------
    n_epochs : int
        How often all that is trained with is seen, at most.
    learning_rate : float
        Of the first step; it falls to zero along half a period of a cosine, if `decays`.
    patience : int
        Training ends after more epochs than this without a lower error of what is held back.
    decays : bool
        Whether the learning rate falls.
    """

    n_epochs: int
    learning_rate: float
    patience: int
    decays: bool = True


@dataclass
class Course:
    """How training went, and where it stands.

    Attributes
    ----------
    weights : tree of arrays
        Those of the lowest validation error, or the last ones where nothing is held back.
    last : tree of arrays
        The last ones.
    memory : tree of arrays
        What the optimizer remembers.
    losses, validation_losses : list of float
        Mean error over the batches of every epoch; that of what is held back before the first
        epoch and after each.
    epoch, waited : int
        Epochs that are done of those to be done; of them the last ones without a lower error.
    lowest : float or None
        The lowest error of what is held back in this training, which may go on from another.
    """

    weights: Any
    last: Any
    memory: Any
    losses: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)
    epoch: int = 0
    waited: int = 0
    lowest: float | None = None


class Watch(Protocol):
    """Who looks on."""

    def begin(self, epoch: int) -> None:
        """An epoch begins."""

    def end(self) -> bool:
        """It is done, and the course tells how; whether training shall end."""


@dataclass(frozen=True)
class Told:
    """Tells scikit-learn's callbacks of every epoch.

    Attributes
    ----------
    callbacks : IterationCallbacks
        Of the fit.
    attributes : callable
        What the estimator would be now: its attributes, by name.
    after_epoch : callable, optional
        Called when an epoch is done, before them.
    """

    callbacks: IterationCallbacks
    attributes: Callable[[], dict[str, Any]]
    after_epoch: Callable[[], None] | None = None

    def begin(self, epoch):
        """As ``Watch`` has it."""
        self.callbacks.begin(epoch)

    def end(self):
        """As ``Watch`` has it."""
        if self.after_epoch is not None:
            self.after_epoch()
        return bool(self.callbacks.end(self.attributes))


def begin(weights) -> Course:
    """Before the first step.

    Parameters
    ----------
    weights : tree of arrays
        To begin with.

    Returns
    -------
    course : Course
    """
    return Course(weights, weights, _OPTIMIZER.init(weights))


def train(
    course: Course,
    recipe: Recipe,
    objective: Objective,
    batches: Callable[[], Sequence[tuple[Any, ...]]],
    held_back: Sequence[tuple[int, tuple[Any, ...]]] = (),
    watch: Watch | None = None,
):
    """Train, in place.

    Parameters
    ----------
    course : Course
        From `begin`, or from training before.
    recipe : Recipe
        How.
    objective : callable
        What is minimized: a function of the weights and the data. Equal ones compile once.
    batches : callable
        The data of the steps of an epoch.
    held_back : sequence of (int, tuple)
        Data that is not trained with, and what it weighs, if there is any.
    watch : Watch, optional
        Told of every epoch.

    Raises
    ------
    FloatingPointError
        If the numbers overflow.

    Warns
    -----
    ConvergenceWarning
        If no epoch was better at what is held back than the beginning.
    """
    dtype = jax.tree.leaves(course.last)[0].dtype

    def error():
        values = [float(value_of(course.last, data, objective=objective)) for _, data in held_back]
        return float(np.average(values, weights=[weight for weight, _ in held_back]))

    if held_back and course.lowest is None:
        course.lowest = error()
        if not course.validation_losses:
            course.validation_losses.append(course.lowest)
    while course.epoch < recipe.n_epochs and course.waited <= recipe.patience:
        if watch is not None:
            watch.begin(course.epoch)
        values = []
        todo = batches()
        for number, data in enumerate(todo):
            rate = recipe.learning_rate
            if recipe.decays:
                done = (course.epoch + number / len(todo)) / recipe.n_epochs
                rate *= (1 + np.cos(np.pi * done)) / 2
            course.last, course.memory, value = gradient_step(
                course.last,
                course.memory,
                data,
                for_kernels(rate, dtype),
                objective=objective,
                optimizer=_OPTIMIZER,
            )
            # Waiting here leaves Ctrl-C heard between the steps.
            values.append(float(value))
        course.losses.append(float(np.mean(values)))
        course.epoch += 1
        _refuse_overflow(course, recipe)
        _choose(course, error() if held_back else None)
        if watch is not None and watch.end():
            break
    if held_back and 0 < course.epoch == course.waited:
        warnings.warn(
            f"None of {course.epoch} epochs got better at what was held back for validation: the "
            "weights are those from before. More or longer recordings may help, a smaller "
            "learning_rate, or validation_fraction=0, which keeps the last weights.",
            ConvergenceWarning,
            stacklevel=2,
        )


def _choose(course, error):
    """Keep the last weights if they are the best ones, or nothing tells."""
    if error is None:
        course.weights = course.last
        return
    course.validation_losses.append(error)
    course.waited += 1
    if error < course.lowest:
        course.weights, course.lowest, course.waited = course.last, error, 0


def _refuse_overflow(course, recipe):
    leaves = [course.losses[-1], *jax.tree.leaves(course.last)]
    if not all(np.isfinite(np.asarray(one)).all() for one in leaves):
        dtype = leaves[-1].dtype
        or_more = ", or float64 data" if dtype == np.float32 else ""
        raise FloatingPointError(
            f"Training overflowed in {dtype}, in epoch {course.epoch}, with learning_rate="
            f"{recipe.learning_rate}: use a smaller one{or_more}."
        )
