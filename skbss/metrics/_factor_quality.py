"""How well a factorization fits, and how sparse its factors are."""

import math

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_array

from skbss._runtime.warning import warn

_ENTRIES_PER_BLOCK = 2**20


def reconstruction_rmse(X, W, H):
    r"""Root mean squared error of a factorization.

    .. math:: \sqrt{\frac{1}{|\Omega|} \sum_{(n, f) \in \Omega} (X - W H)_{nf}^2}

    over the observed entries :math:`\Omega`: all but NaN.

    Parameters
    ----------
    X : array or sparse matrix of shape (n_samples, n_features)
        The data, NaN where an entry was not observed. The zeros of a sparse matrix were.
    W : array or sparse matrix of shape (n_samples, n_components)
        Its transform.
    H : array or sparse matrix of shape (n_components, n_features)
        The components.

    Returns
    -------
    error : float
        In the unit of X; lower is better, 0 for an exact fit. Infinite where W @ H is beyond
        float64.

    Raises
    ------
    ValueError
        If shapes do not fit, no entry was observed, X holds infinity, or W or H holds NaN or
        infinity.

    See Also
    --------
    sparsity_index : What the fit is traded for.

    Notes
    -----
    Computed in float64, from a bounded number of rows at a time.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.metrics import reconstruction_rmse
    >>> W, H = np.array([[1.0], [2.0]]), np.array([[1.0, 0.5]])
    >>> X = np.array([[1.0, 0.5], [2.0, 1.4]])
    >>> round(reconstruction_rmse(X, W, H), 3)
    0.2
    """
    X = check_array(
        X,
        accept_sparse="csr",
        dtype=np.float64,
        ensure_all_finite="allow-nan",
        input_name="X",
    )
    W = check_array(W, accept_sparse="csr", dtype=np.float64, input_name="W")
    H = check_array(H, accept_sparse="csr", dtype=np.float64, input_name="H")
    if W.shape[1] != H.shape[0] or X.shape != (W.shape[0], H.shape[1]):
        raise ValueError(
            f"X of shape {X.shape}, W of shape {W.shape} and H of shape {H.shape} do not belong "
            "together: X must have the shape of W @ H."
        )
    H = _dense(H)
    step = max(1, _ENTRIES_PER_BLOCK // X.shape[1])
    norm, n_observed = 0.0, 0
    for start in range(0, X.shape[0], step):
        rows = slice(start, start + step)
        observed = _dense(X[rows])
        with np.errstate(over="ignore", invalid="ignore"):
            residual = (observed - _dense(W[rows]) @ H)[~np.isnan(observed)]
        norm = math.hypot(norm, _norm(residual))
        n_observed += residual.size
    if not n_observed:
        raise ValueError("X holds nothing but NaN: there is no observed entry to compare.")
    return norm / math.sqrt(n_observed)


def sparsity_index(W, *, kind="nonzero", threshold=1e-3):
    r"""How sparse a factor is: the share of its nonzeros, or Hoyer's index.

    Parameters
    ----------
    W : array or sparse matrix of any shape
        Activations or components, or anything else; all entries together, signs do not matter.
    kind : {"nonzero", "hoyer"}, default="nonzero"
        The share of entries whose magnitude is above `threshold`, or with the number :math:`n` of
        entries

        .. math:: \frac{\sqrt n - \|W\|_1 / \|W\|_2}{\sqrt n - 1}.

        **Their directions are opposite.**
    threshold : float, default=1e-3
        Only for the share: as a share of the largest magnitude, at least 0 and below 1. With 0
        exact zeros alone do not count.

    Returns
    -------
    index : float
        From 0 to 1 and independent of scale. "nonzero": **lower is sparser**, 1 where all entries
        are above the threshold. "hoyer": **higher is sparser**, 0 where all entries are equal, 1
        where one alone is nonzero. If all entries are zero, 0 for the share and NaN for Hoyer's
        index, both with a warning.

    Raises
    ------
    ValueError
        If an entry is NaN or infinite, W is empty, `kind` or `threshold` is not allowed, or
        Hoyer's index is asked of a single entry.

    Warns
    -----
    UserWarning
        If all entries are zero.

    See Also
    --------
    reconstruction_rmse : What sparsity costs.

    References
    ----------
    .. [1] P. O. Hoyer, "Non-negative matrix factorization with sparseness constraints", Journal of
       Machine Learning Research 5, 2004, section 3.1, there for a vector.

    Examples
    --------
    >>> from skbss.metrics import sparsity_index
    >>> W = [[4.0, 0.0], [0.001, 3.0]]
    >>> sparsity_index(W)
    0.5
    >>> round(sparsity_index(W, kind="hoyer"), 3)
    0.6
    """
    if kind not in ("nonzero", "hoyer"):
        raise ValueError(f"kind must be 'nonzero' or 'hoyer', got {kind!r}.")
    if not 0 <= threshold < 1:
        raise ValueError(f"threshold must be at least 0 and below 1, got {threshold!r}.")
    W = check_array(
        W,
        accept_sparse=("csr", "csc"),
        dtype=np.float64,
        ensure_2d=False,
        allow_nd=True,
        input_name="W",
    )
    n_entries = math.prod(W.shape)
    if n_entries == 0:
        raise ValueError(f"W of shape {W.shape} is empty.")
    if kind == "hoyer" and n_entries < 2:
        raise ValueError("Hoyer's index needs at least two entries, got one.")
    magnitudes = np.abs(W.data if sp.issparse(W) else W)
    largest = magnitudes.max(initial=0.0)
    if largest == 0:
        value = 0.0 if kind == "nonzero" else math.nan
        warn(f"All entries of W are zero: its sparsity index is {value}.")
        return value
    magnitudes = magnitudes / largest
    if kind == "nonzero":
        return float(np.count_nonzero(magnitudes > threshold) / n_entries)
    root = math.sqrt(n_entries)
    ratio = magnitudes.sum() / math.sqrt(np.square(magnitudes).sum())
    return float(np.clip((root - ratio) / (root - 1), 0, 1))


def _norm(residual):
    """Of values whose squares may be beyond float64."""
    largest = np.abs(residual).max(initial=0.0)
    if largest == 0:
        return 0.0
    if not np.isfinite(largest):
        return math.inf
    return float(largest * math.sqrt(np.square(residual / largest).sum()))


def _dense(X):
    return X.toarray() if sp.issparse(X) else X
