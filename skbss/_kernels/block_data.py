"""A sparse data matrix as blocks of rows, each made dense for the moment that it is used."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from skbss._kernels.dense_data import DenseData, Parts, Update


@partial(
    jax.tree_util.register_dataclass,
    data_fields=[
        "rows",
        "columns",
        "values",
        "observed",
        "row_weights",
        "column_weights",
        "smallest",
    ],
    meta_fields=["shape"],
)
@dataclass(frozen=True)
class BlockData:
    """A sparse matrix X where the zeros matter too: any beta, missing entries, weights.

    Entries are grouped by block of rows; `rows` count within the block, and padding entries
    have a row beyond it. An entry counts where `observed` is 1 and is missing where it is 0.
    `row_weights` has shape (blocks, height, 1 or freqs). Values below `smallest` are raised to
    it: for beta <= 0 no model is close to zero. The methods are those of ``DenseData``.
    """

    rows: Int[Array, "blocks entries"]
    columns: Int[Array, "blocks entries"]
    values: Float[Array, "blocks entries"]
    observed: Float[Array, "blocks entries"] | None
    row_weights: Float[Array, "blocks height _"]
    column_weights: Float[Array, " freqs"]
    smallest: Float[Array, "blocks height 1"]
    shape: tuple[int, int]

    def sweep(self, update: Update, rows: Any, *given: Any) -> tuple[Any, Any]:
        """As ``DenseData.sweep``: the whole matrix is one block."""
        return update(self, rows, *given)

    def activation_parts(
        self, W: Float[Array, "frames k"], H: Float[Array, "k freqs"], beta: float, floor: Array
    ) -> Parts:
        """``P H'`` and ``Q H'``, the latter up to broadcasting."""

        def of_block(arguments):
            block, W = arguments
            numerator, denominator = self._dense(block).activation_parts(W, H, beta, floor)
            return numerator, jnp.broadcast_to(denominator, numerator.shape)

        parts = lax.map(of_block, (self._blocks, self._split(W)))
        return self._join(parts[0]), self._join(parts[1])

    def component_parts(
        self, W: Float[Array, "frames k"], H: Float[Array, "k freqs"], beta: float, floor: Array
    ) -> Parts:
        """``W' P`` and ``W' Q``, the latter up to broadcasting."""

        def add_block(total, arguments):
            block, W = arguments
            parts = self._dense(block).component_parts(W, H, beta, floor)
            return (total[0] + parts[0], total[1] + parts[1]), None

        zeros = jnp.zeros_like(H), jnp.zeros_like(H)
        return lax.scan(add_block, zeros, (self._blocks, self._split(W)))[0]

    def row_divergence(
        self, W: Float[Array, "frames k"], H: Float[Array, "k freqs"], beta: float, floor: Array
    ) -> Float[Array, " frames"]:
        """Divergence of every row from its model."""

        def of_block(arguments):
            block, W = arguments
            return self._dense(block).row_divergence(W, H, beta, floor)

        return self._join(lax.map(of_block, (self._blocks, self._split(W))))

    def row_levels(
        self, spectrum: Float[Array, " freqs"]
    ) -> tuple[Float[Array, " frames"], Float[Array, " frames"]]:
        """The weighted sums of every row of X and of `spectrum` under that row's weights."""
        level, reach = lax.map(lambda b: self._dense(b).row_levels(spectrum), self._blocks)
        return self._join(level), self._join(reach)

    @property
    def _blocks(self):
        return (
            self.rows,
            self.columns,
            self.values,
            self.observed,
            self.row_weights,
            self.smallest,
        )

    def _dense(self, block) -> DenseData:
        rows, columns, values, observed, row_weights, smallest = block
        empty = jnp.zeros((row_weights.shape[0], self.shape[1]), values.dtype)
        X = empty.at[rows, columns].add(values, mode="drop")
        weights = row_weights * self.column_weights[None, :]
        if observed is not None:
            weights = weights * (empty + 1).at[rows, columns].multiply(observed, mode="drop")
        return DenseData(jnp.maximum(X, smallest), jnp.broadcast_to(weights, X.shape))

    def _split(self, W: Float[Array, "frames k"]) -> Float[Array, "blocks height k"]:
        n_blocks, height = self.row_weights.shape[:2]
        padded = jnp.pad(W, ((0, n_blocks * height - W.shape[0]), (0, 0)))
        return padded.reshape(n_blocks, height, W.shape[1])

    def _join(self, blocks: Float[Array, "blocks height *_"]) -> Float[Array, "frames *_"]:
        return blocks.reshape(-1, *blocks.shape[2:])[: self.shape[0]]
