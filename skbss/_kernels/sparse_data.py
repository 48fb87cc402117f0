"""The stored entries of a sparse data matrix."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from skbss._kernels.dense_data import Parts, Update
from skbss._kernels.divergences import beta_divergence

# As many numbers as a vector register holds: rows of factors are fetched by as many at a time.
_LANES = 8


@partial(
    jax.tree_util.register_dataclass,
    data_fields=[
        "columns",
        "values",
        "starts",
        "n_chunks",
        "row_of_piece",
        "first_piece",
        "further_pieces",
        "row_of_further",
    ],
    meta_fields=[],
)
@dataclass(frozen=True)
class PaddedRows:
    """The entries of a sparse matrix by row, in a layout that is summed without scattering.

    Rows are cut into pieces of bounded length, and these sorted by length. Neighbors, whose
    lengths are alike, are cut into chunks that hold a few entries of each of `pieces` pieces.
    Padding entries have the value 0 in column 0.

    Attributes
    ----------
    columns, values : arrays
        Of the entries.
    starts : array
        The piece with which every chunk begins.
    n_chunks : array
        How many of the chunks are in use, the first ones.
    row_of_piece : array
        The row to which every piece belongs.
    first_piece : array
        The first piece of every row.
    further_pieces, row_of_further : arrays
        The other pieces and their rows; beyond the last row for padding.
    """

    columns: Int[Array, "chunks pieces entries"]
    values: Float[Array, "chunks pieces entries"]
    starts: Int[Array, " chunks"]
    n_chunks: Int[Array, ""]
    row_of_piece: Int[Array, " all_pieces"]
    first_piece: Int[Array, " rows"]
    further_pieces: Int[Array, " further"]
    row_of_further: Int[Array, " further"]

    def product(self, B: Float[Array, "columns k"]) -> Float[Array, "rows k"]:
        """``X B``."""
        fetch = _fetch_rows_of(B)

        def of_chunk(columns, values, _):
            # Fetched where they are added up, the rows of B are nowhere copied to.
            return _weighted_sum(values, [fetch(at) for at in columns.T])

        return self._sum(of_chunk, B.shape[1])

    def ratio_product(
        self, A: Float[Array, "rows k"], B: Float[Array, "columns k"], floor: Array
    ) -> Float[Array, "rows k"]:
        """``(X / (A B' + floor)) B``."""
        fetch, rows_of_A = _fetch_rows_of(B), self._pieces_of(A)

        def of_chunk(columns, values, start):
            rows_of_B = fetch(columns)
            Y = jnp.einsum("pek,pk->pe", rows_of_B, rows_of_A(start)) + floor
            return _weighted_sum(values / Y, rows_of_B.swapaxes(0, 1))

        return self._sum(of_chunk, B.shape[1])

    def sums_of(
        self,
        change: Callable[[Array, Array], Array],
        A: Float[Array, "rows k"],
        B: Float[Array, "columns k"],
    ) -> Float[Array, " rows"]:
        """The sums over every row of ``change(x, (A B')[i, j])``, which is 0 where x is 0."""
        fetch, rows_of_A = _fetch_rows_of(B), self._pieces_of(A)

        def of_chunk(columns, values, start):
            Y = jnp.einsum("pek,pk->pe", fetch(columns), rows_of_A(start))
            changes = jnp.where(values > 0, change(values, Y), 0)
            return _in_first_lane(changes.sum(axis=1))

        return self._sum(of_chunk, 1)[:, 0]

    def levels(self) -> Float[Array, " rows"]:
        """The sum of every row."""
        return self._sum(lambda _, values, __: _in_first_lane(values.sum(axis=1)), 1)[:, 0]

    def _pieces_of(self, A: Float[Array, "rows k"]) -> Callable[[Array], Array]:
        rows = _in_lanes(A)[self.row_of_piece].reshape(len(self.row_of_piece), -1)
        height = self.values.shape[1]
        return lambda start: lax.dynamic_slice_in_dim(rows, start, height)

    def _sum(
        self, of_chunk: Callable[[Array, Array, Array], Array], k: int
    ) -> Float[Array, "rows {k}"]:
        """Add up the `k` numbers that `of_chunk` gives for every piece, followed by zeros."""
        height = self.values.shape[1]

        def add_chunk(i, total):
            start = self.starts[i]
            part = of_chunk(self.columns[i], self.values[i], start)
            before = lax.dynamic_slice_in_dim(total, start, height)
            return lax.dynamic_update_slice_in_dim(total, before + part, start, 0)

        zeros = jnp.zeros((len(self.row_of_piece), _whole_lanes(k)), self.values.dtype)
        total = lax.fori_loop(0, self.n_chunks, add_chunk, zeros)[:, :k]
        further = total[self.further_pieces]
        return total[self.first_piece].at[self.row_of_further].add(further, mode="drop")


@partial(
    jax.tree_util.register_dataclass, data_fields=["by_row", "by_column"], meta_fields=["shape"]
)
@dataclass(frozen=True)
class EntryData:
    """The stored entries of a sparse matrix X, for beta 1 and 2: only they are ever touched.

    They are held twice, by row and by column of X. The methods are those of ``DenseData``.
    """

    by_row: PaddedRows
    by_column: PaddedRows
    shape: tuple[int, int]

    def sweep(self, update: Update, rows: Any, *given: Any) -> tuple[Any, Any]:
        """As ``DenseData.sweep``: the whole matrix is one block."""
        return update(self, rows, *given)

    def activation_parts(
        self, W: Float[Array, "frames k"], H: Float[Array, "k freqs"], beta: float, floor: Array
    ) -> Parts:
        """``P H'`` and ``Q H'``, the latter up to broadcasting."""
        if beta == 2:
            return self.by_row.product(H.T), W @ (H @ H.T)
        return self.by_row.ratio_product(W, H.T, floor), H.sum(axis=1)[None, :]

    def component_parts(
        self, W: Float[Array, "frames k"], H: Float[Array, "k freqs"], beta: float, floor: Array
    ) -> Parts:
        """``W' P`` and ``W' Q``, the latter up to broadcasting."""
        if beta == 2:
            return self.times_activations(W.T), (W.T @ W) @ H
        return self.by_column.ratio_product(H.T, W, floor).T, W.sum(axis=0)[:, None]

    def row_divergence(
        self, W: Float[Array, "frames k"], H: Float[Array, "k freqs"], beta: float, floor: Array
    ) -> Float[Array, " frames"]:
        """Divergence of every row from its model.

        What a matrix of zeros would contribute is known in closed form; to it the stored entries
        add what their values change.
        """
        if beta == 2:
            of_zeros = (W @ (H @ H.T) * W).sum(axis=1) / 2
        else:
            of_zeros = self.model_levels(W, H) + floor * H.shape[1]

        def change(values, Y):
            Y = Y + floor
            return beta_divergence(values, Y, beta) - (Y * Y / 2 if beta == 2 else Y)

        return of_zeros + self.by_row.sums_of(change, W, H.T)

    def times_components(self, H: Float[Array, "k freqs"]) -> Float[Array, "k frames"]:
        """``H X'``."""
        return self.by_row.product(H.T).T

    def times_activations(self, Wt: Float[Array, "k frames"]) -> Float[Array, "k freqs"]:
        """``W' X``."""
        return self.by_column.product(Wt.T).T

    def row_levels(
        self, spectrum: Float[Array, " freqs"]
    ) -> tuple[Float[Array, " frames"], Float[Array, " frames"]]:
        """The sums of every row of X and of `spectrum`."""
        levels = self.by_row.levels().astype(spectrum.dtype)
        return levels, jnp.full_like(levels, spectrum.sum())

    def model_levels(
        self, W: Float[Array, "frames k"], H: Float[Array, "k freqs"]
    ) -> Float[Array, " frames"]:
        """The sums of every row of the model."""
        return W @ H.sum(axis=1)


def _whole_lanes(k: int) -> int:
    return -(-k // _LANES) * _LANES


def _in_lanes(B: Float[Array, "n k"]) -> Float[Array, "n _ lanes"]:
    n, k = B.shape
    return jnp.pad(B, ((0, 0), (0, _whole_lanes(k) - k))).reshape(n, -1, _LANES)


def _in_first_lane(sums: Float[Array, " n"]) -> Float[Array, "n lanes"]:
    return jnp.pad(sums[:, None], ((0, 0), (0, _LANES - 1)))


def _weighted_sum(
    weights: Float[Array, "n entries"], rows: Sequence[Array] | Array
) -> Float[Array, "n k"]:
    """The sums over entries, term by term: several times as fast as a product of arrays."""
    terms = [weights[:, e, None] * rows[e] for e in range(weights.shape[1])]
    return sum(terms[1:], start=terms[0])


def _fetch_rows_of(B: Float[Array, "n k"]) -> Callable[[Array], Array]:
    """What fetches rows of B, with zeros beyond k, by their numbers."""
    lanes = _in_lanes(B)

    def fetch(numbers):
        rows = lanes.at[numbers].get(mode="promise_in_bounds", wrap_negative_indices=False)
        return rows.reshape(*numbers.shape, -1)

    return fetch
