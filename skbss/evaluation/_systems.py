"""One system on one task: learned, separated, in the order of the true sources, timed."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import get_tags

from skbss.evaluation._task import Task
from skbss.metrics._order import innermost, n_known_sources, order_of_estimates

TRUE_SOURCES = "true sources"
TRAINING_SET = "training set"
MIXTURE = "mixture"


@dataclass(frozen=True)
class Separation:
    """What a system made of a task.

    Attributes
    ----------
    estimates : ndarray of shape (n_sources, [n_channels,] length)
        In the order of the true sources.
    seconds : float
        Wall time of learning and separating.
    """

    estimates: np.ndarray
    seconds: float


def named_systems(separators: Any) -> dict[str, Any]:
    """The systems under the names that tables show.

    Parameters
    ----------
    separators : mapping of str to estimator, or sequence of estimators
        Estimators of a sequence are named by their class, numbered where several are of one.

    Returns
    -------
    systems : dict of str to estimator

    Raises
    ------
    TypeError, ValueError
        If there is none, a name is no string, or a system can not be cloned or separate.
    """
    if isinstance(separators, Mapping):
        systems = dict(separators)
    elif isinstance(separators, Iterable) and not hasattr(separators, "get_params"):
        systems = {}
        for separator in separators:
            kind = type(separator).__name__
            name, number = kind, 1
            while name in systems:
                number += 1
                name = f"{kind} {number}"
            systems[name] = separator
    else:
        systems = {type(separators).__name__: separators}
    if not systems:
        raise ValueError("separators must hold at least one system, got none.")
    for name, system in systems.items():
        if not isinstance(name, str) or not name:
            raise TypeError(f"The names of separators must be strings, got {name!r}.")
        usable = all(hasattr(system, method) for method in ("get_params", "fit", "transform"))
        if isinstance(system, type) or not usable:
            raise TypeError(
                f"separators[{name!r}] must be an estimator with fit and transform, such as "
                f"Separator(), got {system!r}."
            )
    return systems


def learns_from(system: Any) -> str:
    """What `fit` is given: the true sources, a training set, or the mixture alone."""
    if getattr(system, "takes_sources", False):
        return TRUE_SOURCES
    supervised = getattr(innermost(system), "supervised", None)
    if supervised is None:
        supervised = get_tags(system).target_tags.required
    return TRAINING_SET if supervised else MIXTURE


def has_seed(system: Any) -> bool:
    """Whether anything in the system is drawn at random."""
    return bool(_parameters(system, "random_state"))


def prepared(system: Any, task: Task, seed: int) -> Any:
    """A clone for the task: seeded, and told what it does not know.

    Parameters
    ----------
    system : estimator
        Unfitted.
    task : Task
        What it is to separate.
    seed : int
        Becomes every `random_state` of the system and its parts.

    Returns
    -------
    system : estimator
        Also with the number of sources and the sample rate of the task, where these parameters
        are None.
    """
    system = clone(system)
    changes: dict[str, Any] = dict.fromkeys(_parameters(system, "random_state"), seed)
    known = {"n_sources": task.n_sources, "sample_rate": float(task.sample_rate)}
    for parameter, value in known.items():
        for name, current in _parameters(system, parameter).items():
            if current is None:
                changes[name] = value
    return system.set_params(**changes)


def separate_task(system: Any, task: Task) -> Separation:
    """Learn and separate.

    Parameters
    ----------
    system : estimator
        Prepared; it is fitted here.
    task : Task
        What to separate.

    Returns
    -------
    separation : Separation
        The estimates, checked.

    Raises
    ------
    ValueError
        If the system needs what the task has not, or does not give the sources.
    """
    source = learns_from(system)
    if source == TRAINING_SET and task.train_mixtures is None:
        raise ValueError(
            "The task has no recordings to learn from. Give it train_mixtures and train_sources, "
            "or let the system learn from the mixture alone: Separator(supervised=False)."
        )
    # Without an axis of clips, channels would be taken for clips.
    lead = (np.newaxis,) if task.mixture.ndim > 1 else ()
    # Copies, all of them: a system may write into what it is given.
    mixture, learned_mixture = task.mixture[lead].copy(), task.mixture[lead].copy()
    if source == TRUE_SOURCES:
        sources, learned_sources = task.sources[lead].copy(), task.sources[lead].copy()
    elif source == TRAINING_SET:
        clips, isolated = task.train_mixtures, task.train_sources
        train = [clip.copy() for clip in clips], [clip.copy() for clip in isolated]
    started = time.perf_counter()
    if source == TRUE_SOURCES:
        estimates = system.fit(learned_mixture, learned_sources).transform(mixture, sources)
    elif source == TRAINING_SET:
        estimates = system.fit(*train).transform(mixture)
    elif hasattr(system, "fit_transform"):
        estimates = system.fit_transform(mixture)
    else:
        estimates = system.fit(learned_mixture).transform(mixture)
    # A result on a device may not be there yet.
    estimates = np.asarray(estimates)
    seconds = time.perf_counter() - started
    if task.mixture.ndim > 1:
        estimates = estimates[0]
    _check_estimates(estimates, task)
    n_known = task.n_sources if source == TRUE_SOURCES else n_known_sources(system)
    order = order_of_estimates(task.sources, estimates, n_known)
    return Separation(estimates[order], seconds)


def _check_estimates(estimates, task):
    if estimates.ndim != task.sources.ndim or estimates.shape[1:] != task.mixture.shape:
        wanted = ", ".join(["n_sources", *map(str, task.mixture.shape)])
        raise ValueError(
            f"The system must give sources of shape ({wanted}), got {estimates.shape}."
        )
    if len(estimates) < task.n_sources:
        raise ValueError(
            f"The system gave {len(estimates)} source(s), but the task has {task.n_sources}."
        )
    if not np.isfinite(estimates).all():
        raise ValueError("The system gave samples that are NaN or infinite.")


def _parameters(system, wanted):
    return {
        name: value
        for name, value in system.get_params(deep=True).items()
        if name == wanted or name.endswith(f"__{wanted}")
    }
