"""What the kernels are given for a data matrix: its level taken out, missing entries weighted 0."""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from skbss._kernels.dense_data import DenseData
from skbss._kernels.frame_blocks import FrameBlocks
from skbss._runtime.device import for_kernels, has_shared_rows, is_jax_array
from skbss.factorization._layout import Layout, choose_layout, plain_layout
from skbss.factorization._sharded_layout import ShardedLayout
from skbss.factorization._sharded_observations import (
    shared_data,
    shared_means,
    shared_rows_of_weight_one,
    shared_silenced,
    shared_weight_sums,
    shared_without_missing,
)
from skbss.factorization._sparse_observations import (
    sparse_data,
    sparse_means,
    sparse_weight_sums,
    stored_places,
)

# What is added to a model of mean 1, so that no ratio divides by zero: 120 dB below the mean of
# powers. In float32 it is more where its own powers would come close to the largest number.
_FLOOR, _LARGEST_POWER = 1e-12, {np.dtype(np.float32): 1e28, np.dtype(np.float64): np.inf}


@dataclass
class Observations:
    """A data matrix divided by its mean, or every row by its own.

    Attributes
    ----------
    data : DenseData, FrameBlocks, ShardedBlocks, EntryData or BlockData
        For the kernels.
    scale : float or array of shape (n_samples, 1)
        What the data was divided by; 1 for silence.
    silent : bool, or bool array of shape (n_samples,)
        Whether there is nothing but zeros, or in which rows, for data scaled by row.
    layout : Layout or ShardedLayout
        How its rows lie.
    """

    data: Any
    scale: Any
    silent: Any
    layout: Layout | ShardedLayout


def compute_dtype(dtype, beta):
    """The precision to work in: powers for far-off betas overflow in float32."""
    dtype = np.dtype(dtype)
    return dtype if -2 <= beta <= 4 else np.dtype(np.float64)


def floor_of(dtype, beta):
    """The constant added to every model; for beta >= 2 no power of it is negative."""
    if beta >= 2:
        return 0.0
    return max(_FLOOR, _LARGEST_POWER[np.dtype(dtype)] ** (-1 / (2 - beta)))


def has_missing(X):
    """Whether any entry of X is NaN."""
    X = X.array if has_shared_rows(X) else X
    if is_jax_array(X):
        return bool(jnp.isnan(X).any())
    values = X.data if sp.issparse(X) else X
    # The smallest of numbers with a NaN among them is NaN: one pass, and no array of answers.
    return values.size > 0 and bool(np.isnan(values.min()))


def without_missing(X, weights):
    """Dense data with zeros for what does not count, and weights that say so.

    Parameters
    ----------
    X : array or CSR of shape (n_samples, n_features)
        NaN where not observed.
    weights : array of shape (1 or n_samples, 1 or n_features) or None
        As given by the user.

    Returns
    -------
    X : array or CSR of shape (n_samples, n_features)
        A sparse matrix as it was.
    weights : array of shape (1 or n_samples, 1 or n_features) or None
        None where all are 1.
    """
    if sp.issparse(X):
        return X, weights
    if has_shared_rows(X):
        return shared_without_missing(X, weights)
    xp = jnp if is_jax_array(X) else np
    if has_missing(X):
        missing = xp.isnan(X)
        weights = xp.where(missing, 0, 1 if weights is None else weights).astype(X.dtype)
    if weights is not None and bool((weights == 0).any()):
        X = xp.where(weights > 0, X, 0)
    return X, weights


def weight_sums(X, weights, axis):
    """Total weight of every row (``axis=1``) or column (0) of X, dense or sparse.

    Parameters
    ----------
    X : array or CSR of shape (n_samples, n_features)
        From `without_missing`.
    weights : array of shape (1 or n_samples, 1 or n_features) or None
        With it.
    axis : {0, 1}
        Over which to sum.
    """
    if sp.issparse(X):
        return sparse_weight_sums(X, weights, axis)
    if has_shared_rows(X):
        return shared_weight_sums(X, weights, axis)
    if weights is None:
        return np.full(X.shape[1 - axis], float(X.shape[axis]))
    return (jnp if is_jax_array(X) else np).broadcast_to(weights, X.shape).sum(axis)


def rows_of_weight_one(X, weights):
    """Which rows of X have nothing but entries that are observed and of weight 1.

    Returns
    -------
    plain : bool ndarray of shape (n_samples,)
    """
    if has_shared_rows(X):
        return shared_rows_of_weight_one(X, weights)
    plain = np.ones(X.shape[0], bool)
    if weights is not None:
        plain &= np.asarray((weights == 1).all(axis=1))
    if sp.issparse(X):
        plain[stored_places(X)[0][np.isnan(X.data)]] = False
    return plain


