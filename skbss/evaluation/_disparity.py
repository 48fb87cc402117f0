"""Whether numbers and perception put systems in the same order."""

import itertools
import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.utils import check_random_state

from skbss.evaluation._disparity_text import describe, finding, score_table, verdict
from skbss.evaluation._item_scores import collect_scores
from skbss.evaluation._rank_correlation import agreement
from skbss.report._table import html_table, text_table
from skbss.report._text import printable

# Where two kinds of score meet is what the report is about.
_KINDS = ("listeners", "perceptual model", "signal")
# What the values of these tags of make_mixtures are.
_TAGS_OF_MIXTURES = {
    "tag_clean": "clean recording",
    "tag_interference": "interfering recording",
}


@dataclass(frozen=True, repr=False)
class DisparityReport:
    """Numerical and perceptual scores side by side, and how alike they rank systems.

    Made by `disparity_report`; printing shows it, notebooks show it as tables. Every table is a
    list of dicts, which ``pandas.DataFrame(...)`` and ``polars.DataFrame(...)`` read.

    Parameters
    ----------
    summary : list of str
        What the report rests on, and what is missing from it.
    scores : list of dict
        Of every system: `system`, `oracle` (whether it is a bound: an ideal mask, the mixture
        itself, or whatever else has rows in which this is true), and the mean of every metric
        under its name: over tasks of the mean over sources of the mean over seeds and raters. NaN
        where there is none.
    ranks : list of dict
        Of every system: `system`, and under the name of every metric the rank of that mean, 1
        being the best; equal means share their mean rank. NaN where there is no mean.
    correlations : list of dict
        Of every pair of metrics: `first` and `second`, `first_kind` and `second_kind`
        ("listeners", "perceptual model" or "signal"), `spearman` and `kendall`, the ends of their
        intervals, `spearman_low`, `spearman_high`, `kendall_low` and `kendall_high`; the most and
        the fewest systems on an item, `n_systems` and `n_systems_least`; `n_items` and `n_units`
        that have coefficients; items left out because fewer than five systems have both scores
        (`n_items_short`) or one of the metrics is the same for all (`n_items_constant`); and
        `verdict`: "alike", "opposite", "undecided" (an interval contains 0), "too few tasks"
        (or fewer than six of whatever else is the unit: no interval), "undefined" (one of the
        metrics is the same for all systems), "too few systems" or "no common items". What is not
        there is NaN.
    missing : list of dict
        Of every system and metric that lacks values: `system`, `metric`, `n_values`, and how many
        of them belong to runs that failed (`n_failed`) or are not defined (`n_undefined`).
    findings : list of str
        One sentence or more for every pair of metrics.

    See Also
    --------
    disparity_report : Makes it.

    Examples
    --------
    >>> from skbss.evaluation import DisparityReport
    >>> print(DisparityReport(["No scores."], [], [], [], [], []))
    No scores.
    """

    summary: list[str]
    scores: list[dict[str, Any]]
    ranks: list[dict[str, Any]]
    correlations: list[dict[str, Any]]
    missing: list[dict[str, Any]]
    findings: list[str]

    def to_text(self) -> str:
        """The report in words and tables.

        Returns
        -------
        str
            Lines without a line break at the end; names are made printable.
        """
        parts = ["\n".join(map(printable, self.summary))]
        parts += ["\n".join([title, text_table(*table)]) for title, table in self._tables()]
        if self.findings:
            parts.append("\n".join(f"- {printable(sentence)}" for sentence in self.findings))
        return "\n\n".join(parts)

    def __str__(self):
        return self.to_text()

    def __repr__(self):
        metrics = list(self.scores[0])[2:] if self.scores else []
        return f"DisparityReport({len(self.scores)} systems, {len(metrics)} metrics)"

    def _repr_html_(self):
        from markupsafe import escape

        def listed(sentences):
            return "".join(f"<li>{escape(printable(sentence))}</li>" for sentence in sentences)

        tables = "".join(html_table(*table, caption=title) for title, table in self._tables())
        return f"<ul>{listed(self.summary)}</ul>{tables}<ul>{listed(self.findings)}</ul>"

    def _tables(self):
        if not self.scores:
            return
        yield "Mean scores", score_table(self.scores)
        if any(pair["verdict"] == "too few systems" for pair in self.correlations):
            yield "Ranks of the mean scores, 1 being the best", score_table(self.ranks)


