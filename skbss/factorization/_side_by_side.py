"""Activations of many recordings in one program: each moves, goes back and stops by itself."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from skbss._kernels.extrapolated import Moving
from skbss._kernels.side_by_side import at_rest, iterate_each, looked_at_each, objective_each
from skbss._runtime.device import for_kernels, lies_on_host
from skbss._runtime.loop import fetch, run_loop, wait_for
from skbss.factorization._rules import CHECK_EVERY, bounded, choose_paces, step_rules

# Steps of solvers with momentum and without, by the name of the solver.
_RULES = {
    "extrapolated": ("extrapolated", True),
    "momentum": ("extrapolated", True),
    "mu": ("mu", False),
    "majorize-minimize": ("majorize-minimize", False),
}
# Recordings are solved for by so many at once: few different numbers, each of which is compiled.
SIZES = (256, 64, 16, 4, 1)


class Recording(NamedTuple):
    """One of those that are solved for together: data, start and penalty, laid out alike."""

    data: Any
    W: Any
    penalty: Any


class Looks(NamedTuple):
    """What is known of every recording from looks at its loss, in arrays of shape (recording,).

    `loss` is what has to fall, `first` what it was at the start. A recording is `bold` until its
    loss rose for the first time, and `cautious` for ten iterations after it rose, during which it
    goes without momentum.
    """

    loss: np.ndarray
    first: np.ndarray
    bold: np.ndarray
    cautious: np.ndarray
    active: np.ndarray


class Together(NamedTuple):
    """Recordings after some iterations.

    `places` are their places among all, `found` the places and activations of those that were put
    aside because they had ended.
    """

    data: Any
    penalty: Any
    factors: Moving
    best: Any
    looks: Looks
    places: np.ndarray
    found: tuple[tuple[np.ndarray, Any], ...]
    n_iter: int

    @property
    def done(self):
        """Whether all have ended."""
        return not self.looks.active.any()


class SideBySide:
    """Every recording ends as ``make_solver`` would have it end alone.

    Parameters
    ----------
    name : {"mu", "extrapolated", "majorize-minimize", "momentum"}
        Of the solver.
    H : jax.Array of shape ([taps,] rank, width)
        Components, laid out.
    settings : Settings
        Its penalty is that of any of the recordings, which all have the same step rules.
    dtype : dtype
        To compute in.
    """

    def __init__(self, name, H, settings, dtype):
        rules, self._has_momentum = _RULES[name]
        self._rules = step_rules(rules, settings.beta, settings.penalty, learns=False)
        # Plain updates of prices end by the divergence alone.
        self._counts_penalty = name != "mu"
        self._H, self._settings, self._dtype = H, settings, dtype
        self._floor = for_kernels(settings.floor, dtype)

    def solve(self, recordings):
        """Activations of every recording.

        Parameters
        ----------
        recordings : sequence of Recording
            As many as one of `SIZES`.

        Returns
        -------
        W : list of arrays of shape (height, rank)
        converged : bool
            Whether all did.
        n_iter : int
            Iterations of the recording that took most.
        """
        state = run_loop(
            self._advance, self._start(recordings), self._settings.max_iter, stride=CHECK_EVERY
        )
        W: list[Any] = [None] * len(recordings)
        for places, best in (*state.found, (state.places, state.best)):
            if _is_free_on_host(best):
                best = np.asarray(best)
            for place, one in zip(places, best, strict=True):
                W[place] = one
        return W, state.done, state.n_iter

    def _start(self, recordings):
        each = [one._replace(penalty=bounded(one.penalty, self._dtype)) for one in recordings]
        data, W, penalty = jax.tree.map(_stacked, *each)
        total, loss = self._measured(data, W, penalty)
        active = ~(total <= 0)
        looks = Looks(loss, loss, np.ones_like(active), np.zeros_like(active), active)
        places = np.arange(len(each))
        return Together(data, penalty, at_rest(W, self._H), W, looks, places, (), 0)

    def _advance(self, state, until):
        if state.n_iter % CHECK_EVERY == 0:
            state = _without_ended(state)
        looks = state.looks
        reach, exponents = choose_paces(self._rules, looks.bold, looks.cautious, self._dtype)
        factors = iterate_each(
            state.data,
            state.factors,
            state.penalty,
            self._floor,
            reach,
            exponents.T,
            for_kernels(until - state.n_iter, np.int32),
            rules=self._rules,
            has_momentum=self._has_momentum,
        )
        state = state._replace(factors=factors, n_iter=until)
        if until % CHECK_EVERY == 0 or until == self._settings.max_iter:
            return self._looked_at(state)
        wait_for(factors.W)
        return state

    def _looked_at(self, state):
        s, tol = state.looks, self._settings.tol
        _, loss = self._measured(state.data, state.factors.W, state.penalty)
        with np.errstate(invalid="ignore", over="ignore"):
            rose = ~(loss <= s.loss) & self._has_momentum
            drop = (_root(s.loss) - _root(loss)) / np.where(s.first > 0, _root(s.first), 1)
            settled = (tol > 0) & ((drop < tol) if self._has_momentum else ~(drop >= tol))
        # Plain updates from the best factors overshoot only where the numbers give out.
        lost = s.cautious & ~np.isfinite(loss)
        reached = np.where(rose & ~lost, s.loss, loss)
        ended = (settled & (~rose | s.cautious)) | ~np.isfinite(reached) | (reached <= 0)
        factors, best = looked_at_each(state.factors, state.best, s.active & ~rose, s.active & rose)
        looks = Looks(reached, s.first, s.bold & ~rose, rose, s.active & ~ended)
        return state._replace(factors=factors, best=best, looks=looks)

    def _measured(self, data, W, penalty):
        """The objective of every recording, and the part of it that tells when it ends."""
        parts = objective_each(data, W, self._H, penalty, self._floor, beta=self._settings.beta)
        divergence, cost = (fetch(part).astype(np.float64) for part in parts)
        total = divergence + cost
        return total, total if self._counts_penalty else divergence


def _root(loss):
    return np.sqrt(np.maximum(loss, 0)) + 0 * loss


def _stacked(*arrays):
    if all(isinstance(array, np.ndarray) or _is_free_on_host(array) for array in arrays):
        # A program would take so many arrays longer than the host.
        return jax.device_put(np.stack([np.asarray(array) for array in arrays]))
    return jnp.stack(arrays)


def _rows(A, index):
    """Entries of the first axis; without a program for it where they lie on the host."""
    if isinstance(A, jax.Array) and _is_free_on_host(A):
        return jax.device_put(np.asarray(A)[index])
    return A[index]


def _is_free_on_host(array):
    return not array.committed and lies_on_host(array)


def _without_ended(state):
    """Those that go on, where they fill no more than a smaller number."""
    active = state.looks.active
    size = min(size for size in SIZES if size >= active.sum())
    if size >= len(active):
        return state
    order = np.argsort(~active, kind="stable")
    kept, ended = order[:size], order[size:]

    def taken(tree):
        return jax.tree.map(lambda A: _rows(A, kept), tree)

    s = state.factors
    factors = Moving(taken(s.W), s.H, taken(s.before_W), s.H, taken(s.momentum))
    return state._replace(
        data=taken(state.data),
        penalty=taken(state.penalty),
        factors=factors,
        best=taken(state.best),
        looks=taken(state.looks),
        places=state.places[kept],
        found=(*state.found, (state.places[ended], _rows(state.best, ended))),
    )
