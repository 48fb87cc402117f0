"""Coordinate descent with momentum for the Frobenius norm, several sweeps a product.

A. M. S. Ang and N. Gillis, "Accelerating nonnegative matrix factorization algorithms using
extrapolation", Neural Computation 31(2), 2019, algorithm 3 with projected steps; and N. Gillis
and F. Glineur, "Accelerated multiplicative updates and hierarchical ALS algorithms for
nonnegative matrix factorization", Neural Computation 24(4), 2012, for the repeated sweeps.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from skbss._kernels.checks import iterate_and_check
from skbss._kernels.extrapolated import Checkpoint
from skbss._kernels.hals import normal_equations, sweep_coordinates
from skbss._kernels.penalties import Penalties, objective

# Coordinate sweeps over a factor while the other's products with the data stay as they are.
_SWEEPS = 4
# The first step ahead; how it grows, and its bound, where the objective falls; how it shrinks.
_FIRST, _GROWTH, _BOUND_GROWTH, _SHRINKAGE = 0.5, 1.01, 1.005, 1.5
# A rise of the objective by less than this share of the data is rounding (in float32).
_NOISE = 1e-7


class ExtrapolatedHALSState(NamedTuple):
    """Factors after `n_iter` iterations, the points ahead of them, and how far ahead these are.

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
    cautious: Bool[Array, ""]
    best: Checkpoint
    loss: Float[Array, ""]
    first_loss: Float[Array, ""]
    violation: Float[Array, ""]
    first_violation: Float[Array, ""]
    n_iter: Int[Array, ""]
    done: Bool[Array, ""]

    @property
    def W(self) -> Float[Array, "*rows k"]:
        """Activations."""
        return self.Wt.mT


@jax.jit
def start_extrapolated_hals(data, W, H, penalties: Penalties) -> ExtrapolatedHALSState:
    """The state before the first iteration."""
    loss = _objective(data, W, H, penalties)
    unknown = jnp.full_like(loss, jnp.inf)
    Wt = W.mT
    return ExtrapolatedHALSState(
        Wt=Wt,
        H=H,
        ahead_Wt=Wt,
        ahead_H=H,
        pull=jnp.full_like(loss, _FIRST),
        pull_before=jnp.full_like(loss, _FIRST),
        bound=jnp.ones_like(loss),
        level=unknown,
        cautious=jnp.bool_(False),
        best=Checkpoint(Wt, H, loss),
        loss=loss,
        first_loss=loss,
        violation=unknown,
        first_violation=unknown,
        n_iter=jnp.int32(0),
        done=loss <= 0,
    )


@jax.jit
def advance_extrapolated_hals(
    data,
    state: ExtrapolatedHALSState,
    penalties: Penalties,
    free: Bool[Array, " k"],
    tol: Float[Array, ""],
    until: Int[Array, ""],
    last: Int[Array, ""],
) -> ExtrapolatedHALSState:
    """Iterate over W, then the free rows of H, up to iteration `until` or convergence.

    In every iteration the objective at the new H and the point ahead of W, which costs nothing,
    says whether momentum misled: then both points ahead go back. Every tenth iteration, and at
    iteration `last`, the objective of the factors is compared with the best so far; where it
    rose, the best factors come back, and the next ten iterations go without momentum, which can
    not raise it. The loop ends when the violation of the optimality conditions is at most `tol`
    of that of the first iteration, or is NaN.
    """
    everywhere = jnp.ones_like(free)
    order = jnp.arange(free.shape[0], dtype=jnp.int32)

    def swept(A, gram, products, movable):
        A, violation = sweep_coordinates(A, gram, products, order, movable)

        def again(_, A):
            return sweep_coordinates(A, gram, products, order, movable)[0]

        return lax.fori_loop(1, _SWEEPS, again, A), violation.sum()

    def settled(s: ExtrapolatedHALSState) -> Bool[Array, ""]:
        return ~jnp.isinf(s.violation) & ~(s.violation > tol * s.first_violation)

    def iterate(s: ExtrapolatedHALSState) -> ExtrapolatedHALSState:
        pull = jnp.where(s.cautious, 0, s.pull)

        def update(block, rows):
            Wt, start = rows
            products = block.times_components(s.ahead_H)
            system = normal_equations(s.ahead_H, products, penalties.l1_W, penalties.l2_W)
            new, violation = swept(start, *system, everywhere)
            ahead = jnp.maximum(new + pull * (new - Wt), 0)
            costs = penalties.of_rows(ahead).sum()
            totals = violation, costs, ahead @ ahead.T, block.times_activations(ahead)
            return (new, ahead), totals

        rows, (violation_W, costs, gram, products) = data.sweep(update, (s.Wt, s.ahead_Wt))
        Wt, ahead_Wt = rows
        products = products - penalties.l1_H
        ridge = gram + penalties.l2_H * jnp.eye(len(gram), dtype=gram.dtype)
        H, violation_H = swept(s.ahead_H, ridge, products, free)
        ahead_H = jnp.where(free[:, None], jnp.maximum(H + pull * (H - s.H), 0), H)
        level = (H * (ridge @ H / 2 - products)).sum() + costs
        rose = ~(level <= s.level + _NOISE * jnp.abs(s.level)) & ~s.cautious
        violation = violation_W + violation_H
        first = jnp.where(jnp.isinf(s.first_violation), violation, s.first_violation)
        return s._replace(
            Wt=Wt,
            H=H,
            ahead_Wt=jnp.where(rose, Wt, ahead_Wt),
            ahead_H=jnp.where(rose, H, ahead_H),
            pull=jnp.where(rose, s.pull / _SHRINKAGE, jnp.minimum(s.bound, s.pull * _GROWTH)),
            pull_before=jnp.where(rose, s.pull_before, s.pull),
            bound=jnp.where(rose, s.pull_before, jnp.minimum(1, s.bound * _BOUND_GROWTH)),
            level=level,
            violation=violation,
            first_violation=first,
            n_iter=s.n_iter + 1,
        )

    def checked(s: ExtrapolatedHALSState) -> ExtrapolatedHALSState:
        loss = _objective(data, s.W, s.H, penalties)
        rose = ~(loss <= s.best.loss)
        reached = Checkpoint(s.Wt, s.H, loss)
        best = jax.tree.map(lambda old, new: jnp.where(rose, old, new), s.best, reached)
        converged = settled(s) & (~rose | s.cautious)
        return s._replace(
            Wt=best.W,
            H=best.H,
            ahead_Wt=jnp.where(rose, best.W, s.ahead_Wt),
            ahead_H=jnp.where(rose, best.H, s.ahead_H),
            pull=jnp.where(rose, _FIRST, s.pull),
            pull_before=jnp.where(rose, _FIRST, s.pull_before),
            level=jnp.where(rose, jnp.inf, s.level),
            violation=jnp.where(rose, jnp.inf, s.violation),
            cautious=rose,
            best=best,
            loss=best.loss,
            done=converged | ~jnp.isfinite(best.loss) | (best.loss <= 0),
        )

    return iterate_and_check(iterate, checked, state, until, last, settled)


def _objective(data, W, H, penalties):
    return objective(data, W, H, penalties, 2.0, jnp.zeros((), H.dtype))
