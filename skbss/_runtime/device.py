"""Where arrays lie and how precisely they are computed with, in one place."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from skbss._runtime.loop import fetch
from skbss._runtime.sharded_rows import ShardedRows

# What XLA asks of memory that it is to use as it is.
_ALIGNMENT = 64


@contextmanager
def precision(dtype: DTypeLike) -> Iterator[None]:
    """Compute at the precision of `dtype`, whatever JAX's own settings, in this thread only.

    Results have to become NumPy arrays before the scope ends: outside it JAX would take a
    float64 array for float32. Products are never rounded to less than float32.
    """
    is_double = np.dtype(dtype) in (np.float64, np.complex128)
    with jax.enable_x64(is_double), jax.default_matmul_precision("highest"):
        yield


def is_jax_array(X: object) -> bool:
    """Whether `X` lies where JAX keeps arrays; such input gives output of the same kind."""
    return isinstance(X, jax.Array | ShardedRows)


def has_shared_rows(X: object) -> bool:
    """Whether the rows of `X` are shared out among devices."""
    return isinstance(X, ShardedRows)


def lies_on_host(X: Any) -> bool:
    """Whether JAX computes with `X` in the memory of one processor, which NumPy sees too."""
    if is_jax_array(X):
        return len(X.devices()) == 1 and all(d.platform == "cpu" for d in X.devices())
    return jax.default_backend() == "cpu"


def movable(array: Any, like: Any) -> Any:
    """An array that JAX may move to where `like` lies.

    Parameters
    ----------
    array : array
        What belongs to a fitted model, or to the data.
    like : array
        What it shall be computed with.

    Returns
    -------
    array : array
        On the host, where it is bound to a device that is not that of `like`; else as it is.
    """
    if not is_jax_array(array):
        return array
    beside = is_jax_array(like) and array.sharding.device_set == like.sharding.device_set
    return array if beside else fetch(array)


def on_host_for_jax(shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
    """An array to be filled, which JAX can compute with on a CPU without copying it."""
    n_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.empty(n_bytes + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + n_bytes].view(dtype).reshape(shape)


def for_kernels(numbers: ArrayLike, dtype: DTypeLike) -> Any:
    """Numbers as compiled programs take them, which fetch them faster than they could be sent."""
    return np.asarray(numbers, dtype)
