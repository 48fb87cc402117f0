"""Batches of rows that are gone through again and again, and their activations meanwhile."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from skbss._runtime.scratch import ScratchRows
from skbss.factorization._checked import Checked
from skbss.factorization._observations import Observations
from skbss.factorization._rows_to_learn import Rows
from skbss.factorization._start import RowStart

Observe = Callable[[Checked, int | None], Observations]


class HeldBatch:
    """Some rows, laid out for the kernels.

    Attributes
    ----------
    observed : Observations
    n_rows : int
    W : jax.Array of shape (*rows_shape, rank) or None
        Their activations, to be set anew; None if they are not kept.
    """

    def __init__(self, observed: Observations, n_rows: int, W: Any):
        self.observed, self.n_rows, self.W = observed, n_rows, W


class HeldBatches:
    """In memory, laid out once.

    Parameters
    ----------
    rows : Rows
        The data.
    size : int
        Rows of a batch.
    observe : callable ``(checked, rank) -> Observations``
        Lays them out. For the first one `rank` is None; that of the first one is that of all, so
        that a shorter last one is computed with along with the others.
    start : RowStart or None
        Where activations begin; None if they are not kept.
    dtype : dtype
        To compute in.
    """

    def __init__(self, rows: Rows, size: int, observe: Observe, start: RowStart | None, dtype: Any):
        self._batches: list[HeldBatch] = []
        rank, first = None, 0
        for part in rows.batches(size):
            observed, n_rows = observe(part, rank), part.X.shape[0]
            W = None
            if start is not None:
                first_W = start.activations(first, first + n_rows)
                W = observed.layout.lay_out(first_W, dtype, observed.layout.rank)
            self._batches.append(HeldBatch(observed, n_rows, W))
            rank, first = observed.layout.rank, first + n_rows

    def __iter__(self) -> Iterator[HeldBatch]:
        """Without end."""
        while True:
            yield from self._batches

    def activations(self, xp: Any) -> Any:
        """Those of all rows, of shape (n_samples, n_components), as an array of NumPy or JAX."""
        layouts = [batch.observed.layout for batch in self._batches]
        parts = zip(layouts, self._batches, strict=True)
        return xp.concatenate([at.gather(one.W, at.n_components, xp) for at, one in parts])

    def close(self) -> None:
        """As ``StreamedBatches`` has it."""


class StreamedBatch:
    """Some rows, as ``HeldBatch``, whose activations are on disk."""

    def __init__(self, observed: Observations, n_rows: int, take: Any, put: Any):
        self.observed, self.n_rows = observed, n_rows
        self._take, self._put = take, put

    @property
    def W(self) -> Any:
        """The activations."""
        return self._take(self.observed.layout)

    @W.setter
    def W(self, W: Any) -> None:
        self._put(self.observed.layout, W)


class StreamedBatches:
    """Read anew in every turn; parameters are those of ``HeldBatches``."""

    def __init__(self, rows: Rows, size: int, observe: Observe, start: RowStart | None, dtype: Any):
        self._rows, self._size, self._observe = rows, size, observe
        self._start, self._dtype = start, dtype
        self._kept: ScratchRows | None = None
        self._reached = 0

    def __iter__(self) -> Iterator[StreamedBatch]:
        """Without end."""
        rank, first_turn = None, True
        while True:
            first = 0
            for part in self._rows.batches(self._size):
                observed, n_rows = self._observe(part, rank), part.X.shape[0]
                yield self._batch(observed, first, first + n_rows, first_turn)
                rank, first = observed.layout.rank, first + n_rows
            first_turn = False

    def activations(self, xp: Any) -> Any:
        """As ``HeldBatches`` has it."""
        assert self._kept is not None, "nothing was kept"
        assert self._start is not None, "nothing to begin with"
        n_rows = self._rows.shape[0]
        W = self._kept.read(0, n_rows)
        if self._reached < n_rows:
            # No turn came to them.
            W[self._reached :] = self._start.activations(self._reached, n_rows)
        return W

    def close(self) -> None:
        """Remove what is on disk."""
        if self._kept is not None:
            self._kept.close()

    def _batch(self, observed, first, stop, first_turn):
        start = self._start
        if start is None:
            return HeldBatch(observed, stop - first, None)

        def take(layout):
            read = start.activations if first_turn else self._file(layout).read
            return layout.lay_out(read(first, stop), self._dtype, layout.rank)

        def put(layout, W):
            self._reached = max(self._reached, stop)
            self._file(layout).write(first, layout.gather(W, layout.n_components, np))

        return StreamedBatch(observed, stop - first, take, put)

    def _file(self, layout):
        if self._kept is None:
            self._kept = ScratchRows((self._rows.shape[0], layout.n_components), self._dtype)
        return self._kept
