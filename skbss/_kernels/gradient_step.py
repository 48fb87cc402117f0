"""A step of training: whatever is differentiable, by whatever optimizer."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from jaxtyping import Array, Float

Objective = Callable[..., Float[Array, ""]]


@partial(jax.jit, static_argnames=("objective", "optimizer"))
def gradient_step(
    weights: Any,
    memory: Any,
    data: tuple[Any, ...],
    learning_rate: Float[Array, ""],
    *,
    objective: Objective,
    optimizer: Any,
) -> tuple[Any, Any, Float[Array, ""]]:
    """Weights and what the optimizer remembers after a step, and the value before it.

    The `objective` is a function of the weights and the data. The `optimizer` has optax's
    ``update``, and says where to go at a learning rate of one.
    """
    value, slope = jax.value_and_grad(objective)(weights, *data)
    ahead, memory = optimizer.update(slope, memory, weights)
    weights = jax.tree.map(lambda one, by: one - learning_rate * by, weights, ahead)
    return weights, memory, value


@partial(jax.jit, static_argnames="objective")
def value_of(weights: Any, data: tuple[Any, ...], *, objective: Objective) -> Float[Array, ""]:
    """What the objective is."""
    return objective(weights, *data)
