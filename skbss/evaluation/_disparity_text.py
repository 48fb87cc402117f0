"""What a report on disparity says, from its numbers alone."""

import math

from skbss.evaluation._rank_correlation import LEAST_SYSTEMS, LEAST_UNITS
from skbss.report._text import count

# Intervals beyond this speak for a likeness, others for a tendency.
_CLEAR = 0.5
_BOUNDS = (
    "Bounds are no separators: their rows have a true oracle, as those of ideal masks and of the "
    "mixture itself."
)


def verdict(found):
    """What the coefficients of one pair of metrics decide.

    Parameters
    ----------
    found : Agreement
        The coefficients.

    Returns
    -------
    verdict : str
        As in `DisparityReport`.
    """
    if found.n_items == 0:
        if found.n_constant:
            return "undefined"
        return "too few systems" if found.n_short else "no common items"
    if found.n_units < LEAST_UNITS:
        return "too few tasks"
    intervals = (found.spearman_interval, found.kendall_interval)
    if any(low <= 0 <= high for low, high in intervals):
        return "undecided"
    return "alike" if found.spearman > 0 else "opposite"


def finding(pair, unit):
    """One pair of metrics in words.

    Parameters
    ----------
    pair : dict
        An entry of `correlations`.
    unit : str
        What is taken as independent, such as "task".

    Returns
    -------
    str
        One sentence or more.
    """
    names = f"{title(pair['first'])} and {title(pair['second'])}"
    if pair["verdict"] == "no common items":
        return f"{names}: no item has both scores of any system."
    if pair["verdict"] == "too few systems":
        return (
            f"{names}: no coefficient, because no item has both scores of {LEAST_SYSTEMS} systems "
            "or more."
        )
    if pair["verdict"] == "undefined":
        return (
            f"{names}: no coefficient, because on every item one of them is the same for all "
            "systems."
        )
    rests_on = f"{_systems(pair)} and {_items(pair, unit)}"
    numbers = f"rho {_coefficient(pair, 'spearman')}, tau {_coefficient(pair, 'kendall')}."
    if pair["verdict"] == "too few tasks":
        sentence = (
            f"Over {rests_on}, {names}: {numbers} Fewer than {LEAST_UNITS} {unit}s give no "
            "interval: these data do not decide."
        )
    elif pair["verdict"] == "undecided":
        sentence = (
            f"Over {rests_on}, {names}: {numbers} The interval contains 0: these data do not "
            "decide."
        )
    else:
        nearest = min(abs(pair["spearman_low"]), abs(pair["spearman_high"]))
        verb = "rank" if nearest >= _CLEAR else "tend to rank"
        how = "alike" if pair["verdict"] == "alike" else "in opposite order"
        sentence = f"Over {rests_on}, {names} {verb} the systems {how}: {numbers}"
    return sentence + _left_out(pair)


def describe(scores, kinds, *, unit, confidence):
    """What the report rests on.

    Parameters
    ----------
    scores : ItemScores
        All of them.
    kinds : dict of str to str
        Of every metric.
    unit : str
        What is taken as independent, such as "task".
    confidence : float
        Of its intervals.

    Returns
    -------
    list of str
        One line each.
    """
    systems = count(len(scores.systems), "system")
    if scores.oracles:
        systems += f", {count(len(scores.oracles), 'bound')} among them"
    tasks = count(len({task for task, _ in scores.items}), "task")
    lines = [
        f"{systems}; {tasks}; {count(len(scores.items), 'item')}, an item being one source of one "
        "task.",
        *_lines_of_kinds(scores.metrics, kinds),
        "Systems are ranked within every item, by each score in its better direction; "
        f"coefficients are means over items, with {100 * confidence:g} % intervals that take "
        f"{unit}s as independent of one another.",
    ]
    if scores.oracles:
        lines.insert(1, _BOUNDS)
    n_pairs = math.comb(len(scores.metrics), 2)
    if n_pairs > 1:
        lines.append(
            f"The intervals of the {n_pairs} pairs of scores are not corrected for their number: "
            "the more pairs, the more of them seem alike or opposite by chance."
        )
    if scores.n_controls:
        lines.append(
            f"{count(scores.n_controls, 'rating')} left out: of hidden references and anchors, "
            "which are no separations."
        )
    n_failed, n_undefined = (
        sum(entry[key] for entry in scores.missing) for key in ("n_failed", "n_undefined")
    )
    if n_failed or n_undefined:
        lines.append(
            f"Missing, and left out, of {scores.n_values} values: {n_failed} of runs that failed, "
            f"{n_undefined} that are not defined."
        )
        lines += [
            f"  {entry['system']}, {title(entry['metric'])}: {entry['n_failed']} failed, "
            f"{entry['n_undefined']} not defined, of {entry['n_values']}."
            for entry in scores.missing
        ]
    return lines


def score_table(rows):
    """Heading and cells of a table with one line for every system.

    Parameters
    ----------
    rows : list of dict
        `scores` or `ranks` of the report.

    Returns
    -------
    heading : list of str
    cells : list of list of str
    """
    metrics = [key for key in rows[0] if key not in ("system", "oracle")]
    heading = ["system", *(title(metric, with_unit=True) for metric in metrics)]
    cells = [
        [
            row["system"] + (" (bound)" if row.get("oracle") else ""),
            *(_number(row[metric]) for metric in metrics),
        ]
        for row in rows
    ]
    return heading, cells


def title(metric, *, with_unit=False):
    """What a metric is called in words.

    Parameters
    ----------
    metric : str
        Its name.
    with_unit : bool, default=False
        Whether its unit follows.

    Returns
    -------
    str
        The name itself where it does not come with skbss.
    """
    from skbss.metrics import METRICS

    if metric not in METRICS:
        return metric
    return METRICS[metric].heading if with_unit else METRICS[metric].title


def _lines_of_kinds(metrics, kinds):
    told = {
        "listeners": "Rated by listeners",
        "perceptual model": "Computed by models of perception",
        "signal": "Computed from signals",
    }
    for kind, words in told.items():
        named = [title(metric) for metric in metrics if kinds[metric] == kind]
        if named:
            yield f"{words}: {', '.join(named)}."
        elif kind == "listeners":
            yield "No listener's ratings are among these scores."


def _systems(pair):
    least, most = pair["n_systems_least"], pair["n_systems"]
    return count(most, "system") if least == most else f"{least} to {most} systems"


def _items(pair, unit):
    units = count(pair["n_units"], unit)
    if pair["n_items"] == pair["n_units"]:
        return units
    return f"{count(pair['n_items'], 'item')} of {units}"


def _coefficient(pair, name):
    keys = (name, f"{name}_low", f"{name}_high")
    # Adding zero, so that no zero has a sign.
    value, low, high = (
        f"{round(pair[key], 2) + 0.0:.2f}".replace("-", "\N{MINUS SIGN}") for key in keys
    )
    return value if math.isnan(pair[f"{name}_low"]) else f"{value} [{low}, {high}]"


def _left_out(pair):
    parts = []
    if pair["n_items_short"]:
        parts.append(
            f"{count(pair['n_items_short'], 'item')} with fewer than {LEAST_SYSTEMS} systems"
        )
    if pair["n_items_constant"]:
        parts.append(
            f"{count(pair['n_items_constant'], 'item')} on which one of them is the same for all "
            "systems"
        )
    return f" Left out: {', '.join(parts)}." if parts else ""


def _number(value):
    if math.isnan(value):
        return "\N{EN DASH}"
    text = f"{value:.3g}" if math.isfinite(value) else "∞" if value > 0 else "-∞"
    return text.replace("-", "\N{MINUS SIGN}")
