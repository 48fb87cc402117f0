"""Starting points for a factorization."""

import math

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.extmath import randomized_svd


def random_factors(mean, shape, n_components, dtype, random_state):
    """Draw both factors so that their product has about the mean of the data.

    Parameters
    ----------
    mean : float
        Mean of the data.
    shape : tuple of int
        ``(n_samples, n_features)``, or ``(n_samples, template_length, n_features)`` for
        components that last for several samples.
    n_components : int
        Rank of the product.
    dtype : dtype
        Of the factors.
    random_state : int, RandomState instance or None
        As everywhere in scikit-learn; the draws are the same as there.

    Returns
    -------
    W : array of shape (n_samples, n_components)
    H : array of shape (n_components, *shape[1:])
    """
    rng = check_random_state(random_state)
    level = np.sqrt(mean / (n_components * math.prod(shape[1:-1])))
    H = random_factor(level, (n_components, *shape[1:]), dtype, rng)
    W = random_factor(level, (shape[0], n_components), dtype, rng)
    return W, H


def random_factor(level, shape, dtype, rng):
    """Draw one factor: absolute values of normal numbers whose mean square is that of `level`.

    What is drawn for some rows goes on with what was drawn for those before.
    """
    drawn = np.abs(level * rng.standard_normal(shape).astype(dtype))
    return drawn.astype(dtype, copy=False)


def nndsvd_factors(X, n_components, *, fill, random_state):
    """Split the leading singular vectors into their positive and negative parts.

    C. Boutsidis and E. Gallopoulos, "SVD based initialization: a head start for nonnegative
    matrix factorization", Pattern Recognition 41(4), 2008, figure 1.

    Parameters
    ----------
    X : array or sparse matrix of shape (n_samples, n_features)
        Of mean 1, without missing entries.
    n_components : int
        At most ``min(X.shape)``.
    fill : {"nndsvd", "nndsvda", "nndsvdar"}
        What replaces zeros: nothing, the level of a random start, or random numbers of a
        hundredth of it.
    random_state : int, RandomState instance or None
        For the randomized SVD and the random numbers.

    Returns
    -------
    W : array of shape (n_samples, n_components)
    H : array of shape (n_components, n_features)
    """
    singular = randomized_svd(X, n_components, random_state=random_state)
    return factors_of_svd(*singular, fill=fill, random_state=random_state)


def factors_of_svd(U, S, V, *, fill, random_state):
    """The same from the singular vectors of such an X, whose signs do not matter.

    Parameters
    ----------
    U : array of shape (n_samples, n_components)
    S : array of shape (n_components,)
    V : array of shape (n_components, n_features)
    fill : {"nndsvd", "nndsvda", "nndsvdar"}
        What replaces zeros.
    random_state : int, RandomState instance or None
        For random numbers.

    Returns
    -------
    W : array of shape (n_samples, n_components)
    H : array of shape (n_components, n_features)
    """
    n_components = len(S)
    W, H = np.zeros_like(U), np.zeros_like(V)
    W[:, 0], H[0] = np.sqrt(S[0]) * np.abs(U[:, 0]), np.sqrt(S[0]) * np.abs(V[0])
    for k in range(1, n_components):
        halves = []
        for sign in (1, -1):
            u, v = np.maximum(sign * U[:, k], 0), np.maximum(sign * V[k], 0)
            halves.append((np.linalg.norm(u) * np.linalg.norm(v), u, v))
        strength, u, v = halves[0] if halves[0][0] > halves[1][0] else halves[1]
        if strength > 0:
            gain = np.sqrt(S[k] * strength)
            W[:, k], H[k] = gain * u / np.linalg.norm(u), gain * v / np.linalg.norm(v)
    # The mean of factors whose product has the mean of the data.
    level = 1 / np.sqrt(n_components)
    W[W < 1e-6] = 0
    H[H < 1e-6] = 0
    if fill == "nndsvda":
        W[W == 0] = H[H == 0] = level
    elif fill == "nndsvdar":
        rng = check_random_state(random_state)
        W[W == 0] = np.abs(level * rng.standard_normal(np.count_nonzero(W == 0)) / 100)
        H[H == 0] = np.abs(level * rng.standard_normal(np.count_nonzero(H == 0)) / 100)
    return W, H


def rank_one_completion(X, observed, weights):
    """Fill what was not observed by the product of its row's and its column's mean.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
        Non-negative; arbitrary where not observed.
    observed : bool array of shape (n_samples, n_features)
        Where X counts.
    weights : array of shape (n_samples, n_features)
        Zero where not observed.

    Returns
    -------
    X : array of shape (n_samples, n_features)
    """
    total = weights.sum()
    known = np.where(observed, X, 0)

    def means(axis):
        weight = weights.sum(axis=axis, keepdims=True)
        level = (weights * known).sum(axis=axis, keepdims=True)
        return np.divide(level, weight, out=np.zeros_like(level), where=weight > 0)

    overall = (weights * known).sum() / total if total > 0 else 0
    guess = means(1) * means(0) / overall if overall > 0 else np.zeros_like(known)
    return np.where(observed, X, guess).astype(X.dtype, copy=False)
