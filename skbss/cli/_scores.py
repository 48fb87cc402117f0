"""How close the stems come to the truth."""

from dataclasses import dataclass

import numpy as np

from skbss.report._table import aligned_lines

DEFINITIONS = {
    "SI-SDR": "Scale-invariant signal-to-distortion ratio: the energy of what the estimate has of "
    "the true source, over the energy of all else in it. Higher is better.",
    "Improvement": "What separation gained over taking the mixture for the source.",
}


@dataclass(frozen=True)
class Scores:
    """Scale-invariant signal-to-distortion ratios in dB, one value for each source.

    Attributes
    ----------
    mixture : array of shape (n_sources,)
        Of the unseparated mixture, taken for the source.
    separated : array of shape (n_sources,)
        Of the stem.
    """

    mixture: np.ndarray
    separated: np.ndarray

    @property
    def improvement(self) -> np.ndarray:
        """What separation gained."""
        return self.separated - self.mixture

    def columns(self) -> dict[str, np.ndarray]:
        """The values under the headings of a table."""
        return {
            "Mixture SI-SDR (dB)": self.mixture,
            "Separated SI-SDR (dB)": self.separated,
            "Improvement (dB)": self.improvement,
        }


def match_and_score(
    references: np.ndarray, estimates: np.ndarray, mixture: np.ndarray
) -> tuple[list[int], Scores]:
    """Find which stem is which source, and how good it is.

    Parameters
    ----------
    references, estimates : array of shape (n_sources, length)
        The truth, and the stems in any order.
    mixture : array of shape (length,)
        What was separated.

    Returns
    -------
    order : list of int
        ``estimates[order[j]]`` belongs to ``references[j]``: the permutation with the best mean.
    scores : Scores
        By source.
    """
    from skbss.metrics import best_permutation, si_sdr

    order = best_permutation(references, estimates)
    before = si_sdr(references, np.broadcast_to(mixture, np.shape(references)))
    return [int(k) for k in order], Scores(before, si_sdr(references, estimates[order]))


def score_lines(names: list[str], scores: Scores) -> list[str]:
    """A plain table for any terminal or file."""
    values = np.stack([scores.mixture, scores.separated, scores.improvement], axis=1)
    rows = zip([*names, "mean"], [*values, values.mean(axis=0)], strict=True)
    lines = [
        ["SI-SDR in dB", "mixture", "separated", "improvement"],
        *([name, *(f"{value:.1f}" for value in row)] for name, row in rows),
    ]
    return aligned_lines(lines, [True, False, False, False])
