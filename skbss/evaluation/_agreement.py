"""How far raters agree."""

import numpy as np


def krippendorff_alpha(ratings):
    r"""Krippendorff's alpha for interval data.

    .. math:: \alpha = 1 - \frac{D_o}{D_e}, \qquad
        D_o = \frac{1}{n} \sum_u \frac{1}{m_u - 1} \sum_{i, j} (v_{ui} - v_{uj})^2, \qquad
        D_e = \frac{1}{n (n - 1)} \sum_{i, j} (v_i - v_j)^2

    over the :math:`n` ratings of units :math:`u` with :math:`m_u \geq 2` of them.

    Parameters
    ----------
    ratings : ndarray of shape (n_raters, n_units)
        NaN where a rater gave none.

    Returns
    -------
    alpha : float
        1 for raters who agree in everything, 0 for what chance gives, below for less. NaN where no
        unit was rated twice, or all ratings are the same.

    References
    ----------
    .. [1] K. Krippendorff, "Computing Krippendorff's alpha-reliability", 2011, section F.
    """
    counts = np.isfinite(ratings).sum(axis=0)
    kept = ratings[:, counts >= 2]
    values = kept[np.isfinite(kept)]
    if not values.size or np.ptp(values) == 0:
        return np.nan
    counts = counts[counts >= 2]
    within = np.square(kept - np.nanmean(kept, axis=0))
    observed = (2 * counts / (counts - 1) * np.nansum(within, axis=0)).sum() / len(values)
    expected = 2 * np.square(values - values.mean()).sum() / (len(values) - 1)
    return float(1 - observed / expected)


def intraclass_correlations(ratings):
    """Intraclass correlations ICC(2,1) and ICC(2,k): raters drawn at random, absolute agreement.

    Parameters
    ----------
    ratings : ndarray of shape (n_raters, n_units)
        Without gaps.

    Returns
    -------
    single, average : float
        Reliability of one rater, and of the mean of all; 1 is perfect, 0 and below is none. NaN
        for fewer than two raters or units, where all ratings are the same, or where raters differ
        so much that the estimated variance is negative.

    References
    ----------
    .. [1] P. E. Shrout and J. L. Fleiss, "Intraclass correlations: uses in assessing rater
       reliability", Psychological Bulletin 86(2), 1979, p. 423.
    """
    n_raters, n_units = ratings.shape
    if min(n_raters, n_units) < 2 or np.ptp(ratings) == 0:
        return np.nan, np.nan
    deviations = ratings - ratings.mean()
    of_units, of_raters = deviations.mean(axis=0), deviations.mean(axis=1)
    residuals = deviations - of_units - of_raters[:, np.newaxis]
    between_units = n_raters * np.square(of_units).sum() / (n_units - 1)
    between_raters = n_units * np.square(of_raters).sum() / (n_raters - 1)
    error = np.square(residuals).sum() / ((n_units - 1) * (n_raters - 1))
    excess = (between_raters - error) / n_units
    single = between_units + (n_raters - 1) * error + n_raters * excess
    average = between_units + excess
    # Up to rounding, which must not decide between a huge value and none.
    least = 1e-12 * (between_units + between_raters + error)
    if single <= least or average <= least:
        return np.nan, np.nan
    return float((between_units - error) / single), float((between_units - error) / average)
