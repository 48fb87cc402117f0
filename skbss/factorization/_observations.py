"""What the kernels are given for a data matrix: its level taken out, missing entries weighted 0."""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from skbss._kernels.block_data import BlockData
from skbss._kernels.dense_data import DenseData
from skbss._kernels.sparse_data import EntryData
from skbss._runtime.device import is_jax_array

# What is added to a model of mean 1, so that no ratio divides by zero.
FLOOR = {np.dtype(np.float32): 1e-7, np.dtype(np.float64): 1e-12}

_ENTRIES_PER_BLOCK = 1 << 15
_DENSE_ENTRIES_PER_BLOCK = 1 << 20


@dataclass
class Observations:
    """A data matrix divided by its mean, or every row by its own.

    Attributes
    ----------
    data : DenseData, EntryData or BlockData
        For the kernels.
    scale : float or array of shape (n_samples, 1)
        What the data was divided by; 1 for silence.
    silent : bool array of shape (n_samples,) or None
        The rows without anything but zeros, for data scaled by row.
    """

    data: Any
    scale: Any
    silent: Any = None


def compute_dtype(dtype, beta):
    """The precision to work in: powers for far-off betas overflow in float32."""
    dtype = np.dtype(dtype)
    return dtype if -2 <= beta <= 4 else np.dtype(np.float64)


def floor_of(dtype, beta):
    """The constant added to every model; for beta >= 2 no power of it is negative."""
    return FLOOR[np.dtype(dtype)] if beta < 2 else 0.0


def has_missing(X):
    """Whether any entry of X is NaN."""
    values = X.data if sp.issparse(X) else X
    return bool((values != values).any())


def entry_weights(X, weights):
    """The weight of every entry, 0 for those not observed; None where all are 1.

    A sparse X gives a sparse matrix of ones and zeros at the stored entries.
    """
    missing = has_missing(X)
    if sp.issparse(X) or (weights is None and not missing):
        return None
    xp = jnp if is_jax_array(X) else np
    if weights is None:
        return (~xp.isnan(X)).astype(X.dtype)
    full = xp.broadcast_to(xp.asarray(weights, dtype=X.dtype), X.shape)
    return xp.where(xp.isnan(X), 0, full) if missing else full


def weight_sums(X, weights, axis):
    """Total weight of every row (``axis=1``) or column (0) of X, dense or sparse.

    Parameters
    ----------
    X : array or CSR of shape (n_samples, n_features)
        NaN where not observed.
    weights : array of shape (1 or n_samples, 1 or n_features) or None
        As given by the user.
    axis : {0, 1}
        Over which to sum.
    """
    if not sp.issparse(X):
        full = entry_weights(X, weights)
        return np.full(X.shape[1 - axis], float(X.shape[axis])) if full is None else full.sum(axis)
    if weights is None:
        sums = np.full(X.shape[1 - axis], float(X.shape[axis]))
    else:
        repeats = X.shape[axis] if weights.shape[axis] == 1 else 1
        sums = repeats * weights.sum(axis=axis, dtype=np.float64)
        sums = np.broadcast_to(sums, X.shape[1 - axis])
    missing = np.isnan(X.data)
    if missing.any():
        rows, columns = _places(X)
        lost = np.ones(int(missing.sum()))
        if weights is not None:
            lost = np.broadcast_to(weights, X.shape)[rows[missing], columns[missing]]
        place = (rows if axis == 1 else columns)[missing]
        sums = sums - np.bincount(place, lost, minlength=len(sums))
    return sums


def rows_of_weight_one(X, weights):
    """Which rows of X have nothing but entries that are observed and of weight 1.

    Returns
    -------
    plain : bool ndarray of shape (n_samples,)
    """
    if not sp.issparse(X):
        full = entry_weights(X, weights)
        return np.ones(X.shape[0], bool) if full is None else np.asarray((full == 1).all(axis=1))
    plain = np.ones(X.shape[0], bool)
    if weights is not None:
        plain &= np.asarray((weights == 1).all(axis=1))
    plain[_places(X)[0][np.isnan(X.data)]] = False
    return plain


def silenced(X, rows):
    """X with zeros in some rows, observed ones.

    Parameters
    ----------
    X : array or CSR of shape (n_samples, n_features)
    rows : bool ndarray of shape (n_samples,)
    """
    if not sp.issparse(X):
        xp = jnp if is_jax_array(X) else np
        return xp.where(xp.asarray(rows)[:, None], xp.zeros((), X.dtype), X)
    X = X.copy()
    X.data[rows[_places(X)[0]]] = 0
    return X


def mean_of(X, weights, dtype):
    """Weighted mean of the observed entries of X; 0 for silence."""
    if sp.issparse(X):
        *_, counted = _stored_entries(X, weights, dtype)
        return _sparse_mean(X, weights, counted)
    xp = jnp if is_jax_array(X) else np
    X, weights = _weighted_entries(xp, X, weights, dtype)
    return _means(xp, X, weights, by_row=False)


def observe(X, weights, *, beta, dtype, by_row=False, scale=None):
    """Prepare a matrix for the kernels; to be called in the precision scope of `dtype`.

    Parameters
    ----------
    X : array or CSR of shape (n_samples, n_features)
        Non-negative, NaN where not observed.
    weights : array of shape (1 or n_samples, 1 or n_features) or None
        As given by the user.
    beta : float
        Of the divergence.
    dtype : dtype
        To compute in.
    by_row : bool
        Whether every row is divided by its own mean, instead of the matrix by that of all.
    scale : float, optional
        What to divide by instead.

    Returns
    -------
    observations : Observations
    """
    if sp.issparse(X):
        return _observe_sparse(X, weights, beta, dtype, by_row, scale)
    xp = jnp if is_jax_array(X) else np
    X, weights = _weighted_entries(xp, X, weights, dtype)
    if scale is None:
        scale = _means(xp, X, weights, by_row)
    silent = scale[:, 0] == 0 if by_row else None
    scale = _unsilenced(xp, scale) if by_row else scale or 1.0
    X = X / scale
    if beta <= 0:
        X = xp.maximum(X, xp.asarray(FLOOR[np.dtype(dtype)], dtype))
    weights = None if weights is None else jnp.asarray(weights, dtype)
    return Observations(DenseData(jnp.asarray(X, dtype), weights), scale, silent)


