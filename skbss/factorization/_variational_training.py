"""The training of a variational autoencoder: epochs of batches, until held-out rows get worse."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optax

from skbss._kernels.variational import (
    Autoencoder,
    Standard,
    Training,
    negative_elbo_of_rows,
    train_step,
)
from skbss._runtime.device import for_kernels

# The learning rate is told with every step: another one compiles nothing.
_OPTIMIZER = optax.chain(optax.clip_by_global_norm(1.0), optax.scale_by_adam())
# Rows whose bounds are computed at once.
_ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes
    ----------
    n_epochs : int
        How often all training rows are seen, at most.
    batch_size : int
        Rows of a step.
    learning_rate : float
        Of the first step; it falls to zero along half a period of a cosine.
    patience : int
        Training ends after more epochs than this without a lower bound on the held-out rows.
    """

    n_epochs: int
    batch_size: int
    learning_rate: float
    patience: int


@dataclass
class Course:
    """How training went.

    Attributes
    ----------
    weights : Autoencoder
        Those of the lowest bound on held-out rows, or the last ones where there are none.
    losses, validation_losses : list of float
        Mean bound over the batches of every epoch; that of the held-out rows before the first
        epoch and after each.
    """

    weights: Autoencoder
    losses: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)


def untrained(P, n_hidden, n_latent, rng) -> tuple[Autoencoder, Standard]:
    """Random weights that decode, up to what is random, the mean of the training data.

    Parameters
    ----------
    P : ndarray of shape (n_rows, n_freqs)
        Powers to learn from.
    n_hidden, n_latent : int
        Sizes of the layers.
    rng : RandomState
        Of the weights.

    Returns
    -------
    weights : Autoencoder
    standard : Standard
    """
    dtype, n_freqs = P.dtype, P.shape[1]
    logs = np.log(P + 1e-6)
    mean = logs.mean(axis=0)
    # The same for all bins: what hardly varies is not blown up.
    scale = np.sqrt(np.square(logs - mean).mean())

    def dense(n_in, n_out):
        limit = np.sqrt(6 / (n_in + n_out))
        return rng.uniform(-limit, limit, (n_in, n_out)).astype(dtype), np.zeros(n_out, dtype)

    sizes = (n_freqs, n_hidden), (n_hidden, n_latent), (n_hidden, n_latent), (n_latent, n_hidden)
    layers: list[Any] = [one for n_in, n_out in sizes for one in dense(n_in, n_out)]
    output, _ = dense(n_hidden, n_freqs)
    bias = np.log(P.mean(axis=0) + 1e-6).astype(dtype)
    return Autoencoder(*[*layers, output, bias]), Standard(
        for_kernels(mean, dtype), for_kernels(scale or 1, dtype)
    )


def train(weights: Autoencoder, standard: Standard, P, rows, recipe: Recipe, rng) -> Course:
    """Train.

    Parameters
    ----------
    weights : Autoencoder
        To begin with.
    standard : Standard
        Of the encoder.
    P : array of shape (n_rows, n_freqs)
        Powers, relative to their mean.
    rows : tuple of ndarrays of int
        Those to train with, and those to hold back, which may be none.
    recipe : Recipe
        How.
    rng : RandomState
        Of the batches, and of what is drawn for every row.

    Returns
    -------
    course : Course
    """
    own, held_back = rows
    n_latent, dtype = weights.mean.shape[1], P.dtype
    size = min(recipe.batch_size, len(own))
    n_batches = len(own) // size
    # The same in all epochs: only the weights shall make a difference.
    held_noise = rng.standard_normal((len(held_back), n_latent)).astype(dtype)
    course, training = Course(weights), Training(weights, _OPTIMIZER.init(weights))
    best = np.inf
    if len(held_back):
        best = bound(weights, standard, P, held_back, held_noise)
        course.validation_losses.append(best)
    waited = 0
    for epoch in range(recipe.n_epochs):
        # What is left over of an epoch comes up in another one.
        order = rng.permutation(own).astype(np.int32)
        values = []
        for batch in range(n_batches):
            done = (epoch + batch / n_batches) / recipe.n_epochs
            rate = recipe.learning_rate * (1 + np.cos(np.pi * done)) / 2
            training, value = train_step(
                training,
                standard,
                P,
                order[batch * size : (batch + 1) * size],
                rng.standard_normal((size, n_latent)).astype(dtype),
                for_kernels(rate, dtype),
                optimizer=_OPTIMIZER,
            )
            # Waiting here leaves Ctrl-C heard between the steps.
            values.append(float(value))
        course.losses.append(float(np.mean(values)))
        if not len(held_back):
            course.weights = training.weights
            continue
        found = bound(training.weights, standard, P, held_back, held_noise)
        course.validation_losses.append(found)
        waited = 0 if found < best else waited + 1
        if found < best:
            best, course.weights = found, training.weights
        if waited > recipe.patience:
            break
    return course


def bound(weights: Autoencoder, standard: Standard, P, rows, noise) -> float:
    """The bound on some rows, a mean over their bins.

    Parameters
    ----------
    weights : Autoencoder
        Of both networks.
    standard : Standard
        Of the encoder.
    P : array of shape (n_rows, n_freqs)
        Powers, relative to their mean.
    rows : ndarray of int
        Which of them.
    noise : ndarray of shape (len(rows), n_latent)
        Draws for these.

    Returns
    -------
    bound : float
    """
    sizes, found = [], []
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        some = rows[part].astype(np.int32)
        sizes.append(len(some))
        found.append(float(negative_elbo_of_rows(weights, standard, P, some, noise[part])))
    return float(np.average(found, weights=sizes))
