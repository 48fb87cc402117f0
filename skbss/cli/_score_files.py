"""Scores of an evaluation as a table, as files for programs, and as a page."""

import csv
import json
import math
import textwrap
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Any

from skbss.cli._evaluation import Evaluation
from skbss.cli._metrics import definition
from skbss.metrics._means import nan_mean
from skbss.report import printable, software_versions
from skbss.report._table import aligned_lines
from skbss.report._text import spreadsheet_cell

_COLUMNS = ("source", "reference", "estimate", "metric", "value", "unit", "definition")
_WIDEST_TITLE = 12
_MATCHED = {"name": "name", "permutation": "permutation, for the best mean SI-SDR"}


def table_lines(evaluation: Evaluation) -> list[str]:
    """A plain table for any terminal or file, and what its columns mean."""
    metrics = evaluation.metrics
    titles = [
        textwrap.wrap(metric.title, _WIDEST_TITLE, break_long_words=False, break_on_hyphens=False)
        for metric in metrics
    ]
    highest = max(map(len, titles))
    stacked = [[""] * (highest - len(title)) + title for title in titles]
    rows = [["", "", *words] for words in zip(*stacked, strict=True)]
    rows.append(["source", "estimate", *(metric.unit for metric in metrics)])
    for index, name in enumerate(evaluation.source_names):
        values = [evaluation.scores[metric.name][index] for metric in metrics]
        cells = [_number(value, metric.unit) for value, metric in zip(values, metrics, strict=True)]
        rows.append([name, evaluation.estimate_files[index].name, *cells])
    means = _means(evaluation)
    rows.append(["mean", "", *(_number(means[m.name], m.unit) for m in metrics)])
    lines = aligned_lines(rows, [True, True, *(False for _ in metrics)])
    return [*lines, "", *(f"{m.title}: {definition(m)}" for m in metrics)]


def write_csv(path: Path, evaluation: Evaluation) -> None:
    """Write one row for each source and metric; infinity and NaN as ``inf`` and ``nan``.

    Names that a spreadsheet would take for a formula get an apostrophe.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in _rows(evaluation):
            writer.writerow(
                {
                    column: spreadsheet_cell(cell) if isinstance(cell, str) else cell
                    for column, cell in row.items()
                }
            )


def write_json(path: Path, evaluation: Evaluation, *, command: str) -> None:
    """Write the rows, the means and how they came about; what is not finite becomes null."""
    mixture = evaluation.mixture_file
    told = {
        "command": printable(command),
        "sample_rate": evaluation.sample_rate,
        "n_channels": evaluation.references.shape[1],
        "length": evaluation.references.shape[2],
        "mixture": None if mixture is None else printable(mixture.name),
        "matched_by": evaluation.matched_by,
        "notes": [printable(note) for note in evaluation.notes],
        "scores": [{**row, "value": _or_null(row["value"])} for row in _rows(evaluation)],
        "means": {name: _or_null(value) for name, value in _means(evaluation).items()},
        "versions": _versions(evaluation),
    }
    text = json.dumps(told, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")


def write_html(
    path: Path, evaluation: Evaluation, *, title: str, compared_with: str, command: str
) -> None:
    """Write the page."""
    from skbss.report import write_evaluation_page

    write_evaluation_page(
        path,
        evaluation.references,
        evaluation.estimates,
        sample_rate=evaluation.sample_rate,
        mixture=evaluation.mixture,
        title=title,
        subtitle=" · ".join(filter(None, [f"compared with {compared_with}", evaluation.tag])),
        source_names=evaluation.source_names,
        reference_files=[file.name for file in evaluation.reference_files],
        estimate_files=[file.name for file in evaluation.estimate_files],
        mixture_file=None if evaluation.mixture_file is None else evaluation.mixture_file.name,
        scores={metric.heading: evaluation.scores[metric.name] for metric in evaluation.metrics},
        definitions={metric.heading: definition(metric) for metric in evaluation.metrics},
        settings={"Matched by": _MATCHED[evaluation.matched_by]},
        command=command,
        versions=_versions(evaluation),
        notes=evaluation.notes,
    )


def _rows(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    for index, name in enumerate(evaluation.source_names):
        for metric in evaluation.metrics:
            values = (
                printable(name),
                printable(evaluation.reference_files[index].name),
                printable(evaluation.estimate_files[index].name),
                metric.name,
                float(evaluation.scores[metric.name][index]),
                metric.unit,
                definition(metric),
            )
            yield dict(zip(_COLUMNS, values, strict=True))


def _means(evaluation: Evaluation) -> dict[str, float]:
    return {name: float(nan_mean(values)) for name, values in evaluation.scores.items()}


def _number(value: float, unit: str) -> str:
    if not math.isfinite(value):
        return f"{value:g}"
    return f"{value:.1f}" if unit == "dB" else f"{value:#.3g}".rstrip(".")


def _or_null(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _versions(evaluation: Evaluation) -> dict[str, str]:
    """Also of the packages that single metrics need."""
    versions = software_versions()
    packages = {metric.package for metric in evaluation.metrics if metric.package}
    for package in sorted(packages):
        [distribution, *_] = packages_distributions().get(package, [package])
        try:
            versions[distribution] = version(distribution)
        except PackageNotFoundError:
            versions[distribution] = "unknown"
    return versions