def _weighted_entries(xp, X, weights, dtype):
    """X with zeros for what does not count, and the weight of every entry, None where all are 1."""
    X = X.astype(dtype, copy=False)
    weights = entry_weights(X, weights)
    return (X if weights is None else xp.where(weights > 0, X, 0)), weights


def _means(xp, X, weights, by_row):
    """Weighted mean of all entries, or of every row; 0 where nothing was observed."""
    axis, keep = (1, True) if by_row else (None, False)
    # Sums of numbers near the largest float overflow, those of the smallest vanish.
    peak = xp.max(X, axis=axis, keepdims=keep)
    peak = xp.where(peak > 0, peak, 1)
    share = X / peak
    if weights is None:
        mean = share.mean(
            axis=axis, keepdims=keep, dtype=None if by_row else np.float64 if xp is np else None
        )
    else:
        total = weights.sum(axis=axis, keepdims=keep)
        mean = (weights * share).sum(axis=axis, keepdims=keep) / xp.where(total > 0, total, 1)
    mean = mean * peak
    return mean if by_row else float(mean)


def _unsilenced(xp, scale):
    """What to divide rows by: those without any level have that of the others."""
    mean = scale.mean()
    return xp.where(scale == 0, xp.where(mean > 0, mean, 1), scale)


def _places(X):
    rows = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    return rows, X.indices


def _observe_sparse(X, weights, beta, dtype, by_row, scale):
    rows, columns, values, missing, counted = _stored_entries(X, weights, dtype)
    if by_row:
        total = weight_sums(X, weights, axis=1)
        level = np.bincount(rows, counted, minlength=X.shape[0])
        scale = np.divide(level, total, out=np.zeros(X.shape[0]), where=total > 0)
        silent = scale == 0
        scale = _unsilenced(np, scale)[:, None]
        values = (values / scale[rows, 0]).astype(dtype)
    else:
        silent = None
        if scale is None:
            scale = _sparse_mean(X, weights, counted) or 1.0
        values = (values / scale).astype(dtype)
    if weights is None and not missing.any() and beta in (1, 2):
        data = _entry_data(rows, columns, values, X.shape)
    else:
        smallest = FLOOR[np.dtype(dtype)] if beta <= 0 else 0.0
        data = _block_data(X, rows, columns, values, ~missing, weights, smallest)
    return Observations(data, scale, silent)


def _stored_entries(X, weights, dtype):
    """Places and values of what is stored, 0 where missing; which are; values times weights."""
    values = X.data.astype(dtype)
    missing = np.isnan(values)
    values[missing] = 0
    rows, columns = _places(X)
    counted = values.astype(np.float64)
    if weights is not None:
        counted = counted * np.broadcast_to(weights, X.shape)[rows, columns]
    return rows, columns, values, missing, counted


def _sparse_mean(X, weights, counted):
    total = weight_sums(X, weights, axis=1).sum()
    return float(counted.sum() / total) if total > 0 else 0.0


def _entry_data(rows, columns, values, shape):
    height = min(_ENTRIES_PER_BLOCK, _bucket(len(values)))
    n_blocks = max(1, -(-len(values) // height))

    def blocks(entries):
        padded = np.zeros(n_blocks * height, entries.dtype)
        padded[: len(entries)] = entries
        return jnp.asarray(padded.reshape(n_blocks, height))

    return EntryData(
        blocks(rows.astype(np.int32)), blocks(columns.astype(np.int32)), blocks(values), shape
    )


def _bucket(count):
    """A power of two, so that a matrix with a few more entries needs no new program."""
    return 1 << max(4, count - 1).bit_length()


def _block_data(X, rows, columns, values, observed, weights, smallest):
    n_samples, n_features = X.shape
    height = max(1, min(n_samples, _DENSE_ENTRIES_PER_BLOCK // n_features))
    n_blocks = -(-n_samples // height)
    block = rows // height
    counts = np.bincount(block, minlength=n_blocks)
    width = _bucket(int(counts.max()))
    place = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)

    def blocks(entries, fill):
        grouped = np.full((n_blocks, width), fill, entries.dtype)
        grouped[block, place] = entries
        return jnp.asarray(grouped)

    row_weights = np.ones((n_samples, 1), values.dtype)
    column_weights = np.ones(n_features, values.dtype)
    if weights is not None and weights.shape[0] == 1:
        column_weights = np.broadcast_to(weights[0], n_features).astype(values.dtype)
    elif weights is not None:
        row_weights = weights.astype(values.dtype)
    # Rows that pad the last block weigh nothing.
    padded = np.zeros((n_blocks * height, row_weights.shape[1]), values.dtype)
    padded[:n_samples] = row_weights
    return BlockData(
        rows=blocks((rows % height).astype(np.int32), height),
        columns=blocks(columns.astype(np.int32), 0),
        values=blocks(values, 0),
        observed=None if observed.all() else blocks(observed.astype(values.dtype), 1),
        row_weights=jnp.asarray(padded.reshape(n_blocks, height, -1)),
        column_weights=jnp.asarray(column_weights),
        smallest=jnp.full((n_blocks, height, 1), smallest, values.dtype),
        shape=X.shape,
    )
