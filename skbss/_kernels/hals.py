"""Coordinate descent on a component at a time (HALS), for the Frobenius norm.

A. Cichocki and A.-H. Phan, "Fast local algorithms for large scale nonnegative matrix and tensor
factorizations", IEICE Transactions E92-A(3), 2009, algorithm 2.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from skbss._kernels.entries import count_up, entry, with_entry
from skbss._kernels.penalties import Penalty, Prices


class NormalEquations(NamedTuple):
    """What says that the gradient in A is ``(gram + diag(ridge)) A - products``.

    The matrix is not put together: the program that does takes a second to compile.
    """

    gram: Float[Array, "k k"]
    products: Float[Array, "k n"]
    ridge: Float[Array, "k 1"]

    def gradient(self, A: Float[Array, "k n"]) -> Float[Array, "k n"]:
        """In all rows of A."""
        return self.gram @ A + self.ridge * A - self.products

    def curvature(self) -> Float[Array, " k"]:
        """Along every row of A."""
        itself = jnp.eye(self.gram.shape[0], dtype=bool)
        return jnp.where(itself, self.gram, 0).sum(axis=1) + self.ridge[:, 0]


def sweep_coordinates(
    A: Float[Array, "k n"],
    system: NormalEquations,
    order: Int[Array, " k"],
    free: Bool[Array, " k"],
) -> tuple[Float[Array, "k n"], Float[Array, " n"]]:
    """Minimize over one free row of `A` after the other; also how each column broke optimality.

    Rows are contiguous in memory, whence the orientation.
    """
    curvature = system.curvature()
    movable = free & (curvature > 0)
    curvature = jnp.where(movable, curvature, 1)
    # The sign would be looked at whenever a row is.
    order = order.astype(jnp.uint32)

    def coordinate(i, carry):
        A, gradients = carry
        k = entry(order, i)
        a, products = entry(A, k), entry(system.products, k)
        gradient = entry(system.gram, k) @ A + entry(system.ridge, k) * a - products
        moved = jnp.maximum(a - gradient / entry(curvature, k), 0)
        A = with_entry(A, k, jnp.where(entry(movable, k), moved, a))
        return A, with_entry(gradients, k, gradient)

    swept, gradients = count_up(len(A), coordinate, (A, jnp.zeros_like(A)))
    # Kept and looked at afterwards: within the loop it would take four times as long.
    return swept, violation_of_optimality(A, gradients, free)


def descend_coordinates(
    A: Float[Array, "k n"],
    system: NormalEquations,
    free: Bool[Array, " k"],
    sweeps: int | Int[Array, ""],
) -> Float[Array, "k n"]:
    """Minimize over one free row of `A` after the other, from first to last, `sweeps` times."""
    curvature = system.curvature()
    movable = (free & (curvature > 0))[:, None]
    # What no data speaks for costs as much as its penalty says: nothing, or it is to go.
    costly = system.products.max(axis=1) < 0
    stays = ~free | ((curvature <= 0) & ~costly)
    curvature = jnp.where(movable, curvature[:, None], 1)
    # Divided beforehand, the rows say where each minimum lies but for the bound at 0: that of
    # row k at target[k] - others[k] @ A. Rows that stay find themselves there.
    itself = jnp.eye(A.shape[0], dtype=bool)
    others = jnp.where(itself | ~movable, 0, system.gram / curvature)
    others = jnp.where(itself & stays[:, None], -1, others)
    target = jnp.where(movable, system.products / curvature, 0)

    def coordinate(k, A):
        return with_entry(A, k, jnp.maximum(entry(target, k) - entry(others, k) @ A, 0))

    def sweep(_, A):
        return count_up(len(A), coordinate, A)

    return lax.fori_loop(0, sweeps, sweep, A)


def violation_of_optimality(
    A: Float[Array, "k n"], gradients: Float[Array, "k n"], free: Bool[Array, " k"]
) -> Float[Array, " n"]:
    """The sum over every column of what could be gained along the free rows."""
    projected = jnp.where(A == 0, jnp.minimum(gradients, 0), gradients)
    return jnp.where(free[:, None], jnp.abs(projected), 0).sum(axis=0)


def normal_equations(
    gram: Float[Array, "k k"], products: Float[Array, "k n"], prices: Prices
) -> NormalEquations:
    """Those for a factor, from what the other factor gives with itself and with the data.

    The quadratic price is the same along every row of the factor.
    """
    ridge = jnp.broadcast_to(jnp.asarray(prices.quadratic, gram.dtype), (len(gram), 1))
    return NormalEquations(gram, products - prices.linear, ridge)


def prices_in_columns(prices: Prices) -> Prices:
    """Prices of W for its transpose."""
    return Prices(*(jnp.asarray(price).T for price in prices))


class HALSState(NamedTuple):
    """Factors after `n_iter` sweeps, with the violation of optimality in the last one."""

    W: Float[Array, "*rows k"]
    H: Float[Array, "k freqs"]
    violation: Float[Array, ""]
    first_violation: Float[Array, ""]
    n_iter: Int[Array, ""]


@jax.jit
def iterate_hals(
    data,
    state: HALSState,
    penalty: Penalty,
    free: Bool[Array, " k"],
    orders: Int[Array, "sweeps 2 k"],
    tol: Float[Array, ""],
    until: Int[Array, ""],
) -> tuple[HALSState, Bool[Array, ""]]:
    """Sweep over W, then the free rows of H, up to sweep number `until` or convergence.

    Sweep `n` visits the components in the order ``orders[n % len(orders)]``. The loop ends when
    the violation is at most `tol` of that of the first sweep, as in scikit-learn, or is NaN; the
    second result says whether it did.
    """
    everywhere = jnp.ones_like(free)

    def settled(s: HALSState) -> Bool[Array, ""]:
        return (s.n_iter > 0) & ~(s.violation > tol * s.first_violation)

    def running(s: HALSState) -> Bool[Array, ""]:
        return (s.n_iter < until) & ~settled(s)

    def sweep(s: HALSState) -> HALSState:
        order = orders[s.n_iter % orders.shape[0]]
        prices, gram_H = prices_in_columns(penalty.prices_of_rows(s.H)), s.H @ s.H.T

        def update(block, W):
            system = normal_equations(gram_H, block.times_components(s.H), prices)
            Wt, violation = sweep_coordinates(W.T, system, order[0], everywhere)
            gram, products = Wt @ Wt.T, block.times_activations(Wt)
            return Wt.T, (violation.sum(), penalty.row_sums(Wt.T), gram, products)

        W, (violation_W, sums, gram, products) = data.sweep(update, s.W)
        system = normal_equations(gram, products, penalty.prices_of_components(s.H, sums))
        H, violation_H = sweep_coordinates(s.H, system, order[1], free)
        violation = violation_W + violation_H.sum()
        first = jnp.where(s.n_iter == 0, violation, s.first_violation)
        return HALSState(W, H, violation, first, s.n_iter + 1)

    state = lax.while_loop(running, sweep, state)
    return state, settled(state)


class HALSRows(NamedTuple):
    """What every row has reached after `n_iter` sweeps, the last one in which it moved."""

    W: Float[Array, "*rows k"]
    first_violation: Float[Array, "*rows"]
    active: Bool[Array, "*rows"]
    n_iter: Int[Array, "*rows"]


@jax.jit
def iterate_hals_rows(
    data,
    H: Float[Array, "k freqs"],
    rows: HALSRows,
    linear: Float[Array, "*rows 1"],
    quadratic: Float[Array, ""],
    orders: Int[Array, "sweeps 2 k"],
    tol: Float[Array, ""],
    n_iter: Int[Array, ""],
    until: Int[Array, ""],
) -> tuple[HALSRows, Int[Array, ""], Bool[Array, ""]]:
    """Sweep over W up to sweep number `until`, leaving alone each row that has converged.

    The `linear` price is that of every row; all share the `quadratic` one. Also returns the sweeps
    of the row that took most, and whether all rows have converged.
    """
    everywhere, gram = jnp.ones(H.shape[0], bool), H @ H.T

    def of_block(block, rows, linear):
        prices = Prices(linear.T, quadratic)
        system = normal_equations(gram, block.times_components(H), prices)

        def running(carry):
            n_iter, _, s = carry
            return (n_iter < until) & s.active.any()

        def sweep(carry):
            n_iter, Wt, s = carry
            order = orders[n_iter % orders.shape[0]][0]
            swept, violation = sweep_coordinates(Wt, system, order, everywhere)
            Wt = jnp.where(s.active, swept, Wt)
            first = jnp.where(n_iter == 0, violation, s.first_violation)
            moved = jnp.where(s.active, n_iter + 1, s.n_iter)
            active = s.active & (violation > tol * first)
            s = s._replace(first_violation=first, active=active, n_iter=moved)
            return n_iter + 1, Wt, s

        _, Wt, rows = lax.while_loop(running, sweep, (n_iter, rows.W.T, rows))
        return rows._replace(W=Wt.T), ()

    rows, _ = data.sweep(of_block, rows, linear)
    return rows, rows.n_iter.max(), ~rows.active.any()
