"""How rows lie in memory while they are computed with: in blocks, and in few different shapes."""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from skbss._runtime.blocks import bucket
from skbss._runtime.device import is_jax_array, on_host_for_jax

# Larger matrices are cut into blocks of about this many values, which fit into a cache.
_LARGE, _VALUES_PER_BLOCK = 1 << 22, 1 << 20
# A block is a fair sample of all rows if it has this many of them for every component.
_ROWS_PER_COMPONENT = 16
# Fewer columns are not filled up to a multiple of the width of vector instructions.
_WIDE, _VECTOR = 64, 16
# Components are filled up to a multiple of this. Where an iteration takes about a millisecond they
# are filled up to few numbers: compiling for one more costs as much as a thousand iterations.
_COMPONENTS, _FEW_RANKS, _SMALL = 8, (16, 24, 40, 64, 96, 128), 1 << 19


class Layout(NamedTuple):
    """Where every row of a matrix lies.

    Rows, columns and components are filled up, so that matrices of similar size share compiled
    programs. Where there are blocks of rows, neighboring rows are in different blocks: a few
    blocks are a sample of rows from all over the data.

    Attributes
    ----------
    n_rows, n_columns, n_components : int
        What is data.
    height, width, rank : int
        The rows of a block (or of all, if there are none), columns and components, filled up.
    n_blocks : int
        Number of blocks; 0 for one matrix without an axis of blocks.
    used : int
        Number of blocks with data.
    """

    n_rows: int
    n_columns: int
    n_components: int
    height: int
    width: int
    rank: int
    n_blocks: int = 0
    used: int = 0

    @property
    def holds_data(self) -> np.ndarray:
        """Which rows are data, and not there to fill up."""
        if not self.n_blocks:
            return np.arange(self.height) < self.n_rows
        held = np.zeros(self.rows_shape, bool)
        for block, rows in self._slices():
            held[block, : len(range(self.n_rows)[rows])] = True
        return held

    @property
    def rows_shape(self) -> tuple[int, ...]:
        """The axes of whatever has an entry for every row."""
        return (self.n_blocks, self.height) if self.n_blocks else (self.height,)

    def lay_out(
        self,
        A: Any,
        dtype: Any,
        width: int | None = None,
        *,
        fill: float = 0.0,
        scale: Any = 1.0,
        smallest: float | None = None,
    ) -> Any:
        """An array with an entry for every row, as the kernels take it.

        Parameters
        ----------
        A : array of shape (n_rows,) or (n_rows, n)
            NumPy or JAX.
        dtype : dtype
            Of the result.
        width : int, optional
            To which the second axis is filled up.
        fill : float
            What stands where there is no data.
        scale : float or array of shape (n_rows, 1)
            By which to divide.
        smallest : float, optional
            To which smaller entries are raised.

        Returns
        -------
        laid_out : jax.Array of shape (*rows_shape, ...)
        """
        if is_jax_array(A):
            A = A.astype(dtype)
            A = A / jnp.asarray(scale, dtype) if np.ndim(scale) or scale != 1 else A
            A = A if smallest is None else jnp.maximum(A, smallest)
            return _laid_out(A, jnp.asarray(fill, dtype), layout=self, width=width)
        columns = () if A.ndim == 1 else (width or A.shape[1],)
        out = on_host_for_jax((*self.rows_shape, *columns), dtype)
        out.fill(fill)
        for block, rows in self._slices():
            part = A[rows]
            place = out[block][tuple(map(slice, part.shape))]
            if np.ndim(scale) or scale != 1:
                part = np.divide(part, scale[rows] if np.ndim(scale) else scale, out=place)
            if smallest is not None:
                part = np.maximum(part, smallest, out=place)
            if part is not place:
                place[...] = part
        # Unlike jnp.asarray it takes memory of the host as it is.
        return jax.device_put(out)

    def for_every_row(self, number: Any, dtype: Any) -> Any:
        """One number, or an array of shape (n_rows, 1) of them, as an entry for every row."""
        if np.ndim(number) == 0:
            return np.full((*self.rows_shape, 1), number, dtype)
        return self.lay_out(number, dtype, 1)

    def gather(self, A: Any, width: int, xp: Any) -> Any:
        """Rows as they were, of `width` columns, in an array of `xp`: NumPy or JAX."""
        if xp is jnp:
            return _gathered(A, layout=self, width=width)
        host = np.asarray(A)
        out = np.empty((self.n_rows, width), host.dtype)
        for block, rows in self._slices():
            part = out[rows]
            part[...] = host[block][: len(part), :width]
        return out

    def lay_out_components(self, H: Any) -> Any:
        """Components, NumPy or JAX, as the kernels take them: filled up with zeros.

        Those that last for several frames have another axis, which comes first in the kernels.
        """
        xp = jnp if is_jax_array(H) else np
        missing = [(0, self.rank - self.n_components), (0, self.width - self.n_columns)]
        H = xp.moveaxis(H, 0, -2)
        if np.any(missing):
            H = xp.pad(H, [(0, 0)] * (H.ndim - 2) + missing)
        return jnp.asarray(H)

    def gather_components(self, H: Any, xp: Any) -> Any:
        """Components as they were, in an array of `xp`: NumPy or JAX."""
        # On the host, cutting costs no compiled program.
        return xp.moveaxis(xp.asarray(H)[..., : self.n_components, : self.n_columns], -2, 0)

    def mark_components(self, marked: np.ndarray) -> np.ndarray:
        """A truth about every component, false for those that fill up."""
        return np.pad(marked, (0, self.rank - self.n_components))

    def nearest_blocks(self, used: int) -> np.ndarray:
        """For every block, that one of the first `used` whose rows are closest to its own."""
        offsets = np.zeros(self.n_blocks, int)
        offsets[: self.used] = self.offsets
        return np.abs(offsets[:, None] - offsets[None, :used]).argmin(axis=1).astype(np.int32)

    def zeros(self, n_columns: int, dtype: Any) -> Any:
        """Zeros for every row and so many columns."""
        return jnp.zeros((*self.rows_shape, n_columns), dtype)

    @property
    def offsets(self) -> list[int]:
        """The first row of every block, such that the first few blocks are evenly spaced."""
        bits = self.used.bit_length()
        return sorted(range(self.used), key=lambda n: int(f"{n:0{bits}b}"[::-1], 2))

    def _slices(self) -> Iterator[tuple[Any, slice]]:
        if not self.n_blocks:
            yield (), slice(None)
        else:
            for block, offset in enumerate(self.offsets):
                yield block, slice(offset, None, self.used)


