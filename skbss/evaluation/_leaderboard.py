"""The table of an evaluation: who is best, by how much, and whether that is more than chance."""

import math
import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np

from skbss.evaluation._evaluation import Evaluation
from skbss.evaluation._significance import holm, paired_p_value
from skbss.metrics import METRICS
from skbss.metrics._means import nan_mean
from skbss.metrics._metric import goodness
from skbss.report import printable
from skbss.report._table import html_table, text_table


@dataclass(frozen=True)
class Leaderboard:
    """Systems from the best to the worst.

    Made by `leaderboard`; printing shows it, notebooks show it as a table.

    Parameters
    ----------
    rows : list of dict
        For every table and system: `task` (None for all tasks together), `rank` (None for bounds,
        which were given the true sources), `system`, `oracle`, for every metric its mean
        under the metric's name and the standard deviation over seeds under ``NAME_sd`` (None
        where there are fewer than two seeds), `n_tasks` on which it finished, `n_failed` runs,
        `n_undefined` values of the first metric that others have, as of a silent estimate,
        `seconds` (median of a run) and `p_value` of the comparison with the best.
    metrics : tuple of str
        The first decides on the order.
    n_tasks : int
        How many tasks there were.
    units : str
        Over what the significance is.

    See Also
    --------
    leaderboard : Makes it.

    Examples
    --------
    >>> from skbss.evaluation import Leaderboard
    >>> Leaderboard([], ("si_sdr",), 0).rows
    []
    """

    rows: list[dict[str, Any]]
    metrics: tuple[str, ...]
    n_tasks: int
    units: str = "tasks"

    def __str__(self):
        parts = []
        for task, heading, body in self._tables():
            title = [] if task is None else [printable(task)]
            parts.append("\n".join([*title, text_table(heading, body)]))
        return "\n\n".join([*parts, textwrap.fill(self._legend(), 100)])

    def _repr_html_(self):
        return "".join(
            html_table(heading, body, caption=task) for task, heading, body in self._tables()
        ) + html_table([], [], caption=self._legend())

    def _tables(self):
        heading = ["", "system", *(_title(name) for name in self.metrics), "tasks", "time", "p"]
        for task in dict.fromkeys(row["task"] for row in self.rows):
            rows = [row for row in self.rows if row["task"] == task]
            yield task, heading, [self._cells(row, 1 if task else self.n_tasks) for row in rows]

    def _cells(self, row, n_tasks):
        values = [_value(name, row[name], row[f"{name}_sd"]) for name in self.metrics]
        coverage = f"{row['n_tasks']}/{n_tasks}"
        if row["n_failed"]:
            coverage += f", {row['n_failed']} failed"
        if row["n_undefined"]:
            plural = "" if row["n_undefined"] == 1 else "s"
            coverage += f", {row['n_undefined']} value{plural} undefined"
        seconds = "" if row["seconds"] is None else f"{row['seconds']:.3g} s"
        rank = "bound" if row["oracle"] else "" if row["rank"] is None else str(row["rank"])
        return [rank, row["system"], *values, coverage, seconds, _p_value(row["p_value"])]

    def _legend(self):
        return (
            "Means over tasks and sources, ± standard deviation over seeds. Bounds were told of "
            f"the true sources. p: of a difference in {_title(self.metrics[0])} from the first "
            f"ranked system (Wilcoxon signed-rank test over {self.units}, two-sided, Holm's "
            "correction). The time is the median of a run, with what had to be compiled in it."
        )


