"""Measures of one reference and one estimate, taken of every pair."""

from collections import Counter

import numpy as np

from skbss._runtime.warning import warn
from skbss.metrics._pairs import warn_of_silence


class NotMeasurableError(ValueError):
    """A pair of which a measure says nothing; the message says why, within a sentence."""


def score_each_pair(pairs, score, measure, *beside):
    """Score every pair; NaN with a warning where it can not be measured.

    Parameters
    ----------
    pairs : Pairs
        Checked references and as many estimates, of one channel.
    score : callable
        Called with one reference and one estimate, and one signal of each array of `beside`, all of
        shape (length,). The peak of the reference is 1, the estimate keeps its level relative to
        it. Returns a float, or raises `NotMeasurableError`.
    measure : str
        What the numbers are, for warnings.
    *beside : ndarray of shape (..., n_sources, length)
        Further signals, passed on as they are.

    Returns
    -------
    scores : ndarray of shape (..., n_sources)
    """
    warn_of_silence(pairs.silent_references, pairs.silent_estimates, measure)
    scores = np.full(pairs.references.shape[:-1], np.nan)
    reasons: Counter[str] = Counter()
    for index in np.argwhere(~(pairs.silent_references | pairs.silent_estimates)):
        where = tuple(index)
        reference, estimate = _at_level_of_reference(
            pairs.references[where], pairs.estimates[where]
        )
        try:
            scores[where] = score(reference, estimate, *(signals[where] for signals in beside))
        except NotMeasurableError as error:
            reasons[str(error)] += 1
    for reason, count in reasons.items():
        warn(f"The {measure} of {count} source(s) is NaN, because {reason}.")
    return scores


def _at_level_of_reference(reference, estimate):
    peak, own_peak = np.abs(reference).max(), np.abs(estimate).max()
    with np.errstate(over="ignore", under="ignore"):
        # Bounded, so that the square of any power is an ordinary number.
        gain = np.clip(own_peak / peak, 1e-50, 1e50)
    return reference / peak, estimate / own_peak * gain
