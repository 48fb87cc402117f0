"""How many components data asks for."""

from numbers import Integral, Real

import numpy as np
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.utils import Bunch, check_array, check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions, validate_params

# Small data has few patches, and a draw may hide none of them.
_DRAWS = 100


@validate_params(
    {
        "estimator": [HasMethods(["fit", "score", "set_params"])],
        "X": ["array-like", "sparse matrix"],
        "candidates": ["array-like"],
        "hidden_share": [Interval(Real, 0, 1, closed="neither")],
        "patch_shape": [tuple],
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "rule": [StrOptions({"one_standard_error", "best"})],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def select_n_components(
    estimator,
    X,
    candidates,
    *,
    hidden_share=0.1,
    patch_shape=(8, 8),
    n_repeats=5,
    rule="one_standard_error",
    random_state=None,
):
    """Choose the number of components by how well entries that are hidden are predicted.

    More components always describe what they were learned from better. So a share of the entries is
    hidden, in patches, since bins of a spectrogram could be read off their neighbors; the
    estimator learns from the others, and the hidden ones are scored.

    Parameters
    ----------
    estimator : estimator
        A factorization with `n_components` that takes NaN for what was not observed, and whose
        ``score(X, y)`` looks at these entries alone, such as :class:`BetaNMF`. It is cloned.
    X : array-like of shape (n_samples, n_features)
        Non-negative data; NaN where not observed, which is not scored.
    candidates : array-like of int
        The numbers of components to try.
    hidden_share : float, default=0.1
        The share of the entries that is hidden, between 0 and 1.
    patch_shape : tuple of int, default=(8, 8)
        Rows and columns of a patch. For data whose rows and columns have no order, ``(1, 1)``.
    n_repeats : int, default=5
        How often patches are drawn. All candidates see the same ones. Where the estimator has a
        `random_state`, every repeat draws it a seed of its own.
    rule : {"one_standard_error", "best"}, default="one_standard_error"
        What is chosen: the smallest candidate whose mean score is within one standard error of the
        highest mean score, or that of the highest mean score. With one repeat both are the same.
    random_state : int, RandomState instance or None, default=None
        Draws the patches and the seeds.

    Returns
    -------
    selection : Bunch
        - ``n_components`` (int): the choice.
        - ``candidates`` (ndarray of shape (n_candidates,)): in increasing order.
        - ``scores`` (ndarray of shape (n_candidates, n_repeats)): minus the mean divergence of the
          hidden entries.
        - ``mean_scores``, ``standard_errors`` (ndarrays of shape (n_candidates,)): over the
          repeats; the errors are those of the difference to the highest mean, zeros for one repeat.

    Raises
    ------
    TypeError
        If `X` is sparse, or the estimator has no `n_components`.
    ValueError
        If there are no candidates or one is less than 1, if a patch has not two positive numbers of
        rows and columns, or if no entry is hidden: because `hidden_share` is too small for the
        size of `X`, or because nothing would be left of a row or column.

    References
    ----------
    .. [1] A. B. Owen and P. O. Perry, "Bi-cross-validation of the SVD and the nonnegative matrix
       factorization", Annals of Applied Statistics 3(2), 2009.
    .. [2] T. Hastie, R. Tibshirani and J. Friedman, "The elements of statistical learning", 2nd
       edition, 2009, section 7.10 (the rule of one standard error).

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import BetaNMF, select_n_components
    >>> rng = np.random.default_rng(0)
    >>> X = rng.gamma(0.5, size=(80, 3)) @ rng.gamma(0.5, size=(3, 40))
    >>> X = rng.poisson(20 * X).astype(float)
    >>> model = BetaNMF(beta_loss="kullback-leibler", init="random", max_iter=1000)
    >>> select_n_components(model, X, range(1, 7), random_state=0).n_components
    3
    """
    if sp.issparse(X):
        raise TypeError(
            "X is sparse, but hidden entries are told from zeros by NaN: pass X.toarray()."
        )
    if "n_components" not in clone(estimator).get_params(deep=False):
        raise TypeError(
            f"estimator must have a parameter n_components to choose, which "
            f"{type(estimator).__name__} has not."
        )
    X = check_array(X, dtype=[np.float64, np.float32], ensure_all_finite="allow-nan")
    candidates = _check_candidates(candidates)
    is_shape = len(patch_shape) == 2 and all(isinstance(size, Integral) for size in patch_shape)
    if not is_shape or min(patch_shape) < 1:
        raise ValueError(
            "patch_shape must be two positive integers, the rows and columns of a patch, got "
            f"{patch_shape!r}."
        )
    rng = check_random_state(random_state)
    scores = np.empty((len(candidates), n_repeats))
    draws = [
        (_hide(X, hidden_share, patch_shape, rng), rng.randint(np.iinfo(np.int32).max))
        for _ in range(n_repeats)
    ]
    for repeat, (hidden, seed) in enumerate(draws):
        seen = np.where(hidden, np.nan, X)
        for row, n_components in enumerate(candidates):
            model = clone(estimator).set_params(n_components=int(n_components))
            if "random_state" in model.get_params(deep=False):
                model.set_params(random_state=seed)
            # What was never observed is NaN in both, and not scored.
            scores[row, repeat] = model.fit(seen).score(seen, X)
    means = scores.mean(axis=1)
    best = int(means.argmax())
    errors = np.zeros(len(candidates))
    if n_repeats > 1:
        # All candidates saw the same patches: what these have in common says nothing.
        errors = (scores - scores[best]).std(axis=1, ddof=1) / np.sqrt(n_repeats)
    within = means >= means[best] - (errors if rule == "one_standard_error" else 0)
    chosen = int(np.flatnonzero(within)[0])
    return Bunch(
        n_components=int(candidates[chosen]),
        candidates=candidates,
        scores=scores,
        mean_scores=means,
        standard_errors=errors,
    )


def _check_candidates(candidates):
    found = np.unique(np.asarray(candidates))
    if not found.size or not np.issubdtype(found.dtype, np.integer) or found[0] < 1:
        raise ValueError(
            f"candidates must be positive integers, at least one of them, got {candidates!r}."
        )
    return found


def _hide(X, share, patch_shape, rng):
    """Patches of observed entries, such that something is seen of every row and column."""
    observed, was_drawn = ~np.isnan(X), False
    for _ in range(_DRAWS):
        hidden = _drawn(X.shape, share, patch_shape, rng) & observed
        was_drawn = was_drawn or hidden.any()
        for axis in (0, 1):
            seen = (observed & ~hidden).any(axis=axis, keepdims=True)
            hidden &= seen
        if hidden.any():
            return hidden
    if not was_drawn:
        raise ValueError(
            f"No observed entry of X, of shape {X.shape}, was hidden in {_DRAWS} draws of patches "
            f"with patch_shape={patch_shape} and hidden_share={share}: choose a larger "
            "hidden_share, or smaller patches, such as (1, 1)."
        )
    raise ValueError(
        f"No entry of X, of shape {X.shape}, can be hidden so that something is left of every row "
        f"and column with patch_shape={patch_shape} and hidden_share={share}: choose smaller "
        "patches, such as (1, 1), or a smaller hidden_share."
    )


def _drawn(shape, share, patch_shape, rng):
    counts = [-(-size // patch) + 1 for size, patch in zip(shape, patch_shape, strict=True)]
    patches = rng.random_sample(counts) < share
    # The grid begins anywhere, so that no border of patches is always at the same place.
    first = [rng.randint(patch) for patch in patch_shape]
    sides = zip(shape, patch_shape, first, strict=True)
    return patches[np.ix_(*((np.arange(size) + begin) // patch for size, patch, begin in sides))]
