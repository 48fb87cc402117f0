"""Activations with the components held: every row starts, and stops, by itself."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from skbss._kernels.checks import CHECK_EVERY
from skbss._kernels.extrapolated import accelerated, ahead
from skbss._kernels.multiplicative import multiplicative_step


@jax.jit
def flat_activations(
    data, H: Float[Array, "k freqs"], silent: Bool[Array, "*rows"]
) -> Float[Array, "*rows k"]:
    """All components equally loud, at the gain at which they sum to what every row sums to.

    Rows that are `silent` and components that are have zeros, which no update moves.
    """
    spectrum, sounds = H.sum(axis=0), (H > 0).any(axis=1)

    def of_block(block, rows):
        _, silent = rows
        level, reach = block.row_levels(spectrum)
        gain = jnp.where(reach > 0, level / jnp.where(reach > 0, reach, 1), 0)
        gain = jnp.where(silent, 0, gain)
        return (jnp.where(sounds, gain[:, None], 0), silent), ()

    empty = jnp.zeros((*silent.shape, H.shape[0]), H.dtype)
    return data.sweep(of_block, (empty, silent))[0][0]


class Rows(NamedTuple):
    """What every row has reached after `n_iter` sweeps, the last one in which it moved.

    An error is the square root of twice a row's objective, that of `best` at the last check.
    """

    W: Float[Array, "*rows k"]
    before: Float[Array, "*rows k"]
    best: Float[Array, "*rows k"]
    momentum: Float[Array, "*rows"]
    bold: Bool[Array, "*rows"]
    cautious: Bool[Array, "*rows"]
    error: Float[Array, "*rows"]
    first_error: Float[Array, "*rows"]
    active: Bool[Array, "*rows"]
    n_iter: Int[Array, "*rows"]


class RowsState(NamedTuple):
    """All rows, and the sweeps of the one that took most."""

    rows: Rows
    n_iter: Int[Array, ""]
    done: Bool[Array, ""]


class RowPenalties(NamedTuple):
    """Weights of ``|w|_1`` and ``|w|^2 / 2`` in the objective of every row w of W."""

    l1: Float[Array, "*rows 1"]
    l2: Float[Array, "*rows 1"]

    def of_rows(self, W: Float[Array, "frames k"]) -> Float[Array, " frames"]:
        """What every row costs."""
        return (self.l1 * W + self.l2 * W * W / 2).sum(axis=1)


@partial(jax.jit, static_argnames="beta")
def start_rows(
    data, W, H, penalties: RowPenalties, floor: Float[Array, ""], *, beta: float
) -> RowsState:
    """The state before the first sweep."""

    def of_block(block, given):
        rows, penalties = given
        error = _row_errors(block, rows.W, H, penalties, floor, beta)
        return (rows._replace(error=error, first_error=error), penalties), ()

    unknown = jnp.zeros(W.shape[:-1], W.dtype)
    rows = Rows(
        W=W,
        before=W,
        best=W,
        momentum=jnp.ones_like(unknown),
        bold=jnp.ones_like(unknown, bool),
        cautious=jnp.zeros_like(unknown, bool),
        error=unknown,
        first_error=unknown,
        active=jnp.ones_like(unknown, bool),
        n_iter=jnp.zeros_like(unknown, jnp.int32),
    )
    (rows, _), _ = data.sweep(of_block, (rows, penalties))
    return RowsState(rows, jnp.int32(0), jnp.bool_(False))


@partial(jax.jit, static_argnames=("beta", "exponent", "quadratic", "extrapolate"))
def advance_rows(
    data,
    H: Float[Array, "k freqs"],
    state: RowsState,
    penalties: RowPenalties,
    floor: Float[Array, ""],
    tol: Float[Array, ""],
    until: Int[Array, ""],
    last: Int[Array, ""],
    bold_exponent: Float[Array, ""],
    *,
    beta: float,
    exponent: float,
    quadratic: bool,
    extrapolate: bool,
) -> RowsState:
    """Sweep over W up to sweep number `until`, leaving alone each row that has converged.

    Every tenth sweep the square root of a row's objective is compared with that ten sweeps
    earlier: a fall of less than `tol` of its first value ends the row. With `extrapolate` rows
    have momentum, every one its own, as ``advance_extrapolated`` has it; where the objective of a
    row rose, at sweep `last` too, the row goes back. A block of rows is swept over again and
    again while it is in the cache.
    """

    def of_block(block, given):
        rows, penalties = given

        def running(carry):
            n_iter, s = carry
            return (n_iter < until) & s.active.any()

        def sweep(carry):
            n_iter, s = carry
            start: Array = s.W
            power: float | Array = exponent
            if extrapolate:
                momentum, pull = accelerated(s.momentum, s.bold, s.cautious)
                start = ahead(s.W, s.before, pull[:, None])
                power = jnp.where(s.bold, bold_exponent, exponent)[:, None]
                s = s._replace(before=s.W, momentum=momentum)
            parts = block.activation_parts(start, H, beta, floor)
            W = multiplicative_step(
                start,
                *parts,
                penalties.l1,
                penalties.l2,
                beta=beta,
                exponent=power,
                quadratic=quadratic,
            )
            n_iter = n_iter + 1
            moved = s._replace(
                W=jnp.where(s.active[:, None], W, s.W),
                n_iter=jnp.where(s.active, n_iter, s.n_iter),
            )
            look = (n_iter % CHECK_EVERY == 0) | (n_iter == last)
            return n_iter, lax.cond(look, checked, lambda s: s, moved)

        def checked(s: Rows) -> Rows:
            error = _row_errors(block, s.W, H, penalties, floor, beta)
            first = jnp.where(s.first_error > 0, s.first_error, 1)
            falls = (tol == 0) | ((s.error - error) / first >= tol)
            if not extrapolate:
                error = jnp.where(s.active, error, s.error)
                return s._replace(error=error, active=s.active & falls)
            rose = s.active & ~(error <= s.error)
            W = jnp.where(rose[:, None], s.best, s.W)
            return s._replace(
                W=W,
                before=jnp.where(rose[:, None], W, s.before),
                best=W,
                momentum=jnp.where(rose, 1, s.momentum),
                bold=s.bold & ~rose,
                cautious=rose,
                error=jnp.where(s.active & ~rose, error, s.error),
                active=s.active & (falls | (rose & ~s.cautious)),
            )

        _, rows = lax.while_loop(running, sweep, (state.n_iter, rows))
        return (rows, penalties), ()

    (rows, _), _ = data.sweep(of_block, (state.rows, penalties))
    return RowsState(rows, rows.n_iter.max(), ~rows.active.any())


def _row_errors(block, W, H, penalties, floor, beta):
    cost = block.row_divergence(W, H, beta, floor) + penalties.of_rows(W)
    return jnp.sqrt(2 * jnp.maximum(cost, 0))
