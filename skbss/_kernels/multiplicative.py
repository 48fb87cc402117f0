"""Majorize-minimize updates: every beta, every penalty, weights, sparse data."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from skbss._kernels.bounds import Bound, step_to_bound
from skbss._kernels.divergences import power
from skbss._kernels.penalties import Penalty, Prices, prices_of_rows


def mm_exponent(beta: float, *, quadratic: bool) -> float:
    """The exponent at which a multiplicative step can not raise the objective.

    C. Févotte and J. Idier, "Algorithms for nonnegative matrix factorization with the
    beta-divergence", Neural Computation 23(9), 2011, eq. 4.6; a quadratic penalty raises the
    highest power of the majorizer to one, which lowers the exponent for beta < 2.
    """
    if beta > 2:
        return 1 / (beta - 1)
    if quadratic:
        return 1 / (3 - beta)
    return 1 / (2 - beta) if beta < 1 else 1.0


class StepRule(NamedTuple):
    """How a factor moves, as known when the program is compiled.

    `exponent` is that of the steps; whether its prices have a `quadratic` part decides their form.
    """

    beta: float
    exponent: float
    quadratic: bool


class StepRules(NamedTuple):
    """How both factors move; it learns nothing where all components are held."""

    W: StepRule
    H: StepRule
    learns: bool = True


def multiplicative_step(
    A: Float[Array, "*taps a b"],
    numerator: Float[Array, "..."],
    denominator: Float[Array, "..."],
    prices: Prices | Callable[[Any], Bound] | Bound,
    rule: StepRule,
    exponent: Any = None,
) -> Float[Array, "*taps a b"]:
    """Move a factor to the minimum of the majorizer; what nothing speaks for becomes zero.

    An `exponent` may be given that the program is told when it runs, instead of that of the rule,
    which saves the power where it is 1. Prices may be a bound, or a function that tells it.
    """
    if callable(prices):
        prices = prices(A)
    if isinstance(prices, Bound):
        return _bounded_step(A, numerator, denominator, prices, rule, exponent)
    denominator = jnp.broadcast_to(denominator + prices.linear, A.shape)
    known = exponent is None
    if rule.quadratic and rule.beta == 1 and not (known and rule.exponent != 1):
        # The minimum itself, which has a closed form for this beta only.
        slope = prices.quadratic * A
        denominator = (denominator + jnp.sqrt(denominator**2 + 4 * slope * numerator)) / 2
    elif rule.quadratic:
        denominator = denominator + prices.quadratic * A
    alive = denominator > 0
    ratio = jnp.where(alive, numerator / jnp.where(alive, denominator, 1), 0)
    if not known:
        ratio = jnp.where(ratio > 0, jnp.exp(exponent * jnp.log(jnp.where(ratio > 0, ratio, 1))), 0)
    elif rule.exponent != 1:
        ratio = jnp.where(ratio > 0, power(jnp.where(ratio > 0, ratio, 1), rule.exponent), 0)
    return A * ratio


def _bounded_step(A, numerator, denominator, bound, rule, exponent):
    exponent = rule.exponent if exponent is None else exponent
    if bound.total is not None:
        # The step has exponents of its own, which longer steps multiply.
        exponent = exponent / rule.exponent
    exact = rule.quadratic and rule.beta == 1 and rule.exponent == 1
    return step_to_bound(A, numerator, denominator, bound, rule.beta, exponent, exact=exact)


@partial(jax.jit, static_argnames="rules")
def iterate_mu(
    data,
    W: Float[Array, "*rows k"],
    H: Float[Array, "*taps k freqs"],
    penalty: Penalty,
    free: Bool[Array, " k"],
    floor: Float[Array, ""],
    count: Int[Array, ""],
    *,
    rules: StepRules,
) -> tuple[Float[Array, "*rows k"], Float[Array, "*taps k freqs"]]:
    """Sweep over W, then the free rows of H, `count` times."""
    beta = rules.W.beta

    def sweep(_, factors):
        W, H = factors
        prices = prices_of_rows(penalty, data, H, W, lambda W: W)

        def update(block, W):
            parts = block.activation_parts(W, H, beta, floor)
            W = multiplicative_step(W, *parts, prices, rules.W)
            if not rules.learns:
                return W, ()
            return W, (penalty.row_sums(W, H), block.component_parts(W, H, beta, floor))

        W, totals = data.sweep(update, W)
        if not rules.learns:
            return W, H
        sums, parts = totals
        learned = multiplicative_step(H, *parts, penalty.prices_of_components(H, sums), rules.H)
        return W, jnp.where(free[:, None], learned, H)

    return lax.fori_loop(0, count, sweep, (W, H))
