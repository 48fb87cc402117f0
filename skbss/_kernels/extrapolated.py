"""Multiplicative updates with momentum, guarded so that the recorded objective never rises.

L. T. K. Hien, V. Leplat and N. Gillis, "Block majorization minimization with extrapolation and
application to beta-NMF", arXiv 2401.06646, algorithm 2: each factor is updated from a point ahead
of it on its way, of which only the growing part is extrapolated, so that nothing is driven to 0.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from skbss._kernels.multiplicative import CHECK_EVERY, Penalties, multiplicative_step


class Checkpoint(NamedTuple):
    """The best factors seen at a check, and their objective."""

    W: Float[Array, "frames k"]
    H: Float[Array, "k freqs"]
    loss: Float[Array, ""]


class ExtrapolatedState(NamedTuple):
    """Factors after `n_iter` sweeps, those before, and the way back if momentum misled."""

    W: Float[Array, "frames k"]
    H: Float[Array, "k freqs"]
    before_W: Float[Array, "frames k"]
    before_H: Float[Array, "k freqs"]
    momentum: Float[Array, ""]
    cautious: Bool[Array, ""]
    best: Checkpoint
    loss: Float[Array, ""]
    first_loss: Float[Array, ""]
    n_iter: Int[Array, ""]
    done: Bool[Array, ""]


@partial(jax.jit, static_argnames="beta")
def start_extrapolated(
    data, W, H, penalties: Penalties, floor, *, beta: float
) -> ExtrapolatedState:
    """The state before the first sweep."""
    loss = data.row_divergence(W, H, beta, floor).sum() + penalties.total(W, H)
    return ExtrapolatedState(
        W,
        H,
        W,
        H,
        jnp.ones_like(loss),
        jnp.bool_(False),
        Checkpoint(W, H, loss),
        loss,
        loss,
        jnp.int32(0),
        loss <= 0,
    )


@partial(jax.jit, static_argnames=("beta", "exponent", "quadratic"))
def advance_extrapolated(
    data,
    state: ExtrapolatedState,
    penalties: Penalties,
    free: Bool[Array, " k"],
    floor: Float[Array, ""],
    tol: Float[Array, ""],
    until: Int[Array, ""],
    last: Int[Array, ""],
    *,
    beta: float,
    exponent: float,
    quadratic: bool,
) -> ExtrapolatedState:
    """Sweep over W, then the free rows of H, up to sweep number `until` or convergence.

    Every tenth sweep, and at sweep `last`, the objective is compared with the best so far. Where
    it rose, the best factors come back and the next ten sweeps go without momentum, which can
    not raise it. The loop ends when the square root of the objective fell by less than `tol` of
    its first value in ten sweeps, or is NaN.
    """
    step = partial(multiplicative_step, beta=beta, exponent=exponent, quadratic=quadratic)

    def running(s: ExtrapolatedState) -> Bool[Array, ""]:
        return (s.n_iter < until) & ~s.done

    def sweep(s: ExtrapolatedState) -> ExtrapolatedState:
        momentum = (1 + jnp.sqrt(1 + 4 * s.momentum**2)) / 2
        momentum = jnp.where(s.cautious, 1, momentum)
        pull = jnp.where(s.cautious, 0, (s.momentum - 1) / momentum)
        ahead_W = s.W + pull * jnp.maximum(s.W - s.before_W, 0)
        parts = data.activation_parts(ahead_W, s.H, beta, floor)
        W = step(ahead_W, *parts, penalties.l1_W, penalties.l2_W)
        ahead_H = s.H + pull * jnp.maximum(s.H - s.before_H, 0)
        parts = data.component_parts(W, ahead_H, beta, floor)
        H = step(ahead_H, *parts, penalties.l1_H, penalties.l2_H)
        H = jnp.where(free[:, None], H, s.H)
        n_iter = s.n_iter + 1
        moved = s._replace(W=W, H=H, before_W=s.W, before_H=s.H, momentum=momentum, n_iter=n_iter)
        look = (n_iter % CHECK_EVERY == 0) | (n_iter == last)
        return lax.cond(look, checked, lambda s: s, moved)

    def checked(s: ExtrapolatedState) -> ExtrapolatedState:
        loss = data.row_divergence(s.W, s.H, beta, floor).sum() + penalties.total(s.W, s.H)
        rose = ~(loss <= s.best.loss)
        reached = Checkpoint(s.W, s.H, loss)
        best = jax.tree.map(lambda old, new: jnp.where(rose, old, new), s.best, reached)
        # Momentum can overshoot the largest number; plain updates from the best factors can not
        # but where the numbers themselves give out, which is to be reported.
        lost = s.cautious & ~jnp.isfinite(loss)
        drop = (jnp.sqrt(s.best.loss) - jnp.sqrt(loss)) / jnp.sqrt(s.first_loss)
        converged = (tol > 0) & (drop < tol) & (~rose | s.cautious)
        return s._replace(
            W=best.W,
            H=best.H,
            before_W=jnp.where(rose, best.W, s.before_W),
            before_H=jnp.where(rose, best.H, s.before_H),
            momentum=jnp.where(rose, 1, s.momentum),
            cautious=rose,
            best=best,
            loss=jnp.where(lost, loss, best.loss),
            done=converged | lost | ~jnp.isfinite(best.loss) | (best.loss <= 0),
        )

    return lax.while_loop(running, sweep, state)
