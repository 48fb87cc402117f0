"""The record of an evaluation."""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from skbss._runtime.drafts import draft_of
from skbss.evaluation._journal import read_runs
from skbss.report._text import spreadsheet_cell

COLUMNS = (
    "task",
    "system",
    "seed",
    "source",
    "metric",
    "value",
    "unit",
    "definition",
    "seconds",
    "oracle",
    "learned_from",
    "error",
)


@dataclass(frozen=True)
class Evaluation:
    """Scores of systems on tasks.

    Made by `evaluate` and `read_evaluation`. ``pandas.DataFrame(evaluation.rows)`` and
    ``polars.DataFrame(evaluation.rows)`` read it.

    Parameters
    ----------
    runs : sequence of dict
        One for every task, system and seed: what was run, scored and went wrong, in plain
        numbers and strings.

    Attributes
    ----------
    rows : list of dict
        The tidy record, one row for every task, system, seed, source and metric. Keys are `task`,
        `system`, `seed`, `source`, `metric`, `value` (NaN where the run failed or a signal is
        silent), `unit`, `definition`, `seconds` (of learning and separating), `oracle` (whether
        the system is a bound, which is told of the true sources), `learned_from` ("mixture",
        "training set" or "true sources"), `error` (None where all went well), and the tags of the
        task, each as
        ``tag_NAME``.
    failures : list of dict
        Of every run, or metric of a run, that failed the `task`, `system`, `seed`, `metric` (None
        where the system failed) and `error`.
    warnings : list of dict
        The `task`, `system`, `seed` and `warning` of everything that systems and metrics warned
        of. Runs in threads leave nothing here: their warnings are shown as usual.

    See Also
    --------
    evaluate : Makes it.
    leaderboard : The table of it.

    Examples
    --------
    >>> from skbss.evaluation import Evaluation
    >>> Evaluation([])
    Evaluation(0 runs of 0 systems on 0 tasks)
    """

    runs: Sequence[dict[str, Any]]

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The tidy record."""
        tags = sorted({tag for run in self.runs for tag in run["tags"]})
        return [row for run in self.runs for row in _rows(run, tags)]

    @property
    def failures(self) -> list[dict[str, Any]]:
        """What went wrong."""
        return [
            {
                **{key: run[key] for key in ("task", "system", "seed")},
                "metric": metric,
                "error": text,
            }
            for run in self.runs
            for metric, text in [(None, run["error"]), *run["metric_errors"].items()]
            if text is not None
        ]

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """What systems and metrics warned of, one entry for every run and warning."""
        return [
            {"task": run["task"], "system": run["system"], "seed": run["seed"], "warning": text}
            for run in self.runs
            for text in run["warnings"]
        ]

    def where(self, **facts: Any) -> "Evaluation":
        """Some of the runs.

        Parameters
        ----------
        **facts : str or number
            What they have in common: `task`, `system`, `seed`, or a tag of the task by its name,
            such as ``n_iter=30``.

        Returns
        -------
        evaluation : Evaluation
            The runs of which all of this is true, which may be none.
        """

        def is_true(run, name, value):
            known = run if name in ("task", "system", "seed") else run["tags"]
            return known.get(name) == value

        return Evaluation(
            [
                run
                for run in self.runs
                if all(is_true(run, name, value) for name, value in facts.items())
            ]
        )

    def to_csv(self, path: Any) -> None:
        """Write the tidy record as comma-separated values, for spreadsheets as well.

        Parameters
        ----------
        path : path-like
            The file; an existing one is replaced. An apostrophe stands before names that a
            spreadsheet would take for a formula.
        """
        tags = sorted({tag for run in self.runs for tag in run["tags"]})
        fields = [*COLUMNS, *(f"tag_{tag}" for tag in tags)]
        target = Path(os.fspath(path))
        # Names from files may be no text.
        with (
            draft_of(target) as draft,
            draft.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
        ):
            writer = csv.DictWriter(file, fields)
            writer.writeheader()
            writer.writerows(
                {
                    key: spreadsheet_cell(value) if isinstance(value, str) else value
                    for key, value in row.items()
                }
                for row in self.rows
            )

    def __repr__(self):
        tasks, systems = ({run[key] for run in self.runs} for key in ("task", "system"))
        failed = f", {len(self.failures)} failed" if self.failures else ""
        return (
            f"Evaluation({len(self.runs)} runs of {len(systems)} systems on {len(tasks)} tasks"
            f"{failed})"
        )


def read_evaluation(path):
    """The record that `evaluate` left in a file.

    Parameters
    ----------
    path : path-like
        What `evaluate` was given as `path`.

    Returns
    -------
    evaluation : Evaluation
        All finished runs in the order in which they finished, also those of systems and settings
        that were tried on the way: `evaluate` with the same `path` gives those that belong to
        its arguments.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it holds something else.

    See Also
    --------
    evaluate : Writes it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from skbss.evaluation import Task, evaluate, read_evaluation
    >>> from skbss.separation import MixtureAsEstimate
    >>> sources = np.random.default_rng(0).standard_normal((2, 4000))
    >>> task = Task("noise", sources.sum(axis=0), sources, 8000)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "scores.jsonl"
    ...     _ = evaluate([MixtureAsEstimate()], task, "si_sdr", path=path)
    ...     read_evaluation(path)
    Evaluation(1 runs of 1 systems on 1 tasks)
    """
    return Evaluation(read_runs(path))


def _rows(run, tags):
    for position, source in enumerate(run["sources"]):
        for metric in run["metrics"]:
            scores = run["scores"].get(metric["name"])
            yield {
                "task": run["task"],
                "system": run["system"],
                "seed": run["seed"],
                "source": source,
                "metric": metric["name"],
                "value": float("nan") if scores is None else scores[position],
                "unit": metric["unit"],
                "definition": metric["definition"],
                "seconds": run["seconds"],
                "oracle": run["oracle"],
                "learned_from": run["learned_from"],
                "error": run["error"] or run["metric_errors"].get(metric["name"]),
                **{f"tag_{tag}": run["tags"].get(tag) for tag in tags},
            }
