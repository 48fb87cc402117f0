"""The level of a recording, which must not influence its separation."""

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
