"""Online updates: the components remember what earlier batches asked of them.

A. Lefèvre, F. Bach and C. Févotte, "Online algorithms for nonnegative matrix factorization with
the Itakura-Saito divergence", WASPAA 2011, algorithm 1, for every beta.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from skbss._kernels.divergences import power
from skbss._kernels.multiplicative import StepRules, multiplicative_step
from skbss._kernels.penalties import Penalty


class OnlineState(NamedTuple):
    """Components, and the discounted sums whose quotient they are a power of."""

    H: Float[Array, "k freqs"]
    numerator: Float[Array, "k freqs"]
    denominator: Float[Array, "k freqs"]


def start_online(H: Float[Array, "k freqs"]) -> OnlineState:
    """The state before the first batch."""
    return OnlineState(H, H, jnp.ones_like(H))


@partial(jax.jit, static_argnames=("rules", "solved"))
def online_step(
    data,
    W: Float[Array, "*rows k"],
    state: OnlineState,
    penalty: Penalty,
    free: Bool[Array, " k"],
    forget: Float[Array, ""],
    floor: Float[Array, ""],
    *,
    rules: StepRules,
    solved: bool,
) -> tuple[Float[Array, "*rows k"], OnlineState, Float[Array, ""], Float[Array, ""]]:
    """One batch: its activations (unless `solved` already), then the components.

    Returns the activations, the state, the objective of the batch before the components moved,
    and by how much they moved, as a share of their norm (infinite for a silent batch).
    """
    H, beta, exponent = state.H, rules.H.beta, rules.H.exponent
    prices = penalty.prices_of_rows(H)

    def update(block, W):
        if not solved:
            parts = block.activation_parts(W, H, beta, floor)
            W = multiplicative_step(W, *parts, prices, rules.W)
        divergence = block.row_divergence(W, H, beta, floor).sum()
        return W, (divergence, penalty.row_sums(W), block.component_parts(W, H, beta, floor))

    W, (divergence, sums, (asked, allowed)) = data.sweep(update, W)
    cost = divergence + penalty.cost(H, sums)
    prices = penalty.prices_of_components(H, sums)
    positive = jnp.where(H > 0, H, 1)
    asked = asked * jnp.where(H > 0, power(positive, 1 / exponent), 0)
    allowed = allowed + prices.linear + prices.quadratic * H
    numerator = forget * state.numerator + asked
    denominator = forget * state.denominator + allowed
    alive = denominator > 0
    quotient = jnp.where(alive, numerator / jnp.where(alive, denominator, 1), 0)
    learned = jnp.where(quotient > 0, power(jnp.where(quotient > 0, quotient, 1), exponent), 0)
    # A feature that was never observed asks for nothing and keeps its value.
    learned = jnp.where(free[:, None] & alive, learned, H)
    norm = jnp.linalg.norm(learned)
    change = jnp.linalg.norm(learned - H) / jnp.where(norm > 0, norm, 1)
    # That silence moves nothing says nothing about convergence.
    change = jnp.where((asked > 0).any(), change, jnp.inf)
    return W, OnlineState(learned, numerator, denominator), cost, change
