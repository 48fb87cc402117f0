"""Sources of mixtures, as the user gives them."""

from contextlib import suppress
from typing import Any

import jax.numpy as jnp
import numpy as np

from skbss._runtime.device import is_jax_array, movable, precision
from skbss.factorization._checked import Checked


def check_sources_of(y, X, checked: Checked):
    """What every source is in every row of mixtures, in their precision and of their kind.

    Parameters
    ----------
    y : array-like of shape (..., n_sources, n_features)
        As given by the user: numbers of any type, non-negative, or complex as X is.
    X : array of shape (n_rows, n_features)
        The mixtures.
    checked : Checked
        Their magnitudes, and the axes that they were given with.

    Returns
    -------
    y : array of shape (n_rows, n_sources, n_features)
    """
    shape = ", ".join([*map(str, checked.leading), "n_sources", str(X.shape[1])])
    if y is None:
        raise ValueError(
            "X requires y to be passed, but the target y is None: the sources of the mixtures, in "
            f"shape ({shape})."
        )
    xp: Any = jnp if is_jax_array(X) else np
    y = movable(y, X) if is_jax_array(X) and is_jax_array(y) else _on_host(y, shape)
    wanted = [*checked.leading, X.shape[1]]
    if y.ndim != len(wanted) + 1 or [*y.shape[:-2], y.shape[-1]] != wanted:
        raise ValueError(f"y must have the shape ({shape}), got {y.shape}.")
    if y.shape[-2] == 0:
        raise ValueError(f"y must hold at least one source, got the shape {y.shape}.")
    # Those of machine learning with few bits, such as bfloat16, are of no kind of NumPy's.
    if y.dtype.kind not in "biufc" and not jnp.issubdtype(y.dtype, jnp.floating):
        raise ValueError(f"y must hold numbers, got {y.dtype}.")
    if (y.dtype.kind == "c") != (X.dtype.kind == "c"):
        raise ValueError(
            "X and y must both hold magnitudes, or both complex spectra, got X of "
            f"{X.dtype} and y of {y.dtype}."
        )
    # What is too large for the precision is infinite then.
    with precision(X.dtype), np.errstate(over="ignore"):
        y = xp.asarray(y.reshape(-1, *y.shape[-2:]).astype(X.dtype))
        if not bool(xp.isfinite(y).all()):
            raise ValueError("y must be finite, but holds NaN or infinity.")
        if y.dtype.kind != "c" and bool((y < 0).any()):
            raise ValueError("y must be non-negative, or complex as X is.")
    return y


def _on_host(y, shape):
    """An array of NumPy, of numbers where objects are numbers."""
    try:
        y = np.asarray(y)
        if y.dtype == object:
            y = np.asarray(y.tolist()).reshape(y.shape)
    except ValueError as error:
        raise ValueError(f"y must have the shape ({shape}), but is no array: {error}") from error
    if y.dtype == object:
        # Fractions, for example, are numbers to NumPy only if they are asked.
        with suppress(TypeError, ValueError):
            return y.astype(np.float64)
    return y
