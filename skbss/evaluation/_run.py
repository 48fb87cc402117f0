"""One run of a system on a task, as it is recorded."""

import threading
import time
import warnings
from contextlib import contextmanager, nullcontext

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
    run = {
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
        "scores": None,
        "error": None,
    }
    with _noted_warnings() as noted:
        started = time.perf_counter()
        try:
            separation = separate_task(prepared(system, task, seed), task)
            run["seconds"] = separation.seconds
            run["scores"] = _scores(task, separation, metrics)
        except Exception as error:
            # Whatever a system does, the others go on.
            run["error"] = f"{type(error).__name__}: {error}"
            if run["seconds"] is None:
                run["seconds"] = time.perf_counter() - started
    noted = [w for w in noted if not (ignored and issubclass(w.category, ignored))]
    run["warnings"] = sorted({f"{w.category.__name__}: {w.message}" for w in noted})
    return run


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
    scores = score_sources(
        task.sources,
        separation.estimates,
        metrics,
        sample_rate=task.sample_rate,
        mixture=task.mixture,
    )
    # All sources were compared, because what is interference depends on them all.
    return {name: [float(values[j]) for j in task.targets] for name, values in scores.items()}


@contextmanager
def _noted_warnings():
    """The warnings of a run, kept for the record instead of printed hundreds of times."""
    # Which warnings are caught is a setting of the whole process: other threads must not change it.
    alone = threading.current_thread() is threading.main_thread()
    with warnings.catch_warnings(record=True) if alone else nullcontext([]) as noted:
        if alone:
            warnings.simplefilter("always")
        yield noted