def disparity_report(
    rows,
    *,
    ratings=None,
    by="task",
    best=MappingProxyType({}),
    oracles=True,
    n_resamples=1000,
    confidence=0.95,
    random_state=0,
):
    r"""Whether numerical and perceptual scores put the same systems in the same order.

    For every pair of metrics the systems are ranked by both, item by item: an item is one source
    of one task. Spearman's :math:`\rho` [1]_ and Kendall's :math:`\tau_b` [2]_ of these ranks,
    averaged over items, say how alike the metrics rank; intervals over tasks, of the bootstrap
    [3]_ and of Student's t, say how certain that is. The scores decide, the words of the report
    follow from them.

    Parameters
    ----------
    rows : list of dict, data frame of pandas or polars, or Evaluation
        Tidy scores of several systems on the same tasks: str `task`, `system` and `metric`,
        a number `value` (NaN or None where there is none), and, where known, `source`, `seed`,
        `oracle` and `error`. Several values of one system, task, source and metric are averaged.
    ratings : the same or Ratings, optional
        Scores that listeners gave, by metrics of other names. Those of hidden references and
        anchors are left out: they are no separations.
    by : str or sequence of str, default="task"
        The columns of `rows` whose values are units, independent of one another. Sources of one
        task are heard together and are not; ``["task", "source"]`` takes them as if. Tasks are
        not either where they are made of one recording, as `make_mixtures` makes them at several
        levels or in several rooms: name what they share, such as ``"tag_clean"``,
        ``"tag_interference"`` or a tag of your own for the speaker.
    best : mapping of str to float, optional
        The best values of metrics that neither `skbss.metrics.METRICS` nor an `Evaluation` knows,
        or where another is meant: infinity where higher is better, minus infinity where lower is,
        else a number, such as 0 for a bias. Of ratings, higher is better unless it is said here.
    oracles : bool, default=True
        Whether bounds, the systems whose rows have a true `oracle`, are ranked as well: ideal
        masks and the mixture itself. They are far from all others by most metrics, which makes
        metrics look alike.
    n_resamples : int, default=1000
        How many times the bootstrap draws units, each with all its items.
    confidence : float, default=0.95
        Coverage of the intervals, in (0, 1).
    random_state : int, RandomState instance or None, default=0
        Of the draws.

    Returns
    -------
    report : DisparityReport
        Tables and sentences.

    Raises
    ------
    TypeError, ValueError
        If a row lacks a column, a value is no number, the best value of a metric is not known, a
        metric is in both `rows` and `ratings`, or a parameter is out of its range.

    See Also
    --------
    evaluate : Makes the scores.
    read_ratings : Reads what listeners gave.

    Notes
    -----
    A score that is NaN, or of a run that failed, leaves the system out of that item for the pairs
    that it belongs to, and is counted in the report. Items on which fewer than five systems have
    both scores have no coefficient: by chance alone three systems are ranked alike one time in
    six. With fewer than five systems the ranks stand side by side instead. An item has none
    either where one metric is the same for all systems.

    With fewer than six units there is a coefficient, but no interval and no verdict. At each end
    an interval reaches as far as the farther of the percentile of the bootstrap, which is too
    narrow for few units, and the bound of Student's t with the standard error of the mean over
    units and one degree of freedom less than there are. Scores that have nothing to do with one
    another are taken for alike or opposite in 5 % of the cases or less. Intervals are not
    corrected for the number of pairs: among the ten pairs of five unrelated metrics expect such a
    pair in every second or third report.

    References
    ----------
    .. [1] C. Spearman, "The proof and measurement of association between two things", American
       Journal of Psychology 15(1), 1904.
    .. [2] M. G. Kendall, "The treatment of ties in ranking problems", Biometrika 33(3), 1945.
    .. [3] B. Efron and R. J. Tibshirani, "An introduction to the bootstrap", 1993, chapter 13.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.evaluation import disparity_report
    >>> rng = np.random.default_rng(0)
    >>> rows = [
    ...     {"task": f"song {task}", "system": f"system {k}", "metric": metric, "value": value}
    ...     for task in range(8)
    ...     for k, quality in enumerate(rng.standard_normal(6))
    ...     for metric, value in [("sdr", quality), ("mse", np.exp(-quality))]
    ... ]
    >>> report = disparity_report(rows)
    >>> report.correlations[0]["verdict"]
    'alike'
    >>> print(report.findings[0].split(": ")[0])
    Over 6 systems and 8 tasks, SDR and MSE rank the systems alike
    """
    if isinstance(n_resamples, bool) or not isinstance(n_resamples, int | np.integer):
        raise TypeError(f"n_resamples must be an int, got {n_resamples!r}.")
    if n_resamples < 1:
        raise ValueError(f"n_resamples must be at least 1, got {n_resamples}.")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, got {confidence!r}.")
    seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    scores = collect_scores(rows, ratings, by, best, oracles=oracles)
    kinds = {metric: _kind(metric, scores.rated) for metric in scores.metrics}
    units = _numbered(scores.units)
    correlations = []
    for first, second in sorted(
        itertools.combinations(scores.metrics, 2),
        key=lambda pair: _interest(kinds[pair[0]], kinds[pair[1]]),
    ):
        x, y = (scores.goodness[scores.metrics.index(metric)] for metric in (first, second))
        found = agreement(x, y, units, n_resamples=n_resamples, confidence=confidence, seed=seed)
        correlations.append(_entry(first, second, kinds, found))
    unit = _word(by)
    return DisparityReport(
        summary=describe(scores, kinds, unit=unit, confidence=confidence),
        scores=[
            {"system": system, "oracle": system in scores.oracles, **named}
            for system, named in _by_system(scores, scores.means(scores.values))
        ],
        ranks=[
            {"system": system, **named}
            for system, named in _by_system(scores, _ranks(scores.means(scores.goodness)))
        ],
        correlations=correlations,
        missing=scores.missing,
        findings=[finding(pair, unit) for pair in correlations],
    )


