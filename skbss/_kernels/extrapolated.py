"""Multiplicative updates with momentum, guarded so that the recorded objective never rises.

L. T. K. Hien, V. Leplat and N. Gillis, "Block majorization minimization with extrapolation and
application to beta-NMF", arXiv 2401.06646, algorithm 2: each factor is updated from a point ahead
of it on its way, of which only the growing part is extrapolated, so that nothing is driven to 0.
Steps are longer than theirs for as long as that pays.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from skbss._kernels.checks import iterate_and_check
from skbss._kernels.multiplicative import multiplicative_step
from skbss._kernels.penalties import Penalties, objective

# How far ahead, as a share of what the momentum says, and by how much an entry grows at most.
_REACH, _MOST_GROWTH = 1.6, 0.5


def accelerated(
    momentum: Float[Array, "..."], bold: Bool[Array, "..."], cautious: Bool[Array, "..."]
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """The next momentum, and how far ahead it says to look."""
    following = jnp.where(cautious, 1, (1 + jnp.sqrt(1 + 4 * momentum**2)) / 2)
    pull = jnp.where(cautious, 0, (momentum - 1) / following)
    return following, pull * jnp.where(bold, _REACH, 1)


def ahead(
    A: Float[Array, "..."], before: Float[Array, "..."], pull: Float[Array, "..."]
) -> Float[Array, "..."]:
    """The point ahead of a factor on its way."""
    return A + jnp.minimum(pull * jnp.maximum(A - before, 0), _MOST_GROWTH * A)


class Checkpoint(NamedTuple):
    """The best factors seen at a check, and their objective."""

    W: Float[Array, "*rows k"]
    H: Float[Array, "k freqs"]
    loss: Float[Array, ""]


class ExtrapolatedState(NamedTuple):
    """Factors after `n_iter` sweeps, those before, and the way back if momentum misled."""

    W: Float[Array, "*rows k"]
    H: Float[Array, "k freqs"]
    before_W: Float[Array, "*rows k"]
    before_H: Float[Array, "k freqs"]
    momentum: Float[Array, ""]
    bold: Bool[Array, ""]
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
    loss = objective(data, W, H, penalties, beta, floor)
    return ExtrapolatedState(
        W=W,
        H=H,
        before_W=W,
        before_H=H,
        momentum=jnp.ones_like(loss),
        bold=jnp.bool_(True),
        cautious=jnp.bool_(False),
        best=Checkpoint(W, H, loss),
        loss=loss,
        first_loss=loss,
        n_iter=jnp.int32(0),
        done=loss <= 0,
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
    bold_exponent: Float[Array, ""],
    *,
    beta: float,
    exponent: float,
    quadratic: bool,
) -> ExtrapolatedState:
    """Sweep over W, then the free rows of H, up to sweep number `until` or convergence.

    Every tenth sweep, and at sweep `last`, the objective is compared with the best so far. Where
    it rose, the best factors come back, the next ten sweeps go without momentum, which can not
    raise it, and those after them with `exponent` instead of `bold_exponent`. The loop ends when
    the square root of the objective fell by less than `tol` of its first value in ten sweeps, or
    is NaN.
    """
    step = partial(multiplicative_step, beta=beta, quadratic=quadratic)

    def sweep(s: ExtrapolatedState) -> ExtrapolatedState:
        momentum, pull = accelerated(s.momentum, s.bold, s.cautious)
        power = jnp.where(s.bold, bold_exponent, exponent)
        ahead_H = ahead(s.H, s.before_H, pull)

        def update(block, rows):
            W, before = rows
            ahead_W = ahead(W, before, pull)
            parts = block.activation_parts(ahead_W, s.H, beta, floor)
            new = step(ahead_W, *parts, penalties.l1_W, penalties.l2_W, exponent=power)
            return (new, W), block.component_parts(new, ahead_H, beta, floor)

        (W, before_W), parts = data.sweep(update, (s.W, s.before_W))
        H = step(ahead_H, *parts, penalties.l1_H, penalties.l2_H, exponent=power)
        H = jnp.where(free[:, None], H, s.H)
        return s._replace(
            W=W, H=H, before_W=before_W, before_H=s.H, momentum=momentum, n_iter=s.n_iter + 1
        )

    def checked(s: ExtrapolatedState) -> ExtrapolatedState:
        loss = objective(data, s.W, s.H, penalties, beta, floor)
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
            bold=s.bold & ~rose,
            cautious=rose,
            best=best,
            loss=jnp.where(lost, loss, best.loss),
            done=converged | lost | ~jnp.isfinite(best.loss) | (best.loss <= 0),
        )

    return iterate_and_check(sweep, checked, state, until, last)
