"""The level of a recording, which must not influence its separation."""

import math
from collections.abc import Iterable

import jax.numpy as jnp
import numpy as np

from skbss._runtime.device import is_jax_array


def level_of(x):
    """Root mean square; 1 for silence.

    Parameters
    ----------
    x : array
        Waveforms or magnitudes.

    Returns
    -------
    level : float
    """
    peak = float(abs(x).max())
    if peak == 0:
        return 1.0
    xp = jnp if is_jax_array(x) else np
    # Relative to the peak, no square can overflow or vanish.
    return peak * float(xp.sqrt(xp.mean(xp.square(x / peak))))


def level_of_blocks(blocks: Iterable[np.ndarray]) -> float:
    """The level of a recording that comes in blocks along its last axis.

    Parameters
    ----------
    blocks : iterable of arrays
        Waveforms.
    """
    heard = [(level_of(x) if x.any() else 0.0, x.size) for x in blocks]
    total = sum(size for _, size in heard)
    # Squares of the largest numbers overflow.
    return math.hypot(*(level * math.sqrt(size / total) for level, size in heard)) or 1.0
