"""Majorize-minimize updates: every beta, L1 and L2 penalties, weights, sparse data."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from skbss._kernels.checks import iterate_and_check
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


class MUState(NamedTuple):
    """Factors after `n_iter` sweeps, with the objective and the error when last looked at."""

    W: Float[Array, "*rows k"]
    H: Float[Array, "k freqs"]
    loss: Float[Array, ""]
    error: Float[Array, ""]
    first_error: Float[Array, ""]
    n_iter: Int[Array, ""]
    done: Bool[Array, ""]


@partial(jax.jit, static_argnames="beta")
def start_mu(data, W, H, penalties: Penalties, floor, *, beta: float) -> MUState:
    """The state before the first sweep."""
    loss, error = _loss_and_error(data, W, H, penalties, floor, beta)
    return MUState(W, H, loss, error, error, jnp.int32(0), loss <= 0)


@partial(jax.jit, static_argnames=("beta", "exponent", "quadratic"))
def advance_mu(
    data,
    state: MUState,
    penalties: Penalties,
    free: Bool[Array, " k"],
    floor: Float[Array, ""],
    tol: Float[Array, ""],
    until: Int[Array, ""],
    *,
    beta: float,
    exponent: float,
    quadratic: bool,
) -> MUState:
    """Sweep over W, then the free rows of H, up to sweep number `until` or convergence.

    Every tenth sweep the error ``sqrt(2 D)`` is compared with that ten sweeps earlier: a fall of
    less than `tol` of the first error ends the loop, as in scikit-learn; so does a NaN.
    """
    step = partial(multiplicative_step, beta=beta, exponent=exponent, quadratic=quadratic)

    def sweep(s: MUState) -> MUState:
        def update(block, W):
            parts = block.activation_parts(W, s.H, beta, floor)
            W = step(W, *parts, penalties.l1_W, penalties.l2_W)
            return W, block.component_parts(W, s.H, beta, floor)

        W, parts = data.sweep(update, s.W)
        H = jnp.where(free[:, None], step(s.H, *parts, penalties.l1_H, penalties.l2_H), s.H)
        return s._replace(W=W, H=H, n_iter=s.n_iter + 1)

    def checked(s: MUState) -> MUState:
        loss, error = _loss_and_error(data, s.W, s.H, penalties, floor, beta)
        drop = (s.error - error) / jnp.where(s.first_error > 0, s.first_error, 1)
        done = (tol > 0) & ~(drop >= tol) | ~jnp.isfinite(error)
        return s._replace(loss=loss, error=error, done=done)

    return iterate_and_check(sweep, checked, state, until)


def _loss_and_error(data, W, H, penalties, floor, beta):
    def of_block(block, W):
        divergence = block.row_divergence(W, H, beta, floor).sum()
        return W, (divergence, penalties.of_rows(W).sum())

    _, (divergence, costs) = data.sweep(of_block, W)
    loss = divergence + costs + penalties.of_components(H)
    return loss, jnp.sqrt(2 * jnp.maximum(divergence, 0))
