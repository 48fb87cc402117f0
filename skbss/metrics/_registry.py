"""Metrics by their names."""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import partial
from typing import Any

import numpy as np

from skbss.metrics._catalog import METRICS, by_function
from skbss.metrics._metric import Metric
from skbss.metrics._pairs import check_mixture_shape, checked_signals


def find_metrics(metrics: str | Callable | Metric | Iterable[Any]) -> list[Metric]:
    """The metrics that are asked for.

    Parameters
    ----------
    metrics : str, Metric, callable, or a sequence of them
        Names of `METRICS`, metrics of one's own, or functions of references and estimates that
        give one number per source, higher being better.

    Returns
    -------
    metrics : list of Metric
        In the same order.

    Raises
    ------
    TypeError, ValueError
        If one is none of these, is not known, or is asked for twice, or there is none.
    """
    if isinstance(metrics, str | Metric) or callable(metrics):
        metrics = [metrics]
    found = [_find(metric) for metric in metrics]
    if not found:
        raise ValueError("metrics must name at least one metric, got none.")
    names = [metric.name for metric in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"metrics must name each metric once, got {min(twice)!r} again.")
    return found


def score_sources(references, estimates, metrics, *, sample_rate=None, mixture=None):
    """Several metrics of the sources of one clip.

    Parameters
    ----------
    references, estimates : array of shape (n_sources, [n_channels,] length)
        True and estimated sources, in the same order.
    metrics : str, Metric, callable, or a sequence of them
        Names of `METRICS`, a `Metric` of one's own, or a function of references and estimates,
        both of shape (n_sources, length), that gives one number per source.
    sample_rate : float, default=None
        In Hz; needed by most metrics of what is heard.
    mixture : array of shape ([n_channels,] length), default=None
        What was separated; needed by improvements.

    Returns
    -------
    scores : dict of str to ndarray of shape (n_sources,)
        By the name of the metric. Where a signal is silent NaN, with a warning. The channels of a
        clip count as one long signal, but for the metrics that are made for several channels.

    Raises
    ------
    ImportError
        If a metric needs a package that is not installed; the message says which.
    TypeError, ValueError
        If a metric is not known, lacks the sample rate or the mixture, or the shapes do not fit.

    See Also
    --------
    METRICS : The names.
    best_permutation : The order of the estimates, where it is not known.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.metrics import score_sources
    >>> sources = np.random.default_rng(0).standard_normal((2, 8000))
    >>> scores = score_sources(sources, sources + 0.1 * sources[::-1], ["si_sdr", "mse"])
    >>> {name: values.round(2).tolist() for name, values in scores.items()}
    {'si_sdr': [20.09, 19.9], 'mse': [0.01, 0.01]}
    """
    metrics = find_metrics(metrics)
    for metric in metrics:
        metric.check_available()
        for argument, needed in (
            ("sample_rate", metric.needs_sample_rate),
            ("mixture", metric.needs_mixture),
        ):
            if needed and {"sample_rate": sample_rate, "mixture": mixture}[argument] is None:
                raise ValueError(f"The metric {metric.name!r} needs {argument}, got None.")
    references, estimates = np.asarray(references), np.asarray(estimates)
    for name, signals in (("references", references), ("estimates", estimates)):
        if signals.ndim not in (2, 3):
            raise ValueError(
                f"{name} must have the shape (n_sources, [n_channels,] length), got "
                f"{signals.shape}."
            )
    if references.shape != estimates.shape:
        raise ValueError(
            f"references of shape {references.shape} and estimates of shape {estimates.shape} do "
            "not belong together: their shapes must be the same."
        )
    if mixture is not None:
        mixture = np.asarray(mixture)
        check_mixture_shape(mixture.shape, references.shape, references.shape[1:])
        mixture = checked_signals(mixture, "mixture")
    computed: dict[Any, Mapping[str, np.ndarray]] = {}
    for metric in metrics:
        if metric.compute not in computed:
            form = _with_channels if metric.multichannel else _as_one_signal
            computed[metric.compute] = metric.compute(
                form(references, 2),
                form(estimates, 2),
                sample_rate=sample_rate,
                mixture=None if mixture is None else form(mixture, 1),
            )
    return {
        metric.name: np.asarray(computed[metric.compute][metric.name], float) for metric in metrics
    }


def _with_channels(signals, n_axes):
    return signals[..., np.newaxis, :] if signals.ndim == n_axes else signals


def _as_one_signal(signals, n_axes):
    return signals.reshape(*signals.shape[: n_axes - 1], -1)


def _find(metric):
    if isinstance(metric, Metric):
        return metric
    if isinstance(metric, str):
        if metric not in METRICS:
            spelled = metric.lower().replace("-", "_").replace(" ", "_")
            close = get_close_matches(spelled, METRICS, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ValueError(
                f"There is no metric {metric!r}.{hint} Those that are known: {', '.join(METRICS)}."
            )
        return METRICS[metric]
    if not callable(metric):
        raise TypeError(
            f"A metric must be a name, a function of references and estimates, or a Metric, got "
            f"{metric!r}."
        )
    return _of_function(metric)


def _of_function(function):
    name = getattr(function, "__name__", type(function).__name__)
    compute = partial(by_function, name, function)
    return Metric(name, name, "", np.inf, -np.inf, np.inf, f"The function {name}.", compute)
