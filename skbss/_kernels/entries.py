"""Entries along the first axis, at places that are known to be there."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Integer, Shaped


def entry(A: Shaped[Array, "n ..."], k: Integer[Array, ""] | int) -> Shaped[Array, "..."]:
    """That at `k`."""
    return lax.dynamic_index_in_dim(A, k, keepdims=False)


def with_entry(
    A: Shaped[Array, "n ..."], k: Integer[Array, ""] | int, value: Shaped[Array, "..."]
) -> Shaped[Array, "n ..."]:
    """A with another entry at `k`; unlike ``A.at[k].set`` it does not look whether it is there."""
    return lax.dynamic_update_index_in_dim(A, value, k, 0)


def count_up(stop: Integer[Array, ""] | int, body: Callable[[Any, Any], Any], carry: Any) -> Any:
    """Apply ``body(k, carry) -> carry`` for every k below `stop`, which has no sign to look at."""
    return lax.fori_loop(jnp.uint32(0), jnp.asarray(stop, jnp.uint32), body, carry)
