"""Input checks that scikit-learn does not have, and those it has, for arrays of JAX."""

import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import validate_data

from skbss._runtime.device import has_shared_rows, is_jax_array
from skbss._runtime.sharded_rows import gathered, with_shared_rows


def check_matrix(
    estimator, X, *, reset, accept_sparse=True, accept_negative=False, keep_shares=False
):
    """A float matrix, dense or CSR; checked where it lies if it is a JAX array.

    Parameters
    ----------
    estimator : estimator
        Whose ``n_features_in_`` and ``feature_names_in_`` are set (`reset`) or compared.
    X : array-like or sparse matrix of shape (..., n_features)
        Axes before the last are flattened.
    reset : bool
        True in ``fit``.
    accept_sparse : bool
        Whether sparse matrices are accepted.
    accept_negative : bool
        Whether entries may be negative.
    keep_shares : bool
        Whether rows that are shared out among devices stay there, as `ShardedRows`. If not, what
        came as such, or is shared with other processes, is brought to one device.

    Returns
    -------
    X : array, CSR or ShardedRows of shape (n_samples, n_features)
        float32 or float64, finite or NaN.
    leading : tuple of int
        The axes before the last one, as they were.
    """
    shared = None
    if has_shared_rows(X):
        shared, X = (X, X.array) if keep_shares else (None, _on_one_device(estimator, X, reset))
    leading = None
    if not sp.issparse(X) and getattr(X, "ndim", 2) > 2:
        leading = tuple(X.shape[:-1])
        X = X.reshape(-1, X.shape[-1])
    if is_jax_array(X):
        if shared is None and (keep_shares or not X.is_fully_addressable):
            shared = with_shared_rows(X)
            if shared is not None:
                shared, X = (
                    (shared, shared.array)
                    if keep_shares
                    else (None, _on_one_device(estimator, shared, reset))
                )
        X = _check_jax_matrix(estimator, X, reset=reset)
    else:
        X = validate_data(
            estimator,
            X,
            reset=reset,
            accept_sparse=("csr", "csc") if accept_sparse else False,
            dtype=[np.float64, np.float32],
            ensure_all_finite="allow-nan",
        )
        if sp.issparse(X):
            X = X.tocsr()
            if not X.has_canonical_format:
                X = X.copy()
                X.sum_duplicates()
    if not accept_negative and _has_negative(X):
        name = type(estimator).__name__
        raise ValueError(f"Negative values in data passed to {name} (input X)")
    X = X if shared is None else shared.holding(X)
    return X, X.shape[:1] if leading is None else leading


def check_weights(weights, shape, dtype):
    """Weights as an array of two axes that broadcasts to `shape`, or None for weights of 1.

    Parameters
    ----------
    weights : array-like or None
        Non-negative and finite, broadcastable to `shape`.
    shape : tuple of int
        That of X, with its extra leading axes.
    dtype : dtype
        That of X, in which they are used.

    Returns
    -------
    weights : array of shape (1 or n_samples, 1 or n_features) or None
        Of `dtype`; axes before the last are flattened.
    """
    if weights is None:
        return None
    if sp.issparse(weights):
        raise TypeError(
            "Sparse weights are not supported: pass a dense array, or mark entries "
            "that were not observed by NaN in X."
        )
    if not is_jax_array(weights):
        weights = np.asarray(weights)
    if not (np.issubdtype(weights.dtype, np.number) or weights.dtype == bool):
        raise TypeError(f"weights must be real numbers, got dtype {weights.dtype}.")
    if np.issubdtype(weights.dtype, np.complexfloating):
        raise TypeError("weights must be real numbers, got complex ones.")
    try:
        np.broadcast_shapes(weights.shape, shape)
        fits = weights.ndim <= len(shape)
    except ValueError:
        fits = False
    if not fits or any(
        given not in (1, wanted)
        for given, wanted in zip(weights.shape[::-1], shape[::-1], strict=False)
    ):
        remedy = "; for one weight a row pass weights[:, None]" if weights.ndim == 1 else ""
        raise ValueError(
            f"weights of shape {weights.shape} do not broadcast to the shape {shape} of X{remedy}."
        )
    with np.errstate(over="ignore"):
        weights = weights.astype(dtype)
    xp = jnp if is_jax_array(weights) else np
    if not bool(xp.isfinite(weights).all()):
        raise ValueError(
            f"weights must be finite in {np.dtype(dtype)}, the precision of X. Mark entries of X "
            "that were not observed by a weight of 0, or by NaN in X."
        )
    if bool((weights < 0).any()):
        raise ValueError("weights must be non-negative, got negative ones.")
    if bool((weights == 1).all()):
        return None
    weights = weights.reshape((1,) * (len(shape) - weights.ndim) + weights.shape)
    if any(n != 1 for n in weights.shape[:-1]):
        weights = xp.broadcast_to(weights, (*shape[:-1], weights.shape[-1]))
    return weights.reshape(-1, weights.shape[-1])


def _on_one_device(estimator, X, reset):
    seedless = getattr(estimator, "random_state", 0) is None
    if reset and seedless and not X.array.is_fully_addressable:
        raise ValueError(
            f"{type(estimator).__name__} learns in every process by itself from rows that they "
            "share, and random_state=None would give each another model: give an integer."
        )
    return gathered(X)


def _has_negative(X):
    values = X.data if sp.issparse(X) else X
    return bool((values < 0).any())


def _check_jax_matrix(estimator, X, *, reset):
    if X.ndim != 2:
        raise ValueError(
            f"Expected 2D array, got {X.ndim}D array instead. Reshape your data either using "
            "array.reshape(-1, 1) if your data has a single feature or array.reshape(1, -1) if it "
            "contains a single sample."
        )
    if min(X.shape) == 0:
        axis = "sample(s)" if X.shape[0] == 0 else "feature(s)"
        raise ValueError(
            f"Found array with 0 {axis} (shape={X.shape}) while a minimum of 1 is required."
        )
    if jnp.issubdtype(X.dtype, jnp.complexfloating):
        raise ValueError("Complex data not supported")
    if X.dtype not in (jnp.float32, jnp.float64):
        X = X.astype(jnp.result_type(float))
    if bool(jnp.isinf(X).any()):
        raise ValueError("Input X contains infinity.")
    return validate_data(estimator, X, reset=reset, skip_check_array=True)
