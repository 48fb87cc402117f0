"""How rows lie that are shared out among devices: in the same blocks as on one of them."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from skbss._runtime.blocks import bucket
from skbss._runtime.device import has_shared_rows
from skbss._runtime.loop import fetch
from skbss._runtime.sharded_rows import AXIS, placed, replicated
from skbss.factorization._layout import Layout


class ShardedLayout(NamedTuple):
    """Where every row of a matrix lies whose rows are shared out, as ``Layout`` has it.

    Every device has its own rows of each block, so that a few blocks are the same sample of the
    rows as on one device. Rows that fill up a matrix until it can be shared out are not data.

    Attributes
    ----------
    common : Layout
        That of the matrix on one device.
    mesh : Mesh
        The devices in the order of the rows, along one axis.
    n_rows : int
        Of the array, with those that fill it up.
    is_flat : bool
        Whether the rows have no axes for devices and blocks.
    """

    common: Layout
    mesh: Mesh
    n_rows: int
    is_flat: bool

    @property
    def n_columns(self) -> int:
        """As ``Layout`` has it."""
        return self.common.n_columns

    @property
    def n_components(self) -> int:
        """As ``Layout`` has it."""
        return self.common.n_components

    @property
    def width(self) -> int:
        """As ``Layout`` has it."""
        return self.common.width

    @property
    def rank(self) -> int:
        """As ``Layout`` has it."""
        return self.common.rank

    @property
    def used(self) -> int:
        """Number of blocks with data; 0 if there are none."""
        return 0 if self.is_flat else self._n_offsets

    @property
    def height(self) -> int:
        """The rows of a block on one device, or all if there are no blocks, filled up."""
        return self._own_height * (self.mesh.size if self.is_flat else 1)

    @property
    def holds_data(self) -> np.ndarray:
        """Which rows are data, and not there to fill up."""
        n_own, slots = self._n_own, np.arange(self._own_height)[None, None, :]
        first = n_own * np.arange(self.mesh.size)[:, None, None]
        offsets = np.zeros((1, self._n_blocks, 1), int)
        offsets[0, : self._n_offsets, 0] = self._offsets
        row = slots * self._n_offsets + offsets - first % self._n_offsets
        held = (row >= 0) & (row < n_own) & (first + row < self.common.n_rows)
        held[:, self._n_offsets :] = False
        return held.reshape(self.rows_shape)

    @property
    def rows_shape(self) -> tuple[int, ...]:
        """The axes of whatever has an entry for every row."""
        if self.is_flat:
            return (self.height,)
        return (self.mesh.size, self._n_blocks, self._own_height)

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
        """As ``Layout.lay_out``, of an array with or without the rows that fill it up."""
        A = A.array if has_shared_rows(A) else A
        A = placed(A, self.mesh, self.n_rows, dtype)
        scale = placed(scale, self.mesh, self.n_rows, dtype) if np.ndim(scale) else scale
        if np.ndim(scale) or scale != 1:
            A = A / (scale if np.ndim(scale) else np.asarray(scale, dtype))
        A = A if smallest is None else jnp.maximum(A, np.asarray(smallest, dtype))
        return _laid_out(A, np.asarray(fill, dtype), layout=self, width=width)

    def zeros(self, n_columns: int, dtype: Any) -> Any:
        """As ``Layout.zeros``."""
        sharding = NamedSharding(self.mesh, PartitionSpec(AXIS))
        shape = (*self.rows_shape, n_columns)
        return jax.jit(lambda: jnp.zeros(shape, dtype), out_shardings=sharding)()

    def for_every_row(self, number: Any, dtype: Any) -> Any:
        """As ``Layout.for_every_row``."""
        if np.ndim(number) == 0:
            return np.full((*self.rows_shape, 1), number, dtype)
        return self.lay_out(number, dtype, 1)

    def gather(self, A: Any, width: int, xp: Any) -> Any:
        """As ``Layout.gather``, with the rows that fill up; where they lie, or all on the host."""
        rows = _gathered(A, layout=self, width=width)
        return rows if xp is jnp else fetch(rows)

    def lay_out_components(self, H: Any) -> Any:
        """As ``Layout.lay_out_components``: on all devices."""
        # Components are small, and elsewhere where the model was not learned from such rows.
        host = np.asarray(self.common.lay_out_components(np.asarray(H)))
        return replicated(host, self.mesh)

    def gather_components(self, H: Any, xp: Any) -> Any:
        """As ``Layout.gather_components``."""
        return self.common.gather_components(H, xp)

    def mark_components(self, marked: np.ndarray) -> np.ndarray:
        """As ``Layout.mark_components``."""
        return self.common.mark_components(marked)

    def nearest_blocks(self, used: int) -> np.ndarray:
        """As ``Layout.nearest_blocks``."""
        return self.common.nearest_blocks(used)

    @property
    def _offsets(self):
        return self.common.offsets if self._n_offsets > 1 else [0]

    @property
    def _n_offsets(self) -> int:
        return max(1, self.common.used)

    @property
    def _n_blocks(self) -> int:
        return self.common.n_blocks if self._n_offsets > 1 else 1

    @property
    def _n_own(self) -> int:
        """Rows of a device."""
        return self.n_rows // self.mesh.size

    @property
    def _own_height(self) -> int:
        """Rows of a device in a block, whichever row of the matrix the first one is, filled up."""
        return bucket(-(-(self._n_own + self._n_offsets - 1) // self._n_offsets))


@partial(jax.jit, static_argnames=("layout", "width"))
def _laid_out(A, fill, *, layout, width):
    n_own, n_offsets, height = layout._n_own, layout._n_offsets, layout._own_height

    def of_device(A, fill):
        first = lax.axis_index(AXIS) * n_own
        is_row = first + jnp.arange(n_own) < layout.common.n_rows
        A = jnp.where(is_row.reshape(-1, *[1] * (A.ndim - 1)), A, fill)
        A = jnp.pad(A, [(0, 0), (0, (width or 0) - A.shape[-1])][: A.ndim], constant_values=fill)
        if n_offsets == 1:
            missing = [(0, height - n_own)] + [(0, 0)] * (A.ndim - 1)
            A = jnp.pad(A, missing, constant_values=fill)
            return A if layout.is_flat else A[None, None]
        room = jnp.full((height * n_offsets, *A.shape[1:]), fill)
        A = lax.dynamic_update_slice_in_dim(room, A, first % n_offsets, 0)
        A = A.reshape(height, n_offsets, *A.shape[1:]).swapaxes(0, 1)
        A = A[np.array(layout._offsets)]
        empty = [(0, layout._n_blocks - n_offsets)] + [(0, 0)] * (A.ndim - 1)
        return jnp.pad(A, empty, constant_values=fill)[None]

    return _on_every_device(of_device, layout.mesh, A, fill)


@partial(jax.jit, static_argnames=("layout", "width"))
def _gathered(A, *, layout, width):
    n_own, n_offsets = layout._n_own, layout._n_offsets

    def of_device(A):
        if layout.is_flat or n_offsets == 1:
            A = A if layout.is_flat else A[0, 0]
            return A[:n_own, :width]
        A = A[0][np.argsort(layout._offsets)].swapaxes(0, 1)
        A = A.reshape(-1, A.shape[-1])[:, :width]
        first = lax.axis_index(AXIS) * n_own
        return lax.dynamic_slice_in_dim(A, first % n_offsets, n_own)

    return _on_every_device(of_device, layout.mesh, A)


def _on_every_device(function, mesh, A, *same):
    rows = PartitionSpec(AXIS)
    in_specs = (rows, *[PartitionSpec()] * len(same))
    return jax.shard_map(function, mesh=mesh, in_specs=in_specs, out_specs=rows, check_vma=False)(
        A, *same
    )
