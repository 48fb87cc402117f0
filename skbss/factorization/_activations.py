"""Activations of new rows: each is solved by itself, with the components held."""

import jax.numpy as jnp

from skbss._runtime.device import lies_on_host
from skbss._runtime.loop import run_loop
from skbss.factorization._row_sweeps import RowSweeps
from skbss.factorization._row_updates import RowUpdates
from skbss.factorization._rules import CHECK_EVERY

# Rows and values of a block: few enough that the room of rows which have converged is soon taken
# by others, enough that starting a program takes little of its time.
_ROWS_PER_BLOCK, _VALUES_PER_BLOCK = 256, 1 << 16


def rows_per_block(solver, X):
    """How many rows of dense data to solve for together; None for what suits both factors."""
    if solver == "cd":
        return None
    n_rows, n_columns = X.shape
    return max(_ROWS_PER_BLOCK, _VALUES_PER_BLOCK // n_columns) if lies_on_host(X) else n_rows


def solve_activations(solver, observed, H, settings, xp=jnp):
    """Minimize over every row of W by itself, from a start that depends on nothing else.

    Parameters
    ----------
    solver : {"mu", "cd", "extrapolated"}
        From ``choose_rows_solver``.
    observed : Observations
        The data.
    H : jax.Array of shape (rank, width)
        Components, laid out.
    settings : Settings
        Its penalty are the prices of every row, in shape (n_samples, 1), or of all.
    xp : module
        NumPy or JAX, of which the result is made.

    Returns
    -------
    W : array of shape (n_samples, n_components)
    n_iter : int
        Iterations of the row that took most.
    converged : bool
        Whether all rows did.
    """
    rows = (RowSweeps if solver == "cd" else RowUpdates)(solver, observed, H, settings)
    state = run_loop(rows.advance, rows.start(), settings.max_iter, stride=CHECK_EVERY)
    W = observed.layout.gather(rows.activations(state), settings.n_components, xp)
    return W, state.n_iter, state.done
