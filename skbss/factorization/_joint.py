"""Both factors at once: a solver is run to convergence through the one driver."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from skbss._runtime.loop import run_loop
from skbss._runtime.resuming import Bookmark
from skbss.factorization._divergence import joint_objective
from skbss.factorization._growing import grown_start, sample_levels
from skbss.factorization._rules import CHECK_EVERY, bounded
from skbss.factorization._solvers import make_solver


class Solution(NamedTuple):
    """Where a solver ended.

    `losses` are the objectives in the beginning and after every ten iterations, `loss` that of the
    last one; `divergence` is that of the factors, without penalties. The best of several has the
    loss and the components of all `restarts`, in the order of the starts.
    """

    W: Any
    H: Any
    n_iter: int
    losses: list[float]
    loss: float
    divergence: float
    restarts: tuple[tuple[float, Any], ...] = ()

    def is_better_than(self, other: "Solution") -> bool:
        """Whether it has the lower objective; numbers that overflowed have none."""
        return self.loss < other.loss or not math.isfinite(other.loss)


class Watch(NamedTuple):
    """Who looks on: called before and after every step, which is one iteration if `closely`.

    `after` is given the number of iterations, a function that fetches the components, and the
    objective; a true answer ends the search.
    """

    before: Callable[[int], None]
    after: Callable[[int, Callable[[], Any], float], bool | None]
    closely: bool


def solve_jointly(name, observed, starts, free, gains_of, settings, watch, xp) -> Solution:
    """Minimize over W and the `free` rows of H, and keep the best of all starts.

    Parameters
    ----------
    name : str
        Of the solver.
    observed : Observations
        The data.
    starts : iterable of tuple
        Where each search starts: W of shape (n_samples, n_components) and H of shape
        (n_components, [template_length,] n_features).
    free : bool array of shape (n_components,)
        The components to be learned.
    gains_of : callable ``(H) -> gains``
        By what to multiply the components, and divide the activations, that are returned.
    settings : Settings
    watch : Watch
    xp : module
        NumPy or JAX, of which the result is made.

    Returns
    -------
    solution : Solution
    """
    stopped = False

    def after(*seen):
        nonlocal stopped
        stopped = bool(watch.after(*seen))
        return stopped

    best: Solution | None = None
    restarts = []
    for W, H in starts:
        own = watch._replace(after=after)
        found = _solve_from(name, observed, W, H, free, gains_of, settings, own, xp)
        restarts.append((found.loss, found.H))
        if best is None or found.is_better_than(best):
            best = found
        if stopped:
            break
    assert best is not None, "no start"
    return best._replace(restarts=tuple(restarts))


def _solve_from(name, observed, W, H, free, gains_of, settings, watch, xp) -> Solution:
    data, layout, dtype = observed.data, observed.layout, H.dtype
    penalty = bounded(settings.penalty, dtype)
    solver = make_solver(name, layout.mark_components(free), settings, dtype)
    W = layout.lay_out(W, dtype, layout.rank)
    H = layout.lay_out_components(H)
    state = solver.start(data, W, H, penalty)
    losses = [state.loss]
    levels = sample_levels(name, observed, settings.max_iter)
    on_the_way = settings._replace(max_iter=0, random_state=None)
    bookmark = Bookmark((name, data, state, on_the_way, free, levels))
    # A shuffled order depends on how often it was drawn from the start on.
    earlier = None if settings.shuffle else bookmark.find(None)
    if earlier is not None and earlier[0].n_iter <= settings.max_iter:
        state, losses = earlier[0], list(earlier[1])
    elif levels:
        state = grown_start(solver, name, observed, state, penalty, settings, levels)

    def components(state):
        H = layout.gather_components(state.H, xp)
        gains = gains_of(H).astype(H.dtype)
        return H * gains.reshape(-1, *[1] * (H.ndim - 1)), gains

    def advance(state, until):
        return solver.advance(data, state, penalty, until)

    def after(state, n_iter):
        if n_iter % CHECK_EVERY == 0:
            losses.append(state.loss)
            bookmark.put((state, tuple(losses)))

        return watch.after(n_iter, lambda: components(state)[0], state.loss)

    stride = 1 if watch.closely else CHECK_EVERY
    state = run_loop(
        advance, state, settings.max_iter, stride=stride, before=watch.before, after=after
    )
    divergence, _ = joint_objective(data, state.W, state.H, penalty, settings.beta)
    H, gains = components(state)
    W = layout.gather(state.W, layout.n_components, xp) / gains
    return Solution(W, H, state.n_iter, losses, state.loss, divergence)
