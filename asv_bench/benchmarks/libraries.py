"""The same factorization by skbss, scikit-learn and torchnmf: host arrays in, host arrays out."""

import importlib.util

import numpy as np
import scipy.sparse as sp

from .comparison import in_silence

# scikit-learn's best for each divergence.
SOLVERS = {2: "cd"}


def is_installed(library):
    """Whether it can be compared with; the others are always there."""
    return library != "torchnmf" or importlib.util.find_spec("torchnmf") is not None


def model(library, beta, **parameters):
    """An estimator that takes scikit-learn's parameters."""
    if library == "skbss":
        from skbss import BetaNMF

        return BetaNMF(beta_loss=beta, **parameters)
    from sklearn.decomposition import NMF

    return NMF(**{"beta_loss": beta, "solver": SOLVERS.get(beta, "mu"), **parameters})


def fit(library, problem, max_iter, *, tol=0.0, **parameters):
    """Activations, components and number of iterations, from the start of the problem."""
    X, W, H, beta = problem
    if library == "torchnmf":
        with in_silence():
            return _fit_torchnmf(X, W, H, beta, max_iter)
    parameters = {"n_components": len(H), "init": "custom", "tol": tol, **parameters}
    fitted = model(library, beta, max_iter=max_iter, **parameters)
    with in_silence():
        # scikit-learn writes into what it is given.
        W = fitted.fit_transform(X, W=W.copy(), H=H.copy())
    return np.asarray(W), np.asarray(fitted.components_), fitted.n_iter_


def _fit_torchnmf(X, W, H, beta, max_iter):
    import torch
    from torchnmf.nmf import NMF

    if sp.issparse(X):
        X = X.tocoo()
        indices = torch.from_numpy(np.stack([X.row, X.col]).astype(np.int64))
        data = torch.sparse_coo_tensor(indices, torch.from_numpy(X.data), X.shape)
    else:
        data = torch.from_numpy(X)
    # Its W is our components, transposed, and its H our activations.
    fitted = NMF(W=torch.from_numpy(H.T.copy()), H=torch.from_numpy(W))
    n_iter = fitted.fit(data, beta=beta, tol=-np.inf, max_iter=max_iter)
    return fitted.H.detach().numpy(), fitted.W.detach().numpy().T, n_iter
