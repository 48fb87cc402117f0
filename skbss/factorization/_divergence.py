"""The divergence of a matrix from a factorization of it, safe at every level."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from skbss._kernels.penalties import in_precision_of, objective
from skbss._kernels.sparse_data import EntryData
from skbss._runtime.blocks import blocks_of_rows
from skbss._runtime.device import for_kernels, is_jax_array, movable, precision
from skbss._runtime.loop import fetch
from skbss.factorization._observations import compute_dtype, floor_of, observe


def relative_power(scale, exponent):
    """A power of a level: infinite or zero where there is no number for it."""
    with np.errstate(over="ignore", under="ignore"):
        return np.power(np.asarray(scale, np.float64), exponent)


class Misfit(NamedTuple):
    """How far data is from a model of it, in numbers that fit at every level of the data.

    Attributes
    ----------
    divergence : float
        That of the data divided by `level` from the model divided by it.
    level : float
        A level of the data, above 0.
    """

    divergence: float
    level: float

    def error(self, beta):
        """The square root of twice the divergence, in units of the data."""
        if self.divergence == 0:
            return 0.0
        return float(np.sqrt(2 * self.divergence) * relative_power(self.level, beta / 2))

    def share_of(self, other, beta):
        """The divergence as a share of that of the same data from another model, above 0."""
        gain = relative_power(self.level / other.level, beta)
        return float(self.divergence / other.divergence * gain)


def row_divergences(X, weights, W, H, beta):
    """Divergence of every row of X from its model, in float64.

    Parameters
    ----------
    X : array or CSR of shape (n_samples, n_features)
        Non-negative, NaN where not observed.
    weights : array of shape (1 or n_samples, 1 or n_features) or None
        As given by the user.
    W : array of shape (n_samples, n_components)
    H : array of shape (n_components, n_features)
    beta : float
        Of the divergence.

    Returns
    -------
    divergences : array of shape (n_samples,)
    """
    rows, scale = _relative_divergences(X, weights, W, H, beta)
    gains = relative_power(scale, beta)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(rows == 0, 0, rows * gains)


def model_misfit(X, weights, W, H, beta):
    """The divergence of X from its model, as a `Misfit`; parameters as above."""
    rows, scale = _relative_divergences(X, weights, W, H, beta)
    # Powers of the largest numbers overflow; those of their quotients do not.
    largest = float(scale.max())
    total = float((rows * relative_power(scale / largest, beta)).sum())
    return Misfit(max(0.0, total), largest)


def model_error(X, weights, W, H, beta):
    """The square root of twice the divergence of X from its model; parameters as above."""
    return model_misfit(X, weights, W, H, beta).error(beta)


def joint_objective(data, W, H, penalty, beta):
    """The divergence of data divided by its mean from factors that are laid out, and the penalty.

    Parameters
    ----------
    data : DenseData, EntryData or the like
        Divided by its mean.
    W : jax.Array of shape (*rows_shape, rank)
    H : jax.Array of shape (rank, width)
    penalty : Penalty
        On the device.
    beta : float
        Of the divergence.

    Returns
    -------
    divergence, penalty : float
        Of all entries together.
    """
    dtype = _exact_dtype(data, H.dtype)
    floor = for_kernels(floor_of(H.dtype, beta), dtype)
    with precision(dtype):
        return tuple(map(float, map(fetch, objective(data, W, H, penalty, floor, beta=beta))))


def _relative_divergences(X, weights, W, H, beta):
    """Divergences of the rows divided by their means; these means."""
    if is_jax_array(X) or sp.issparse(X):
        return _of_all(X, weights, W, H, beta)
    # Piece by piece, so that no second copy of the data is needed.
    pieces = []
    for start, stop, _ in blocks_of_rows(*X.shape):
        rows = slice(start, stop)
        counted = weights if weights is None or len(weights) == 1 else weights[rows]
        pieces.append(_of_all(X[rows], counted, W[rows], H, beta))
    return tuple(map(np.concatenate, zip(*pieces, strict=True)))


def _of_all(X, weights, W, H, beta):
    dtype = compute_dtype(X.dtype, beta)
    with precision(dtype):
        observed = observe(X, weights, len(H), beta=beta, dtype=dtype, by_row=True)
    layout = observed.layout
    dtype = _exact_dtype(observed.data, dtype)
    with precision(dtype):
        rows = _row_divergence(
            observed.data,
            layout.lay_out(W, dtype, layout.rank),
            layout.lay_out_components((jnp if is_jax_array(X) else np).asarray(movable(H, X))),
            layout.lay_out(observed.scale, dtype, 1, fill=1.0),
            layout.lay_out(observed.silent, bool),
            for_kernels(floor_of(dtype, beta), dtype),
            beta=beta,
        )
        rows = layout.gather(rows, 1, np)[:, 0]
    return np.asarray(rows, np.float64), np.asarray(observed.scale, np.float64)[:, 0]


def _exact_dtype(data, dtype):
    """In Gram form float32 cancels; what is summed over stored entries is cheap in float64."""
    return np.dtype(np.float64) if isinstance(data, EntryData) else np.dtype(dtype)


@partial(jax.jit, static_argnames="beta")
def _row_divergence(data, W, H, scale, silent, floor, *, beta):
    data, W, H = in_precision_of(floor, (data, W, H))

    def of_block(block, _, W, scale, silent):
        divergence = block.row_divergence(W / scale, H, beta, floor)
        # Zeros for silence are exact, whatever the floor adds to them.
        divergence = jnp.where(silent & (W == 0).all(axis=1), 0, divergence)
        return divergence[:, None], ()

    return data.sweep(of_block, jnp.zeros_like(scale), W, scale, silent)[0]
