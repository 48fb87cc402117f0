"""Matrices that are not in memory: their rows are read in blocks, one after another."""

import mmap
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

# What is read from a memory-mapped file at once.
_BYTES_PER_BLOCK = 1 << 23


class RowStream(ABC):
    """The rows of a matrix in blocks that fit into memory, in their order.

    Attributes
    ----------
    leading : tuple of int or None
        The axes before the last one; None if that is not known before all blocks were read.
    repeats : bool
        Whether the rows can be gone through more than once.
    """

    leading: tuple[int, ...] | None = None
    repeats = True

    @abstractmethod
    def __iter__(self) -> Iterator[Any]:
        """Blocks with at least one row: arrays or sparse matrices."""


class MappedRows(RowStream):
    """Of a file that is mapped into memory.

    Blocks are copies. The memory of what was read is given back to the system, where there is a
    way to do so: else it counts as memory of this process until somebody else needs it.
    """

    leading: tuple[int, ...]

    def __init__(self, X: np.memmap):
        self.leading = X.shape[:-1]
        self._X = X.reshape(-1, X.shape[-1])

    def __iter__(self) -> Iterator[np.ndarray]:
        X = self._X
        height = max(1, _BYTES_PER_BLOCK // max(1, X.shape[1] * X.itemsize))
        for start in range(0, len(X), height):
            yield in_memory(X[start : start + height])


class DaskRows(RowStream):
    """Of an array of Dask, whose scheduler computes one row of chunks at a time."""

    def __init__(self, X: Any):
        if not np.isnan(X.shape[:-1]).any():
            self.leading = tuple(X.shape[:-1])
        self._parts = X.rechunk(dict.fromkeys(range(1, X.ndim), -1)).blocks

    def __iter__(self) -> Iterator[Any]:
        for n in range(self._parts.shape[0]):
            block = self._parts[n].compute()
            if block.shape[0]:
                yield block if block.ndim == 2 else block.reshape(-1, block.shape[-1])


class IteratedRows(RowStream):
    """Of blocks that come one after another: out of an iterator only once."""

    def __init__(self, blocks: Iterable[Any]):
        self._blocks = blocks
        self.repeats = not isinstance(blocks, Iterator)

    def __iter__(self) -> Iterator[Any]:
        for block in self._blocks:
            shape = np.shape(block)
            if len(shape) < 2 and shape != (0,):
                what = f"shape {shape}" if shape else f"type {type(block).__name__}"
                raise ValueError(
                    "What X yields must be blocks of rows, of shape (n_rows, n_features), got one "
                    f"of {what}; a single row is row[np.newaxis]."
                )
            if shape[0]:
                yield block


def row_stream(X: Any) -> RowStream | None:
    """Rows that have to be read in blocks; None for data in memory.

    Parameters
    ----------
    X : object
        A memory-mapped array, an array of Dask, or an iterable of blocks which is no sequence:
        a generator, or whatever yields the same blocks every time.
    """
    if isinstance(X, np.memmap):
        # Nothing else can be flattened without reading all of it.
        return MappedRows(X) if X.ndim == 2 or (X.ndim > 2 and X.flags.c_contiguous) else None
    if hasattr(X, "__dask_graph__") and hasattr(X, "chunks") and X.ndim >= 2:
        return DaskRows(X)
    return IteratedRows(X) if yields_blocks(X) else None


def yields_blocks(X: Any) -> bool:
    """Whether X can be iterated over, but is neither an array nor like one."""
    array_like = isinstance(X, Sequence | Mapping | Set) or hasattr(X, "__array__")
    return isinstance(X, Iterable) and not (array_like or sp.issparse(X))


def in_memory(X: Any) -> Any:
    """A copy of what is memory-mapped, whose own memory is given back; else X as it is."""
    if not isinstance(X, np.memmap):
        return X
    copy = np.array(X)
    place: Any = X
    while place is not None and not isinstance(place, mmap.mmap):
        place = getattr(place, "base", None)
    # What was written to a private mapping is nowhere else.
    if place is not None and X.mode in ("r", "r+") and hasattr(mmap, "MADV_DONTNEED"):
        place.madvise(mmap.MADV_DONTNEED)
    return copy


def joined_rows(parts: Sequence[Any]) -> Any:
    """Blocks below each other: sparse if one of them is, else of the kind of the first one."""
    first = parts[0]
    if len(parts) == 1:
        return first
    if any(map(sp.issparse, parts)):
        every = [part if sp.issparse(part) else sp.csr_matrix(np.asarray(part)) for part in parts]
        return sp.vstack(every, format="csr")
    return (jnp if isinstance(first, jax.Array) else np).concatenate(parts)
