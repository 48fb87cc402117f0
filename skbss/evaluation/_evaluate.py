"""Systems on tasks, over seeds, into one tidy record."""

import json
import sys
from collections.abc import Iterable
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any, NamedTuple

import joblib
import numpy as np

from skbss._runtime.in_parallel import as_they_finish
from skbss.evaluation._evaluation import Evaluation
from skbss.evaluation._journal import Journal
from skbss.evaluation._keys import lasting_keys
from skbss.evaluation._run import lost_run, run_system, tags_of
from skbss.evaluation._systems import has_seed, named_systems
from skbss.evaluation._task import Task
from skbss.metrics import Metric
from skbss.metrics._registry import find_metrics
from skbss.report._progress import progress_display

DEFAULT_METRICS = ("si_sdr", "sdr", "sir", "sar")


def evaluate(
    separators,
    tasks,
    metrics=DEFAULT_METRICS,
    *,
    seeds=5,
    n_jobs=None,
    path=None,
    progress=None,
):
    """How well systems separate: scores of every system on every task, over several seeds.

    Parameters
    ----------
    separators : mapping of str to estimator, or sequence of estimators
        Systems under the names that tables show: `Separator` and all of `skbss.separation`,
        Pipelines that end in sources, or estimators of one's own. Each is cloned for each run.
    tasks : Task or sequence of Task
        What is separated; no two of the same name.
    metrics : str, Metric, callable, or a sequence of them
        As in :func:`skbss.metrics.score_sources`.
    seeds : int or sequence of int, default=5
        Seeds of the runs, or how many, from 0 on. A system in which nothing is drawn at random
        is run once for each task.
    n_jobs : int, default=None
        How many runs at once, as in joblib, whose backend decides where;
        ``joblib.parallel_config`` chooses it. Its default, loky, is right; the backend
        "multiprocessing" forks, which JAX does not survive.
    path : path-like, default=None
        A file that remembers finished runs. Called again with it, after a stop or with more
        systems, tasks or seeds, only what is missing or went wrong is run. What was changed is run
        anew: parameters, recordings, metrics, and code in a class or function that is not of
        skbss or scikit-learn, though not in what that calls in turn.
    progress : bool, default=None
        Whether to show progress on stderr; by default where that is a terminal.

    Returns
    -------
    evaluation : Evaluation
        One row for every task, system, seed, source and metric, in this order.

    Raises
    ------
    ImportError
        If a metric needs a package that is not installed.
    TypeError, ValueError
        If a system, task, metric or seed is not allowed, `path` is no file or holds something
        else, or a system can not be recognized in it because its class is not that of a module.
        All this before anything is run: what goes wrong in a run, or in one metric of it, is
        recorded, and the others go on.

    See Also
    --------
    leaderboard : The table of it.
    by_iteration : Scores over the iterations of a fit.
    disparity_report : Numerical against perceptual scores.

    Notes
    -----
    What `fit` of a system is given: oracles (of which `takes_sources` is true) the mixture and its
    true sources; systems that learn from isolated sources (of which `supervised` is true, or
    whose tags require `y`) the training recordings of the task, without which the run fails;
    all others the mixture alone. Every `random_state` of a system is set to the seed; every
    `n_sources` and `sample_rate` that is None becomes that of the task. Sources that were not
    learned from isolated recordings are compared in the order of the highest mean SI-SDR, the same
    for all metrics. The time is that of learning and separating, with the compilation of what was
    not compiled yet in that process. Results do not depend on `n_jobs` but for rounding, nor on
    the order of the runs.

    A process that is killed loses the runs that it was at; the file holds all others. A system
    that takes its process with it is recorded as failed with `n_jobs` above 1. Systems get copies
    of the arrays of the task, in which they may write.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import BetaNMF, Separator
    >>> from skbss.evaluation import Task, evaluate
    >>> from skbss.separation import MixtureAsEstimate
    >>> time = np.arange(8000) / 8000
    >>> sources = np.sin(2 * np.pi * np.array([[300], [1500]]) * time)
    >>> sources *= np.array([time < 0.6, time > 0.4])
    >>> task = Task("two tones", sources.sum(axis=0), sources, 8000)
    >>> systems = {
    ...     "NMF": Separator(BetaNMF(2, max_iter=50, tol=0), supervised=False),
    ...     "mixture": MixtureAsEstimate(),
    ... }
    >>> evaluation = evaluate(systems, task, "si_sdr", seeds=2)
    >>> [(row["system"], row["seed"], row["source"]) for row in evaluation.rows[:3]]
    [('NMF', 0, 'source 1'), ('NMF', 0, 'source 2'), ('NMF', 1, 'source 1')]
    >>> bool(np.mean([row["value"] for row in evaluation.rows[:4]]) > 10)
    True
    """
    systems, tasks = named_systems(separators), checked_tasks(tasks)
    metrics, seeds = find_metrics(metrics), checked_seeds(seeds)
    for metric in metrics:
        metric.check_available()
    journal = Journal(path)
    key_of = lasting_keys(systems, metrics) if journal.lasts else _passing_key
    runs = [
        _Run(key_of(task, name, seed), task, name, system, seed, metrics)
        for task in tasks
        for name, system in systems.items()
        for seed in (seeds if has_seed(system) else seeds[:1])
    ]
    missing = [run for run in runs if not journal.holds(run.key)]
    is_shown = sys.stderr.isatty() if progress is None else bool(progress)
    with progress_display(is_shown, total=len(runs), done=len(runs) - len(missing)) as advance:
        side_by_side = partial(_run_by_joblib, n_jobs=n_jobs)
        for run, record in as_they_finish(side_by_side, missing, _one_by_one):
            journal.add(run.key, record)
            advance(f"{record['task']}, {record['system']}")
    # A tag may have changed since the run, on which it has no influence.
    return Evaluation([{**journal[run.key], "tags": tags_of(run.task)} for run in runs])


