"""How long an unmixing goes down its objective, of which it looks at every tenth value."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from skbss._runtime.loop import fetch, run_loop, wait_for

_STRIDE = 10


class Descent(NamedTuple):
    """Where it is, and the lowest place that it has seen.

    Attributes
    ----------
    state, best : Any
        What is improved: as it is, and as it was when its objective was lowest.
    objectives : tuple of float
        At the start, at iterations 10, 20 … and at the last.
    n_stale : int
        How many looks in a row brought nothing.
    n_iter : int
        Iterations so far.
    done : bool
        Whether it has come to rest.
    """

    state: Any
    best: Any
    objectives: tuple[float, ...]
    n_stale: int = 0
    n_iter: int = 0
    done: bool = False


def descend(
    improve: Callable[[Any, np.ndarray], Any],
    objective_of: Callable[[Any], Any],
    start: Any,
    *,
    max_iter: int,
    tol: float,
    patience: int,
) -> Descent:
    """Improve until the objective stands still.

    Parameters
    ----------
    improve : callable ``(state, count) -> state``
        Makes so many iterations.
    objective_of : callable ``(state) -> array of shape ()``
        What is to fall.
    start : Any
        The first state.
    max_iter : int
        Iterations at most.
    tol : float
        A look brings nothing if the objective is lower by less than this share of all that it
        fell since the start; 0 goes on to `max_iter`.
    patience : int
        How many such looks in a row end it.

    Returns
    -------
    descent : Descent
    """

    def advance(descent, until):
        state = improve(descent.state, np.asarray(until - descent.n_iter, np.int32))
        wait_for(state)
        if until % _STRIDE and until != max_iter:
            return descent._replace(state=state, n_iter=until)
        objective = float(fetch(objective_of(state)))
        lowest = min(descent.objectives)
        is_lower = objective < lowest
        gain, total = lowest - objective, descent.objectives[0] - min(lowest, objective)
        n_stale = 0 if gain > tol * total else descent.n_stale + 1
        return Descent(
            state,
            state if is_lower else descent.best,
            (*descent.objectives, objective),
            n_stale,
            until,
            tol > 0 and n_stale >= patience,
        )

    first = float(fetch(objective_of(start)))
    return run_loop(advance, Descent(start, start, (first,)), max_iter, stride=_STRIDE)
