"""The solvers by name: each runs its kernels to convergence through the one driver."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from sklearn.utils import check_random_state

from skbss._kernels.extrapolated import advance_extrapolated, start_extrapolated
from skbss._kernels.hals import (
    advance_hals,
    advance_hals_rows,
    start_hals,
    start_hals_rows,
)
from skbss._kernels.multiplicative import (
    CHECK_EVERY,
    Penalties,
    advance_mu,
    advance_rows,
    mm_exponent,
    start_mu,
    start_rows,
)
from skbss._runtime.loop import run_loop
from skbss._runtime.resuming import Bookmark


class Settings(NamedTuple):
    """What every solver is told."""

    beta: float
    penalties: Penalties
    floor: float
    tol: float
    max_iter: int
    shuffle: bool
    random_state: Any


class Solution(NamedTuple):
    """Where a solver ended."""

    W: Any
    H: Any
    n_iter: int
    losses: list[float]


class Watch(NamedTuple):
    """Who looks on: called before and after every step, which is one iteration if `closely`."""

    before: Callable[[int], None]
    after: Callable[[int, Any, float], bool | None]
    closely: bool


def choose_solver(solver, beta, *, weighted):
    """What "auto" stands for: coordinate descent where it applies, else updates with momentum."""
    if solver != "auto":
        return solver
    return "cd" if beta == 2 and not weighted else "extrapolated"


def solve_jointly(solver, data, W, H, free, settings, watch, xp) -> Solution:
    """Minimize over W and the `free` rows of H; both are arrays of `xp`, NumPy or JAX."""
    dtype = H.dtype
    tol, floor = jnp.asarray(settings.tol, dtype), jnp.asarray(settings.floor, dtype)
    penalties, free = _on_device(settings.penalties, dtype), jnp.asarray(free)
    W, H = jnp.asarray(W), jnp.asarray(H)
    if solver == "cd":
        state: Any = start_hals(data, W, H, penalties)
        orders = _Orders(H.shape[0], settings)

        def advance(state, until):
            at = orders.upto(until)
            return advance_hals(data, state, penalties, free, at, tol, jnp.int32(until))
    else:
        rule = _update_rule(solver, settings)
        if solver == "mu":
            state = start_mu(data, W, H, penalties, floor, beta=settings.beta)

            def advance(state, until):
                until = jnp.int32(until)
                return advance_mu(data, state, penalties, free, floor, tol, until, **rule)
        else:
            state = start_extrapolated(data, W, H, penalties, floor, beta=settings.beta)
            last = jnp.int32(min(settings.max_iter, np.iinfo(np.int32).max))

            def advance(state, until):
                until = jnp.int32(until)
                return advance_extrapolated(
                    data, state, penalties, free, floor, tol, until, last, **rule
                )

    losses = [float(state.loss)]
    on_the_way = (solver, data, state, settings._replace(max_iter=0, random_state=None), free)
    bookmark = Bookmark(on_the_way)
    # A shuffled order depends on how often it was drawn from the start on.
    if not settings.shuffle:
        earlier, until_then = bookmark.find((state, losses))
        if earlier.n_iter <= settings.max_iter:
            state, losses = earlier, list(until_then)

    def after(state, n_iter):
        if n_iter % CHECK_EVERY == 0:
            losses.append(float(state.loss))
            bookmark.put((state, tuple(losses)))
        return watch.after(n_iter, state.H, float(state.loss))

    stride = 1 if watch.closely else CHECK_EVERY
    state = run_loop(
        advance, state, settings.max_iter, stride=stride, before=watch.before, after=after
    )
    return Solution(_activations(state, xp), xp.asarray(state.H), int(state.n_iter), losses)


def solve_activations(solver, data, W, H, settings, xp=jnp):
    """Minimize over every row of W, an array of `xp`, by itself, with H held.

    Also the number of iterations and whether all rows converged.
    """
    dtype = H.dtype
    tol, floor = jnp.asarray(settings.tol, dtype), jnp.asarray(settings.floor, dtype)
    penalties = _on_device(settings.penalties, dtype)
    W, H = jnp.asarray(W), jnp.asarray(H)
    if solver == "cd":
        state: Any = start_hals_rows(W)
        orders = _Orders(H.shape[0], settings)

        def advance(state, until):
            at = orders.upto(until)
            return advance_hals_rows(data, H, state, penalties, at, tol, jnp.int32(until))
    else:
        rule = _update_rule(solver, settings)
        state = start_rows(data, W, H, penalties, floor, beta=settings.beta)

        def advance(state, until):
            return advance_rows(data, H, state, penalties, floor, tol, jnp.int32(until), **rule)

    state = run_loop(advance, state, settings.max_iter, stride=CHECK_EVERY)
    return _activations(state, xp), int(state.n_iter), bool(state.done)


def _activations(state, xp):
    # Brought home first: transposing on the host costs no compiled program.
    return xp.asarray(state.Wt).T if hasattr(state, "Wt") else xp.asarray(state.W)


def _on_device(penalties, dtype):
    # Relative to data near the smallest numbers a penalty can exceed the largest: it wins anyhow.
    most = np.sqrt(float(np.finfo(dtype).max))
    return Penalties(*(jnp.asarray(np.minimum(penalty, most), dtype) for penalty in penalties))


def _update_rule(solver, settings):
    quadratic = bool(np.any(settings.penalties.l2_W) or np.any(settings.penalties.l2_H))
    exponent = mm_exponent(settings.beta, quadratic=quadratic)
    if solver == "extrapolated" and (
        settings.beta == 1 or (not quadratic and 0 <= settings.beta <= 2)
    ):
        # Twice as fast for beta < 1 or with an L2 penalty, and still never up.
        exponent = 1.0
    return {"beta": settings.beta, "exponent": exponent, "quadratic": quadratic}


class _Orders:
    """The order in which the components are visited: drawn as scikit-learn draws it."""

    def __init__(self, n_components, settings):
        self._rng = check_random_state(settings.random_state) if settings.shuffle else None
        self._n_components = n_components
        self._stride = 0
        fixed = np.arange(n_components, dtype=np.int32)
        self._orders = jnp.asarray(np.broadcast_to(fixed, (CHECK_EVERY, 2, n_components)))

    def upto(self, until):
        stride = -(-until // CHECK_EVERY)
        if self._rng is not None and stride != self._stride:
            draws = [self._rng.permutation(self._n_components) for _ in range(2 * CHECK_EVERY)]
            orders = np.array(draws, np.int32).reshape(CHECK_EVERY, 2, self._n_components)
            self._orders, self._stride = jnp.asarray(orders), stride
        return self._orders
