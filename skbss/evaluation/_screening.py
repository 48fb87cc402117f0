"""Raters who did not hear what everybody should: ITU-R BS.1534-3, section 4.1.2."""

from collections import defaultdict
from itertools import groupby

# On the other scales a sound without high frequencies may well deserve the highest rating.
_METRICS_OF_LOW_PASS = ("listening_quality", "listening_timbre")
_MOST_RATERS = 0.25


def missed_references(rows, below, share):
    """Raters who often rate the hidden reference low.

    Parameters
    ----------
    rows : list of dict
        Those of `Ratings`.
    below : float
        What is too low.
    share : float
        Of the trials in which this may happen.

    Returns
    -------
    raters : set of str
    """
    references = [row for row in rows if row["hidden_reference"]]
    return _frequent([(row["rater"], row["value"] < below) for row in references], share)


def overrated_anchors(rows, above, share):
    """Raters who often take the middle anchor for unimpaired.

    Parameters
    ----------
    rows : list of dict
        Those of `Ratings`.
    above : float
        What is too high.
    share : float
        Of the trials in which this may happen, without those in which a quarter of all raters
        agree with it.

    Returns
    -------
    raters : set of str
    """
    rows = [
        row
        for row in rows
        if row["anchor"]
        and row["system"] == "low_pass_7000"
        and row["metric"] in _METRICS_OF_LOW_PASS
    ]

    def trial(row):
        return row["metric"], row["task"], row["source"] or ""

    judged = []
    for _, group in groupby(sorted(rows, key=trial), trial):
        answers = [(row["rater"], row["value"] > above) for row in group]
        if sum(is_wrong for _, is_wrong in answers) <= _MOST_RATERS * len(answers):
            judged += answers
    return _frequent(judged, share)


def _frequent(judged, share):
    """Who is wrong in more than a share of what they judged."""
    counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for rater, is_wrong in judged:
        counts[rater][0] += is_wrong
        counts[rater][1] += 1
    return {rater for rater, (wrong, total) in counts.items() if wrong > share * total}
