"""Activations by multiplicative updates: every row moves, goes back and stops by itself."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from skbss._kernels.activations import RowOrders, iterate_rows
from skbss._kernels.group_sparsity import GroupSparsity
from skbss._kernels.row_penalties import RowNumbers
from skbss._runtime.device import for_kernels, lies_on_host
from skbss._runtime.loop import fetch, wait_for
from skbss.factorization._row_groups import Groups, RowGroups
from skbss.factorization._rules import CHECK_EVERY, bounded, choose_pace, step_rule


class Looks(NamedTuple):
    """What is known of every row from looks at its error, of shape (group, row).

    `error` and `first_error` were seen at the last look and the first. A row is `bold` until its
    error rose for the first time, and `active` until it has converged. Where it `rose` at the
    last look, the row went back to where it was before, and goes on without momentum.
    """

    error: np.ndarray
    first_error: np.ndarray
    bold: np.ndarray
    rose: np.ndarray
    active: np.ndarray


class UpdatedRows(NamedTuple):
    """Groups of rows after some sweeps, with the numbers of the penalty of every row.

    `best` are the activations of every group at the last look.
    """

    groups: Groups
    best: tuple[Any, ...]
    looks: Looks
    penalty: RowNumbers
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
        The data.
    H : jax.Array of shape (rank, width)
        Components, laid out.
    settings : Settings
        Its penalty are the prices of every row, in shape (n_samples, 1), or of all; or a
        ``GroupSparsity`` with such a weight and offset.
    """

    def __init__(self, solver, observed, H, settings):
        penalty = settings.penalty
        self._membership = None
        if isinstance(penalty, GroupSparsity):
            filled_up = [(0, len(H) - len(penalty.membership)), (0, 0)]
            self._membership = np.pad(for_kernels(penalty.membership, H.dtype), filled_up)
            # Its bound is linear.
            numbers, quadratic = RowNumbers(penalty.weight, penalty.offset), False
        else:
            numbers, quadratic = RowNumbers(*penalty), bool(np.any(penalty.quadratic))
        self._penalty = numbers
        self._layout, self._silent = observed.layout, observed.silent
        self._groups = RowGroups(observed.data, observed.layout)
        self._H, self._settings = H, settings
        self._floor = for_kernels(settings.floor, H.dtype)
        self._has_momentum = solver == "extrapolated"
        self._rule = step_rule(solver, settings.beta, quadratic=quadratic)

    def start(self):
        """Rows in which all components are equally loud."""
        layout, dtype, split = self._layout, self._H.dtype, self._groups.split
        # Rows that fill up are silent, or they would take long to converge to nothing.
        silent = np.broadcast_to(np.asarray(self._silent), layout.n_rows)
        silent = split(layout.lay_out(silent, bool, fill=True))
        groups = self._groups.start(self._H, silent)
        unknown, none = np.zeros(silent.shape, dtype), np.zeros_like(silent)
        looks = Looks(unknown, unknown, ~none, none, split(layout.holds_data))
        numbers = bounded(self._penalty, dtype)
        numbers = RowNumbers(*(split(layout.for_every_row(one, dtype)) for one in numbers))
        if self._membership is not None:
            # Rows that fill up would be divided by an offset of zero.
            offset = numbers.quadratic_or_offset
            offset = np.where(offset > 0, offset, 1).astype(dtype)
            numbers = numbers._replace(quadratic_or_offset=offset)
        state = UpdatedRows(groups, _activations(groups), looks, numbers, 0, False)
        _, error = self._iterated(state, 0, looks_after=True)
        return state._replace(looks=looks._replace(error=error, first_error=error))

    def advance(self, state, until):
        """Rows after iteration `until`."""
        if state.n_iter % CHECK_EVERY == 0:
            state = self._regrouped(state)
        is_due = until % CHECK_EVERY == 0 or until == self._settings.max_iter
        groups, error = self._iterated(state, until - state.n_iter, looks_after=is_due)
        state = state._replace(groups=groups, n_iter=until)
        return self._looked_at(state, error) if is_due else state

    def activations(self, state):
        """W of all rows, laid out."""
        return self._groups.activations(state.groups)

    def _regrouped(self, state):
        groups, order = self._groups.regrouped(state.groups, state.looks.active)
        if order is None:
            return state

        def moved(of_rows):
            return tuple(A.reshape(-1)[order] for A in of_rows)

        looks, numbers = Looks(*moved(state.looks)), RowNumbers(*moved(state.penalty))
        best = _activations(groups)
        return UpdatedRows(groups, best, looks, numbers, state.n_iter, state.done)

    def _iterated(self, s, count, *, looks_after):
        """Groups after some sweeps, and the errors of all rows."""
        pace = choose_pace(self._rule, s.looks.bold, s.looks.rose, self._H.dtype)
        orders = np.stack(RowOrders(s.looks.active, s.penalty, *pace).to_columns(), axis=-1)
        # All are under way before the first is waited for.
        results = [
            iterate_rows(
                group.data,
                self._H,
                group.rows,
                told.astype(self._H.dtype, copy=False),
                self._floor,
                for_kernels(count, np.int32),
                for_kernels(looks_after, bool),
                self._membership,
                rule=self._rule,
                has_momentum=self._has_momentum,
            )
            for group, told in zip(s.groups.members, orders, strict=True)
        ]
        wait_for([error for _, error in results])
        moved = zip(s.groups.members, results, strict=True)
        members = tuple(group._replace(rows=rows) for group, (rows, _) in moved)
        errors = np.stack([fetch(error) for _, error in results])
        return s.groups._replace(members=members), errors

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
        each = zip(state.groups.members, state.best, rose, strict=True)
        groups = state.groups._replace(members=tuple(_returned(*one) for one in each))
        return state._replace(
            groups=groups, best=_activations(groups), looks=looks, done=not looks.active.any()
        )


def _activations(groups):
    return tuple(group.rows.W for group in groups.members)


def _returned(group, best, rose):
    """The group with rows that `rose` at their best; their momentum ends with the next sweep."""
    if not rose.any():
        return group
    xp = np if lies_on_host(group.rows.W) else jnp
    W = xp.where(rose[:, None], best, group.rows.W)
    return group._replace(rows=group.rows._replace(W=W))
