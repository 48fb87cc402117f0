"""Components to add to a factorization, which begin where it explains the data worst."""

import jax
import numpy as np
import scipy.sparse as sp

from skbss._runtime.device import has_shared_rows
from skbss._runtime.loop import fetch
from skbss.factorization._divergence import row_divergences
from skbss.factorization._observations import mean_of, weight_sums
from skbss.factorization._sharded_observations import shared_column_sums
from skbss.factorization._sparse_observations import stored_places

# One row is a noisy start: what others of its kind have in common with it is less so.
_PASSES = 2
# What is added to starts, as a share of their mean, so that updates by factors can move them.
_FILL = 0.01


def column_means(X, weights):
    """The weighted mean of every column: of all models that are the same for all rows, the best.

    Parameters
    ----------
    X : array or CSR of shape (n_samples, n_features)
        Checked data, of which something was observed in every column.
    weights : array of shape (1 or n_samples, 1 or n_features) or None
        Of its entries; 0 where not observed.

    Returns
    -------
    means : ndarray of shape (1, n_features)
    """
    total = np.asarray(weight_sums(X, weights, axis=0), np.float64)
    if has_shared_rows(X):
        return (shared_column_sums(X, weights) / total).astype(X.dtype)[None]
    X, weights = _on_host(X, weights)
    exponent = _exponent(X, weights)
    X = _by_power(X, -2 * exponent)
    if sp.issparse(X):
        X.data = np.nan_to_num(X.data)
    sums = np.asarray(_weighted(X, weights).sum(axis=0, dtype=np.float64)).reshape(1, -1)
    return np.ldexp(sums / total, 2 * exponent).astype(X.dtype)


def with_worst_explained(X, weights, W, H, count, beta):
    """A factorization with more components, which explain what it explains worst.

    One after the other begins as the positive residual of the row with the largest divergence. Two
    passes of non-negative least squares, over all rows and all columns, make of it what the
    residuals of several rows have in common.

    Parameters
    ----------
    X : array or CSR of shape (n_samples, n_features)
        Checked data.
    weights : array of shape (1 or n_samples, 1 or n_features) or None
        Of its entries; 0 where not observed.
    W : array of shape (n_samples, n_components)
    H : array of shape (n_components, n_features)
    count : int
        How many components to add.
    beta : float
        Of the divergence.

    Returns
    -------
    W : ndarray of shape (n_samples, n_components + count)
    H : ndarray of shape (n_components + count, n_features)
        The first ones as they were.
    """
    X, weights, W = _on_host(X, weights, W)
    H, n_known = np.asarray(H), len(H)
    first_W, first_H, exponent = W, H, _exponent(X, weights)
    X, W, H = (_by_power(a, m * exponent) for a, m in ((X, -2), (W, -1), (H, -1)))
    transposed = None if weights is None else weights.T
    for _ in range(count):
        worst = int(row_divergences(X, weights, W, H, beta).argmax())
        known = _completed(X, W, H)
        counted = _weighted(known, weights)
        h = np.maximum(_row(known, worst) - W[worst] @ H, 0)
        if weights is not None:
            h = np.where(weights[min(worst, len(weights) - 1)] > 0, h, 0)
        w = _least_squares(counted, weights, W, H, h)
        for _ in range(_PASSES):
            h = _least_squares(counted.T, transposed, H.T, W.T, w)
            w = _least_squares(counted, weights, W, H, h)
        h = _unit(h)
        root = np.sqrt(w.mean()) or np.sqrt(W.mean() * H.mean())
        w, h = w / root if w.any() else np.full_like(w, root), h * root
        W = np.concatenate([W, _filled(w)[:, None].astype(W.dtype)], axis=1)
        H = np.concatenate([H, _filled(h)[None].astype(H.dtype)])
    W, H = _by_power(W[:, n_known:], exponent), _by_power(H[n_known:], exponent)
    return np.concatenate([first_W, W], axis=1), np.concatenate([first_H, H])


def _exponent(X, weights):
    """Whose double is that of the power of two which is about the mean of X."""
    mean = mean_of(X, weights)
    return round(np.log2(mean) / 2) if mean > 0 else 0


def _by_power(a, exponent):
    """Multiplied by a power of two, which rounds nothing."""
    if not sp.issparse(a):
        return np.ldexp(a, exponent)
    scaled = a.copy()
    scaled.data = np.ldexp(a.data, exponent)
    return scaled


def _least_squares(counted, weights, W, H, h):
    """What, times the unit of h, explains the residual of every row best; at least 0.

    `counted` is the data times its weights.
    """
    h = _unit(h)
    amount = counted @ h
    if weights is None:
        amount, power = amount - W @ (H @ h), h @ h
    else:
        amount = amount - (W * _sums(weights, (H * h).T)).sum(axis=1)
        power = _sums(weights, (h * h)[:, None])[:, 0]
    return np.maximum(amount, 0) / np.where(power > 0, power, 1)


def _weighted(X, weights):
    if weights is None:
        return X
    return X.multiply(weights).tocsr() if sp.issparse(X) else X * weights


def _sums(weights, V):
    """``weights @ V``, of weights that may be the same in all columns."""
    return weights * V.sum(axis=0) if weights.shape[1] == 1 else weights @ V


def _completed(X, W, H):
    """Sparse data with the model in the place of what was not observed."""
    if not (sp.issparse(X) and np.isnan(X.data).any()):
        return X
    X, missing = X.copy(), np.isnan(X.data)
    rows, columns = (places[missing] for places in stored_places(X))
    X.data[missing] = np.einsum("nk,nk->n", W[rows], H[:, columns].T)
    return X


def _row(X, index):
    return X[[index]].toarray()[0] if sp.issparse(X) else X[index]


def _unit(a):
    """Brought to a largest entry of 1, so that squares neither overflow nor vanish."""
    return a / (a.max() or 1)


def _filled(a):
    return a + _FILL * (a.mean() or 1)


def _on_host(X, *of_rows):
    """All of them, without what fills rows up that are shared out among devices."""
    host = [fetch(A) if isinstance(A, jax.Array) else A for A in of_rows]
    if has_shared_rows(X):
        host = [A if A is None else A[: X.n_rows] for A in host]
    return X if sp.issparse(X) else np.asarray(X), *host
