"""Rows in groups that are computed with together, which those leave that have converged."""

from typing import Any, NamedTuple

import jax
import numpy as np

from skbss._kernels.activations import MovingRows, flat_activations
from skbss._kernels.dense_data import DenseData
from skbss._kernels.frame_blocks import FrameBlocks
from skbss._runtime.device import lies_on_host, on_host_for_jax
from skbss._runtime.loop import fetch

# Moving rows takes as long as a sweep over some of the groups that it saves.
_CROWDED = 7 / 8


class Group(NamedTuple):
    """Rows that are computed with together."""

    data: Any
    rows: MovingRows


class Groups(NamedTuple):
    """All groups of rows on their way, and the others.

    `places`, of shape (group, row), tells where every row lies in the layout of all; `ended`, in
    that layout, holds the activations of rows that are in no group any more.
    """

    members: tuple[Group, ...]
    places: np.ndarray
    ended: np.ndarray | None


class RowGroups:
    """Makes groups of the blocks of a matrix, or one of all rows where there are no blocks.

    Parameters
    ----------
    data : DenseData, FrameBlocks, EntryData or BlockData
    layout : Layout
        Its own.
    """

    def __init__(self, data, layout):
        self._data, self._layout = data, layout
        self._in_blocks = isinstance(data, FrameBlocks)
        # Elsewhere it takes longer to move rows than to compute with some too many.
        self._is_movable = self._in_blocks and lies_on_host(data.X)

    def split(self, of_rows):
        """An array with an entry for every row of the layout, on the host: (group, row)."""
        host = fetch(of_rows) if isinstance(of_rows, jax.Array) else of_rows
        return host.reshape(-1, self._layout.height)[: self._layout.used or 1]

    def start(self, H, silent):
        """Rows in which all components are equally loud, but for the `silent`, split."""
        members = []
        for j, none in enumerate(silent):
            data = DenseData(*self._block(j)) if self._in_blocks else self._data
            W = flat_activations(data, H, none)
            members.append(Group(data, MovingRows(W, W, np.ones(none.shape, W.dtype))))
        return Groups(tuple(members), np.arange(silent.size).reshape(silent.shape), None)

    def regrouped(self, groups, active):
        """Groups of active rows, if that makes enough of them fewer.

        Also returns, of shape (group, row), where among the rows of all given groups each row of
        the new ones was; None where nothing changed.
        """
        height = self._layout.height
        needed = -(-int(active.sum()) // height)
        if not self._is_movable or needed > _CROWDED * len(active):
            return groups, None
        # Those that fill up the last group have converged, and stay as they are.
        order = np.argsort(~active, axis=None, kind="stable")[: needed * height]
        order = order.reshape(needed, height)
        places = groups.places.reshape(-1)[order]
        rows = jax.tree.map(
            lambda *parts: np.concatenate(parts), *(group.rows for group in groups.members)
        )
        members = tuple(
            Group(
                DenseData(*(_rows_of(A, own) for A in self._data[:2])),
                jax.tree.map(lambda A, at=at: A[at], rows),
            )
            for own, at in zip(places, order, strict=True)
        )
        return Groups(members, places, self._with_all(groups)), order

    def activations(self, groups):
        """W of all rows, laid out."""
        return self._with_all(groups) if self._in_blocks else groups.members[0].rows.W

    def _with_all(self, groups):
        W = groups.members[0].rows.W
        if groups.ended is None:
            ended = np.zeros((*self._layout.rows_shape, W.shape[1]), W.dtype)
        else:
            ended = groups.ended.copy()
        for group, places in zip(groups.members, groups.places, strict=True):
            ended.reshape(-1, W.shape[1])[places] = group.rows.W
        return ended

    def _block(self, j):
        """X and weights of a block, on the host without a copy."""
        arrays = self._data[:2]
        if not self._is_movable:
            return [A if A is None else A[j] for A in arrays]
        return [A if A is None else jax.device_put(np.asarray(A)[j]) for A in arrays]


def _rows_of(A, places):
    """Rows of all blocks, by their places."""
    if A is None:
        return None
    out = on_host_for_jax((len(places), *A.shape[2:]), A.dtype)
    np.take(np.asarray(A).reshape(-1, *A.shape[2:]), places, axis=0, out=out)
    return jax.device_put(out)
