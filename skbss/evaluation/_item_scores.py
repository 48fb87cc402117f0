"""Scores of systems on items, from tidy rows."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from skbss.metrics._means import nan_mean
from skbss.metrics._metric import goodness as turned

_NEEDED = ("task", "system", "metric", "value")


@dataclass(frozen=True)
class ItemScores:
    """What every system scored on every item, an item being a source of a task.

    Attributes
    ----------
    systems, metrics : list of str
        In the order in which they appear.
    items : list of tuple of (task, source)
        Likewise.
    units : list
        Of every item what it belongs to, which the bootstrap draws.
    values, goodness : ndarray of shape (n_metrics, n_items, n_systems)
        Means over seeds and raters, as they are and such that higher is better; NaN where there
        is none.
    best : dict of str to float
        Of every metric the best value.
    rated : set of str
        Metrics that listeners gave.
    oracles : set of str
        Bounds: systems of which a row has a true `oracle`.
    n_values : int
        How many there are in all rows, the missing ones included.
    missing : list of dict
        Of every system and metric that lacks values: `system`, `metric`, and how many of its
        `n_values` belong to runs that failed (`n_failed`) or are not defined (`n_undefined`).
    n_controls : int
        Ratings of hidden references and anchors, which are no separations and are left out.
    """

    systems: list[str]
    metrics: list[str]
    items: list[tuple[Any, Any]]
    units: list[Any]
    values: np.ndarray
    goodness: np.ndarray
    best: dict[str, float]
    rated: set[str]
    oracles: set[str]
    n_values: int
    missing: list[dict[str, Any]]
    n_controls: int

    def means(self, values):
        """Mean over tasks of the mean over their sources.

        Parameters
        ----------
        values : ndarray of shape (n_metrics, n_items, n_systems)
            `values` or `goodness`.

        Returns
        -------
        means : ndarray of shape (n_metrics, n_systems)
            NaN where there is no value.
        """
        tasks = [task for task, _ in self.items]
        per_task = [
            nan_mean(values[:, [task == one for task in tasks]], axis=1)
            for one in dict.fromkeys(tasks)
        ]
        return nan_mean(np.stack(per_task, axis=1), axis=1)


def collect_scores(rows, ratings, by, best, *, oracles):
    """Arrangement of tidy rows by metric, item and system.

    Parameters
    ----------
    rows, ratings : list of dict, data frame, or object with `rows`
        Scores, and those that listeners gave or None.
    by : str or sequence of str
        The columns that say what an item belongs to.
    best : mapping of str to float
        Best values that are not known otherwise, or to be changed.
    oracles : bool
        Whether bounds are there.

    Returns
    -------
    scores : ItemScores
        The same numbers.

    Raises
    ------
    TypeError, ValueError
        If a row lacks a column, a value is no number, the best value of a metric is not known, or
        there is nothing.
    """
    given = [dict(row) for row in _as_rows(rows, "rows")]
    rated_rows = [] if ratings is None else [dict(row) for row in _as_rows(ratings, "ratings")]
    _check_columns(given, "rows")
    _check_columns(rated_rows, "ratings")
    rated = {row["metric"] for row in rated_rows}
    for metric in rated & {row["metric"] for row in given}:
        raise ValueError(
            f"The metric {metric!r} is both in rows and in ratings: rename one of them."
        )
    everything = [*given, *rated_rows]
    separations = [row for row in everything if not _is_control(row)]
    n_controls = len(everything) - len(separations)
    everything = separations
    known_oracles = {row["system"] for row in everything if _is_true(row.get("oracle"))}
    if not oracles:
        everything = [row for row in everything if row["system"] not in known_oracles]
    if not everything:
        raise ValueError("rows must hold at least one score, got none.")
    best = _best_values(everything, rated, rows, best)
    systems, metrics = (_distinct(row[key] for row in everything) for key in ("system", "metric"))
    items = _distinct((row["task"], row.get("source")) for row in everything)
    values = np.full((len(metrics), len(items), len(systems)), np.nan)
    goodness = values.copy()
    place_of = [
        {name: place for place, name in enumerate(names)} for names in (metrics, items, systems)
    ]
    missing = []
    for (metric, system), cells in _cells(everything).items():
        lacking = {"n_values": 0, "n_failed": 0, "n_undefined": 0}
        for item, cell in cells.items():
            keys = (metric, item, system)
            place = tuple(places[key] for places, key in zip(place_of, keys, strict=True))
            numbers = np.array([number for number, _ in cell])
            failed = np.array([failure for _, failure in cell])
            defined = ~np.isnan(numbers)
            if defined.any():
                values[place] = _mean(numbers[defined])
                goodness[place] = _mean(turned(numbers[defined], best[metric]))
            lacking["n_values"] += len(cell)
            lacking["n_failed"] += int(np.count_nonzero(~defined & failed))
            lacking["n_undefined"] += int(np.count_nonzero(~defined & ~failed))
        if lacking["n_failed"] or lacking["n_undefined"]:
            missing.append({"system": system, "metric": metric, **lacking})
    return ItemScores(
        systems=systems,
        metrics=metrics,
        items=items,
        units=_units(everything, items, by),
        values=values,
        goodness=goodness,
        best=best,
        rated=rated,
        oracles=known_oracles & set(systems),
        n_values=len(everything),
        missing=missing,
        n_controls=n_controls,
    )


def _as_rows(rows, name):
    rows = getattr(rows, "rows", rows) if not hasattr(rows, "to_dicts") else rows
    if hasattr(rows, "to_dicts"):
        rows = rows.to_dicts()
    elif hasattr(rows, "to_dict") and hasattr(rows, "columns"):
        rows = rows.to_dict("records")
    if isinstance(rows, str | Mapping) or not isinstance(rows, Iterable):
        raise TypeError(
            f"{name} must be a list of dicts, a data frame, or an object with rows, got {rows!r}."
        )
    rows = list(rows)
    for position, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise TypeError(f"{name}[{position}] must be a dict, got {row!r}.")
    return rows


def _check_columns(rows, name):
    for position, row in enumerate(rows):
        for key in _NEEDED:
            if key not in row:
                raise ValueError(f"{name}[{position}] must have the key {key!r}, got {list(row)}.")
        for key in ("task", "system", "metric"):
            if not isinstance(row[key], str):
                raise TypeError(f"{name}[{position}][{key!r}] must be a str, got {row[key]!r}.")
        value = row["value"]
        if value is None:
            row["value"] = math.nan
        elif isinstance(value, bool) or not isinstance(value, int | float | np.number):
            raise TypeError(f"{name}[{position}]['value'] must be a number, got {value!r}.")


def _is_control(row):
    return _is_true(row.get("hidden_reference")) or _is_true(row.get("anchor"))


def _is_true(value):
    # In a data frame it may be NaN as well.
    return isinstance(value, bool | np.bool_) and bool(value)


def _cells(rows):
    """Of every metric and system, of every item: values, and whether their runs failed."""
    cells: dict[tuple[str, str], dict[Any, list[tuple[float, bool]]]] = {}
    for row in rows:
        of_system = cells.setdefault((row["metric"], row["system"]), {})
        error = row.get("error")
        # What a data frame has in place of None.
        failed = not (error is None or error == "" or error != error)
        item = (row["task"], row.get("source"))
        of_system.setdefault(item, []).append((float(row["value"]), failed))
    return cells


def _best_values(rows, rated, given, told):
    from skbss.metrics import METRICS

    if not isinstance(told, Mapping):
        raise TypeError(f"best must be a mapping of metrics to their best values, got {told!r}.")
    for name, value in told.items():
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        if not is_number or math.isnan(value):
            raise TypeError(
                f"best[{name!r}] must be a number, infinity where higher is better, got {value!r}."
            )
    known = {name: metric.best for name, metric in METRICS.items()}
    # An evaluation knows the metrics that do not come with skbss as well.
    for run in getattr(given, "runs", ()):
        known.update({one["name"]: one["best"] for one in run["metrics"]})
    known.update(dict.fromkeys(rated, math.inf))
    known.update(told)
    metrics = _distinct(row["metric"] for row in rows)
    for name in metrics:
        if name not in known:
            raise ValueError(
                f"The best value of the metric {name!r} is not known: pass "
                f"best={{{name!r}: math.inf}} where higher is better, -math.inf where lower is, or "
                "a number."
            )
    return {name: known[name] for name in metrics}


def _units(rows, items, by):
    columns = (by,) if isinstance(by, str) else tuple(by)
    if not columns or not all(isinstance(column, str) for column in columns):
        raise TypeError(f"by must be a column or a sequence of columns of rows, got {by!r}.")
    found: dict[Any, Any] = {}
    for row in rows:
        item = (row["task"], row.get("source"))
        if not all(column in row for column in columns):
            continue
        unit = tuple(row[column] for column in columns)
        if found.setdefault(item, unit) != unit:
            raise ValueError(
                f"by={by!r} must have one value for every source of every task, but has "
                f"{found[item]} and {unit} for {item}."
            )
    for item in items:
        if item not in found:
            raise ValueError(f"by={by!r} must be columns of rows, but {item} lacks one of them.")
    return [found[item] for item in items]


def _mean(numbers):
    return float(nan_mean(numbers))


def _distinct(values):
    return list(dict.fromkeys(values))
