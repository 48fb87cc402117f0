"""Sources of mixtures, as the user gives them."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from skbss._runtime.device import is_jax_array, movable
from skbss.factorization._checked import Checked


def check_sources_of(y, X, checked: Checked):
    """What every source is in every row of mixtures, in their precision and of their kind.

    Parameters
    ----------
    y : array-like of shape (..., n_sources, n_features)
        As given by the user: non-negative, or complex as X is.
    X : array of shape (n_rows, n_features)
        The mixtures.
    checked : Checked
        Their magnitudes, and the axes that they were given with.

    Returns
    -------
    y : array of shape (n_rows, n_sources, n_features)
    """
    xp: Any = jnp if is_jax_array(X) else np
    y = xp.asarray(movable(y, X) if is_jax_array(y) else np.asarray(y))
    wanted = [*checked.leading, X.shape[1]]
    if y.ndim != len(wanted) + 1 or [*y.shape[:-2], y.shape[-1]] != wanted:
        shape = ", ".join([*map(str, checked.leading), "n_sources", str(X.shape[1])])
        raise ValueError(f"y must have the shape ({shape}), got {y.shape}.")
    if not np.issubdtype(y.dtype, np.number):
        raise ValueError(f"y must hold numbers, got {y.dtype}.")
    if xp.iscomplexobj(y) != xp.iscomplexobj(X):
        raise ValueError(
            "X and y must both hold magnitudes, or both complex spectra, got X of "
            f"{X.dtype} and y of {y.dtype}."
        )
    y = y.reshape(-1, *y.shape[-2:]).astype(X.dtype)
    if not bool(xp.isfinite(y).all()):
        raise ValueError("y must be finite, but holds NaN or infinity.")
    if not xp.iscomplexobj(y) and bool((y < 0).any()):
        raise ValueError("y must be non-negative, or complex as X is.")
    return y
