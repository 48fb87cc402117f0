"""A start from features that are unlike each other, as k-means++ chooses its centers."""

import numpy as np
from sklearn.utils import check_random_state

# Of the mean of a feature. Exact zeros in one feature would decide by themselves, below beta 1, how
# badly it explains the others.
_LEAST = 1e-3


def distinct_features(X, weights, n_components, beta, random_state):
    """Draw features whose activations, each for one component, explain the others well.

    The first one is drawn from all. Then a few candidates at a time are drawn, in proportion to
    how badly they are explained by the best of those that were chosen, and the one is chosen that
    leaves least unexplained.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
        Positive where observed, and of mean one.
    weights : array of shape (n_samples, n_features) or None
        Of its entries.
    n_components : int
        How many to choose.
    beta : float
        Of the divergence.
    random_state : int, RandomState instance or None
        For what is drawn.

    Returns
    -------
    W : array of shape (n_samples, n_components)
        Their columns of X at mean one, raised to a thousandth of that; ones where not observed.
    """
    # The smallest entries of single precision would vanish in products.
    dtype, X = X.dtype, X.astype(np.float64)
    rng = check_random_state(random_state)
    n_trials = 2 + int(np.log(n_components))
    m = np.ones((1, 1), X.dtype) if weights is None else weights
    count = np.broadcast_to(m, X.shape).sum(axis=0)
    profiles = np.maximum(X / ((m * X).sum(axis=0) / count), _LEAST)
    if weights is not None:
        profiles = np.where(weights > 0, profiles, 1)
    weighted = X if weights is None else weights * X
    misfit = _Misfit(X, weighted, np.broadcast_to(m, X.shape), beta)
    chosen: list[int] = []
    left = np.ones(X.shape[1])
    for _ in range(n_components):
        mass = np.maximum(left, 0)
        # All is explained: whatever is left over finds its features later on.
        odds = mass / mass.sum() if mass.sum() > 0 else None
        trials = rng.choice(X.shape[1], n_trials, p=odds)
        after = misfit.of(profiles[:, trials])
        if chosen:
            after = np.minimum(after, left[:, None])
        best = after.sum(axis=0).argmin()
        chosen.append(int(trials[best]))
        left = after[:, best]
    return profiles[:, chosen].astype(dtype)


class _Misfit:
    """The divergence of every feature from the best multiple of given activations."""

    def __init__(self, X, weighted, m, beta):
        self._weighted, self._m, self._beta = weighted, m, beta
        if beta == 1:
            self._own = (weighted * np.log(X)).sum(axis=0)
        elif beta == 0:
            self._own = -(m * np.log(X)).sum(axis=0)
        else:
            self._own = (weighted * X ** (beta - 1)).sum(axis=0)

    def of(self, W):
        """For every feature (rows) and every column of W."""
        beta, own = self._beta, self._own[:, None]
        A, B = self._weighted.T @ W ** (beta - 1), self._m.T @ W**beta
        if beta == 1:
            divergence = own - A * np.log(A / B) - self._weighted.T @ np.log(W)
        elif beta == 0:
            divergence = own + B * np.log(A / B) + self._m.T @ np.log(W)
        else:
            gain = np.exp(beta * np.log(A / B) + np.log(B))
            divergence = (own - gain) / (beta * (beta - 1))
        return np.maximum(divergence, 0)
