"""A large dense data matrix in blocks of rows that fit into the cache of a processor."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from skbss._kernels.dense_data import DenseData, Update
from skbss._kernels.entries import count_up, entry, with_entry


class FrameBlocks(NamedTuple):
    """A matrix X in blocks of rows, of which the first `used` count.

    Whatever has an entry for every row, W first of all, has the axes (blocks, height) too. How
    many blocks are used is decided when the program runs: any number of rows, and any subset
    made of whole blocks, share one program.
    """

    X: Float[Array, "blocks height freqs"]
    weights: Float[Array, "blocks height freqs"] | None
    used: Int[Array, ""]

    def first(self, used: Any) -> "FrameBlocks":
        """The first blocks alone."""
        return FrameBlocks(self.X, self.weights, used)

    def sweep(self, update: Update, rows: Any, *given: Any) -> tuple[Any, Any]:
        """As ``DenseData.sweep``; rows of blocks that are not used stay as they are."""

        def updated(j, rows):
            here = (DenseData(self.X, self.weights), rows, *given)
            return update(*jax.tree.map(lambda A: entry(A, j), here))

        def add_block(j, carry):
            rows, totals = carry
            own, more = updated(j, rows)
            rows = jax.tree.map(lambda A, a: with_entry(A, j, a), rows, own)
            return rows, jax.tree.map(jnp.add, totals, more)

        _, totals = jax.eval_shape(updated, 0, rows)
        zeros = jax.tree.map(lambda total: jnp.zeros(total.shape, total.dtype), totals)
        return count_up(self.used, add_block, (rows, zeros))
