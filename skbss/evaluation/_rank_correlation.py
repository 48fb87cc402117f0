"""How alike two scores put the same systems in order, and how certain that is."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata, t

LEAST_SYSTEMS = 5
# Of fewer units no interval tells chance from likeness.
LEAST_UNITS = 6


@dataclass(frozen=True)
class Agreement:
    """Mean over items of the rank correlation of two scores.

    Attributes
    ----------
    spearman, kendall : float
        Spearman's rho and Kendall's tau-b in [-1, 1]; NaN where no item has one.
    spearman_interval, kendall_interval : tuple of 2 float
        Of their means over units; NaN with fewer than six units.
    n_items, n_units : int
        Items that have a coefficient, and the units they belong to.
    n_systems : tuple of 2 int
        The fewest and the most systems in one of these items; 0 without items.
    n_short : int
        Items left out because too few systems have both scores.
    n_constant : int
        Items left out because one of the scores is the same for all systems.
    """

    spearman: float
    spearman_interval: tuple[float, float]
    kendall: float
    kendall_interval: tuple[float, float]
    n_items: int
    n_units: int
    n_systems: tuple[int, int]
    n_short: int
    n_constant: int


def rank_correlations(x, y):
    """Spearman's rho and Kendall's tau-b.

    Parameters
    ----------
    x, y : array of shape (..., n_systems)
        Two scores of every system; infinite ones have their rank.

    Returns
    -------
    correlations : ndarray of shape (..., 2)
        rho and tau in [-1, 1]. NaN where one of the scores is the same for all systems.
    """
    x, y = rankdata(x, axis=-1), rankdata(y, axis=-1)
    centered = [ranks - ranks.mean(axis=-1, keepdims=True) for ranks in (x, y)]
    signs = [np.sign(ranks[..., :, None] - ranks[..., None, :]) for ranks in (x, y)]
    signs = [one.reshape(*one.shape[:-2], -1) for one in signs]
    return np.stack([_cosine(*centered), _cosine(*signs)], axis=-1)


def agreement(x, y, units, *, n_resamples, confidence, seed, least_systems=LEAST_SYSTEMS):
    """Rank correlation within every item over systems, averaged over items.

    Parameters
    ----------
    x, y : array of shape (n_items, n_systems)
        Two scores, oriented alike; NaN where there is none, which leaves the system out of that
        item.
    units : array of int of shape (n_items,)
        What an item belongs to. Units, with all their items, are independent.
    n_resamples : int
        How many times the bootstrap draws units.
    confidence : float
        Coverage of the intervals, in (0, 1).
    seed : int
        Of the draws.
    least_systems : int
        Items with fewer systems are left out.

    Returns
    -------
    agreement : Agreement
        The coefficients, their intervals and what they rest on.
    """
    known = ~(np.isnan(x) | np.isnan(y))
    counts = known.sum(axis=1)
    short = counts < least_systems
    pairs = np.full((len(x), 2), np.nan)
    # Together, the items on which the same systems have both scores.
    for pattern in np.unique(known[~short], axis=0):
        alike = (known == pattern).all(axis=1)
        pairs[alike] = rank_correlations(x[np.ix_(alike, pattern)], y[np.ix_(alike, pattern)])
    defined = ~np.isnan(pairs[:, 0])
    # An item without any system that has both is not left out of anything.
    n_short = int(np.count_nonzero(short & (counts > 0)))
    n_constant = int(np.count_nonzero(~short & ~defined))
    if not defined.any():
        nothing = (np.nan, np.nan)
        return Agreement(np.nan, nothing, np.nan, nothing, 0, 0, (0, 0), n_short, n_constant)
    pairs, counts = pairs[defined], counts[defined]
    _, unit = np.unique(np.asarray(units)[defined], return_inverse=True)
    low, high = _interval(pairs, unit, n_resamples, confidence, seed)
    rho, tau = pairs.mean(axis=0)
    return Agreement(
        spearman=float(rho),
        spearman_interval=(float(low[0]), float(high[0])),
        kendall=float(tau),
        kendall_interval=(float(low[1]), float(high[1])),
        n_items=len(pairs),
        n_units=int(unit.max()) + 1,
        n_systems=(int(counts.min()), int(counts.max())),
        n_short=n_short,
        n_constant=n_constant,
    )


def _interval(values, unit, n_resamples, confidence, seed):
    """The wider of two at each end: percentiles over units drawn again, and Student's t."""
    n_units = int(unit.max()) + 1
    if n_units < LEAST_UNITS:
        return np.full((2, values.shape[1]), np.nan)
    sums = np.zeros((n_units, values.shape[1]))
    np.add.at(sums, unit, values)
    sizes = np.bincount(unit)[:, None]
    levels = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    drawn = np.random.default_rng(seed).integers(n_units, size=(n_resamples, n_units))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    percentiles = np.quantile(means, levels, axis=0)
    # Of a ratio, because units may have different numbers of items.
    mean = values.mean(axis=0)
    squares = np.square(sums - sizes * mean).sum(axis=0)
    deviation = np.sqrt(n_units / (n_units - 1) * squares) / len(values)
    low, high = mean + np.outer(t.ppf(levels, n_units - 1), deviation)
    # Rounding must not take a sure thing across a bound.
    low = np.minimum(low, percentiles[0]).round(12)
    high = np.maximum(high, percentiles[1]).round(12)
    return np.clip([low, high], -1, 1)


def _cosine(a, b):
    energy = np.sum(a * a, axis=-1) * np.sum(b * b, axis=-1)
    cosine = np.sum(a * b, axis=-1) / np.sqrt(np.where(energy > 0, energy, 1))
    return np.where(energy > 0, np.clip(cosine, -1, 1), np.nan)
