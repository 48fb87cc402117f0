"""Coordinate descent on a component at a time (HALS), for the Frobenius norm.

A. Cichocki and A.-H. Phan, "Fast local algorithms for large scale nonnegative matrix and tensor
factorizations", IEICE Transactions E92-A(3), 2009, algorithm 2.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from skbss._kernels.checks import CHECK_EVERY
from skbss._kernels.penalties import Penalties, objective


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
        A, gradients = carry
        k = order[i]
        a, curvature = A[k], gram[k, k]
        gradient = gram[k] @ A - products[k]
        movable = free[k] & (curvature > 0)
        moved = jnp.maximum(a - gradient / jnp.where(movable, curvature, 1), 0)
        return A.at[k].set(jnp.where(movable, moved, a)), gradients.at[k].set(gradient)

    swept, gradients = lax.fori_loop(0, A.shape[0], coordinate, (A, jnp.zeros_like(A)))
    # Kept and looked at afterwards: within the loop it would take four times as long.
    projected = jnp.where(A == 0, jnp.minimum(gradients, 0), gradients)
    return swept, jnp.where(free[:, None], jnp.abs(projected), 0).sum(axis=0)


def normal_equations(
    B: Float[Array, "k m"], products: Float[Array, "k n"], l1, l2
) -> tuple[Float[Array, "k k"], Float[Array, "k n"]]:
    """The Gram matrix and the products of which ``gram A - products`` is the gradient in A."""
    return B @ B.T + l2 * jnp.eye(B.shape[0], dtype=B.dtype), products - l1


class HALSState(NamedTuple):
    """Factors after `n_iter` sweeps, with the violation of optimality in the last one."""

    W: Float[Array, "*rows k"]
    H: Float[Array, "k freqs"]
    loss: Float[Array, ""]
    violation: Float[Array, ""]
    first_violation: Float[Array, ""]
    n_iter: Int[Array, ""]
    done: Bool[Array, ""]


@jax.jit
def start_hals(data, W, H, penalties: Penalties) -> HALSState:
    """The state before the first sweep."""
    loss = _objective(data, W, H, penalties)
    unknown = jnp.full_like(loss, jnp.inf)
    return HALSState(W, H, loss, unknown, unknown, jnp.int32(0), jnp.bool_(False))


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

        def update(block, W):
            products = block.times_components(s.H)
            system = normal_equations(s.H, products, penalties.l1_W, penalties.l2_W)
            Wt, violation = sweep_coordinates(W.T, *system, order[0], everywhere)
            return Wt.T, (violation.sum(), Wt @ Wt.T, block.times_activations(Wt))

        W, (violation_W, gram, products) = data.sweep(update, s.W)
        gram = gram + penalties.l2_H * jnp.eye(len(gram), dtype=gram.dtype)
        H, violation_H = sweep_coordinates(s.H, gram, products - penalties.l1_H, order[1], free)
        violation = violation_W + violation_H.sum()
        first = jnp.where(s.n_iter == 0, violation, s.first_violation)
        n_iter = s.n_iter + 1
        loss = lax.cond(
            n_iter % CHECK_EVERY == 0,
            lambda: _objective(data, W, H, penalties),
            lambda: s.loss,
        )
        done = ~(violation > tol * first)
        return HALSState(W, H, loss, violation, first, n_iter, done)

    return lax.while_loop(running, sweep, state)


class HALSRows(NamedTuple):
    """What every row has reached after `n_iter` sweeps, the last one in which it moved."""

    W: Float[Array, "*rows k"]
    first_violation: Float[Array, "*rows"]
    active: Bool[Array, "*rows"]
    n_iter: Int[Array, "*rows"]


class HALSRowsState(NamedTuple):
    """Activations with the components held: all rows, and the sweeps of the one that took most."""

    rows: HALSRows
    n_iter: Int[Array, ""]
    done: Bool[Array, ""]


@jax.jit
def start_hals_rows(W: Float[Array, "*rows k"]) -> HALSRowsState:
    """The state before the first sweep."""
    unknown = jnp.full(W.shape[:-1], jnp.inf, W.dtype)
    active, n_iter = jnp.ones_like(unknown, bool), jnp.zeros_like(unknown, jnp.int32)
    return HALSRowsState(HALSRows(W, unknown, active, n_iter), jnp.int32(0), jnp.bool_(False))


@jax.jit
def advance_hals_rows(
    data,
    H: Float[Array, "k freqs"],
    state: HALSRowsState,
    l1: Float[Array, "*rows 1"],
    l2: Float[Array, ""],
    orders: Int[Array, "sweeps 2 k"],
    tol: Float[Array, ""],
    until: Int[Array, ""],
) -> HALSRowsState:
    """Sweep over W up to sweep number `until`, leaving alone each row that has converged.

    The penalty ``l1`` is that of every row; all share ``l2``.
    """
    everywhere = jnp.ones(H.shape[0], bool)

    def of_block(block, given):
        rows, l1 = given
        gram, products = normal_equations(H, block.times_components(H), l1.T, l2)

        def running(carry):
            n_iter, _, s = carry
            return (n_iter < until) & s.active.any()

        def sweep(carry):
            n_iter, Wt, s = carry
            order = orders[n_iter % orders.shape[0]][0]
            swept, violation = sweep_coordinates(Wt, gram, products, order, everywhere)
            Wt = jnp.where(s.active, swept, Wt)
            first = jnp.where(n_iter == 0, violation, s.first_violation)
            moved = jnp.where(s.active, n_iter + 1, s.n_iter)
            active = s.active & (violation > tol * first)
            s = s._replace(first_violation=first, active=active, n_iter=moved)
            return n_iter + 1, Wt, s

        _, Wt, rows = lax.while_loop(running, sweep, (state.n_iter, rows.W.T, rows))
        return (rows._replace(W=Wt.T), l1), ()

    (rows, _), _ = data.sweep(of_block, (state.rows, l1))
    return HALSRowsState(rows, rows.n_iter.max(), ~rows.active.any())


def _objective(data, W, H, penalties):
    return objective(data, W, H, penalties, 2.0, jnp.zeros((), H.dtype))
