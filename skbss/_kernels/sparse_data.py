"""The stored entries of a sparse data matrix."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from skbss._kernels.dense_data import Parts
from skbss._kernels.divergences import beta_divergence


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["rows", "columns", "values"],
    meta_fields=["shape"],
)
@dataclass(frozen=True)
class EntryData:
    """The stored entries of a sparse matrix X, for beta 1 and 2: only they are ever touched.

    Entries lie in blocks, so that temporary arrays of shape (entries, k) stay small. Padding
    entries have the value 0 at place (0, 0). The methods are those of ``DenseData``.
    """

    rows: Int[Array, "blocks entries"]
    columns: Int[Array, "blocks entries"]
    values: Float[Array, "blocks entries"]
    shape: tuple[int, int]

    def activation_parts(
        self, W: Float[Array, "frames k"], H: Float[Array, "k freqs"], beta: float, floor: Array
    ) -> Parts:
        """``P H'`` and ``Q H'``, the latter up to broadcasting."""
        if beta == 2:
            return self.times_components(H).T, W @ (H @ H.T)
        Ht = H.T

        def add_block(total, block):
            rows, columns, values = block
            ratio = values / ((W[rows] * Ht[columns]).sum(axis=1) + floor)
            return total.at[rows].add(ratio[:, None] * Ht[columns]), None

        numerator, _ = lax.scan(add_block, jnp.zeros_like(W), self._blocks)
        return numerator, H.sum(axis=1)[None, :]

    def component_parts(
        self, W: Float[Array, "frames k"], H: Float[Array, "k freqs"], beta: float, floor: Array
    ) -> Parts:
        """``W' P`` and ``W' Q``, the latter up to broadcasting."""
        numerator, denominator = self._transposed.activation_parts(H.T, W.T, beta, floor)
        return numerator.T, denominator.T

    def row_divergence(
        self, W: Float[Array, "frames k"], H: Float[Array, "k freqs"], beta: float, floor: Array
    ) -> Float[Array, " frames"]:
        """Divergence of every row from its model.

        What a matrix of zeros would contribute is known in closed form; to it the stored entries
        add what their values change.
        """
        Ht = H.T
        if beta == 2:
            of_zeros = (W @ (H @ Ht) * W).sum(axis=1) / 2
        else:
            of_zeros = W @ H.sum(axis=1) + floor * H.shape[1]

        def add_block(total, block):
            rows, columns, values = block
            Y = (W[rows] * Ht[columns]).sum(axis=1) + floor
            change = beta_divergence(values, Y, beta) - (Y * Y / 2 if beta == 2 else Y)
            return total.at[rows].add(jnp.where(values > 0, change, 0)), None

        return lax.scan(add_block, of_zeros, self._blocks)[0]

    def times_components(self, H: Float[Array, "k freqs"]) -> Float[Array, "k frames"]:
        """``H X'``."""
        Ht = H.T

        def add_block(total, block):
            rows, columns, values = block
            return total.at[rows].add(values[:, None] * Ht[columns]), None

        zeros = jnp.zeros((self.shape[0], H.shape[0]), H.dtype)
        return lax.scan(add_block, zeros, self._blocks)[0].T

    def times_activations(self, Wt: Float[Array, "k frames"]) -> Float[Array, "k freqs"]:
        """``W' X``."""
        return self._transposed.times_components(Wt)

    def row_levels(
        self, spectrum: Float[Array, " freqs"]
    ) -> tuple[Float[Array, " frames"], Float[Array, " frames"]]:
        """The sums of every row of X and of `spectrum`."""
        zeros = jnp.zeros(self.shape[0], spectrum.dtype)
        level = zeros.at[self.rows.ravel()].add(self.values.ravel())
        return level, zeros + spectrum.sum()

    @property
    def _blocks(self):
        return self.rows, self.columns, self.values

    @property
    def _transposed(self) -> "EntryData":
        return EntryData(self.columns, self.rows, self.values, self.shape[::-1])
