"""Epochs of the decomposition as it is published: Adam on few frames at a time.

An epoch of ten seconds has some eighty steps there, so that the schedule has more to say than over
the iterations of `convergence`.
"""

import warnings

from sklearn.exceptions import ConvergenceWarning

from skbss import ESADNMF

from .convergence import first_below

# 0 is a constant rate, 0.0001 the paper's.
DECAYS = (0.0, 1e-4, 1e-3)
# Where the error of the constant rate is nearly reached.
_NEARLY = 1.01


def measured(V, n_components, seeds, *, max_iter=300):
    """Epochs to where the constant rate ends, and the error after the last, by seed and decay."""
    rows = []
    for seed in seeds:
        curves = {decay: errors(V, n_components, decay, seed, max_iter) for decay in DECAYS}
        target = _NEARLY * curves[0.0][-1]
        rows += [
            {
                "seed": seed,
                "decay": decay,
                "epochs": first_below(curve, target, max_iter),
                "error": float(curve[-1]),
                "limit": max_iter,
            }
            for decay, curve in curves.items()
        ]
    return rows


def errors(V, n_components, decay, seed, max_iter):
    """Of every epoch."""
    model = ESADNMF(
        n_components, decay=decay, sad_max_iter=max_iter, sad_tol=0, max_iter=1, random_state=seed
    )
    with warnings.catch_warnings():
        # The factorization, which stops at once.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(V).sad_errors_
