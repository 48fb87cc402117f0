"""From a fit to a sample of the rows to one of more rows: a start for those that are new."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from skbss._kernels.activations import matching_gain
from skbss._kernels.dense_data import DenseData
from skbss._kernels.entries import entry, with_entry
from skbss._kernels.frame_blocks import FrameBlocks
from skbss._kernels.hals import descend_coordinates, normal_equations
from skbss._kernels.multiplicative import multiplicative_step
from skbss._kernels.penalties import Penalties

# The share of a start in which all components are equally loud: none is excluded from the first.
_FLAT = 0.1


@partial(jax.jit, static_argnames=("beta", "exponent", "quadratic", "by_coordinates"))
def spread_activations(
    data: FrameBlocks,
    W: Float[Array, "blocks height k"],
    H: Float[Array, "k freqs"],
    sources: Int[Array, " blocks"],
    exists: Bool[Array, "blocks height"],
    first: Int[Array, ""],
    penalties: Penalties,
    floor: Float[Array, ""],
    sweeps: Int[Array, ""],
    *,
    beta: float,
    exponent: float,
    quadratic: bool,
    by_coordinates: bool,
) -> Float[Array, "blocks height k"]:
    """Activations of the blocks from number `first` on, with the components held.

    They start as those of the rows nearby, in block ``sources[j]``, at the level of the data.
    """
    spectrum, sounds = H.sum(axis=0), (H > 0).any(axis=1)

    def updated(block: DenseData, W):
        parts = block.activation_parts(W, H, beta, floor)
        return multiplicative_step(
            W,
            *parts,
            penalties.l1_W,
            penalties.l2_W,
            beta=beta,
            exponent=exponent,
            quadratic=quadratic,
        )

    def solved(block: DenseData, W):
        products = block.times_components(H)
        system = normal_equations(H, products, penalties.l1_W, penalties.l2_W)
        return descend_coordinates(W.T, system, jnp.ones_like(sounds), sweeps).T

    def add_block(j, W):
        block = jax.tree.map(lambda A: entry(A, j), DenseData(data.X, data.weights))
        level, flat_reach = block.row_levels(spectrum)
        nearby = entry(W, entry(sources, j))
        gain = matching_gain(level, block.model_levels(nearby, H))
        flat = matching_gain(level, flat_reach)
        start = (1 - _FLAT) * gain[:, None] * nearby + _FLAT * flat[:, None] * sounds
        start = jnp.where(entry(exists, j)[:, None], start, 0)
        if by_coordinates:
            return with_entry(W, j, solved(block, start))
        own = lax.fori_loop(0, sweeps, lambda _, W: updated(block, W), start)
        return with_entry(W, j, own)

    return lax.fori_loop(first, data.used, add_block, W)
