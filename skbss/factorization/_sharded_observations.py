"""What the kernels are given for a matrix whose rows are shared out among devices.

What has one number for every row may lie on the host, of every process where there are several;
what has as many as there are features stays on the devices.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from skbss._kernels.dense_data import DenseData
from skbss._kernels.sharded_blocks import ShardedBlocks
from skbss._runtime.device import for_kernels, precision
from skbss._runtime.loop import fetch
from skbss._runtime.sharded_rows import AXIS, ShardedRows
from skbss.factorization._sharded_layout import ShardedLayout


def shared_without_missing(X: ShardedRows, weights: Any) -> tuple[ShardedRows, Any]:
    """As ``without_missing``; rows that fill up get weights of 0 where there are any."""
    has_missing = bool(jnp.isnan(X.array).any())
    if weights is None and not has_missing:
        return X, None
    ones = np.ones((1, 1), X.dtype)
    array, weights = _completed(
        X.array,
        ones if weights is None else weights,
        X.are_rows,
        full=has_missing,
        sharding=X.sharding,
    )
    return X.holding(array), weights


def shared_weight_sums(X: ShardedRows, weights: Any, axis: int) -> np.ndarray:
    """As ``weight_sums``, on the host; of rows, also those that fill up."""
    n_rows, n_columns = X.shape
    if weights is None:
        return np.full(n_columns, float(n_rows)) if axis == 0 else X.are_rows[:, 0] * n_columns
    sums = fetch(weights.sum(axis=axis))
    # Weights can be the same in all columns.
    if axis == 0:
        return np.broadcast_to(sums, (n_columns,))
    return sums * (n_columns if weights.shape[1] == 1 else 1)


def shared_rows_of_weight_one(X: ShardedRows, weights: Any) -> np.ndarray:
    """As ``rows_of_weight_one``; rows that fill up are."""
    if weights is None:
        return np.ones(X.array.shape[0], bool)
    return fetch((weights == 1).all(axis=1)) | ~X.are_rows[:, 0]


def shared_silenced(X: ShardedRows, rows: np.ndarray) -> ShardedRows:
    """As ``silenced``."""
    return X.holding(jnp.where(rows[:, None], np.zeros((), X.dtype), X.array))


def shared_means(X: ShardedRows, weights: Any, *, by_row: bool) -> Any:
    """Weighted mean of all entries, or of every row, these on the host in a column."""
    means = _means(X.array, weights, by_row=by_row)
    if by_row:
        return fetch(means)
    # Rows that fill up have weights of 0, if there are weights.
    counted = X.array.shape[0] / X.n_rows if weights is None else 1.0
    return float(means) * counted


def shared_column_sums(X: ShardedRows, weights: Any) -> np.ndarray:
    """The weighted sum of every column, in double precision on the host."""
    with precision(np.float64):
        return fetch(_column_sums(X.array, weights))


def shared_data(
    X: ShardedRows,
    weights: Any,
    common: Any,
    scale: Any,
    *,
    dtype: Any,
    fill: float,
    smallest: float | None,
    is_flat: bool,
) -> tuple[Any, ShardedLayout]:
    """What the kernels are given, and how it lies.

    Parameters
    ----------
    X : ShardedRows
        From ``without_missing``.
    weights : jax.Array or None
        With it.
    common : Layout
        That of the matrix on one device.
    scale : float or ndarray with an entry for every row
        What to divide by.
    dtype : dtype
        To compute in.
    fill : float
        What stands where there is no data.
    smallest : float or None
        What smaller entries are raised to.
    is_flat : bool
        Whether every row is solved for by itself, so that nothing is exchanged.

    Returns
    -------
    data : ShardedBlocks or DenseData
    layout : ShardedLayout
    """
    layout = ShardedLayout(common, X.mesh, X.array.shape[0], is_flat)
    laid = layout.lay_out(X, dtype, layout.width, fill=fill, scale=scale, smallest=smallest)
    if weights is not None:
        weights = _of_every_entry(weights, shape=X.array.shape, sharding=X.sharding)
        weights = layout.lay_out(weights, dtype, layout.width)
    if is_flat:
        return DenseData(laid, weights), layout
    used, n_own = (for_kernels(n, np.int32) for n in (layout.used, len(X.array) // X.mesh.size))
    return ShardedBlocks(laid, weights, used, n_own, used, X.mesh), layout


@partial(jax.jit, static_argnames=("full", "sharding"))
def _completed(X, weights, are_rows, *, full, sharding):
    counts = are_rows & ~jnp.isnan(X) if full else are_rows
    weights = jnp.where(counts, weights, 0).astype(X.dtype)
    X = jnp.where(weights > 0, X, 0)
    rows = NamedSharding(sharding.mesh, PartitionSpec(AXIS))
    return tuple(jax.lax.with_sharding_constraint(A, rows) for A in (X, weights))


@partial(jax.jit, static_argnames="by_row")
def _means(X, weights, *, by_row):
    axis = 1 if by_row else None
    # Sums of numbers near the largest float overflow, those of the smallest vanish.
    peak = jnp.max(X, axis=axis, keepdims=True)
    peak = jnp.where(peak > 0, peak, 1)
    share = X / peak
    if weights is None:
        mean = share.mean(axis=axis, keepdims=True)
    else:
        total = jnp.broadcast_to(weights, X.shape).sum(axis=axis, keepdims=True)
        mean = (weights * share).sum(axis=axis, keepdims=True) / jnp.where(total > 0, total, 1)
    mean = mean * peak
    return mean if by_row else mean[0, 0]


@jax.jit
def _column_sums(X, weights):
    X = X.astype(float)
    return (X if weights is None else X * weights.astype(float)).sum(axis=0)


@partial(jax.jit, static_argnames=("shape", "sharding"))
def _of_every_entry(weights, *, shape, sharding):
    return jax.lax.with_sharding_constraint(jnp.broadcast_to(weights, shape), sharding)
