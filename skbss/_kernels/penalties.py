"""What is added to the divergence, and the objective that both make."""

from typing import NamedTuple

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


def objective(data, W, H, penalties: Penalties, beta: float, floor) -> Float[Array, ""]:
    """Divergence and penalties."""

    def of_block(block, W):
        cost = block.row_divergence(W, H, beta, floor) + penalties.of_rows(W)
        return W, cost.sum()

    return data.sweep(of_block, W)[1] + penalties.of_components(H)
