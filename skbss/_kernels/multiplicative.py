"""Majorize-minimize updates: every beta, L1 and L2 penalties, weights, sparse data."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from skbss._kernels.divergences import power
from skbss._kernels.penalties import Penalties


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


def multiplicative_step(
    A: Float[Array, "a b"],
    numerator: Float[Array, "..."],
    denominator: Float[Array, "..."],
    l1: Float[Array, "..."],
    l2: Float[Array, "..."],
    *,
    beta: float,
    exponent: float | Float[Array, "..."],
    quadratic: bool,
) -> Float[Array, "a b"]:
    """Move a factor to the minimum of the majorizer; what nothing speaks for becomes zero.

    An exponent that is known when the program is compiled saves the power where it is 1.
    """
    denominator = jnp.broadcast_to(denominator + l1, A.shape)
    known = isinstance(exponent, float | int)
    if quadratic and beta == 1 and not (known and exponent != 1):
        # The minimum itself, which has a closed form for this beta only.
        slope = l2 * A
        denominator = (denominator + jnp.sqrt(denominator**2 + 4 * slope * numerator)) / 2
    elif quadratic:
        denominator = denominator + l2 * A
    alive = denominator > 0
    ratio = jnp.where(alive, numerator / jnp.where(alive, denominator, 1), 0)
    if not known:
        ratio = jnp.where(ratio > 0, jnp.exp(exponent * jnp.log(jnp.where(ratio > 0, ratio, 1))), 0)
    elif exponent != 1:
        ratio = jnp.where(ratio > 0, power(jnp.where(ratio > 0, ratio, 1), exponent), 0)
    return A * ratio


@partial(jax.jit, static_argnames=("beta", "exponent", "quadratic"))
def iterate_mu(
    data,
    W: Float[Array, "*rows k"],
    H: Float[Array, "k freqs"],
    penalties: Penalties,
    free: Bool[Array, " k"],
    floor: Float[Array, ""],
    count: Int[Array, ""],
    *,
    beta: float,
    exponent: float,
    quadratic: bool,
) -> tuple[Float[Array, "*rows k"], Float[Array, "k freqs"]]:
    """Sweep over W, then the free rows of H, `count` times."""
    step = partial(multiplicative_step, beta=beta, exponent=exponent, quadratic=quadratic)

    def sweep(_, factors):
        W, H = factors

        def update(block, W):
            parts = block.activation_parts(W, H, beta, floor)
            W = step(W, *parts, penalties.l1_W, penalties.l2_W)
            return W, block.component_parts(W, H, beta, floor)

        W, parts = data.sweep(update, W)
        return W, jnp.where(free[:, None], step(H, *parts, penalties.l1_H, penalties.l2_H), H)

    return lax.fori_loop(0, count, sweep, (W, H))