def leaderboard(evaluation, metrics=None, *, by_task=False, unit="task"):
    """Systems from the best to the worst, with bounds, significance and times.

    Parameters
    ----------
    evaluation : Evaluation
        What `evaluate` returned.
    metrics : str or sequence of str, default=None
        Names of metrics of the evaluation, all by default. The first decides on the order.
    by_task : bool, default=False
        Whether every task has a table of its own, rather than all together.
    unit : str, default="task"
        What is independent of one another, over which the significance is: tasks, or the values of
        a tag. Mixtures of one recording at several levels or in several rooms are not independent;
        ``unit="clean"`` averages over all tasks with the same tag "clean" before the test.

    Returns
    -------
    leaderboard : Leaderboard
        Printing shows it; `rows` holds the numbers.

    Raises
    ------
    TypeError, ValueError
        If `evaluation` is none or is empty, a metric was not evaluated, a task lacks the tag that
        is the unit, or there are several runs of one task, system and seed.

    See Also
    --------
    evaluate : What is shown.

    Notes
    -----
    A mean is over tasks of the mean over their sources of the mean over seeds; values that are NaN
    are left out, and systems of which some are, though others have them, stand below the others.
    The standard deviation is over seeds, of that mean of one seed, among seeds with the same
    tasks; it tells how much luck is in a run, not how much tasks differ. Systems that did not
    finish on every task stand below those that did, because means over fewer tasks can not
    be compared. The significance is of the difference from the first ranked system, paired by
    unit: by the signed-rank test of Wilcoxon [1]_, two-sided, corrected for the number of systems
    by the method of Holm [2]_. With fewer than six units it can not fall below 0.05, whatever the
    systems do.

    References
    ----------
    .. [1] F. Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1(6), 1945.
    .. [2] S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal
       of Statistics 6(2), 1979.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.evaluation import Task, evaluate, leaderboard
    >>> from skbss.separation import IdealRatioMask, MixtureAsEstimate
    >>> sources = np.random.default_rng(0).standard_normal((2, 8000))
    >>> task = Task("noise", sources.sum(axis=0), sources, 8000)
    >>> table = leaderboard(evaluate([MixtureAsEstimate(), IdealRatioMask()], task, "si_sdr"))
    >>> [row["system"] for row in table.rows]
    ['IdealRatioMask', 'MixtureAsEstimate']
    """
    if not isinstance(evaluation, Evaluation):
        raise TypeError(
            f"evaluation must be an Evaluation, as evaluate returns it, got {evaluation!r}."
        )
    if not evaluation.runs:
        raise ValueError("The evaluation holds no runs.")
    names = _checked_metrics(metrics, evaluation)
    _check_distinct(evaluation.runs)
    tasks = list(dict.fromkeys(run["task"] for run in evaluation.runs))
    units = _units(evaluation.runs, unit)
    groups = [[task] for task in tasks] if by_task else [tasks]
    rows = [
        {"task": group[0] if by_task else None, **row}
        for group in groups
        for row in _ranked(evaluation, names, group, units)
    ]
    return Leaderboard(rows, tuple(names), len(tasks), _plural(unit))


def _check_distinct(runs):
    seen: dict[tuple, dict] = {}
    for run in runs:
        place = (run["task"], run["system"], run["seed"])
        if place in seen:
            tags = {*run["tags"].items()} ^ {*seen[place]["tags"].items()}
            advice = (
                f"choose by evaluation.where({min(tags)[0]}=...)"
                if tags
                else "pass what evaluate returns for these settings, with the same path"
            )
            raise ValueError(
                f"There are several runs of {run['system']!r} on {run['task']!r} with seed "
                f"{run['seed']}, which do not belong in one table: {advice}."
            )
        seen[place] = run


def _units(runs, unit):
    """To which unit every task belongs."""
    if unit == "task":
        return {run["task"]: run["task"] for run in runs}
    for run in runs:
        if unit not in run["tags"]:
            raise ValueError(
                f"unit must be 'task' or a tag of all tasks, but {run['task']!r} has no tag "
                f"{unit!r}; its tags are {sorted(run['tags'])}."
            )
    return {run["task"]: run["tags"][unit] for run in runs}


def _plural(unit):
    return "tasks" if unit == "task" else f"values of {unit}"


