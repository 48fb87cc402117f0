"""Ratios of energies of every estimate to every reference, and those of the best assignment."""

import numpy as np

from skbss._runtime.warning import warn
from skbss.metrics._framing import silent_frames
from skbss.metrics._permutation import best_assignment
from skbss.metrics._projection import HOPELESS

# Energies that differ by more are, on one side, what rounding leaves of nothing.
_LIMIT_DB = 120
NOTHING = 1e-24
"""Share of the energy of a signal that rounding may leave of a part that is not there."""


def decibels(wanted, unwanted):
    """Ratio of two energies.

    Parameters
    ----------
    wanted, unwanted : ndarray
        Energies.

    Returns
    -------
    ratio : ndarray
        In dB; infinite beyond 120 dB, and minus infinity where there is nothing of both.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = 10 * np.log10(wanted / unwanted)
    ratio = np.where(wanted == 0, -np.inf, ratio)
    return np.where(np.abs(ratio) > _LIMIT_DB, np.copysign(np.inf, ratio), ratio)


def assigned_scores(pairs, score, n_scores, sir, frames, *, permute, on_silent):
    """Scores of the estimates that belong to the references.

    Parameters
    ----------
    pairs : Pairs
        Checked signals.
    score : callable
        Called as ``score(references, estimates, wanted, frames)`` with the signals of a clip of
        which none is silent in any of the frames, and which of their pairs are wanted. Returns an
        array of shape (n_scores, n_references, n_estimates, n_frames) and the condition number
        of the references.
    n_scores : int
        How many scores a pair has.
    sir : int
        Which of them decides on the assignment.
    frames : list of slice
        The frames.
    permute : bool
        Whether estimates are assigned, rather than taken in their order.
    on_silent : {"nan", "raise"}
        What to do about frames in which a signal is silent.

    Returns
    -------
    scores : ndarray of shape (n_scores, ..., n_references, n_frames)
        NaN where one of the two signals is silent, or any signal is within a frame.
    permutation : ndarray of int of shape (..., n_references)
        Which estimate belongs to the reference.
    unmatched : ndarray of int of shape (..., n_estimates - n_references)
        Which belong to none.
    """
    batch, n_references = pairs.silent_references.shape[:-1], pairs.silent_references.shape[-1]
    n_estimates = pairs.silent_estimates.shape[-1]
    scores = np.full((n_scores, *batch, n_references, len(frames)), np.nan)
    permutation = np.empty((*batch, n_references), int)
    unmatched = np.empty((*batch, n_estimates - n_references), int)
    n_silent, worst = 0, 0.0
    wanted = np.ones((n_references, n_estimates), bool) if permute else np.eye(n_references) > 0
    for index in np.ndindex(batch):
        heard = ~pairs.silent_references[index], ~pairs.silent_estimates[index]
        references = _chosen(pairs.references[index], heard[0])
        estimates = _chosen(pairs.estimates[index], heard[1])
        table = np.full((n_scores, n_references, n_estimates, len(frames)), np.nan)
        if len(references) and len(estimates):
            silent = silent_frames(references, estimates, frames)
            if on_silent == "raise" and silent.any():
                raise ValueError(
                    f"A signal is silent in frame {np.argmax(silent)}: take a longer window, or "
                    "pass on_silent='nan' for a NaN in its place."
                )
            n_silent += silent.sum()
            chosen = [
                frame for frame, is_silent in zip(frames, silent, strict=True) if not is_silent
            ]
            if chosen:
                found, condition = score(references, estimates, wanted[np.ix_(*heard)], chosen)
                table[np.ix_(range(n_scores), *heard, ~silent)] = found
                worst = max(worst, condition)
        order = _assignment(table[sir]) if permute else np.arange(n_references)
        permutation[index] = order
        unmatched[index] = np.setdiff1d(np.arange(n_estimates), order)
        scores[(slice(None), *index)] = table[:, np.arange(n_references), order]
    _warn(n_silent, worst)
    return scores, permutation, unmatched


def _chosen(signals, chosen):
    return signals if chosen.all() else signals[chosen]


def _assignment(ratios):
    """By the mean over frames; infinite ratios count more than finite ones, but not everything."""
    ratios = np.clip(ratios, -4 * _LIMIT_DB, 4 * _LIMIT_DB)
    known = ~np.isnan(ratios)
    total = np.where(known, ratios, 0).sum(axis=-1)
    mean = total / np.maximum(known.sum(axis=-1), 1)
    return best_assignment(np.where(known.any(axis=-1), mean, np.nan))


def _warn(n_silent, condition):
    if n_silent:
        warn(
            f"In {n_silent} frame(s) a reference or an estimate is silent: all scores of such a "
            "frame are NaN."
        )
    if condition > HOPELESS:
        warn(
            "There are dependent references: to within rounding, one is a sum of filtered others, "
            "or there are frequencies that none of them holds (condition number "
            f"{condition:.0e}). How an estimate divides into interference and artifacts is then "
            "not well determined."
        )
