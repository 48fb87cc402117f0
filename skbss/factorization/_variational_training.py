"""The training of a variational autoencoder."""

from typing import Any

import numpy as np

from skbss._kernels.gradient_step import value_of
from skbss._kernels.variational import Autoencoder, Standard, negative_elbo_of_rows
from skbss._runtime.device import for_kernels
from skbss.factorization._training import Course, Recipe, train

# Rows whose bounds are computed at once.
_ROWS_AT_ONCE = 1024


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


def train_autoencoder(
    course: Course, standard: Standard, P, rows, batch_size, recipe: Recipe, rng, watch=None
):
    """Train, in place.

    Parameters
    ----------
    course : Course
        Of an autoencoder, from its beginning.
    standard : Standard
        Of the encoder.
    P : array of shape (n_rows, n_freqs)
        Powers, relative to their mean.
    rows : tuple of ndarrays of int
        Those to train with, and those to hold back, which may be none.
    batch_size : int
        Rows of a step.
    recipe : Recipe
        How.
    rng : RandomState
        Of the batches, and of what is drawn for every row.
    watch : Watch, optional
        Told of every epoch.
    """
    own, spared = rows
    n_latent, dtype = course.last.mean.shape[1], P.dtype
    size = min(batch_size, len(own))

    def draws(n_rows):
        return rng.standard_normal((n_rows, n_latent)).astype(dtype)

    # The same in all epochs: only the weights shall make a difference.
    held_back = list(_parts(standard, P, spared, draws(len(spared))))

    def batches():
        # What is left over of an epoch comes up in another one.
        order = rng.permutation(own).astype(np.int32)
        each = order[: len(own) // size * size].reshape(-1, size)
        return [(standard, P, some, draws(size)) for some in each]

    train(course, recipe, negative_elbo_of_rows, batches, held_back, watch)


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
    parts = list(_parts(standard, P, rows, noise))
    values = [value_of(weights, data, objective=negative_elbo_of_rows) for _, data in parts]
    return float(np.average(values, weights=[size for size, _ in parts]))


def _parts(standard, P, rows, noise):
    """So many rows at once, with their data."""
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        some = rows[part].astype(np.int32)
        yield len(some), (standard, P, some, noise[part])
