"""Activations of new rows: each is solved by itself, with the components held."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from skbss._kernels.activations import (
    MovingRows,
    Pace,
    RowPenalties,
    iterate_rows,
    returned_rows,
    row_errors,
)
from skbss._kernels.hals import HALSRows, iterate_hals_rows
from skbss._runtime.device import for_kernels
from skbss._runtime.loop import fetch, run_loop
from skbss.factorization._rules import (
    CHECK_EVERY,
    Orders,
    bounded,
    choose_pace,
    update_rule,
)


def solve_activations(solver, observed, W, H, settings, xp=jnp):
    """Minimize over every row of W by itself.

    Parameters
    ----------
    solver : {"mu", "cd", "extrapolated"}
        From ``choose_rows_solver``.
    observed : Observations
        The data.
    W : jax.Array of shape (*rows_shape, rank)
        Where the rows start, laid out.
    H : jax.Array of shape (rank, width)
        Components, laid out.
    settings : Settings
        With the penalties of every row, in shape (n_samples, 1), or of all.
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
    layout = observed.layout
    rows = (_RowSweeps if solver == "cd" else _RowUpdates)(solver, observed, H, settings)
    state = run_loop(rows.advance, rows.start(W), settings.max_iter, stride=CHECK_EVERY)
    W = layout.gather(state.W, settings.n_components, xp)
    return W, state.n_iter, state.done


class SweptRows(NamedTuple):
    """Rows under coordinate descent."""

    rows: Any
    n_iter: int
    done: bool

    @property
    def W(self):
        """Activations."""
        return self.rows.W


class _RowSweeps:
    """Every row ends when its optimality is violated by at most `tol` of the first time."""

    def __init__(self, solver, observed, H, settings):
        penalties = bounded(settings.penalties, H.dtype)
        self._data, self._H, self._l2 = observed.data, H, penalties[1]
        self._l1 = _for_every_row(observed.layout, penalties[0], H.dtype)
        self._tol = for_kernels(settings.tol, H.dtype)
        self._orders = Orders(settings, len(H))
        self._active = observed.layout.holds_data

    def start(self, W):
        unknown = for_kernels(np.full(self._active.shape, np.inf), self._H.dtype)
        none = for_kernels(np.zeros_like(self._active), np.int32)
        return SweptRows(HALSRows(W, unknown, self._active, none), 0, False)

    def advance(self, state, until):
        rows, n_iter, done = iterate_hals_rows(
            self._data,
            self._H,
            state.rows,
            self._l1,
            self._l2,
            self._orders.upto(until),
            self._tol,
            for_kernels(state.n_iter, np.int32),
            for_kernels(until, np.int32),
        )
        return SweptRows(rows, int(fetch(n_iter)), bool(done))


class UpdatedRows(NamedTuple):
    """Rows under updates, and what every row had reached when last looked at."""

    rows: MovingRows
    best: Any
    error: np.ndarray
    first_error: np.ndarray
    bold: np.ndarray
    cautious: np.ndarray
    active: np.ndarray
    n_iter: int
    done: bool

    @property
    def W(self):
        """Activations."""
        return self.rows.W


class _RowUpdates:
    """Every row ends when its error falls by less than `tol` of its first in ten sweeps.

    An error is the square root of twice the objective of a row. With momentum every row has its
    own, and goes back where its error rose, as ``Guarded`` has it.
    """

    def __init__(self, solver, observed, H, settings):
        dtype, layout = H.dtype, observed.layout
        l1, l2, _, _ = bounded(settings.penalties, dtype)
        # A penalty of nothing is one of the same shape, and needs no program of its own.
        each = (_for_every_row(layout, penalty, dtype) for penalty in (l1, l2))
        self._penalties = RowPenalties(*each)
        self._data, self._H, self._settings = observed.data, H, settings
        self._floor = for_kernels(settings.floor, dtype)
        self._rule = update_rule(solver, settings)
        self._has_momentum = solver == "extrapolated"
        self._active = layout.holds_data

    def start(self, W):
        error = self._errors(W)
        none = np.zeros_like(self._active)
        rows = MovingRows(W, W, np.ones_like(error))
        return UpdatedRows(rows, W, error, error, ~none, none, self._active, 0, False)

    def advance(self, state, until):
        pace = None
        if self._has_momentum:
            pace = Pace(*choose_pace(self._rule, state.bold, state.cautious, self._H.dtype))
        rows = iterate_rows(
            self._data,
            self._H,
            state.rows,
            state.active,
            pace,
            self._penalties,
            self._floor,
            for_kernels(until - state.n_iter, np.int32),
            **self._rule,
        )
        state = state._replace(rows=rows, n_iter=until)
        if until % CHECK_EVERY and until != self._settings.max_iter:
            fetch(rows.momentum)
            return state
        return self._looked_at(state, self._errors(rows.W))

    def _looked_at(self, s, error):
        tol, active = self._settings.tol, s.active
        with np.errstate(invalid="ignore", over="ignore"):
            drop = (s.error - error) / np.where(s.first_error > 0, s.first_error, 1)
            falls = (tol == 0) | (drop >= tol)
            rose = active & ~(error <= s.error) if self._has_momentum else np.zeros_like(active)
        if self._has_momentum:
            rows = returned_rows(s.rows, s.best, rose)
            s = s._replace(rows=rows, best=rows.W)
        active = active & (falls | (rose & ~s.cautious))
        return s._replace(
            error=np.where(s.active & ~rose, error, s.error),
            bold=s.bold & ~rose,
            cautious=rose,
            active=active,
            done=not active.any(),
        )

    def _errors(self, W):
        beta = self._rule["beta"]
        return fetch(row_errors(self._data, W, self._H, self._penalties, self._floor, beta=beta))


def _for_every_row(layout, penalty, dtype):
    if penalty.ndim == 0:
        return np.full((*layout.rows_shape, 1), penalty, dtype)
    return layout.lay_out(penalty, dtype, 1)
