"""Multiplicative updates with momentum.

L. T. K. Hien, V. Leplat and N. Gillis, "Block majorization minimization with extrapolation and
application to beta-NMF", arXiv 2401.06646, algorithm 2: each factor is updated from a point ahead
of it on its way, of which only the growing part is extrapolated, so that nothing is driven to 0.
Steps can be longer than theirs, which pays for as long as somebody looks at the objective.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from skbss._kernels.multiplicative import StepRules, multiplicative_step
from skbss._kernels.penalties import Penalty, prices_of_rows

# By how much an entry grows at most.
_MOST_GROWTH = 0.5


def accelerated(
    momentum: Float[Array, "..."], reach: Float[Array, "..."]
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """The next momentum, and how far ahead it says to look, of which `reach` is taken.

    With a reach of 0 momentum is lost.
    """
    following = jnp.where(reach > 0, (1 + jnp.sqrt(1 + 4 * momentum**2)) / 2, 1)
    return following, reach * (momentum - 1) / following


def ahead(
    A: Float[Array, "..."], before: Float[Array, "..."], pull: Float[Array, "..."]
) -> Float[Array, "..."]:
    """The point ahead of a factor on its way."""
    return A + jnp.minimum(pull * jnp.maximum(A - before, 0), _MOST_GROWTH * A)


class Moving(NamedTuple):
    """Factors, those one sweep before, and their momentum."""

    W: Float[Array, "*rows k"]
    H: Float[Array, "*taps k freqs"]
    before_W: Float[Array, "*rows k"]
    before_H: Float[Array, "*taps k freqs"]
    momentum: Float[Array, ""]


@partial(jax.jit, static_argnames="rules")
def iterate_extrapolated(
    data,
    factors: Moving,
    penalty: Penalty,
    free: Bool[Array, " k"],
    floor: Float[Array, ""],
    reach: Float[Array, ""],
    exponents: Float[Array, "2"],
    count: Int[Array, ""],
    *,
    rules: StepRules,
) -> Moving:
    """Sweep over W, then the free rows of H, `count` times, with the `exponents` of W and of H."""
    beta = rules.W.beta

    def sweep(_, s: Moving) -> Moving:
        momentum, pull = accelerated(s.momentum, reach)
        ahead_H = ahead(s.H, s.before_H, pull)

        def start(rows):
            return ahead(*rows, pull)

        rows = s.W, s.before_W
        prices = prices_of_rows(penalty, data, s.H, rows, start)

        def update(block, rows):
            W, _ = rows
            ahead_W = start(rows)
            parts = block.activation_parts(ahead_W, s.H, beta, floor)
            new = multiplicative_step(ahead_W, *parts, prices, rules.W, exponents[0])
            if not rules.learns:
                return (new, W), ()
            totals = (
                penalty.row_sums(new, ahead_H),
                block.component_parts(new, ahead_H, beta, floor),
            )
            return (new, W), totals

        (W, before_W), totals = data.sweep(update, rows)
        if not rules.learns:
            return Moving(W, s.H, before_W, s.H, momentum)
        sums, parts = totals
        prices = penalty.prices_of_components(ahead_H, sums)
        H = multiplicative_step(ahead_H, *parts, prices, rules.H, exponents[1])
        return Moving(W, jnp.where(free[:, None], H, s.H), before_W, s.H, momentum)

    return lax.fori_loop(0, count, sweep, factors)
