"""How far data is from the means of its columns, against which models of it are measured."""

import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from skbss._runtime.device import is_jax_array, precision
from skbss.factorization._divergence import model_misfit
from skbss.factorization._observations import compute_dtype, floor_of, weight_sums
from skbss.factorization._worst_explained import column_means

# Rounding errors of fits are several of those of one operation.
_ERRORS = 16


def misfit_of_means(X, weights, beta):
    """The misfit of the best of all models that are the same for all rows.

    Parameters
    ----------
    X : array or CSR of shape (n_samples, n_features)
        Checked data, of which something was observed in every column.
    weights : array of shape (1 or n_samples, 1 or n_features) or None
        Of its entries; 0 where not observed.
    beta : float
        Of the divergence.

    Returns
    -------
    misfit : Misfit
        Of divergence 0 where rounding may be all there is to it.
    """
    means = column_means(X, weights)
    xp = jnp if is_jax_array(X) else np
    with precision(X.dtype):
        ones, model = xp.ones((X.shape[0], 1), X.dtype), xp.asarray(means)
    misfit = model_misfit(X, weights, ones, model, beta)
    counts = np.asarray(weight_sums(X, weights, axis=0), np.float64)
    relative = np.asarray(means[0], np.float64) / misfit.level
    rounding = _divergence_by_rounding(relative, counts, beta, X.dtype, sp.issparse(X))
    return misfit._replace(divergence=0.0) if misfit.divergence <= rounding < np.inf else misfit


def _divergence_by_rounding(means, counts, beta, dtype, is_sparse):
    """What divergence rounding errors can bring about, of `counts` entries that are the means."""
    worked_in = compute_dtype(dtype, beta)
    eps, floor = np.finfo(dtype).eps, floor_of(worked_in, beta)
    # Spectra are as exact as their largest entry is. For smaller betas, to which that of small
    # entries would mean the most, every entry is taken to be as exact as can be.
    exact_to = means.max() if beta >= 1 else means
    error = _ERRORS * eps * exact_to + floor
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        entries = np.maximum(means, error) ** (beta - 2) * error**2 / 2
        if beta > 2 or (is_sparse and beta >= 1):
            # Powers are subtracted from each other.
            exact = np.float64 if is_sparse else worked_in
            entries = entries + _ERRORS * np.finfo(exact).eps * means**beta
    return float((counts * entries).sum())
