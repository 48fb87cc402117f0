"""A convolution over frames as a product of matrices: activations side by side with their delays.

P. Smaragdis, "Non-negative matrix factor deconvolution", ICA 2004, eq. 3.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int


def unfold(
    W: Float[Array, "frames k"], position: Int[Array, " frames"], taps: int
) -> Float[Array, "frames delayed"]:
    """W, next to it W one frame later, and so on: ``taps`` times k columns.

    `position` counts the frames of every recording from 0: nothing of one reaches into the next.
    """
    n_frames, k = W.shape
    padded = jnp.pad(W, ((taps - 1, 0), (0, 0)))
    # As many slices written out take as many times as long to compile.
    delayed = jax.vmap(lambda tap: lax.dynamic_slice(padded, (taps - 1 - tap, 0), W.shape))
    U = delayed(jnp.arange(taps)).swapaxes(0, 1)
    return jnp.where(_reached(position, taps)[:, :, None], U, 0).reshape(n_frames, taps * k)


def fold(
    G: Float[Array, "frames delayed"], position: Int[Array, " frames"], taps: int
) -> Float[Array, "frames k"]:
    """The transpose of ``unfold``: all columns of a component brought back to the frame of W."""
    n_frames = G.shape[0]
    G = jnp.where(_reached(position, taps)[:, :, None], G.reshape(n_frames, taps, -1), 0)
    padded = jnp.pad(G, ((0, taps - 1), (0, 0), (0, 0)))
    total = padded[:n_frames, 0]
    for tap in range(1, taps):
        total = total + padded[tap : tap + n_frames, tap]
    return total


def _reached(position, taps) -> Bool[Array, "frames taps"]:
    return position[:, None] >= jnp.arange(taps)[None, :]
