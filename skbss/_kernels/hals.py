"""Coordinate descent on a component at a time (HALS), for the Frobenius norm.

A. Cichocki and A.-H. Phan, "Fast local algorithms for large scale nonnegative matrix and tensor
factorizations", IEICE Transactions E92-A(3), 2009, algorithm 2.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from skbss._kernels.multiplicative import CHECK_EVERY, Penalties


def sweep_coordinates(
    A: Float[Array, "k n"],
    gram: Float[Array, "k k"],
    products: Float[Array, "k n"],
    order: Int[Array, " k"],
    free: Bool[Array, " k"],
) -> tuple[Float[Array, "k n"], Float[Array, " n"]]:
    """Minimize over one row of `A` after the other; also by how much each column broke optimality.

    The gradient is ``gram A - products``. Rows are contiguous in memory, whence the orientation.
    """

    def coordinate(i, carry):
        A, violation = carry
        k = order[i]
        a, curvature = A[k], gram[k, k]
        gradient = gram[k] @ A - products[k]
        projected = jnp.where(a == 0, jnp.minimum(gradient, 0), gradient)
        movable = free[k] & (curvature > 0)
        moved = jnp.maximum(a - gradient / jnp.where(movable, curvature, 1), 0)
        A = A.at[k].set(jnp.where(movable, moved, a))
        return A, violation + jnp.where(free[k], jnp.abs(projected), 0)

    start = A, jnp.zeros_like(A[0])
    return lax.fori_loop(0, A.shape[0], coordinate, start)


class HALSState(NamedTuple):
    """Factors after `n_iter` sweeps, with the violation of optimality in the last one."""

    Wt: Float[Array, "k frames"]
    H: Float[Array, "k freqs"]
    loss: Float[Array, ""]
    violation: Float[Array, ""]
    first_violation: Float[Array, ""]
    n_iter: Int[Array, ""]
    done: Bool[Array, ""]


@jax.jit
def start_hals(data, W, H, penalties: Penalties) -> HALSState:
    """The state before the first sweep."""
    loss = _objective(data, W.T, H, penalties)
    unknown = jnp.full_like(loss, jnp.inf)
    return HALSState(W.T, H, loss, unknown, unknown, jnp.int32(0), jnp.bool_(False))


@jax.jit
def advance_hals(
    data,
    state: HALSState,
    penalties: Penalties,
    free: Bool[Array, " k"],
    orders: Int[Array, "sweeps 2 k"],
    tol: Float[Array, ""],
    until: Int[Array, ""],
) -> HALSState:
    """Sweep over W, then the free rows of H, up to sweep number `until` or convergence.

    Sweep `n` visits the components in the order ``orders[n % len(orders)]``. The loop ends when
    the violation is at most `tol` of that of the first sweep, as in scikit-learn, or is NaN.
    """
    everywhere = jnp.ones_like(free)

    def running(s: HALSState) -> Bool[Array, ""]:
        return (s.n_iter < until) & ~s.done

    def sweep(s: HALSState) -> HALSState:
        order = orders[s.n_iter % orders.shape[0]]
        gram, products = _normal_equations(
            s.H, data.times_components(s.H), penalties.l1_W, penalties.l2_W
        )
        Wt, violation_W = sweep_coordinates(s.Wt, gram, products, order[0], everywhere)
        gram, products = _normal_equations(
            Wt, data.times_activations(Wt), penalties.l1_H, penalties.l2_H
        )
        H, violation_H = sweep_coordinates(s.H, gram, products, order[1], free)
        violation = violation_W.sum() + violation_H.sum()
        first = jnp.where(s.n_iter == 0, violation, s.first_violation)
        n_iter = s.n_iter + 1
        loss = lax.cond(
            n_iter % CHECK_EVERY == 0,
            lambda: _objective(data, Wt, H, penalties),
            lambda: s.loss,
        )
        done = ~(violation > tol * first)
        return HALSState(Wt, H, loss, violation, first, n_iter, done)

    return lax.while_loop(running, sweep, state)


class HALSRowsState(NamedTuple):
    """Activations with the components held: every row stops by itself."""

    Wt: Float[Array, "k frames"]
    first_violation: Float[Array, " frames"]
    active: Bool[Array, " frames"]
    n_iter: Int[Array, ""]
    done: Bool[Array, ""]


@jax.jit
def advance_hals_rows(
    data,
    H: Float[Array, "k freqs"],
    state: HALSRowsState,
    penalties: Penalties,
    orders: Int[Array, "sweeps 2 k"],
    tol: Float[Array, ""],
    until: Int[Array, ""],
) -> HALSRowsState:
    """Sweep over W up to sweep number `until`, leaving alone each row that has converged."""
    gram, products = _normal_equations(H, data.times_components(H), penalties.l1_W, penalties.l2_W)
    everywhere = jnp.ones(H.shape[0], bool)

    def running(s: HALSRowsState) -> Bool[Array, ""]:
        return (s.n_iter < until) & ~s.done

    def sweep(s: HALSRowsState) -> HALSRowsState:
        order = orders[s.n_iter % orders.shape[0]][0]
        Wt, violation = sweep_coordinates(s.Wt, gram, products, order, everywhere)
        Wt = jnp.where(s.active, Wt, s.Wt)
        first = jnp.where(s.n_iter == 0, violation, s.first_violation)
        active = s.active & (violation > tol * first)
        return HALSRowsState(Wt, first, active, s.n_iter + 1, ~active.any())

    return lax.while_loop(running, sweep, state)


@jax.jit
def start_hals_rows(W: Float[Array, "frames k"]) -> HALSRowsState:
    """The state before the first sweep."""
    n_frames = W.shape[0]
    return HALSRowsState(
        W.T,
        jnp.full(n_frames, jnp.inf, W.dtype),
        jnp.ones(n_frames, bool),
        jnp.int32(0),
        jnp.bool_(False),
    )


def _normal_equations(B, products, l1, l2):
    gram = B @ B.T + l2 * jnp.eye(B.shape[0], dtype=B.dtype)
    return gram, products - l1


def _objective(data, Wt, H, penalties):
    zero = jnp.zeros((), H.dtype)
    return data.row_divergence(Wt.T, H, 2.0, zero).sum() + penalties.total(Wt.T, H)