class _Run(NamedTuple):
    """What is to be run, and the key of its record."""

    key: str
    task: Task
    name: str
    system: Any
    seed: int
    metrics: list[Metric]


def _numbered_record(number, run):
    return number, run_system(*run[1:])


def _run_by_joblib(turns, *, n_jobs):
    try:
        parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    except ValueError:  # a backend that returns everything at the end
        parallel = joblib.Parallel(n_jobs=n_jobs)
    return parallel(joblib.delayed(_numbered_record)(*turn) for turn in turns)


def _one_by_one(runs):
    from joblib.externals.loky import ProcessPoolExecutor

    for run in runs:
        with ProcessPoolExecutor(max_workers=1) as executor:
            try:
                yield executor.submit(run_system, *run[1:]).result()
            except BrokenProcessPool:
                yield lost_run(*run[1:])


def _passing_key(task, name, seed):
    return json.dumps([task.name, name, seed])


def checked_tasks(tasks):
    """Tasks as a list, no two of the same name.

    Parameters
    ----------
    tasks : Task or sequence of Task
        As the caller gave them.

    Returns
    -------
    tasks : list of Task
    """
    tasks = [tasks] if isinstance(tasks, Task) else list(tasks)
    if not tasks:
        raise ValueError("tasks must hold at least one task, got none.")
    for position, task in enumerate(tasks):
        if not isinstance(task, Task):
            raise TypeError(f"tasks[{position}] must be a Task, got {type(task).__name__}.")
    names = [task.name for task in tasks]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"The names of tasks must differ, but there are two {min(twice)!r}.")
    return tasks


def checked_seeds(seeds):
    """Seeds as a list of different integers.

    Parameters
    ----------
    seeds : int or sequence of int
        Themselves, or how many.

    Returns
    -------
    seeds : list of int
    """
    if isinstance(seeds, bool) or not isinstance(seeds, int | np.integer | Iterable):
        raise TypeError(f"seeds must be an int or a sequence of int, got {seeds!r}.")
    checked = list(seeds) if isinstance(seeds, Iterable) else list(range(int(seeds)))
    for seed in checked:
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
            raise TypeError(f"seeds must hold integers, got {seed!r}.")
        if not 0 <= seed < 2**32:
            raise ValueError(f"Every seed must be from 0 to {2**32 - 1}, got {seed}.")
    checked = [int(seed) for seed in checked]
    if not checked or len(set(checked)) < len(checked):
        raise ValueError(f"seeds must hold at least one seed and each once, got {seeds!r}.")
    return checked
