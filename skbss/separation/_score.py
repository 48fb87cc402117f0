"""The score of a separation whose sources may come in any order."""

from skbss.metrics._registry import find_metrics
from skbss.metrics._scorer import mean_scores


def mean_si_sdr(references, estimates, n_known):
    """Mean over all clips and sources that are not silent.

    Parameters
    ----------
    references : iterable of arrays of shape (n_references, [n_channels,] length)
        True sources of every clip.
    estimates : iterable of arrays of shape (n_sources, [n_channels,] length)
        At least as many estimates of every clip.
    n_known : int
        How many sources come in their own order; the others fit best.

    Returns
    -------
    ratio : float
        In dB; NaN without any audible source.
    """
    scores = mean_scores(find_metrics("si_sdr"), references, estimates, n_known=n_known)
    return scores["si_sdr"][0]


def check_enough_estimates(n_references, n_sources):
    """Refuse to score fewer sources than there truly are.

    Parameters
    ----------
    n_references : int
        How many true sources there are.
    n_sources : int
        For how many the estimator was fitted.

    Raises
    ------
    ValueError
        If there are more references.
    """
    if n_references > n_sources:
        raise ValueError(
            f"y holds {n_references} sources, but the separator was fitted for {n_sources}: fit it "
            f"with n_sources={n_references}."
        )
