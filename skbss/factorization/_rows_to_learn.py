"""Rows to learn from batch by batch: from memory, or from wherever they have to be read."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
import scipy.sparse as sp

from skbss._runtime.device import is_jax_array
from skbss._runtime.row_streams import RowStream, joined_rows
from skbss.factorization._checked import Checked
from skbss.factorization._observations import mean_of, weight_sums
from skbss.factorization._row_blocks import weighted_blocks

# Of more rows a sample says where to start from, of at least as many as there are components.
_ROWS_OF_SAMPLE, _VALUES_OF_SAMPLE = 1 << 14, 1 << 25


class Sample(NamedTuple):
    """Evenly spaced rows, and their weights; whether they are all there are."""

    X: Any
    weights: Any
    complete: bool


class Rows(Protocol):
    """A non-negative matrix.

    Attributes
    ----------
    shape : tuple of int
        ``(n_samples, n_features)``.
    dtype : dtype
    mean : float
        Of all entries, by their weights.
    leading : tuple of int
        The axes before the last one, as they were given.
    sample : Sample or None
        Where one was asked for.
    """

    shape: tuple[int, int]
    dtype: Any
    mean: float
    leading: tuple[int, ...]
    sample: Sample | None

    def parts(self) -> Iterator[Checked]:
        """All rows, as many at once as there are in memory."""

    def batches(self, size: int) -> Iterator[Checked]:
        """All rows, so many at once."""


class HeldRows:
    """In memory.

    Parameters
    ----------
    checked : Checked
        Completed.
    sample_size : callable ``(n_features) -> int``
        Rows of the sample at most; 0 where none is needed.
    """

    sample: Sample | None = None

    def __init__(self, checked: Checked, sample_size: Callable[[int], int]):
        self.checked = checked
        X, weights = checked.X, checked.weights
        self.shape, self.dtype, self.leading = X.shape, X.dtype, checked.leading
        self.mean = mean_of(X, weights)
        limit, stride = sample_size(X.shape[1]), 1
        while limit and -(-X.shape[0] // stride) > limit:
            stride *= 2
        if limit:
            every = slice(None, None, stride)
            sample = (X, weights) if stride == 1 else _rows_of(X, weights, every)
            self.sample = Sample(*sample, stride == 1)

    def parts(self) -> Iterator[Checked]:
        """All rows, as many at once as there are in memory."""
        yield self.checked

    def batches(self, size: int) -> Iterator[Checked]:
        """All rows, so many at once."""
        X, weights = self.checked.X, self.checked.weights
        for start in range(0, self.shape[0], size):
            yield _of_rows(*_rows_of(X, weights, slice(start, start + size)))


class StreamedRows:
    """In blocks, gone through once to begin with: all of it is checked, and what is needed counted.

    Parameters
    ----------
    stream : RowStream
        Which repeats.
    weights : array-like or None
        As given by the user.
    check : callable ``(X, weights, first) -> Checked``
        For a block.
    sample_size : callable ``(n_features) -> int``
        Rows of the sample at most; 0 where none is needed.

    Attributes
    ----------
    on_device : bool
        Whether all blocks are arrays of JAX.
    """

    def __init__(
        self,
        stream: RowStream,
        weights: Any,
        check: Callable[[Any, Any, bool], Checked],
        sample_size: Callable[[int], int],
    ):
        self._stream, self._weights, self._check = stream, weights, check
        self.dtype: Any = None
        self.on_device = False
        self.totals: Any = 0.0
        n_rows, stride, are_sparse = 0, 1, False
        means, kept = [], []
        for block in self._blocks():
            if self.dtype is None:
                self.dtype, n_features = block.X.dtype, block.X.shape[1]
                limit = sample_size(n_features)
            are_sparse = sp.issparse(block.X) if n_rows == 0 else are_sparse
            if sp.issparse(block.X) != are_sparse:
                raise TypeError(
                    "Blocks of X have to be all dense or all sparse: those before row "
                    f"{n_rows} are {'sparse' if are_sparse else 'dense'}."
                )
            self.dtype = np.promote_types(self.dtype, block.X.dtype)
            self.on_device = is_jax_array(block.X) and (n_rows == 0 or self.on_device)
            if limit:
                every = slice(-n_rows % stride, None, stride)
                kept.append(_own_rows_of(_on_host(block.X), _on_host(block.weights), every))
            n_rows += block.X.shape[0]
            totals = np.asarray(weight_sums(block.X, block.weights, axis=0), np.float64)
            self.totals = self.totals + totals
            means.append((mean_of(block.X, block.weights), totals.sum()))
            while limit and -(-n_rows // stride) > limit:
                kept, stride = [_own_rows_of(*_joined(kept), slice(None, None, 2))], 2 * stride
        if not n_rows:
            raise ValueError("X has no rows: give blocks with at least one row.")
        self.shape = (n_rows, n_features)
        self.leading = stream.leading or (n_rows,)
        self.mean = _joint_mean(means)
        self.sample = None
        if kept:
            X, weights = _joined(kept)
            self.sample = Sample(X.astype(self.dtype, copy=False), weights, stride == 1)

    def parts(self) -> Iterator[Checked]:
        """All rows, as many at once as there are in memory."""
        yield from self._blocks()

    def batches(self, size: int) -> Iterator[Checked]:
        """All rows, so many at once."""
        n_rows = 0
        for batch in recut(self._blocks(), size):
            n_rows += batch.X.shape[0]
            if n_rows > self.shape[0]:
                break
            yield batch
        if n_rows != self.shape[0]:
            raise ValueError(
                f"X had {self.shape[0]} rows when they were first gone through, and has "
                f"{'more' if n_rows > self.shape[0] else n_rows} now: what is iterated over has "
                "to yield the same rows every time. Give an iterator for rows that come once."
            )

    def _blocks(self) -> Iterator[Checked]:
        n_rows = 0
        for X, weights in weighted_blocks(self._stream, self._weights):
            start, n_rows = n_rows, n_rows + np.shape(X)[0]
            try:
                block = self._check(X, weights, self.dtype is None)
            except (TypeError, ValueError) as error:
                error.add_note(f"This is about the rows from {start} to {n_rows - 1} of X.")
                raise
            X = block.X
            if self.dtype is not None:
                # In the precision of all, and on the host unless all are on devices.
                X = np.asarray(X) if is_jax_array(X) and not self.on_device else X
                X = X.astype(np.promote_types(self.dtype, X.dtype), copy=False)
            yield block._replace(X=X)


def rows_of_sample(n_features: int, n_components: int) -> int:
    """How many rows say at most where to start from."""
    return max(n_components, min(_ROWS_OF_SAMPLE, _VALUES_OF_SAMPLE // n_features))


def recut(blocks: Iterable[Checked], height: int) -> Iterator[Checked]:
    """The same rows in blocks of `height` rows, of which the last can be lower."""
    waiting: list[tuple[Any, Any]] = []
    missing = height
    for block in blocks:
        n_rows, start = block.X.shape[0], 0
        while start < n_rows:
            stop = min(n_rows, start + missing)
            waiting.append(_rows_of(block.X, block.weights, slice(start, stop)))
            missing -= stop - start
            start = stop
            if not missing:
                yield _of_rows(*_joined(waiting))
                waiting, missing = [], height
    if waiting:
        yield _of_rows(*_joined(waiting))


def _of_rows(X, weights):
    return Checked(X, weights, X.shape[:1], X.shape[:1])


def _rows_of(X: Any, weights: Any, rows: slice) -> tuple[Any, Any]:
    """Some rows of X, and their weights."""
    return X[rows], weights if weights is None or weights.shape[0] == 1 else weights[rows]


def _on_host(array: Any) -> Any:
    return np.asarray(array) if is_jax_array(array) else array


def _own_rows_of(X: Any, weights: Any, rows: slice) -> tuple[Any, Any]:
    """The same, copied: a view of a few rows would keep all others in memory."""
    X, weights = _rows_of(X, weights, rows)
    return X.copy(), weights if weights is None else weights.copy()


def _joined(parts: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    """Pairs of rows and weights below each other."""
    if len(parts) == 1:
        return parts[0]
    X = joined_rows([X for X, _ in parts])
    if all(weights is None for _, weights in parts):
        return X, None
    weights = [
        np.ones(part.shape, part.dtype) if given is None else np.broadcast_to(given, part.shape)
        for part, given in parts
    ]
    return X, joined_rows(weights)


def _joint_mean(means):
    """That of everything, from means and weights of parts."""
    total = sum(weight for _, weight in means)
    return float(sum(mean * (weight / total) for mean, weight in means)) if total > 0 else 0.0
