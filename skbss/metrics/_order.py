"""Which estimate is compared with which source, where some come in their own order."""

import numpy as np

from skbss.metrics._permutation import best_permutation


def n_known_sources(estimator):
    """How many sources come in the order of the isolated recordings they were learned from.

    Parameters
    ----------
    estimator : estimator
        Fitted; of a Pipeline the last step counts.

    Returns
    -------
    n_known : int
    """
    if hasattr(estimator, "steps"):
        estimator = estimator.steps[-1][1]
    estimator = getattr(estimator, "best_estimator_", estimator)
    return getattr(estimator, "n_known_sources_", 0)


def order_of_estimates(references, estimates, n_known):
    """The estimate of every reference, where only the first come in their own order.

    Parameters
    ----------
    references : ndarray of shape (n_references, [n_channels,] length)
        True sources of one clip.
    estimates : ndarray of shape (n_estimates, [n_channels,] length)
        No fewer.
    n_known : int
        How many estimates come in the order of the references.

    Returns
    -------
    order : ndarray of int of shape (n_references,)
    """
    order = np.arange(len(references))
    if n_known < len(references):
        references = references.reshape(len(references), -1)[n_known:]
        estimates = estimates.reshape(len(estimates), -1)[n_known:]
        order[n_known:] = n_known + best_permutation(references, estimates)
    return order
