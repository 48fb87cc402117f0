"""Levels and scores in words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from skbss._runtime.recorded_waveform import in_blocks
from skbss.report._text import printable

_DECIBEL = "(dB)"


@dataclass(frozen=True)
class ScoreTable:
    """Scores as the page shows them.

    Attributes
    ----------
    columns : list of str
        Headings.
    rows : list of (str, list of str)
        Name of a source and its scores.
    means : list of str
        Over the sources that have a score.
    definitions : list of (str, str)
        Heading, and what it means.
    is_partial : bool
        Whether some score is not defined.
    """

    columns: list[str]
    rows: list[tuple[str, list[str]]]
    means: list[str]
    definitions: list[tuple[str, str]]
    is_partial: bool


def score_table(
    scores: Mapping | None, names: Sequence[str], definitions: Mapping[str, str] | None
) -> ScoreTable | None:
    """The table, or None where nothing was scored."""
    if not scores:
        return None
    columns = {
        printable(str(heading)): [float(value) for value in column]
        for heading, column in scores.items()
    }
    return ScoreTable(
        columns=list(columns),
        rows=[
            (name, [_score(column[index], heading) for heading, column in columns.items()])
            for index, name in enumerate(names)
        ],
        means=[_score(mean_of_known(column), heading) for heading, column in columns.items()],
        definitions=[
            (printable(str(heading)), printable(str(text)))
            for heading, text in (definitions or {}).items()
        ],
        is_partial=any(math.isnan(value) for column in columns.values() for value in column),
    )


def mean_of_known(values: Sequence[float]) -> float:
    """Mean of the values that are not NaN; NaN where there is none, or both infinities."""
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def level_relative_to(waveform: Any, whole: Any, what: str) -> str:
    """Energy of a waveform as dB relative to another, in words."""
    energy, reference = _energy(waveform), _energy(whole)
    if energy <= 0:
        return "silent"
    if reference <= 0:
        return ""
    return f"{_decibel(10 * math.log10(energy / reference))} dB of the {what}"


def _energy(waveform: Any) -> float:
    # In float64 by blocks: neither overflow nor a second copy of a long recording.
    parts = (block.astype(float).ravel() for block in in_blocks(waveform))
    return sum(float(part @ part) for part in parts)


def _score(value: float, heading: str) -> str:
    if heading.endswith(_DECIBEL) or not math.isfinite(value):
        return _decibel(value)
    return f"{value:#.3g}".rstrip(".").replace("-", "\N{MINUS SIGN}")


def _decibel(value: float) -> str:
    if math.isnan(value):
        return "\N{EN DASH}"
    if math.isinf(value):
        return "∞" if value > 0 else "\N{MINUS SIGN}∞"
    return f"{value:.1f}".replace("-", "\N{MINUS SIGN}")
