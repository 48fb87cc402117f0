"""How unfolded iterations are trained: what is minimized, and a step of an optimizer."""

from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from skbss._kernels.unfolded import Frames, Held, Unfolding, Weights, shares, unfolded_activations

Loss = Literal["signal", "mask"]


class Examples(NamedTuple):
    """Mixtures and what their sources are: parts of the magnitudes, which may be negative.

    The `atoms` of the sources are listed as ``source_models`` has it.
    """

    frames: Frames
    targets: Float[Array, "sources rows freqs"]
    atoms: Int[Array, "sources most"]


class Training(NamedTuple):
    """The weights, and what the optimizer remembers."""

    weights: Weights
    memory: Any


def error(
    weights: Weights,
    held: Held,
    examples: Examples,
    rows: Int[Array, " batch"],
    unfolding: Unfolding,
    loss: Loss,
) -> Float[Array, ""]:
    """How far the masked mixtures are from their sources, in some rows; 1 if all masks were zero.

    "signal" compares what the masks let through, "mask" the masks with those that would be right,
    in proportion to the magnitudes that they are for.
    """
    X = examples.frames.X[rows]
    targets = examples.targets[:, rows]
    W = unfolded_activations(weights, held, examples.frames.stacked(rows), unfolding)
    masks = shares(weights, W, examples.atoms)
    if loss == "mask":
        ideal = jnp.clip(targets / jnp.where(X > 0, X, 1), 0, 1)
        distance, largest = X * jnp.square(masks - ideal), X * jnp.square(ideal)
    else:
        distance, largest = jnp.square(masks * X - targets), jnp.square(targets)
    total = largest.sum()
    return distance.sum() / jnp.where(total > 0, total, 1)


@partial(jax.jit, static_argnames=("unfolding", "loss"))
def error_of_rows(weights, held, examples, rows, *, unfolding: Unfolding, loss: Loss):
    """The same, compiled."""
    return error(weights, held, examples, rows, unfolding, loss)


@partial(jax.jit, static_argnames=("unfolding", "loss", "optimizer"))
def train_step(
    training: Training,
    held: Held,
    examples: Examples,
    rows: Int[Array, " batch"],
    learning_rate: Float[Array, ""],
    *,
    unfolding: Unfolding,
    loss: Loss,
    optimizer: Any,
) -> tuple[Training, Float[Array, ""]]:
    """One step on a batch of rows, and the error before it.

    The `optimizer` has optax's ``update``, and says where to go at a learning rate of one.
    """
    weights, memory = training
    value, slope = jax.value_and_grad(error)(weights, held, examples, rows, unfolding, loss)
    ahead, memory = optimizer.update(slope, memory, weights)
    weights = jax.tree.map(lambda one, by: one - learning_rate * by, weights, ahead)
    return Training(weights, memory), value
