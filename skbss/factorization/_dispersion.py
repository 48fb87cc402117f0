"""How far data strays from a model of low rank."""

import numpy as np

from skbss._runtime.device import has_shared_rows
from skbss.factorization._beta_nmf import BetaNMF
from skbss.factorization._divergence import relative_power
from skbss.factorization._observations import mean_of, weight_sums

# Iterations of the model from whose error the dispersion is estimated, and for what share of the
# observations it has one number at most.
_ITERATIONS, _SHARE = 100, 0.5
# Of exact products there is nothing to estimate: they are taken to stray by a tenth of their mean.
_SMALLEST = 0.01


def relative_dispersion(X, weights, n_components, beta):
    """The dispersion of data around a factorization, for data divided by its mean.

    Twice the divergence of the data from a model, for every observation that the model is not free
    to follow: the mean deviance by the degrees of freedom.

    Parameters
    ----------
    X : array or CSR of shape (n_samples, n_features)
        Checked data.
    weights : array of shape (1 or n_samples, 1 or n_features) or None
        Of its entries; 0 where not observed.
    n_components : int
        How many at most.
    beta : float
        Of the divergence.

    Returns
    -------
    dispersion : float
    """
    n_rows, n_columns = X.shape
    counted = None if weights is None else (weights > 0).astype(X.dtype)
    n_observed = float(np.asarray(weight_sums(X, counted, axis=1), np.float64).sum())
    affordable = int(_SHARE * n_rows * n_columns / (n_rows + n_columns))
    rank = max(1, min(n_components, n_rows, n_columns, affordable))
    # Its seed is that of the estimate, which the starts of the fit have no say in.
    model = BetaNMF(
        rank, init="nndsvda", beta_loss=beta, tol=0, max_iter=_ITERATIONS, random_state=0
    )
    given = X.holding(weights) if has_shared_rows(X) and weights is not None else weights
    error = model.fit(X, weights=given).reconstruction_err_
    unit = relative_power(mean_of(X, weights) or 1.0, beta / 2)
    free = 1 - rank * (n_rows + n_columns - rank) / (n_rows * n_columns)
    return max((error / unit) ** 2 / (n_observed * max(free, 1 - _SHARE)), _SMALLEST)
