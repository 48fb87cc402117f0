"""How sparse the activations of a spectrogram are, and how well it is approximated."""

import warnings

import numpy as np
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning

from skbss import ESADNMF, BetaNMF, SparseNMF
from skbss.metrics import reconstruction_rmse, sparsity_index

from .systems import KL

ALPHAS = (0.001, 0.01, 0.05)


def factorizations(V, n_components, seed, *, max_iter=300):
    """Activations and components by the name of the model, all of one rank.

    PCA comes with the mean as one more component, of activations that are one.
    """
    pca = PCA(n_components).fit(V)
    ones = np.ones((len(V), 1))
    yield "PCA", np.hstack([pca.transform(V), ones]), np.vstack([pca.components_, pca.mean_])
    common = {"max_iter": max_iter, "tol": 0, "random_state": seed}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for name, beta_loss in [("NMF, Euclidean", 2), ("NMF, KL", KL)]:
            nmf = BetaNMF(n_components, init="random", beta_loss=beta_loss, **common)
            yield name, nmf.fit_transform(V), nmf.components_
        for alpha in ALPHAS:
            esad = ESADNMF(
                n_components, alpha=alpha, sad_max_iter=max_iter, sad_tol=0, beta_loss=KL, **common
            )
            W = esad.fit_transform(V)
            yield f"ESAD, codes, alpha {alpha}", esad.sparse_codes_, esad.atoms_
            yield f"ESAD-NMF, alpha {alpha}", W, esad.components_
            # The weight of the codes in the same objective: see convergence.equal_sparsity.
            sparsity = alpha * V.max() / (2 * V.mean())
            sparse = SparseNMF(
                n_components, sparsity=sparsity, beta_loss=2, init="random", **common
            )
            yield f"SparseNMF, alpha {alpha}", sparse.fit_transform(V), sparse.components_


def measured(V, n_components, seed, *, max_iter=300):
    """Sparsity of the activations, relative squared error, and RMSE, of every model."""
    rows = []
    for name, W, H in factorizations(V, n_components, seed, max_iter=max_iter):
        rmse = reconstruction_rmse(V, W, H)
        # The activations of the mean are no activations.
        codes = W[:, :n_components]
        rows.append(
            {
                "model": name,
                "used": sparsity_index(codes),
                "hoyer": sparsity_index(codes, kind="hoyer"),
                "error": rmse**2 / np.square(V).mean(),
                "rmse": rmse,
            }
        )
    return rows
