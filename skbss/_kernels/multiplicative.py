"""Majorize-minimize updates: every beta, L1 and L2 penalties, weights, sparse data."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from skbss._kernels.divergences import power

CHECK_EVERY = 10


class Penalties(NamedTuple):
    """Weights of ``|W|_1``, ``|W|^2 / 2``, ``|H|_1`` and ``|H|^2 / 2`` in the objective."""

    l1_W: Float[Array, "..."] | float
    l2_W: Float[Array, "..."] | float
    l1_H: Float[Array, ""] | float
    l2_H: Float[Array, ""] | float

    def of_rows(self, W: Float[Array, "frames k"]) -> Float[Array, " frames"]:
        """What every row of W costs."""
        cost = jnp.broadcast_to(self.l1_W * W + self.l2_W * W * W / 2, W.shape)
        return cost.sum(axis=1)

    def total(self, W: Float[Array, "frames k"], H: Float[Array, "k freqs"]) -> Float[Array, ""]:
        """What both factors cost."""
        return self.of_rows(W).sum() + self.l1_H * H.sum() + self.l2_H * jnp.square(H).sum() / 2


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
    exponent: float,
    quadratic: bool,
) -> Float[Array, "a b"]:
    """Move a factor to the minimum of the majorizer; what nothing speaks for becomes zero."""
    denominator = jnp.broadcast_to(denominator + l1, A.shape)
    if quadratic and beta == 1 and exponent == 1:
        # The exponent stands for the exact minimum, which has a closed form for this beta only.
        slope = l2 * A
        denominator = (denominator + jnp.sqrt(denominator**2 + 4 * slope * numerator)) / 2
    elif quadratic:
        denominator = denominator + l2 * A
    alive = denominator > 0
    ratio = jnp.where(alive, numerator / jnp.where(alive, denominator, 1), 0)
    if exponent != 1:
        ratio = jnp.where(ratio > 0, power(jnp.where(ratio > 0, ratio, 1), exponent), 0)
    return A * ratio


class MUState(NamedTuple):
    """Factors after `n_iter` sweeps, with the objective and the error when last looked at."""

    W: Float[Array, "frames k"]
    H: Float[Array, "k freqs"]
    loss: Float[Array, ""]
    error: Float[Array, ""]
    first_error: Float[Array, ""]
    n_iter: Int[Array, ""]
    done: Bool[Array, ""]


@partial(jax.jit, static_argnames="beta")
def start_mu(data, W, H, penalties: Penalties, floor, *, beta: float) -> MUState:
    """The state before the first sweep."""
    divergence = data.row_divergence(W, H, beta, floor).sum()
    error = jnp.sqrt(2 * jnp.maximum(divergence, 0))
    loss = divergence + penalties.total(W, H)
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

    def running(s: MUState) -> Bool[Array, ""]:
        return (s.n_iter < until) & ~s.done

    def sweep(s: MUState) -> MUState:
        parts = data.activation_parts(s.W, s.H, beta, floor)
        W = step(s.W, *parts, penalties.l1_W, penalties.l2_W)
        parts = data.component_parts(W, s.H, beta, floor)
        H = jnp.where(free[:, None], step(s.H, *parts, penalties.l1_H, penalties.l2_H), s.H)
        moved = s._replace(W=W, H=H, n_iter=s.n_iter + 1)
        return lax.cond(moved.n_iter % CHECK_EVERY == 0, checked, lambda s: s, moved)

    def checked(s: MUState) -> MUState:
        divergence = data.row_divergence(s.W, s.H, beta, floor).sum()
        error = jnp.sqrt(2 * jnp.maximum(divergence, 0))
        drop = (s.error - error) / jnp.where(s.first_error > 0, s.first_error, 1)
        done = (tol > 0) & ~(drop >= tol) | ~jnp.isfinite(error)
        loss = divergence + penalties.total(s.W, s.H)
        return s._replace(loss=loss, error=error, done=done)

    return lax.while_loop(running, sweep, state)


@jax.jit
def flat_activations(
    data, H: Float[Array, "k freqs"], silent: Bool[Array, " frames"] | None = None
) -> Float[Array, "frames k"]:
    """All components equally loud, at the gain at which they sum to what every row sums to.

    Rows that are `silent` have zeros, which no update moves.
    """
    levels, reach = data.row_levels(H.sum(axis=0))
    gain = jnp.where(reach > 0, levels / jnp.where(reach > 0, reach, 1), 0)
    if silent is not None:
        gain = jnp.where(silent, 0, gain)
    return jnp.broadcast_to(gain[:, None], (gain.shape[0], H.shape[0]))


class RowsState(NamedTuple):
    """Activations with the components held: every row starts, and stops, by itself.

    An error is the square root of twice a row's objective.
    """

    W: Float[Array, "frames k"]
    error: Float[Array, " frames"]
    first_error: Float[Array, " frames"]
    active: Bool[Array, " frames"]
    n_iter: Int[Array, ""]
    done: Bool[Array, ""]


@partial(jax.jit, static_argnames="beta")
def start_rows(data, W, H, penalties: Penalties, floor, *, beta: float) -> RowsState:
    """The state before the first sweep."""
    error = _row_errors(data, W, H, penalties, floor, beta)
    return RowsState(W, error, error, jnp.ones_like(error, bool), jnp.int32(0), jnp.bool_(False))


@partial(jax.jit, static_argnames=("beta", "exponent", "quadratic"))
def advance_rows(
    data,
    H: Float[Array, "k freqs"],
    state: RowsState,
    penalties: Penalties,
    floor: Float[Array, "..."],
    tol: Float[Array, ""],
    until: Int[Array, ""],
    *,
    beta: float,
    exponent: float,
    quadratic: bool,
) -> RowsState:
    """Sweep over W up to sweep number `until`, leaving alone each row that has converged.

    Every tenth sweep the square root of a row's objective is compared with that ten sweeps
    earlier: a fall of less than `tol` of its first value ends the row.
    """

    def running(s: RowsState) -> Bool[Array, ""]:
        return (s.n_iter < until) & ~s.done

    def sweep(s: RowsState) -> RowsState:
        parts = data.activation_parts(s.W, H, beta, floor)
        W = multiplicative_step(
            s.W,
            *parts,
            penalties.l1_W,
            penalties.l2_W,
            beta=beta,
            exponent=exponent,
            quadratic=quadratic,
        )
        moved = s._replace(W=jnp.where(s.active[:, None], W, s.W), n_iter=s.n_iter + 1)
        return lax.cond(moved.n_iter % CHECK_EVERY == 0, checked, lambda s: s, moved)

    def checked(s: RowsState) -> RowsState:
        error = _row_errors(data, s.W, H, penalties, floor, beta)
        first = jnp.where(s.first_error > 0, s.first_error, 1)
        active = s.active & ((tol == 0) | ((s.error - error) / first >= tol))
        error = jnp.where(s.active, error, s.error)
        return s._replace(error=error, active=active, done=~active.any())

    return lax.while_loop(running, sweep, state)


def _row_errors(data, W, H, penalties, floor, beta):
    objective = data.row_divergence(W, H, beta, floor) + penalties.of_rows(W)
    return jnp.sqrt(2 * jnp.maximum(objective, 0))