def silenced(X, rows):
    """X with zeros in some rows, observed ones.

    Parameters
    ----------
    X : array or CSR of shape (n_samples, n_features)
    rows : bool ndarray of shape (n_samples,)
    """
    if has_shared_rows(X):
        return shared_silenced(X, rows)
    if not sp.issparse(X):
        xp = jnp if is_jax_array(X) else np
        return xp.where(xp.asarray(rows)[:, None], xp.zeros((), X.dtype), X)
    X = X.copy()
    X.data[rows[stored_places(X)[0]]] = 0
    return X


def mean_of(X, weights):
    """Weighted mean of the entries of X; 0 for silence."""
    if sp.issparse(X):
        return sparse_means(X, weights, by_row=False)
    if has_shared_rows(X):
        return shared_means(X, weights, by_row=False)
    return _means(X, weights, by_row=False)


def observe(
    X,
    weights,
    n_components,
    *,
    beta,
    dtype,
    by_row=False,
    scale=None,
    rows_per_block=None,
    rank=None,
):
    """Prepare a matrix for the kernels; to be called in the precision scope of `dtype`.

    Parameters
    ----------
    X : array or CSR of shape (n_samples, n_features)
        Non-negative; from `without_missing`.
    weights : array of shape (1 or n_samples, 1 or n_features) or None
        With it.
    n_components : int
        Number of components.
    beta : float
        Of the divergence.
    dtype : dtype
        To compute in.
    by_row : bool
        Whether every row is divided by its own mean, instead of the matrix by that of all.
    scale : float, optional
        What to divide by instead.
    rows_per_block : int, optional
        How many rows make a block of dense data; None for what suits sweeps over both factors.
    rank : int, optional
        To what the components are filled up; None for what suits the size of the data.

    Returns
    -------
    observations : Observations
    """
    smallest = floor_of(dtype, beta) if beta <= 0 else 0.0
    if sp.issparse(X):
        if scale is None:
            scale = sparse_means(X, weights, by_row=by_row)
        scale, silent = _divisor(np, scale, by_row)
        data = sparse_data(X, weights, scale, beta=beta, dtype=dtype, smallest=smallest)
        return Observations(data, scale, silent, plain_layout(X.shape, n_components))
    layout = choose_layout(X.shape, n_components, rows_per_block=rows_per_block, rank=rank)
    if has_shared_rows(X):
        if scale is None:
            scale = shared_means(X, weights, by_row=by_row)
        scale, silent = _divisor(np, scale, by_row)
        data, shared_layout = shared_data(
            X,
            weights,
            layout,
            scale,
            dtype=dtype,
            fill=floor_of(dtype, beta),
            smallest=smallest or None,
            is_flat=rows_per_block is not None,
        )
        return Observations(data, scale, silent, shared_layout)
    if scale is None:
        scale = _means(X, weights, by_row)
    scale, silent = _divisor(jnp if is_jax_array(X) else np, scale, by_row)
    # What fills up is equal to a model of silence, from which its divergence is 0.
    X_laid = layout.lay_out(
        X,
        dtype,
        layout.width,
        fill=floor_of(dtype, beta),
        scale=scale,
        smallest=smallest or None,
    )
    if weights is not None:
        xp = jnp if is_jax_array(X) else np
        weights = layout.lay_out(xp.broadcast_to(weights, X.shape), dtype, layout.width)
    if layout.n_blocks:
        data = FrameBlocks(X_laid, weights, for_kernels(layout.used, np.int32))
    else:
        data = DenseData(X_laid, weights)
    return Observations(data, scale, silent, layout)


def _means(X, weights, by_row):
    """Weighted mean of all entries, or of every row; 0 where nothing was observed."""
    xp = jnp if is_jax_array(X) else np
    axis, keep = (1, True) if by_row else (None, False)
    if weights is None and xp is np:
        with np.errstate(over="ignore"):
            mean = X.sum(axis=axis, keepdims=keep) / (X.shape[1] if by_row else X.size)
        smallest = np.min(mean, initial=np.inf, where=mean > 0)
        if np.isfinite(mean).all() and smallest > np.finfo(X.dtype).tiny:
            return mean if by_row else float(mean)
    # Sums of numbers near the largest float overflow, those of the smallest vanish.
    peak = xp.max(X, axis=axis, keepdims=keep)
    peak = xp.where(peak > 0, peak, 1)
    share = X / peak
    if weights is None:
        mean = share.mean(axis=axis, keepdims=keep)
    else:
        total = weights * xp.ones_like(share)
        total = total.sum(axis=axis, keepdims=keep)
        mean = (weights * share).sum(axis=axis, keepdims=keep) / xp.where(total > 0, total, 1)
    mean = mean * peak
    return mean if by_row else float(mean)


def _divisor(xp, mean, by_row):
    """What to divide by, and which rows are silent: these have the mean of the others."""
    if not by_row:
        return mean or 1.0, mean == 0
    silent = mean == 0
    # Sums of numbers near the largest float overflow.
    peak = mean.max()
    level = (mean / xp.where(peak > 0, peak, 1)).mean() * peak
    return xp.where(silent, xp.where(level > 0, level, 1), mean), silent[:, 0]
