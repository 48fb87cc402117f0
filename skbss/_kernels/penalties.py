"""What is added to the divergence, and the objective that both make."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Penalties(NamedTuple):
    """Weights of ``|W|_1``, ``|W|^2 / 2``, ``|H|_1`` and ``|H|^2 / 2`` in the objective."""

    l1_W: Float[Array, "..."] | float
    l2_W: Float[Array, "..."] | float
    l1_H: Float[Array, ""] | float
    l2_H: Float[Array, ""] | float

    def of_rows(self, W: Float[Array, "*rows k"]) -> Float[Array, "*rows"]:
        """What every row of W, or every column of its transpose, costs along the last axis."""
        cost = jnp.broadcast_to(self.l1_W * W + self.l2_W * W * W / 2, W.shape)
        return cost.sum(axis=-1)

    def of_components(self, H: Float[Array, "k freqs"]) -> Float[Array, ""]:
        """What H costs."""
        return self.l1_H * H.sum() + self.l2_H * jnp.square(H).sum() / 2


def in_precision_of(number: Float[Array, ""], tree: Any) -> Any:
    """Every array of floating-point numbers in the precision of one number."""
    return jax.tree.map(
        lambda A: A.astype(number.dtype) if jnp.issubdtype(A.dtype, jnp.floating) else A, tree
    )


class Objective(NamedTuple):
    """What is minimized, in its two parts."""

    divergence: Float[Array, ""]
    penalty: Float[Array, ""]


@partial(jax.jit, static_argnames="beta")
def objective(
    data,
    W: Float[Array, "*rows k"],
    H: Float[Array, "k freqs"],
    penalties: Penalties,
    floor: Float[Array, ""],
    *,
    beta: float,
) -> Objective:
    """Divergence and penalties, computed in the precision of `floor`."""
    data, W, H, penalties = in_precision_of(floor, (data, W, H, penalties))

    def of_block(block, W):
        return W, (block.row_divergence(W, H, beta, floor).sum(), penalties.of_rows(W).sum())

    _, (divergence, of_rows) = data.sweep(of_block, W)
    return Objective(divergence, of_rows + penalties.of_components(H))
