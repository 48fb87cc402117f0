"""Recordings that lie below each other in one matrix: nothing of one reaches into the next."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import numpy as np

from skbss._kernels.convolution import unfold
from skbss._runtime.device import is_jax_array


def positions(lengths: Sequence[int]) -> np.ndarray:
    """The frame of every row within its recording.

    Parameters
    ----------
    lengths : sequence of int
        Numbers of rows of the recordings.

    Returns
    -------
    position : ndarray of shape (n_samples,)
    """
    return np.concatenate([np.arange(length, dtype=np.int32) for length in lengths])


def as_product(W: Any, H: Any, lengths: Sequence[int]) -> tuple[Any, Any]:
    """Two matrices whose product is the model of a factorization.

    Components of several frames are taken apart into their frames: each has the activations of its
    component, later by as many rows.

    Parameters
    ----------
    W : array of shape (n_samples, n_components)
        NumPy or JAX.
    H : array of shape (n_components, [template_length,] n_features)
        Components.
    lengths : sequence of int
        Numbers of rows of the recordings.

    Returns
    -------
    W : array of shape (n_samples, n_components * template_length)
    H : array of shape (n_components * template_length, n_features)
        Frame after frame of one component after the other.
    """
    if H.ndim == 2:
        return W, H
    _, taps, n_features = H.shape
    unfolded = _unfolded_by_jax if is_jax_array(W) else _unfolded
    return unfolded(W, positions(lengths), taps), H.reshape(-1, n_features)


def _unfolded(W, position, taps):
    U = np.zeros((*W.shape, taps), W.dtype)
    for tap in range(min(taps, len(W))):
        reached = position[tap:, None] >= tap
        U[tap:, :, tap] = np.where(reached, W[: len(W) - tap], 0)
    return U.reshape(len(W), -1)


@partial(jax.jit, static_argnames="taps")
def _unfolded_by_jax(W, position, taps):
    U = unfold(W, position, taps).reshape(len(W), taps, -1)
    return U.swapaxes(1, 2).reshape(len(W), -1)
