"""Steps to the minimum of a bound that touches the objective at the entries as they are.

C. Févotte and J. Idier, "Algorithms for nonnegative matrix factorization with the beta-divergence",
Neural Computation 23(9), 2011, section 4, with penalties that add to the bound.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from skbss._kernels.divergences import power

# An entry grows to at most this many times itself: a shorter step lowers the bound as well.
_MOST_GROWTH = 1e6
_FAST_TRIALS, _MOST_TRIALS = 30, 200


class Bound(NamedTuple):
    """An entry a of a factor, now c, costs ``(linear - credit) * a + slope * a**2 / (2 * c)``.

    This much at most, but for a constant, and exactly as much where it is now. All are
    non-negative, numbers or arrays that broadcast to the factor. Where there is a `total`, the
    entries of every row sum to it.
    """

    linear: Any = 0.0
    slope: Any = 0.0
    credit: Any = 0.0
    total: Any = None

    def plus(self, other: "Bound") -> "Bound":
        """That of two penalties together."""
        return Bound(
            self.linear + other.linear,
            self.slope + other.slope,
            self.credit + other.credit,
            self.total if other.total is None else other.total,
        )


def step_to_bound(
    A: Float[Array, "a b"],
    numerator: Float[Array, "..."],
    denominator: Float[Array, "..."],
    bound: Bound,
    beta: float,
    exponent: Any,
    *,
    exact: bool,
) -> Float[Array, "a b"]:
    """Move a factor to the minimum of what bounds the divergence and its penalty.

    The parts of the gradient are those of the divergence. An `exact` minimum is known for beta 1;
    `exponent` is then that of the ratio by which an entry changes, else that of the quotient.
    """
    if bound.total is not None:
        return _step_with_total(A, numerator, denominator, bound, beta, exponent)
    if exact:
        rest = denominator + bound.linear - bound.credit
        ratio = _root(bound.slope, rest, numerator)
    else:
        above = jnp.broadcast_to(numerator + bound.credit, A.shape)
        below = jnp.broadcast_to(denominator + bound.linear + bound.slope, A.shape)
        ratio = jnp.where(below > 0, above / jnp.where(below > 0, below, 1), 0)
    return A * jnp.minimum(_raised(ratio, exponent), _MOST_GROWTH)


def _root(square, linear, constant):
    """The positive r with ``square * r**2 + linear * r = constant``; 0 where there is none."""
    root = jnp.sqrt(linear**2 + 4 * square * constant)
    falls = linear < 0
    # Neither form takes a difference of like numbers.
    below = jnp.where(falls, 2 * square, linear + root)
    above = jnp.where(falls, root - linear, 2 * constant)
    at_most = jnp.where(falls, _MOST_GROWTH, 0)
    return jnp.where(below > 0, above / jnp.where(below > 0, below, 1), at_most)


def _raised(ratio, exponent):
    if isinstance(exponent, float):
        positive = jnp.where(ratio > 0, ratio, 1)
        return ratio if exponent == 1 else jnp.where(ratio > 0, power(positive, exponent), 0)
    return jnp.where(ratio > 0, jnp.exp(exponent * jnp.log(jnp.where(ratio > 0, ratio, 1))), 0)


def _step_with_total(A, numerator, denominator, bound, beta, exponent):
    """The minimum among the factors whose rows have the total, by search for their multipliers.

    V. Leplat, N. Gillis and J. Idier, "Multiplicative updates for NMF with beta-divergences under
    disjoint equality constraints", SIAM J. Matrix Anal. Appl. 42(2), 2021. They solve
    for every entry and multiplier anew where beta is not 1; here the highest power of the bound is
    raised to m and the lowest lowered to -m, m = max(1, 2 - beta, beta - 1), for which it has a
    closed form.
    """
    order = max(1.0, 2 - beta, beta - 1)
    square, linear, constant = bound.slope, bound.linear - bound.credit, numerator
    if order > 1:
        square, linear = square + denominator + bound.linear, 0.0
        constant = constant + bound.credit
    elif beta == 1:
        linear = linear + denominator
    else:
        square = square + denominator
    square, linear, constant = (
        jnp.broadcast_to(part, A.shape) for part in (square, linear, constant)
    )
    # A ratio of the power 1 / order of the root, once more raised.
    step = exponent / order
    level, sounds = A.sum(axis=1, keepdims=True), A > 0
    total = jnp.where(level > 0, bound.total, 0)

    def moved(multiplier):
        """Where the multiplier leads, and the rate at which the sums of the rows fall with it."""
        own = linear + multiplier
        ratio = jnp.minimum(_raised(_root(square, own, constant), step), _MOST_GROWTH)
        width = jnp.sqrt(own**2 + 4 * square * constant)
        rates = jnp.where(width > 0, A * ratio / jnp.where(width > 0, width, 1), 0)
        return A * ratio, step * rates.sum(axis=1, keepdims=True)

    # Where all entries of a row change by the same ratio, it has the total: what would do so for
    # one of them is too little or too much for the others.
    same = _raised(total / jnp.where(level > 0, level, 1), 1 / step)
    same = jnp.where(same > 0, same, 1)
    wanted = constant / same - square * same - linear
    lowest = jnp.where(sounds, wanted, jnp.inf).min(axis=1, keepdims=True)
    highest = jnp.where(sounds, wanted, -jnp.inf).max(axis=1, keepdims=True)
    silent = level <= 0
    lowest, highest = jnp.where(silent, 0, lowest), jnp.where(silent, 0, highest)
    close = 4 * jnp.finfo(A.dtype).eps

    def running(s):
        count, _, _, _, done = s
        return (count < _MOST_TRIALS) & ~done.all()

    def tried(s):
        """A step of Newton's, or half of what is left where it leaves that or takes too long."""
        count, lower, upper, multiplier, done = s
        found, rate = moved(multiplier)
        sums = found.sum(axis=1, keepdims=True)
        too_much = sums > total
        lower = jnp.where(too_much, multiplier, lower)
        upper = jnp.where(too_much, upper, multiplier)
        # The sums fall with the multiplier at first as a line does, then as its inverse: steps that
        # are exact for the one and for the other take turns.
        gain = jnp.where(count % 2 == 0, sums / jnp.where(total > 0, total, 1), 1)
        following = multiplier + gain * (sums - total) / jnp.where(rate > 0, rate, 1)
        inside = (rate > 0) & (following > lower) & (following < upper)
        inside = inside & ((count < _FAST_TRIALS) | (count % 2 == 0))
        following = jnp.where(inside, following, (lower + upper) / 2)
        found_it = jnp.abs(sums - total) <= close * total
        no_more = upper - lower <= close * jnp.maximum(jnp.abs(lower), jnp.abs(upper))
        done = done | found_it | no_more
        return count + 1, lower, upper, jnp.where(done, multiplier, following), done

    start = jnp.zeros((), jnp.int32), lowest, highest, lowest, silent
    _, _, _, multiplier, _ = lax.while_loop(running, tried, start)
    found, _ = moved(multiplier)
    # What is left of the error is rounding.
    sums = found.sum(axis=1, keepdims=True)
    return found * (total / jnp.where(sums > 0, sums, 1))
