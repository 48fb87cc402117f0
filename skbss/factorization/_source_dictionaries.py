"""Components of every source, from which a network begins."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from skbss._runtime.device import is_jax_array
from skbss.factorization._sparse_nmf import SparseNMF

# Smaller entries of a component than this share of its largest could not be trained: a step of
# their logarithm changes nothing.
_SMALLEST = 1e-5
_ITERATIONS = 60
# Of a source, for every component that is learned from them. Mixtures that were made of few
# recordings have the same rows again and again.
_ROWS_PER_COMPONENT = 40


def source_dictionaries(Y, lengths, context, init, learner: SparseNMF, rng):
    """Components of norm one, without zeros, and the source of each.

    Parameters
    ----------
    Y : array of shape (n_rows, n_sources, n_features)
        Non-negative recordings of every source.
    lengths : sequence of int
        Their numbers of rows.
    context : int
        How many rows before and after each the components span.
    init : list or None
        For every source a fitted factorization or its components, at least one; None to learn
        them.
    learner : SparseNMF
        How, but for its start.
    rng : RandomState
        Of what is learned from, and the starts.

    Returns
    -------
    H : array of shape (n_components, (2 * context + 1) * n_features)
    sources : ndarray of shape (n_components,)
    """
    n_sources, width = Y.shape[1], (2 * context + 1) * Y.shape[2]
    if init is not None and len(init) != n_sources:
        raise ValueError(
            f"init must have one item for each of the {n_sources} sources of y, got {len(init)}."
        )
    xp: Any = jnp if is_jax_array(Y) else np
    silent = [source for source in range(n_sources) if not float(Y[:, source].max()) > 0]
    if silent:
        raise ValueError(
            f"Source {silent[0]} of y is silent in all rows: nothing can be learned about it."
        )
    dictionaries = []
    for source in range(n_sources):
        if init is not None:
            H = xp.asarray(_given(init, source, width, Y.dtype))
        else:
            own = Y[:, source]
            rows = _some_rows(own, _ROWS_PER_COMPONENT * learner.n_components, rng)
            seed = rng.randint(np.iinfo(np.int32).max)
            learner.set_params(init="random", tol=0, max_iter=_ITERATIONS, random_state=seed)
            H = learner.fit(_with_context(own, rows, lengths, context, xp)).components_
        dictionaries.append(H)
    labels = np.repeat(np.arange(n_sources), [len(H) for H in dictionaries])
    H = xp.concatenate(dictionaries)
    peak = H.max(axis=1, keepdims=True)
    H = xp.where(peak > 0, H / xp.where(peak > 0, peak, 1), 1)
    H = xp.maximum(H, xp.asarray(_SMALLEST, H.dtype))
    return H / xp.sqrt(xp.square(H).sum(axis=1, keepdims=True)), labels


def _with_context(X, rows, lengths, context, xp):
    """Some rows with those around them, side by side; silence beyond the ends of recordings."""
    first = np.repeat(np.cumsum([0, *lengths[:-1]]), lengths)[rows, None]
    last = np.repeat(np.cumsum(lengths), lengths)[rows, None]
    around = rows[:, None] + np.arange(-context, context + 1)
    around = np.where((around >= first) & (around < last), around, len(X))
    X = xp.concatenate([X, xp.zeros((1, X.shape[1]), X.dtype)])
    return X[around].reshape(len(rows), -1)


def _given(init, source, width, dtype):
    given = init[source]
    found = getattr(given, "components_", given)
    H: Any
    try:
        H = np.asarray(found)
        # What is too large for the precision is infinite then.
        with np.errstate(over="ignore"):
            # Texts and complex numbers could be cast, but are no components.
            H = None if H.dtype.kind in "USc" else H.astype(dtype)
    except (TypeError, ValueError):
        H = None
    if H is None or H.ndim != 2 or H.shape[1] != width or len(H) == 0:
        raise ValueError(
            f"init[{source}] must be components of shape (n_components, {width}), at least one, or "
            f"a fitted factorization that has such, got {_in_words(given, found, H)}."
        )
    if not (np.isfinite(H).all() and (H >= 0).all()):
        raise ValueError(f"init[{source}] must be finite and non-negative in {np.dtype(dtype)}.")
    return H


def _in_words(given, found, H):
    name = type(given).__name__
    if given is found and hasattr(given, "fit"):
        return f"{name}, which has no components_: it is not fitted, or makes none"
    if H is not None and H.ndim > 0:
        return f"shape {H.shape}"
    kind = f"array of {given.dtype}" if hasattr(given, "dtype") else name
    return f"{kind}, which is no matrix of numbers"


def _some_rows(X, most, rng):
    """At most so many that are not silent, drawn where there are more."""
    heard = np.flatnonzero(np.asarray((X > 0).any(axis=1)))
    return heard if len(heard) <= most else np.sort(rng.choice(heard, most, replace=False))