def choose_layout(
    shape: tuple[int, int],
    n_components: int,
    *,
    rows_per_block: int | None = None,
    rank: int | None = None,
) -> Layout:
    """How the rows of a dense matrix shall lie.

    Parameters
    ----------
    shape : tuple of int
        ``(n_rows, n_columns)`` of the matrix.
    n_components : int
        Number of components.
    rows_per_block : int, optional
        How many rows make a block; None for what suits sweeps over both factors.
    rank : int, optional
        That of other data which is computed with along with it; None for what suits its size.
    """
    n_rows, n_columns = shape
    width = n_columns if n_columns < _WIDE else -(-n_columns // _VECTOR) * _VECTOR
    if rank is None:
        coarsely = (rows_per_block or n_rows) * width <= _SMALL
        rank = _filled_up_rank(n_components, coarsely=coarsely)
    layout = Layout(n_rows, n_columns, n_components, bucket(n_rows), width, rank)
    if rows_per_block is None:
        if n_rows * width <= _LARGE:
            return layout
        rows_per_block = max(_VALUES_PER_BLOCK // width, _ROWS_PER_COMPONENT * n_components)
    height = bucket(rows_per_block)
    used = -(-n_rows // height)
    return (
        layout
        if used < 2
        else layout._replace(height=height, n_blocks=bucket(used, smallest=4), used=used)
    )


def plain_layout(shape: tuple[int, int], n_components: int) -> Layout:
    """That of data which is not laid out: sparse matrices, whose rows stay as they are."""
    rank = _filled_up_rank(n_components, coarsely=False)
    return Layout(*shape, n_components, *shape, rank)


def _filled_up_rank(n_components, *, coarsely):
    if coarsely and n_components <= _FEW_RANKS[-1]:
        return min(rank for rank in _FEW_RANKS if rank >= n_components)
    return -(-n_components // _COMPONENTS) * _COMPONENTS


@partial(jax.jit, static_argnames=("layout", "width"))
def _laid_out(A, fill, *, layout, width):
    if not layout.n_blocks:
        missing = [(0, layout.height - layout.n_rows), (0, (width or 0) - A.shape[-1])]
        return jnp.pad(A, missing[: A.ndim], constant_values=fill)
    n_rows = layout.height * layout.used
    missing = [(0, n_rows - layout.n_rows), (0, (width or 0) - A.shape[-1])]
    A = jnp.pad(A, missing[: A.ndim], constant_values=fill)
    A = A.reshape(layout.height, layout.used, *A.shape[1:]).swapaxes(0, 1)
    A = A[np.array(layout.offsets)]
    empty = [(0, layout.n_blocks - layout.used)] + [(0, 0)] * (A.ndim - 1)
    return jnp.pad(A, empty, constant_values=fill)


@partial(jax.jit, static_argnames=("layout", "width"))
def _gathered(A, *, layout, width):
    if layout.n_blocks:
        A = A[np.argsort(layout.offsets)].swapaxes(0, 1)
        A = A.reshape(-1, A.shape[-1])
    return A[: layout.n_rows, :width]
