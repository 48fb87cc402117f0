"""Activations of new rows: each is solved by itself, with the components held."""

import jax.numpy as jnp
import numpy as np

from skbss._kernels.activations import RowPenalties, advance_rows, start_rows
from skbss._kernels.checks import CHECK_EVERY
from skbss._kernels.hals import advance_hals_rows, start_hals_rows
from skbss._runtime.loop import run_loop
from skbss.factorization._solvers import Orders, bold_exponent, bounded, update_rule


def solve_activations(solver, observed, W, H, settings, xp=jnp):
    """Minimize over every row of W by itself.

    Parameters
    ----------
    solver : {"mu", "cd", "extrapolated"}
        From `choose_rows_solver`.
    observed : Observations
        The data.
    W : jax.Array of shape (*rows_shape, rank)
        Where the rows start, laid out.
    H : jax.Array of shape (rank, width)
        Components, laid out.
    settings : Settings
        With the penalties of every row, in shape (n_samples, 1), or of all.
    xp : module
        NumPy or JAX.

    Returns
    -------
    W : array of shape (n_samples, n_components)
    n_iter : int
        Iterations of the row that took most.
    converged : bool
        Whether all rows did.
    """
    dtype, layout = H.dtype, observed.layout
    tol, floor = np.asarray(settings.tol, dtype), np.asarray(settings.floor, dtype)
    l1, l2 = bounded((settings.penalties.l1_W, settings.penalties.l2_W), dtype)
    # A penalty of nothing is one of the same shape, and needs no program of its own.
    l1 = _for_every_row(layout, l1, dtype)
    if solver == "cd":
        orders = Orders(settings, len(H))
        state = start_hals_rows(W)

        def advance(state, until):
            at = orders.upto(until)
            return advance_hals_rows(observed.data, H, state, l1, l2, at, tol, np.int32(until))
    else:
        rule = update_rule(solver, settings)
        penalties = RowPenalties(l1, _for_every_row(layout, l2, dtype))
        state = start_rows(observed.data, W, H, penalties, floor, beta=settings.beta)

        last = np.int32(min(settings.max_iter, np.iinfo(np.int32).max))
        bold = np.asarray(bold_exponent(rule), dtype)

        def advance(state, until):
            return advance_rows(
                observed.data,
                H,
                state,
                penalties,
                floor,
                tol,
                np.int32(until),
                last,
                bold,
                extrapolate=solver == "extrapolated",
                **rule,
            )

    state = run_loop(advance, state, settings.max_iter, stride=CHECK_EVERY)
    W = layout.gather(state.rows.W, settings.n_components, xp)
    return W, int(state.n_iter), bool(state.done)


def _for_every_row(layout, penalty, dtype):
    if penalty.ndim == 0:
        return np.full((*layout.rows_shape, 1), penalty, dtype)
    return layout.lay_out(penalty, dtype, 1)
