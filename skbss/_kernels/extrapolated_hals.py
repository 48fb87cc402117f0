"""Coordinate descent with momentum for the Frobenius norm, several sweeps a product.

A. M. S. Ang and N. Gillis, "Accelerating nonnegative matrix factorization algorithms using
extrapolation", Neural Computation 31(2), 2019, algorithm 2 with projected steps; and N. Gillis
and F. Glineur, "Accelerated multiplicative updates and hierarchical ALS algorithms for
nonnegative matrix factorization", Neural Computation 24(4), 2012, for the repeated sweeps.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from skbss._kernels.hals import (
    descend_coordinates,
    normal_equations,
    prices_in_columns,
    violation_of_optimality,
)
from skbss._kernels.penalties import Penalty, prices_of_rows

# Coordinate sweeps over a factor while the other's products with the data stay as they are.
_SWEEPS = 4
# The first step ahead; how it grows, and its bound, where the objective falls; how it shrinks.
_FIRST, _GROWTH, _BOUND_GROWTH, _SHRINKAGE = 0.5, 1.01, 1.005, 1.5
# A rise of the objective by less than this share of the data is rounding (in float32).
_NOISE = 3e-7


class MovingHALS(NamedTuple):
    """Factors, the points ahead of them, and how far ahead these are.

    `level` is the objective without what does not depend on the factors. W is transposed, so
    that what is updated at a time is contiguous.
    """

    Wt: Float[Array, "*blocks k height"]
    H: Float[Array, "k freqs"]
    ahead_Wt: Float[Array, "*blocks k height"]
    ahead_H: Float[Array, "k freqs"]
    pull: Float[Array, ""]
    pull_before: Float[Array, ""]
    bound: Float[Array, ""]
    level: Float[Array, ""]
    violation: Float[Array, ""]
    first_violation: Float[Array, ""]

    @property
    def W(self) -> Float[Array, "*rows k"]:
        """Activations."""
        return self.Wt.mT


def moving_hals(Wt: Float[Array, "*blocks k height"], H: Float[Array, "k freqs"]) -> MovingHALS:
    """From factors at rest."""
    first, one, unknown = (H.dtype.type(number) for number in (_FIRST, 1, math.inf))
    return MovingHALS(Wt, H, Wt, H, first, first, one, unknown, unknown, unknown)


def returned_hals(best: MovingHALS, last: MovingHALS) -> MovingHALS:
    """Back to factors at rest; the bound on how far ahead to go stays."""
    return best._replace(bound=last.bound, first_violation=last.first_violation)


def settled_hals(s: MovingHALS, tol: Float[Array, ""]) -> Bool[Array, ""]:
    """Whether the optimality conditions are violated by at most `tol` of the first violation."""
    return ~jnp.isinf(s.violation) & ~(s.violation > tol * s.first_violation)


@jax.jit
def iterate_extrapolated_hals(
    data,
    factors: MovingHALS,
    penalty: Penalty,
    free: Bool[Array, " k"],
    tol: Float[Array, ""],
    reach: Float[Array, ""],
    count: Int[Array, ""],
) -> tuple[MovingHALS, Int[Array, ""], Bool[Array, ""]]:
    """Iterate over W, then the free rows of H, `count` times or until they have settled.

    In every iteration the objective at the new H and the point ahead of W, which costs nothing,
    says whether momentum misled: then both points ahead go back. With a `reach` of 0 instead of 1
    there is no momentum. Also returns how many iterations were made, and whether the factors have
    settled, or their violation of optimality is NaN.
    """
    everywhere = jnp.ones_like(free)

    def swept(A, system, movable):
        violation = violation_of_optimality(A, system.gradient(A), movable).sum()
        return descend_coordinates(A, system, movable, _SWEEPS), violation

    def running(carry):
        n, s = carry
        return (n < count) & ~settled_hals(s, tol)

    def iterate(carry):
        n, s = carry
        pull = reach * s.pull
        prices = prices_of_rows(penalty, data, s.ahead_H, s.ahead_Wt, lambda Wt: Wt.mT)
        prices = prices_in_columns(prices)
        gram_H = s.ahead_H @ s.ahead_H.T

        def update(block, rows):
            Wt, start = rows
            products = block.times_components(s.ahead_H)
            system = normal_equations(gram_H, products, prices)
            new, violation = swept(start, system, everywhere)
            ahead = jnp.maximum(new + pull * (new - Wt), 0)
            sums, products = penalty.row_sums(ahead.T), block.times_activations(ahead)
            return (new, ahead), (violation, sums, ahead @ ahead.T, products)

        rows, (violation_W, sums, gram, products) = data.sweep(update, (s.Wt, s.ahead_Wt))
        Wt, ahead_Wt = rows
        prices = penalty.prices_of_components(s.ahead_H, sums)
        system = normal_equations(gram, products, prices)
        H, violation_H = swept(s.ahead_H, system, free)
        ahead_H = jnp.where(free[:, None], jnp.maximum(H + pull * (H - s.H), 0), H)
        level = (H * (gram @ H / 2 - products)).sum() + penalty.cost(H, sums)
        rose = ~(level <= s.level + _NOISE * jnp.abs(s.level)) & (reach > 0)
        violation = violation_W + violation_H
        return n + 1, MovingHALS(
            Wt=Wt,
            H=H,
            ahead_Wt=jnp.where(rose, Wt, ahead_Wt),
            ahead_H=jnp.where(rose, H, ahead_H),
            pull=jnp.where(rose, s.pull / _SHRINKAGE, jnp.minimum(s.bound, s.pull * _GROWTH)),
            pull_before=jnp.where(rose, s.pull_before, s.pull),
            bound=jnp.where(rose, s.pull_before, jnp.minimum(1, s.bound * _BOUND_GROWTH)),
            level=level,
            violation=violation,
            first_violation=jnp.where(jnp.isinf(s.first_violation), violation, s.first_violation),
        )

    n, factors = lax.while_loop(running, iterate, (jnp.int32(0), factors))
    return factors, n, settled_hals(factors, tol)
