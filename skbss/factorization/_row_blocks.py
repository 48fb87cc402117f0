"""Rows of data that is not in memory, and what is found for them, block by block."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from skbss._runtime.row_streams import DaskRows, MappedRows, RowStream, in_memory


def weighted_blocks(stream: RowStream, weights: Any) -> Iterator[tuple[Any, Any]]:
    """Blocks of a stream, each with the weights of its rows.

    Parameters
    ----------
    stream : RowStream
    weights : array-like or None
        With as many rows, or one for all of them, or a single axis, that of columns.
    """
    if stream.leading is not None and len(stream.leading) > 1 and np.ndim(weights) > 1:
        # Blocks have these axes in one.
        n_columns = np.shape(weights)[-1]
        weights = np.broadcast_to(weights, (*stream.leading, n_columns)).reshape(-1, n_columns)
    by_row = np.ndim(weights) > 1 and np.shape(weights)[0] > 1
    n_rows = 0
    for X in stream:
        start, n_rows = n_rows, n_rows + np.shape(X)[0]
        if by_row and n_rows > np.shape(weights)[0]:
            break
        yield X, in_memory(weights[start:n_rows]) if by_row else weights
    if by_row and n_rows != np.shape(weights)[0]:
        raise ValueError(
            f"weights of shape {np.shape(weights)} do not broadcast to the shape of X, which has "
            f"{'more' if n_rows > np.shape(weights)[0] else n_rows} rows."
        )


def transform_stream(
    transform: Callable[[Any, Any], Any],
    stream: RowStream,
    X: Any,
    weights: Any,
    n_components: int,
) -> Any:
    """Activations of rows that are read in blocks, each found by itself.

    Parameters
    ----------
    transform : callable ``(X, weights) -> W``
        For a block.
    stream : RowStream
        That of X.
    X : object
        As given by the user.
    weights : array-like or None
        With it.
    n_components : int

    Returns
    -------
    W : array or iterator of array
        Of Dask where X is, and computed when it is asked for; an array of NumPy for what is
        memory-mapped; an iterator of those of every block for an iterable.
    """
    if isinstance(stream, DaskRows):
        if np.ndim(weights) > 1 and np.shape(weights)[0] != 1:
            raise ValueError(
                f"weights of shape {np.shape(weights)} can not be used with an array of Dask: give "
                "one for every feature, or transform X.blocks[i] with the weights of its rows."
            )
        dtype = np.float32 if X.dtype == np.float32 else np.float64
        whole_rows = X.rechunk({X.ndim - 1: -1})
        return whole_rows.map_blocks(
            _transform_block,
            transform,
            weights,
            n_components,
            dtype=dtype,
            chunks=(*whole_rows.chunks[:-1], (n_components,)),
            meta=np.empty((0,) * X.ndim, dtype),
        )
    found = (transform(*block) for block in weighted_blocks(stream, weights))
    if not isinstance(stream, MappedRows):
        return found
    W: Any = None
    start = 0
    for part in found:
        if W is None:
            W = np.empty((math.prod(stream.leading), n_components), part.dtype)
        W[start : start + len(part)] = part
        start += len(part)
    return W.reshape(*stream.leading, n_components)


def _transform_block(X, transform, weights, n_components):
    """Of an array of Dask, where some can be empty."""
    if X.size:
        return transform(X, weights)
    dtype = np.float32 if X.dtype == np.float32 else np.float64
    return np.empty((*X.shape[:-1], n_components), dtype)
