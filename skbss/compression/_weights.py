"""What is a matrix among the weights of a model."""

from collections.abc import Iterable, Mapping
from numbers import Integral, Number
from typing import Any

import jax.numpy as jnp
import numpy as np

from skbss._runtime.device import is_jax_array


def matrices_of(weights: Mapping[str, Any], names: Iterable[str] | None) -> dict[str, Any]:
    """Checked arrays of two axes or more: those with these names, or all.

    Parameters
    ----------
    weights : dict of array
        As given by the user.
    names : iterable of str or None
        As given by the user.
    """
    check_weights(weights)
    if isinstance(names, str):
        raise TypeError(
            f"names must be a list of names, got the string {names!r}: use [{names!r}]."
        )
    if names is not None:
        if not isinstance(names, Iterable):
            raise TypeError(f"names must be a list of names, got {names!r}.")
        # A generator gives them once.
        names = list(names)
    arrays = {name: one for name, one in weights.items() if _is_array(one)}
    for name in names or ():
        if name not in arrays:
            raise ValueError(
                f"names has {name!r}, which is no array among the weights: "
                f"{sorted(arrays, key=str)}."
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


def check_weights(weights: Any) -> None:
    """Refuse what is no dict of arrays, and of numbers and products that stand for arrays."""
    if not isinstance(weights, Mapping):
        raise TypeError(f"weights must be a dict of arrays, got {type(weights).__name__}.")
    for name, one in weights.items():
        stands_for_one = isinstance(one, Number | np.generic) or hasattr(one, "merged")
        if not (_is_array(one) or stands_for_one):
            raise TypeError(
                f"weights[{name!r}] must be an array of NumPy or JAX, got {type(one).__name__}."
            )


def computable(array: Any) -> Any:
    """An array in float32 or float64, which alone are decomposed and multiplied precisely."""
    if array.dtype in (np.float32, np.float64):
        return array
    return array.astype(np.float64 if array.dtype.itemsize > 8 else np.float32)


def in_type_of(result: Any, *parts: Any) -> Any:
    """What was computed of parts in their type, if they have the same; else as it is."""
    kinds = {part.dtype for part in parts}
    return result if len(kinds) > 1 or result.dtype in kinds else result.astype(kinds.pop())


def check_rank(rank: Any) -> int:
    """A rank, as given by the user."""
    if isinstance(rank, bool) or not isinstance(rank, Integral):
        raise TypeError(f"rank must be an integer of at least 1, got {rank!r}.")
    if rank < 1:
        raise ValueError(f"rank must be an integer of at least 1, got {rank!r}.")
    return int(rank)


def _is_array(one):
    return isinstance(one, np.ndarray) or is_jax_array(one)
