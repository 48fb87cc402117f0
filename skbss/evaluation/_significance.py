"""Whether differences between systems are more than chance."""

import numpy as np


def paired_p_value(first, second):
    """Chance of a difference at least as large if two systems were equally good.

    The signed-rank test of Wilcoxon, two-sided. Pairs without a difference count half for either
    side. Exact for few pairs of different differences.

    Parameters
    ----------
    first, second : ndarray of shape (n_pairs,)
        Scores of the two systems on the same tasks. Pairs of which one is NaN are left out.

    Returns
    -------
    p_value : float
        From 0 to 1; 1 where all pairs are equal, NaN with fewer than two pairs.
    """
    from scipy.stats import wilcoxon

    known = ~(np.isnan(first) | np.isnan(second))
    first, second = first[known], second[known]
    if len(first) < 2:
        return float("nan")
    # Infinite scores are equal, or differ by more than all others.
    same = first == second
    difference = np.subtract(first, second, where=~same, out=np.zeros(len(first)))
    if not difference.any():
        return 1.0
    return float(wilcoxon(difference, zero_method="zsplit").pvalue)


def holm(p_values):
    """P-values adjusted for the number of comparisons, such that none is overrated.

    Parameters
    ----------
    p_values : sequence of float
        Of every comparison; NaN is left as it is and does not count.

    Returns
    -------
    adjusted : ndarray of shape (n_comparisons,)
        Below a level such as 0.05 only with that probability for even one of them, if there is no
        difference.

    References
    ----------
    .. [1] S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal
       of Statistics 6(2), 1979.
    """
    p_values = np.asarray(p_values, float)
    adjusted = np.full(p_values.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    factors = len(order) - np.arange(len(order))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(factors * p_values[order]))
    return adjusted
