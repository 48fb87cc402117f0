"""Which estimate is compared with which source, where some come in their own order."""

import numpy as np

from skbss.metrics._permutation import best_permutation


def n_known_sources(estimator):
    """How many sources come in the order of the isolated recordings they were learned from.

    Parameters
    ----------
    estimator : estimator
        Fitted; of a Pipeline the last step counts, of a search the best estimator.

    Returns
    -------
    n_known : int
    """
    return getattr(innermost(estimator), "n_known_sources_", 0)


def takes_sources(estimator):
    """Whether an estimator is told the true sources.

    Parameters
    ----------
    estimator : estimator
        Of a Pipeline the last step counts, of a fitted search the best estimator.

    Returns
    -------
    takes_sources : bool
    """
    return bool(getattr(innermost(estimator), "takes_sources", False))


def separated_by(estimator, X, y):
    """What a fitted estimator makes of mixtures, told the true sources if it takes them.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    X : array or list
        Mixtures.
    y : array or list
        Their isolated sources.

    Returns
    -------
    estimates : array or list
        What its `transform` gives.
    """
    if not takes_sources(estimator):
        return estimator.transform(X)
    # Neither searches nor pipelines pass anything but X on.
    if hasattr(estimator, "best_estimator_"):
        return separated_by(estimator.best_estimator_, X, y)
    if hasattr(estimator, "steps"):
        *first, (_, last) = estimator.steps
        for _, step in first:
            X = X if step in (None, "passthrough") else step.transform(X)
        return separated_by(last, X, y)
    return estimator.transform(X, y)


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


def innermost(estimator):
    """What is left of an estimator without the searches and pipelines around it.

    Parameters
    ----------
    estimator : estimator
        Of a Pipeline the last step counts, of a fitted search the best estimator.

    Returns
    -------
    estimator : estimator
    """
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps"):
            estimator = estimator.steps[-1][1]
        else:
            return estimator
