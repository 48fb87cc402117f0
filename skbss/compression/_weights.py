"""What is a matrix among the weights of a model."""

from collections.abc import Collection, Mapping
from numbers import Integral
from typing import Any

import jax.numpy as jnp
import numpy as np

from skbss._runtime.device import is_jax_array


def matrices_of(weights: Mapping[str, Any], names: Collection[str] | None) -> dict[str, Any]:
    """Checked arrays of two axes or more: those with these names, or all.

    Parameters
    ----------
    weights : dict of array
        As given by the user.
    names : collection of str or None
        As given by the user.
    """
    if not isinstance(weights, Mapping):
        raise TypeError(f"weights must be a dict of arrays, got {type(weights).__name__}.")
    if isinstance(names, str):
        raise TypeError(
            f"names must be a list of names, got the string {names!r}: use [{names!r}]."
        )
    arrays = {name: one for name, one in weights.items() if _is_array(one)}
    unknown = sorted(set(names or ()) - set(arrays))
    if unknown:
        raise ValueError(
            f"names has {unknown[0]!r}, which is no array among the weights: {sorted(arrays)}."
        )
    found = {}
    for name, one in arrays.items():
        if names is not None and name not in names:
            continue
        if one.ndim < 2:
            if names is not None:
                raise ValueError(f"weights[{name!r}] of shape {one.shape} is no matrix.")
            continue
        if not jnp.issubdtype(one.dtype, jnp.floating):
            raise TypeError(f"weights[{name!r}] must be floating-point, got {one.dtype}.")
        if not bool((jnp if is_jax_array(one) else np).isfinite(one).all()):
            raise ValueError(f"weights[{name!r}] has NaN or infinite entries.")
        found[name] = one
    return found


def check_rank(rank: Any) -> int:
    """A rank, as given by the user."""
    if isinstance(rank, bool) or not isinstance(rank, Integral):
        raise TypeError(f"rank must be an integer of at least 1, got {rank!r}.")
    if rank < 1:
        raise ValueError(f"rank must be an integer of at least 1, got {rank!r}.")
    return int(rank)


def _is_array(one):
    return isinstance(one, np.ndarray) or is_jax_array(one)