def _ranked(evaluation, names, tasks, units):
    runs = [run for run in evaluation.runs if run["task"] in tasks]
    systems = list(dict.fromkeys(run["system"] for run in runs))
    first = names[0]
    defined = {
        (run["task"], source)
        for run in runs
        for source, value in zip(run["sources"], run["scores"].get(first, []), strict=False)
        if not math.isnan(value)
    }
    entries = []
    for system in systems:
        own = [run for run in runs if run["system"] == system]
        by_metric = {name: _table_of(own, name, tasks) for name in names}
        entry = {"rank": None, "system": system, "oracle": any(run["oracle"] for run in own)}
        for name, values in by_metric.items():
            entry[name], entry[f"{name}_sd"] = _mean_and_deviation(values)
        failed = [run["error"] is not None or first in run["metric_errors"] for run in own]
        succeeded = [
            run["task"] for run, has_failed in zip(own, failed, strict=True) if not has_failed
        ]
        entry["n_tasks"] = len(set(succeeded))
        entry["n_failed"] = sum(failed)
        entry["n_undefined"] = sum(
            math.isnan(value) and (run["task"], source) in defined
            for run in own
            for source, value in zip(run["sources"], run["scores"].get(first, []), strict=False)
        )
        times = [run["seconds"] for run in own if run["error"] is None]
        entry["seconds"] = float(np.median(times)) if times else None
        entry["p_value"] = None
        own_units = np.array([units[task] for task in tasks], dtype=object)
        values = nan_mean(by_metric[first], axis=1)
        by_unit = [nan_mean(values[own_units == one]) for one in dict.fromkeys(own_units)]
        entries.append((entry, np.array(by_unit, float)))
    best = next(m["best"] for run in runs for m in run["metrics"] if m["name"] == first)

    def place(item):
        entry, _ = item
        value = -np.inf if np.isnan(entry[first]) else goodness(entry[first], best)
        is_incomplete = entry["n_tasks"] < len(tasks) or entry["n_undefined"] > 0
        return is_incomplete, -value

    entries.sort(key=place)
    _compare([item for item in entries if not item[0]["oracle"]])
    return [entry for entry, _ in entries]


def _compare(contestants):
    """Give ranks, and p-values of the differences from the first."""
    if not contestants:
        return
    for rank, (entry, _) in enumerate(contestants, start=1):
        entry["rank"] = rank
    best = contestants[0][1]
    p_values = holm([paired_p_value(best, scores) for _, scores in contestants[1:]])
    for (entry, _), p_value in zip(contestants[1:], p_values, strict=True):
        entry["p_value"] = None if np.isnan(p_value) else float(p_value)


def _table_of(runs, name, tasks):
    """Means over sources, of shape (n_tasks, n_seeds); NaN where there is no result."""
    seeds = sorted({run["seed"] for run in runs})
    table = np.full((len(tasks), len(seeds)), np.nan)
    for run in runs:
        if name in run["scores"]:
            values = np.asarray(run["scores"][name], float)
            table[tasks.index(run["task"]), seeds.index(run["seed"])] = nan_mean(values)
    return table


def _mean_and_deviation(table):
    finished = ~np.isnan(table).all(axis=1)
    mean = float(nan_mean(nan_mean(table, axis=1)[finished]))
    whole = table[finished][:, ~np.isnan(table[finished]).any(axis=0)]
    if whole.shape[0] == 0 or whole.shape[1] < 2 or not np.isfinite(whole).all():
        return mean, None
    return mean, float(whole.mean(axis=0).std(ddof=1))


def _checked_metrics(metrics, evaluation):
    known = [metric["name"] for metric in evaluation.runs[0]["metrics"]]
    for run in evaluation.runs:
        own = {metric["name"] for metric in run["metrics"]}
        known = [name for name in known if name in own]
    if metrics is None:
        metrics = known
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    if not names:
        raise ValueError("metrics must name at least one metric, got none.")
    for name in names:
        if name not in known:
            raise ValueError(
                f"metrics must be among those of all runs, {', '.join(known)}; got {name!r}."
            )
    return names


def _title(name: str) -> str:
    return METRICS[name].heading if name in METRICS else name


def _value(name: str, mean: float, deviation: float | None) -> str:
    if np.isnan(mean):
        return "\N{EN DASH}"
    in_decibel = name in METRICS and METRICS[name].unit == "dB"
    digits = ".2f" if in_decibel else ".3g"
    text = f"{mean:{digits}}".replace("inf", "∞").replace("-", "\N{MINUS SIGN}")
    return text if deviation is None else f"{text} ± {deviation:{digits}}"


def _p_value(value: float | None) -> str:
    if value is None:
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"
