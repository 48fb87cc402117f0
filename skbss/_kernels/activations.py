"""Activations with the components held: every row moves, and stops, by itself."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from skbss._kernels.extrapolated import accelerated, ahead
from skbss._kernels.multiplicative import StepRule, multiplicative_step
from skbss._kernels.row_penalties import RowNumbers, row_penalty


def matching_gain(
    level: Float[Array, " frames"], reach: Float[Array, " frames"]
) -> Float[Array, " frames"]:
    """By what to multiply what reaches so far for it to be as loud; 0 where it is silent."""
    return jnp.where(reach > 0, level / jnp.where(reach > 0, reach, 1), 0)


@jax.jit
def flat_activations(
    data, H: Float[Array, "k freqs"], silent: Bool[Array, " frames"]
) -> Float[Array, "frames k"]:
    """All components equally loud, at the gain at which they sum to what every row sums to.

    Rows that are `silent` and components that are have zeros, which no update moves.
    """
    # A sum takes a quarter of the time that any() takes to compile.
    spectrum, sounds = H.sum(axis=0), H.sum(axis=1) > 0
    gain = jnp.where(silent, 0, matching_gain(*data.row_levels(spectrum)))
    return jnp.where(sounds, gain[:, None], 0)


class MovingRows(NamedTuple):
    """Activations, those one sweep before, and the momentum of every row: JAX or NumPy."""

    W: Any
    before: Any
    momentum: Any


class RowOrders(NamedTuple):
    """What every row is told, in columns: one array is sent to a program faster than five.

    Whether it moves at all; the numbers of its penalty; how much of its momentum is taken, and the
    exponent of its steps.
    """

    active: Any
    penalty: RowNumbers
    reach: Any
    exponent: Any

    @classmethod
    def of_columns(cls, columns: Float[Array, "frames 5"]) -> "RowOrders":
        """As columns that broadcast over the components."""
        active, *penalty, reach, exponent = (columns[:, j : j + 1] for j in range(5))
        return cls(active, RowNumbers(*penalty), reach, exponent)

    def to_columns(self) -> tuple[Any, ...]:
        """The five columns in the order in which ``of_columns`` takes them."""
        return (self.active, *self.penalty, self.reach, self.exponent)


@partial(jax.jit, static_argnames=("rule", "has_momentum"))
def iterate_rows(
    data,
    H: Float[Array, "k freqs"],
    rows: MovingRows,
    orders: Float[Array, "frames 5"],
    floor: Float[Array, ""],
    count: Int[Array, ""],
    looks_after: Bool[Array, ""],
    membership: Float[Array, "k groups"] | None = None,
    *,
    rule: StepRule,
    has_momentum: bool,
) -> tuple[MovingRows, Float[Array, " frames"]]:
    """Sweep over the rows of W `count` times, as ``RowOrders`` tell.

    Without momentum all steps have the exponent of the rule. If somebody `looks_after` it, the
    errors of the rows are returned too: the square root of twice the objective of each; else zeros.
    With the `membership` of components in groups, it is these that cost something.
    """
    told = RowOrders.of_columns(orders)
    penalty = row_penalty(told.penalty, membership)
    prices = penalty.bound(H)

    def sweep(_, s):
        start, momentum = s.W, s.momentum
        exponent = None
        if has_momentum:
            momentum, pull = accelerated(momentum, told.reach[:, 0])
            start = ahead(s.W, s.before, pull[:, None])
            exponent = told.exponent
        parts = data.activation_parts(start, H, rule.beta, floor)
        W = multiplicative_step(start, *parts, prices, rule, exponent)
        return MovingRows(jnp.where(told.active > 0, W, s.W), s.W, momentum)

    rows = lax.fori_loop(0, count, sweep, rows)

    def errors(W):
        cost = data.row_divergence(W, H, rule.beta, floor) + penalty.costs(W, H)
        return jnp.sqrt(2 * jnp.maximum(cost, 0))

    def none(W):
        return jnp.zeros(W.shape[0], W.dtype)

    return rows, lax.cond(looks_after, errors, none, rows.W)
