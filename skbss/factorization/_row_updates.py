"""Activations by multiplicative updates: groups of rows, which rows leave when they converge."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from skbss._kernels.activations import MovingRows, RowOrders, flat_activations, iterate_rows
from skbss._kernels.dense_data import DenseData
from skbss._kernels.frame_blocks import FrameBlocks
from skbss._runtime.device import for_kernels, lies_on_host, on_host_for_jax
from skbss._runtime.loop import wait_for
from skbss.factorization._rules import CHECK_EVERY, bounded, choose_pace, update_rule

# Moving rows takes as long as a sweep over some of the groups that it saves.
_CROWDED = 7 / 8


class Looks(NamedTuple):
    """What is known of every row from looks at its error, on the host.

    `error` and `first_error` were seen at the last look and the first. A row is `bold` until its
    error rose for the first time, and `active` until it has converged. Where it `rose` at the
    last look, the row went back to where it was before, and goes on without momentum.
    """

    error: np.ndarray
    first_error: np.ndarray
    bold: np.ndarray
    rose: np.ndarray
    active: np.ndarray


class Group(NamedTuple):
    """Rows that are swept over together; `best` are those at the last look."""

    data: Any
    rows: MovingRows
    best: Any


class UpdatedRows(NamedTuple):
    """Groups of rows after some sweeps.

    Everything else has an entry for every row, and the axes (group, row): the weights of their
    penalties, and where they lie among the rows of all blocks.
    """

    groups: tuple[Group, ...]
    looks: Looks
    penalties: tuple[np.ndarray, np.ndarray]
    places: np.ndarray
    n_iter: int
    done: bool


class RowUpdates:
    """Every row ends when its error falls by less than `tol` of its first in ten sweeps.

    An error is the square root of twice the objective of a row. With momentum every row has its
    own, and goes back where its error rose, as ``Guarded`` has it.

    Parameters
    ----------
    solver : {"mu", "extrapolated"}
        From ``choose_rows_solver``.
    observed : Observations
        The data. Its blocks are the groups, from which rows that have converged are taken out.
    H : jax.Array of shape (rank, width)
        Components, laid out.
    settings : Settings
        With the penalties of every row, in shape (n_samples, 1), or of all.
    """

    def __init__(self, solver, observed, H, settings):
        self._data, self._H, self._settings = observed.data, H, settings
        self._layout, self._silent = observed.layout, observed.silent
        self._floor = for_kernels(settings.floor, H.dtype)
        self._has_momentum = solver == "extrapolated"
        self._rule = update_rule(solver, settings)
        self._in_blocks = isinstance(self._data, FrameBlocks)
        self._is_on_host = lies_on_host(H)
        self._ended: np.ndarray | None = None

    def start(self):
        """Rows in which all components are equally loud."""
        layout, dtype = self._layout, self._H.dtype

        def in_groups(A):
            return np.asarray(A).reshape(-1, layout.height)[: layout.used or 1]

        # Rows that fill up are silent, or they would take long to converge to nothing.
        silent = np.broadcast_to(np.asarray(self._silent), layout.n_rows)
        silent = in_groups(layout.lay_out(silent, bool, fill=True))
        groups = tuple(self._begun(j, of_rows) for j, of_rows in enumerate(silent))
        unknown, none = np.zeros(silent.shape, dtype), np.zeros_like(silent)
        l1, l2, _, _ = bounded(self._settings.penalties, dtype)
        state = UpdatedRows(
            groups,
            Looks(unknown, unknown, ~none, none, in_groups(layout.holds_data)),
            tuple(in_groups(layout.for_every_row(penalty, dtype)) for penalty in (l1, l2)),
            np.arange(silent.size).reshape(silent.shape),
            0,
            False,
        )
        _, error = self._iterated(state, 0)
        return state._replace(looks=state.looks._replace(error=error, first_error=error))

    def advance(self, state, until):
        """Rows after iteration `until`."""
        if state.n_iter % CHECK_EVERY == 0:
            state = self._regrouped(state)
        groups, error = self._iterated(state, until - state.n_iter)
        state = state._replace(groups=groups, n_iter=until)
        if until % CHECK_EVERY == 0 or until == self._settings.max_iter:
            state = self._looked_at(state, error)
        return state

    def activations(self, state):
        """W of all rows, laid out."""
        if not self._in_blocks:
            return state.groups[0].rows.W
        self._put_away(state)
        return self._ended

    def _begun(self, j, silent):
        data = self._data
        if self._in_blocks:
            data = DenseData(*(self._block(A, j) for A in data[:2]))
        W = flat_activations(data, self._H, silent)
        return Group(data, MovingRows(W, W, np.ones(silent.shape, W.dtype)), W)

    def _block(self, A, j):
        """One block of all, without a copy on the host."""
        if A is None:
            return None
        return jax.device_put(np.asarray(A)[j]) if self._is_on_host else A[j]

    def _iterated(self, s, count):
        """Groups after some sweeps, and the errors of all rows."""
        pace = choose_pace(self._rule, s.looks.bold, s.looks.rose, self._H.dtype)
        orders = np.stack(RowOrders(s.looks.active, *s.penalties, *pace), axis=-1)
        # All are under way before the first is waited for.
        results = [
            iterate_rows(
                group.data,
                self._H,
                group.rows,
                told.astype(self._H.dtype, copy=False),
                self._floor,
                for_kernels(count, np.int32),
                has_momentum=self._has_momentum,
                **self._rule,
            )
            for group, told in zip(s.groups, orders, strict=True)
        ]
        wait_for([error for _, error in results])
        moved = zip(s.groups, results, strict=True)
        groups = tuple(group._replace(rows=rows) for group, (rows, _) in moved)
        return groups, np.stack([np.asarray(error) for _, error in results])

    def _looked_at(self, state, error):
        s, tol = state.looks, self._settings.tol
        with np.errstate(invalid="ignore", over="ignore"):
            drop = (s.error - error) / np.where(s.first_error > 0, s.first_error, 1)
            falls = (tol == 0) | (drop >= tol)
            rose = s.active & ~(error <= s.error) & self._has_momentum
        looks = s._replace(
            error=np.where(s.active & ~rose, error, s.error),
            bold=s.bold & ~rose,
            rose=rose,
            active=s.active & (falls | (rose & ~s.rose)),
        )
        groups = tuple(self._returned(*each) for each in zip(state.groups, rose, strict=True))
        return state._replace(groups=groups, looks=looks, done=not looks.active.any())

    def _returned(self, group, rose):
        rows = group.rows
        if rose.any():
            xp = np if self._is_on_host else jnp
            W, before = (xp.where(rose[:, None], group.best, A) for A in rows[:2])
            rows = MovingRows(W, before, xp.where(rose, W.dtype.type(1), rows.momentum))
        return group._replace(rows=rows, best=rows.W)

    def _regrouped(self, state):
        """Groups of rows that are active, if there are enough fewer of them."""
        height, active = self._layout.height, state.looks.active
        needed = -(-int(active.sum()) // height)
        if not (self._in_blocks and self._is_on_host and needed <= _CROWDED * len(active)):
            return state
        self._put_away(state)
        rows = jax.tree.map(
            lambda *parts: np.concatenate(parts), *(group.rows for group in state.groups)
        )
        # Those that fill up the last group have converged, and stay as they are.
        order = np.argsort(~active, axis=None, kind="stable")[: needed * height]
        order = order.reshape(needed, height)

        def taken(A):
            return A.reshape(-1)[order]

        places = taken(state.places)
        return UpdatedRows(
            tuple(
                self._group_of(own, jax.tree.map(lambda A, i=i: A[i], rows))
                for own, i in zip(places, order, strict=True)
            ),
            Looks(*map(taken, state.looks)),
            tuple(map(taken, state.penalties)),
            places,
            state.n_iter,
            state.done,
        )

    def _group_of(self, places, rows):
        data = DenseData(*(_rows_of(A, places) for A in self._data[:2]))
        return Group(data, rows, rows.W)

    def _put_away(self, state):
        rank = len(self._H)
        if self._ended is None:
            self._ended = np.zeros((*self._layout.rows_shape, rank), self._H.dtype)
        for group, places in zip(state.groups, state.places, strict=True):
            self._ended.reshape(-1, rank)[places] = group.rows.W


def _rows_of(A, places):
    """Rows of all blocks, by their places."""
    if A is None:
        return None
    out = on_host_for_jax((len(places), *A.shape[2:]), A.dtype)
    np.take(np.asarray(A).reshape(-1, *A.shape[2:]), places, axis=0, out=out)
    return jax.device_put(out)
