"""Iterations of a factorization as the layers of a network.

J. Le Roux, J. R. Hershey and F. Weninger, "Deep NMF for speech separation", ICASSP 2015, section 3:
every layer is one multiplicative update of the activations; the dictionaries of the last layers and
that of the reconstruction are trained, each by itself.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from skbss._kernels.activations import flat_activations
from skbss._kernels.dense_data import DenseData
from skbss._kernels.masks import soft_masks, source_models
from skbss._kernels.multiplicative import StepRule, multiplicative_step
from skbss._kernels.penalties import Prices


class Weights(NamedTuple):
    """What is trained: logarithms of components, which steps of any size leave positive.

    Those of the last layers, whose levels have no influence, and those that make up the sources.
    """

    layers: Float[Array, "untied k stacked"]
    output: Float[Array, "k freqs"]


class Held(NamedTuple):
    """What is not trained: the dictionary of the first layers, and numbers.

    The components of every layer have the `norms`. Activations of a row whose mean is one cost
    `price` each. There are `n_tied` layers before those that are trained.
    """

    dictionary: Float[Array, "k stacked"]
    norms: Float[Array, " k"]
    price: Float[Array, ""]
    floor: Float[Array, ""]
    n_tied: Int[Array, ""]


class Frames(NamedTuple):
    """Rows of recordings, a row of zeros below them, and which of them a frame is shown.

    ``neighbors[i]`` are the rows around row i, from the earliest to the latest, itself in the
    middle; beyond the ends of its recording they are the row of zeros.
    """

    X: Float[Array, "rows_and_zeros freqs"]
    neighbors: Int[Array, "rows around"]

    def stacked(self, rows: Int[Array, " frames"]) -> Float[Array, "frames stacked"]:
        """The frames with those around them, side by side."""
        return self.X[self.neighbors[rows]].reshape(len(rows), -1)


def with_norms(
    H: Float[Array, "k stacked"], norms: Float[Array, " k"]
) -> Float[Array, "k stacked"]:
    """Components of these L2 norms."""
    H = H / H.max(axis=1, keepdims=True)
    return norms[:, None] * H / jnp.sqrt(jnp.square(H).sum(axis=1, keepdims=True))


def unfolded_activations(
    weights: Weights, held: Held, X: Float[Array, "frames stacked"], rule: StepRule
) -> Float[Array, "frames k"]:
    """Activations after all layers, of rows that are divided by their means.

    Where nothing was trained, these are so many multiplicative updates from components that are
    all equally loud.
    """
    mean, silent = _means(X)
    data = DenseData(X / mean, None)
    prices = Prices(held.price * mean ** (1 - rule.beta), 0.0)

    least = _least(X.dtype)

    def layer(W, H):
        W = jnp.maximum(W, least)
        parts = data.activation_parts(W, H, rule.beta, held.floor)
        return multiplicative_step(W, *parts, prices, rule), None

    W = flat_activations(data, held.dictionary, silent[:, 0])
    W = lax.fori_loop(0, held.n_tied, lambda _, W: layer(W, held.dictionary)[0], W)
    H = jax.vmap(with_norms, (0, None))(jnp.exp(weights.layers), held.norms)
    W, _ = lax.scan(layer, W, H)
    return jnp.maximum(W, least)


def _least(dtype):
    """Of activations: squares of models are divided by on the way back, and must not vanish."""
    return 1e3 * jnp.sqrt(jnp.finfo(dtype).tiny)


def _means(X):
    """Of the rows, 1 where they are silent; whether they are."""
    mean = X.mean(axis=1, keepdims=True)
    silent = mean <= 0
    return jnp.where(silent, 1, mean), silent


@partial(jax.jit, static_argnames="rule")
def unfolded_rows(
    weights: Weights, held: Held, frames: Frames, rows: Int[Array, " frames"], *, rule: StepRule
) -> Float[Array, "frames k"]:
    """Activations of some rows of recordings, at their level; zeros for silence."""
    X = frames.stacked(rows)
    mean, silent = _means(X)
    return jnp.where(silent, 0, unfolded_activations(weights, held, X, rule) * mean)


def shares(
    weights: Weights, W: Float[Array, "frames k"], atoms: Int[Array, "sources most"]
) -> Float[Array, "sources frames freqs"]:
    """Masks of the sources, whose atoms are listed as ``source_models`` has it."""
    # They do not depend on the level, but on the way back squares of tiny models would vanish.
    loudest = lax.stop_gradient(W.max(axis=1, keepdims=True))
    W = jnp.where(loudest > _least(W.dtype), W / loudest, 1)
    return soft_masks(source_models(W, jnp.exp(weights.output), atoms), jnp.ones((), W.dtype))
