"""Scores over the iterations of a fit."""

import numbers

from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skbss._runtime.resuming import resuming
from skbss.evaluation._evaluate import DEFAULT_METRICS, checked_seeds, checked_tasks
from skbss.evaluation._evaluation import Evaluation
from skbss.evaluation._run import run_system
from skbss.evaluation._systems import has_seed, named_systems
from skbss.metrics._registry import find_metrics

DEFAULT_ITERATIONS = tuple(range(30, 301, 30))


def by_iteration(
    separators,
    tasks,
    metrics=DEFAULT_METRICS,
    *,
    iterations=DEFAULT_ITERATIONS,
    seeds=5,
    parameter=None,
):
    """How good the systems are after so many iterations.

    Parameters
    ----------
    separators : mapping of str to estimator, or sequence of estimators
        As in `evaluate`.
    tasks : Task or sequence of Task
        As in `evaluate`.
    metrics : str, Metric, callable, or a sequence of them
        As in `evaluate`.
    iterations : sequence of int, default=(30, 60, ..., 300)
        When to look. Positive.
    seeds : int or sequence of int, default=5
        As in `evaluate`.
    parameter : str, default=None
        The parameter of the systems that limits their iterations, such as
        "factorizer__max_iter". By default the only one that ends in "max_iter".

    Returns
    -------
    evaluation : Evaluation
        Rows as those of `evaluate`, with the iterations as the tag ``tag_n_iter``, by task,
        system, seed and iterations. ``evaluation.where(n_iter=30)`` is what `leaderboard` takes.

    Raises
    ------
    ImportError, TypeError, ValueError
        As in `evaluate`, or if a system has no such parameter, or several, or a task has a tag
        of the name n_iter.

    See Also
    --------
    evaluate : Scores at the end.

    Notes
    -----
    Every result is that of the system with that limit, stopped there. Factorizations of skbss do
    not begin anew for it: they go on from where the fit with fewer iterations stood, so that the
    dictionaries of all rows together cost what those of the last one cost. Activations with a
    dictionary that is held are found for every row, within the same limit. A system whose
    tolerance is above 0 may converge before: from there on its scores stay as they are.
    A `ConvergenceWarning` is what is asked for here, and is not recorded.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import BetaNMF, Separator
    >>> from skbss.evaluation import Task, by_iteration
    >>> time = np.arange(8000) / 8000
    >>> sources = np.sin(2 * np.pi * np.array([[300], [1500]]) * time)
    >>> sources *= np.array([time < 0.6, time > 0.4])
    >>> task = Task("two tones", sources.sum(axis=0), sources, 8000)
    >>> system = Separator(BetaNMF(2, tol=0), supervised=False)
    >>> evaluation = by_iteration([system], task, "si_sdr", iterations=[10, 20], seeds=1)
    >>> [row["tag_n_iter"] for row in evaluation.rows]
    [10, 10, 20, 20]
    """
    systems, tasks = named_systems(separators), checked_tasks(tasks)
    metrics, seeds = find_metrics(metrics), checked_seeds(seeds)
    for metric in metrics:
        metric.check_available()
    iterations = _checked_iterations(iterations)
    for task in tasks:
        if "n_iter" in task.tags:
            raise ValueError(
                f"The task {task.name!r} has a tag n_iter, which by_iteration sets: rename it."
            )
    limits = {name: _limit_of(name, system, parameter) for name, system in systems.items()}
    runs = []
    for task in tasks:
        for name, system in systems.items():
            for seed in seeds if has_seed(system) else seeds[:1]:
                with resuming():
                    for n_iter in iterations:
                        limited = clone(system).set_params(**{limits[name]: n_iter})
                        run = run_system(
                            task, name, limited, seed, metrics, ignored=ConvergenceWarning
                        )
                        run["tags"] = {**run["tags"], "n_iter": n_iter}
                        runs.append(run)
    return Evaluation(runs)


def _checked_iterations(iterations):
    checked = list(iterations)
    for n_iter in checked:
        if isinstance(n_iter, bool) or not isinstance(n_iter, numbers.Integral):
            raise TypeError(f"iterations must hold integers, got {n_iter!r}.")
        if n_iter < 1:
            raise ValueError(f"iterations must be positive, got {n_iter}.")
    if not checked:
        raise ValueError("iterations must hold at least one number, got none.")
    return sorted({int(n_iter) for n_iter in checked})


def _limit_of(name, system, parameter):
    known = system.get_params(deep=True)
    if parameter is not None:
        if parameter not in known:
            raise ValueError(
                f"separators[{name!r}] has no parameter {parameter!r}. Those it has: "
                f"{', '.join(sorted(known))}."
            )
        return parameter
    found = [key for key in known if key == "max_iter" or key.endswith("__max_iter")]
    if len(found) != 1:
        raise ValueError(
            f"separators[{name!r}] has {len(found)} parameters that end in max_iter"
            f"{': ' + ', '.join(sorted(found)) if found else ''}; name the one that limits its "
            "iterations as parameter, and give every part of the system explicitly."
        )
    return found[0]
