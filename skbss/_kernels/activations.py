"""Activations with the components held: every row moves, and stops, by itself."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from skbss._kernels.extrapolated import accelerated, ahead
from skbss._kernels.multiplicative import multiplicative_step


@jax.jit
def flat_activations(
    data, H: Float[Array, "k freqs"], silent: Bool[Array, "*rows"]
) -> Float[Array, "*rows k"]:
    """All components equally loud, at the gain at which they sum to what every row sums to.

    Rows that are `silent` and components that are have zeros, which no update moves.
    """
    # A sum takes a quarter of the time that any() takes to compile.
    spectrum, sounds = H.sum(axis=0), H.sum(axis=1) > 0

    def of_block(block, rows):
        _, silent = rows
        level, reach = block.row_levels(spectrum)
        gain = jnp.where(reach > 0, level / jnp.where(reach > 0, reach, 1), 0)
        gain = jnp.where(silent, 0, gain)
        return (jnp.where(sounds, gain[:, None], 0), silent), ()

    empty = jnp.zeros((*silent.shape, H.shape[0]), H.dtype)
    return data.sweep(of_block, (empty, silent))[0][0]


class RowPenalties(NamedTuple):
    """Weights of ``|w|_1`` and ``|w|^2 / 2`` in the objective of every row w of W."""

    l1: Float[Array, "*rows 1"]
    l2: Float[Array, "*rows 1"]

    def of_rows(self, W: Float[Array, "frames k"]) -> Float[Array, " frames"]:
        """What every row costs."""
        return (self.l1 * W + self.l2 * W * W / 2).sum(axis=1)


class Pace(NamedTuple):
    """How every row moves: how much of its momentum is taken, and the exponent of its steps."""

    reach: Float[Array, "*rows"]
    exponent: Float[Array, "*rows"]


class MovingRows(NamedTuple):
    """Activations, those one sweep before, and the momentum of every row."""

    W: Float[Array, "*rows k"]
    before: Float[Array, "*rows k"]
    momentum: Float[Array, "*rows"]


@partial(jax.jit, static_argnames="beta")
def row_errors(
    data,
    W: Float[Array, "*rows k"],
    H: Float[Array, "k freqs"],
    penalties: RowPenalties,
    floor: Float[Array, ""],
    *,
    beta: float,
) -> Float[Array, "*rows"]:
    """The square root of twice the objective of every row."""

    def of_block(block, given):
        W, penalties, _ = given
        cost = block.row_divergence(W, H, beta, floor) + penalties.of_rows(W)
        return (W, penalties, jnp.sqrt(2 * jnp.maximum(cost, 0))), ()

    unknown = jnp.zeros(W.shape[:-1], W.dtype)
    return data.sweep(of_block, (W, penalties, unknown))[0][2]


@partial(jax.jit, static_argnames=("beta", "exponent", "quadratic"))
def iterate_rows(
    data,
    H: Float[Array, "k freqs"],
    rows: MovingRows,
    active: Bool[Array, "*rows"],
    pace: Pace | None,
    penalties: RowPenalties,
    floor: Float[Array, ""],
    count: Int[Array, ""],
    *,
    beta: float,
    exponent: float,
    quadratic: bool,
) -> MovingRows:
    """Sweep over the `active` rows of W `count` times, at a pace or without momentum.

    A block of rows is swept over again and again while it is in the cache, or not at all.
    """

    def of_block(block, given):
        rows, active, pace, penalties = given

        def sweep(_, s):
            start, momentum = s.W, s.momentum
            power: float | Array = exponent
            if pace is not None:
                momentum, pull = accelerated(momentum, pace.reach)
                start = ahead(s.W, s.before, pull[:, None])
                power = pace.exponent[:, None]
            W = multiplicative_step(
                start,
                *block.activation_parts(start, H, beta, floor),
                penalties.l1,
                penalties.l2,
                beta=beta,
                exponent=power,
                quadratic=quadratic,
            )
            return MovingRows(jnp.where(active[:, None], W, s.W), s.W, momentum)

        sweeps = jnp.where(active.any(), count, 0)
        rows = lax.fori_loop(0, sweeps, sweep, rows)
        return (rows, active, pace, penalties), ()

    return data.sweep(of_block, (rows, active, pace, penalties))[0][0]


@jax.jit
def returned_rows(
    rows: MovingRows, best: Float[Array, "*rows k"], rose: Bool[Array, "*rows"]
) -> MovingRows:
    """Those that `rose` as they were at `best`, at rest; the others go on."""
    W = jnp.where(rose[..., None], best, rows.W)
    before = jnp.where(rose[..., None], W, rows.before)
    return MovingRows(W, before, jnp.where(rose, 1, rows.momentum))
