"""A dense data matrix whose rows are shared out among devices: one exchange a sweep."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array, Float

from skbss._kernels.dense_data import Update
from skbss._kernels.frame_blocks import FrameBlocks


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["X", "weights", "used", "n_own", "n_blocks"],
    meta_fields=["mesh"],
)
@dataclass(frozen=True)
class ShardedBlocks:
    """A matrix X, of which every device of a mesh with one axis has some rows of every block.

    Row n of the matrix lies on device ``n // n_own``, in the block of all rows that leave the same
    remainder when divided by `n_blocks`.

    Whatever has an entry for every row, W first of all, has the axes (devices, blocks, height)
    too. Each device goes through its own rows of the `used` blocks as ``FrameBlocks`` does; what
    all rows add up to, the components first of all, is the same on all devices. The three numbers
    are told when a program runs.
    """

    X: Float[Array, "devices blocks height freqs"]
    weights: Float[Array, "devices blocks height freqs"] | None
    used: Any
    n_own: Any
    n_blocks: Any
    mesh: Mesh

    def first(self, used: Any) -> "ShardedBlocks":
        """The first blocks alone."""
        return replace(self, used=used)

    def with_neighbors(
        self, W: Float[Array, "devices blocks height k"]
    ) -> Float[Array, "devices blocks height k"]:
        """W where every device also has those rows of others that lie beside its own.

        Rows number ``t * n_blocks`` to ``(t + 1) * n_blocks - 1`` lie beside each other in the
        blocks; those of the first and the last such t can be on two devices, of which each has
        zeros for the rows of the other one. (Shares of fewer rows than blocks are no use.)
        """
        axes, last_device = self.mesh.axis_names, self.mesh.size - 1

        def of_device(_, W):
            first = lax.axis_index(axes) * self.n_own
            last = (first % self.n_blocks + self.n_own - 1) // self.n_blocks
            begins, ends = first % self.n_blocks > 0, (first + self.n_own) % self.n_blocks > 0
            rows = lax.dynamic_index_in_dim(W, last, axis=1, keepdims=False)
            earlier = lax.ppermute(rows, axes, [(n, n + 1) for n in range(last_device)])
            later = lax.ppermute(W[:, 0], axes, [(n + 1, n) for n in range(last_device)])
            both = rows + jnp.where(ends, later, 0)
            W = lax.dynamic_update_index_in_dim(W, both, last, axis=1)
            return W.at[:, 0].add(jnp.where(begins, earlier, 0))

        return self.by_device(of_device, W)

    def sweep(self, update: Update, rows: Any, *given: Any) -> tuple[Any, Any]:
        """As ``DenseData.sweep``: the totals of all devices are exchanged at once."""

        def of_device(own, rows, *given):
            rows, totals = own.sweep(update, rows, *given)
            return rows, _added_up(totals, self.mesh.axis_names)

        return self._on_every_device(of_device, (True, False), rows, *given)

    def by_device(self, function: Callable[..., Any], *rows: Any) -> Any:
        """``function(own, *rows)`` of what every device has: ``FrameBlocks``, and its rows."""
        return self._on_every_device(function, True, *rows)

    def _on_every_device(self, function, has_rows, *rows):
        shared, same = PartitionSpec(self.mesh.axis_names), PartitionSpec()
        out = jax.tree.map(lambda one: shared if one else same, has_rows)

        def local(used, *arrays):
            (X, weights), *rows = jax.tree.map(lambda A: A[0], arrays)
            found = function(FrameBlocks(X, weights, used), *rows)
            if has_rows is True:
                return jax.tree.map(lambda A: A[None], found)
            return jax.tree.map(lambda A: A[None], found[0]), found[1]

        arrays = ((self.X, self.weights), *rows)
        return jax.shard_map(
            local,
            mesh=self.mesh,
            in_specs=(same, *(shared for _ in arrays)),
            out_specs=out,
            check_vma=False,
        )(self.used, *arrays)


def _added_up(totals: Any, axes: tuple[Any, ...]) -> Any:
    """Sums over all devices, in one message for every type of numbers."""
    leaves, structure = jax.tree.flatten(totals)
    found = list(leaves)
    for dtype in dict.fromkeys(leaf.dtype for leaf in leaves):
        places = [place for place, leaf in enumerate(leaves) if leaf.dtype == dtype]
        message = lax.psum(jnp.concatenate([leaves[place].ravel() for place in places]), axes)
        first = 0
        for place in places:
            shape, size = leaves[place].shape, leaves[place].size
            found[place] = message[first : first + size].reshape(shape)
            first += size
    return jax.tree.unflatten(structure, found)
