"""Activations by coordinate descent, for the Frobenius norm."""

from typing import Any, NamedTuple

import numpy as np

from skbss._kernels.hals import HALSRows, iterate_hals_rows
from skbss._runtime.device import for_kernels
from skbss._runtime.loop import fetch
from skbss.factorization._rules import Orders, bounded


class SweptRows(NamedTuple):
    """Rows after some sweeps."""

    rows: Any
    n_iter: int
    done: bool


class RowSweeps:
    """Every row ends when its optimality is violated by at most `tol` of the first time.

    Parameters
    ----------
    solver : {"cd"}
        From ``choose_rows_solver``.
    observed : Observations
        The data.
    H : jax.Array of shape (rank, width)
        Components, laid out.
    settings : Settings
        Its penalty are the prices of every row, in shape (n_samples, 1), or of all; quadratic ones
        are the same for all.
    """

    def __init__(self, solver, observed, H, settings):
        prices = bounded(settings.penalty, H.dtype)
        linear = observed.layout.for_every_row(prices.linear, H.dtype)
        self._data, self._H, self._prices = observed.data, H, (linear, prices.quadratic)
        self._tol = for_kernels(settings.tol, H.dtype)
        self._orders = Orders(settings, len(H))
        self._layout, self._active = observed.layout, observed.layout.holds_data

    def start(self):
        """Rows of zeros."""
        W = self._layout.zeros(len(self._H), self._H.dtype)
        unknown = for_kernels(np.full(self._active.shape, np.inf), W.dtype)
        none = for_kernels(np.zeros_like(self._active), np.int32)
        return SweptRows(HALSRows(W, unknown, self._active, none), 0, False)

    def advance(self, state, until):
        """Rows after sweep `until`, or convergence."""
        rows, n_iter, done = iterate_hals_rows(
            self._data,
            self._H,
            state.rows,
            *self._prices,
            self._orders.upto(until),
            self._tol,
            for_kernels(state.n_iter, np.int32),
            for_kernels(until, np.int32),
        )
        return SweptRows(rows, int(fetch(n_iter)), bool(done))

    def activations(self, state):
        """W of all rows, laid out."""
        return state.rows.W