def _entry(first, second, kinds, found):
    return {
        "first": first,
        "second": second,
        "first_kind": kinds[first],
        "second_kind": kinds[second],
        "spearman": found.spearman,
        "spearman_low": found.spearman_interval[0],
        "spearman_high": found.spearman_interval[1],
        "kendall": found.kendall,
        "kendall_low": found.kendall_interval[0],
        "kendall_high": found.kendall_interval[1],
        "n_systems": found.n_systems[1],
        "n_systems_least": found.n_systems[0],
        "n_items": found.n_items,
        "n_units": found.n_units,
        "n_items_short": found.n_short,
        "n_items_constant": found.n_constant,
        "verdict": verdict(found),
    }


def _kind(metric, rated):
    from skbss.metrics import METRICS

    if metric in rated:
        return "listeners"
    is_model = metric in METRICS and METRICS[metric].perceptual
    return "perceptual model" if is_model else "signal"


def _interest(first, second):
    """Pairs of different kinds come first, those with listeners before all."""
    return first == second, min(_KINDS.index(first), _KINDS.index(second))


def _by_system(scores, table):
    for column, system in enumerate(scores.systems):
        yield (
            system,
            {metric: float(table[row, column]) for row, metric in enumerate(scores.metrics)},
        )


def _ranks(goodness):
    ranks = np.full(goodness.shape, math.nan)
    for row, values in enumerate(goodness):
        known = ~np.isnan(values)
        ranks[row, known] = rankdata(-values[known])
    return ranks


def _word(by):
    """What one of the units is called."""
    if isinstance(by, str):
        return _TAGS_OF_MIXTURES.get(by, by.removeprefix("tag_"))
    return "item" if sorted(by) == ["source", "task"] else "unit"


def _numbered(units):
    numbers: dict[Any, int] = {}
    return [numbers.setdefault(unit, len(numbers)) for unit in units]
