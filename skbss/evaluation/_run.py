"""One run of a system on a task, as it is recorded."""

import threading
import time
import warnings
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np

from skbss._version import __version__
from skbss.evaluation._systems import TRUE_SOURCES, learns_from, prepared, separate_task
from skbss.metrics import score_sources


def run_system(task, name, system, seed, metrics, *, ignored=()):
    """One run as it is recorded: plain numbers and strings, whatever happens.

    Parameters
    ----------
    task : Task
        What to separate.
    name : str
        Of the system.
    system : estimator
        Unfitted.
    seed : int
        Of all that is drawn.
    metrics : list of Metric
        What to score.
    ignored : warning category, or tuple of them
        What is not worth a record.

    Returns
    -------
    run : dict
        As `Evaluation` takes it.
    """
    run = _blank(task, name, system, seed, metrics)
    with _noted_warnings() as noted:
        started = time.perf_counter()
        try:
            separation = separate_task(prepared(system, task, seed), task)
            run["seconds"] = separation.seconds
            run["scores"], run["metric_errors"] = _scores(task, separation, metrics)
        except (Exception, SystemExit) as error:
            # Whatever a system does, the others go on.
            run["error"] = _in_words(error)
            run["seconds"] = time.perf_counter() - started
    noted = [w for w in noted if not (ignored and issubclass(w.category, ignored))]
    run["warnings"] = sorted({f"{w.category.__name__}: {w.message}" for w in noted})
    return run


def lost_run(task, name, system, seed, metrics):
    """The record of a run whose process died.

    Parameters
    ----------
    task, name, system, seed, metrics
        As in `run_system`.

    Returns
    -------
    run : dict
        As `Evaluation` takes it.
    """
    reason = "The process died, as it does when memory gives out or native code crashes."
    return {**_blank(task, name, system, seed, metrics), "error": reason, "warnings": []}


def _blank(task, name, system, seed, metrics):
    """What is known before a run."""
    return {
        "task": task.name,
        "tags": tags_of(task),
        "system": name,
        "oracle": learns_from(system) == TRUE_SOURCES,
        "learned_from": learns_from(system),
        "seed": seed,
        "sources": [task.source_names[target] for target in task.targets],
        "metrics": [_told(metric) for metric in metrics],
        "version": __version__,
        "seconds": None,
        "scores": {},
        "metric_errors": {},
        "error": None,
    }


def tags_of(task):
    """What a record says of a task, in plain numbers and strings.

    Parameters
    ----------
    task : Task
        With its tags.

    Returns
    -------
    tags : dict
    """
    return {
        tag: value.item() if isinstance(value, np.generic) else value
        for tag, value in task.tags.items()
    }


def _told(metric):
    facts = ("name", "unit", "definition", "best")
    return {fact: getattr(metric, fact) for fact in facts}


def _scores(task, separation, metrics):
    """What every metric gives for the targets, and why others give nothing."""
    together: dict[Any, list] = {}
    for metric in metrics:
        together.setdefault(metric.compute, []).append(metric)
    scores, errors = {}, {}
    for group in together.values():
        try:
            # Copies: what one metric writes into must not reach the next.
            found = score_sources(
                task.sources.copy(),
                separation.estimates.copy(),
                group,
                sample_rate=task.sample_rate,
                mixture=task.mixture.copy(),
            )
        except Exception as error:
            errors.update({metric.name: _in_words(error) for metric in group})
            continue
        # All sources were compared, because what is interference depends on them all.
        for name, values in found.items():
            scores[name] = [float(values[target]) for target in task.targets]
    in_order = [metric.name for metric in metrics if metric.name in scores]
    return {name: scores[name] for name in in_order}, errors


def _in_words(error):
    return f"{type(error).__name__}: {error}"


@contextmanager
def _noted_warnings():
    """The warnings of a run, kept for the record instead of printed hundreds of times."""
    # Which warnings are caught is a setting of the whole process: other threads must not change it.
    alone = threading.current_thread() is threading.main_thread()
    with warnings.catch_warnings(record=True) if alone else nullcontext([]) as noted:
        if alone:
            warnings.simplefilter("always")
        yield noted
