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
from skbss._kernels.hals import descend_coordinates, normal_equations, prices_in_columns
from skbss._kernels.multiplicative import StepRule, multiplicative_step
from skbss._kernels.penalties import Penalty
from skbss._kernels.sharded_blocks import ShardedBlocks

# The share of a start in which all components are equally loud: none is excluded from the first.
_FLAT = 0.1


@partial(jax.jit, static_argnames=("rule", "by_coordinates"))
def spread_activations(
    data: FrameBlocks | ShardedBlocks,
    W: Float[Array, "*devices blocks height k"],
    H: Float[Array, "k freqs"],
    sources: Int[Array, " blocks"],
    exists: Bool[Array, "*devices blocks height"],
    first: Int[Array, ""],
    penalty: Penalty,
    floor: Float[Array, ""],
    sweeps: Int[Array, ""],
    *,
    rule: StepRule,
    by_coordinates: bool,
) -> Float[Array, "*devices blocks height k"]:
    """Activations of the blocks from number `first` on, with the components held.

    They start as those of the rows nearby, in block ``sources[j]``, at the level of the data.
    """
    spectrum, sounds = H.sum(axis=0), (H > 0).any(axis=1)
    prices = penalty.prices_of_rows(H)
    gram, columns = H @ H.T, prices_in_columns(prices)
    everywhere = jnp.ones_like(sounds)

    def updated(block: DenseData, W):
        parts = block.activation_parts(W, H, rule.beta, floor)
        return multiplicative_step(W, *parts, prices, rule)

    def solved(block: DenseData, W):
        system = normal_equations(gram, block.times_components(H), columns)
        return descend_coordinates(W.T, system, everywhere, sweeps).T

    def add_block(own, exists, sampled, j, W):
        block = jax.tree.map(lambda A: entry(A, j), DenseData(own.X, own.weights))
        level, flat_reach = block.row_levels(spectrum)
        nearby = entry(W if sampled is None else sampled, entry(sources, j))
        gain = matching_gain(level, block.model_levels(nearby, H))
        flat = matching_gain(level, flat_reach)
        start = (1 - _FLAT) * gain[:, None] * nearby + _FLAT * flat[:, None] * sounds
        start = jnp.where(entry(exists, j)[:, None], start, 0)
        if by_coordinates:
            return with_entry(W, j, solved(block, start))
        found = lax.fori_loop(0, sweeps, lambda _, W: updated(block, W), start)
        return with_entry(W, j, found)

    def of_device(own, W, exists, sampled=None):
        return lax.fori_loop(first, own.used, partial(add_block, own, exists, sampled), W)

    if isinstance(data, ShardedBlocks):
        return data.by_device(of_device, W, exists, data.with_neighbors(W))
    return of_device(data, W, exists)
