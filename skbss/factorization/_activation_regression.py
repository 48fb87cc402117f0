"""A regressor that predicts activations from what else is known of their rows."""

from copy import deepcopy

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.multioutput import MultiOutputRegressor
from sklearn.utils import _safe_indexing, check_random_state


class ActivationRegression:
    """Predicts activations; kept only where it predicts better than before.

    What it learns are activations times the norms of their components, at mean one: errors of all
    components count as they do in the penalty, and the level of the data does not matter.

    Parameters
    ----------
    regressor : estimator or None
        As given by the user.
    random_state : int, RandomState instance or None
        Seed of what has none of its own, if it is not None.
    """

    def __init__(self, regressor, random_state):
        regressor = Ridge() if regressor is None else clone(regressor)
        if random_state is not None:
            drawn = check_random_state(random_state)
            for name, value in sorted(regressor.get_params(deep=True).items()):
                if value is None and name.split("__")[-1] == "random_state":
                    regressor.set_params(**{name: drawn.randint(np.iinfo(np.int32).max)})
        self._untrained = regressor
        self._goes_on = bool(regressor.get_params().get("warm_start"))
        self.regressor = None
        self.gains = None

    def learn(self, U, observed, W, H):
        """Fit it to the observed rows, and predict all; keep it if it is closer to W there.

        Parameters
        ----------
        U : array-like of shape (n_samples, n_side_features)
        observed : bool array of shape (n_samples,)
        W : array of shape (n_samples, n_components)
        H : array of shape (n_components, n_features)

        Returns
        -------
        predicted : array of shape (n_samples, n_components)
            By the one that is kept.
        """
        W, H = np.asarray(W, np.float64), np.asarray(H, np.float64)
        norms = np.linalg.norm(H, axis=1)
        targets = W[observed] * norms
        level = targets.mean() or 1.0
        following = self._fitted(_safe_indexing(U, np.flatnonzero(observed)), targets / level)
        gains = np.where(norms > 0, level / np.where(norms > 0, norms, 1), 0)
        predicted = predicted_activations(following, gains, U)
        if self.regressor is not None:
            before = predicted_activations(self.regressor, self.gains, U)

            def cost(G):
                return (np.square(W - G)[observed] @ np.square(norms)).sum()

            if not cost(predicted) <= cost(before):
                return before
        self.regressor, self.gains = following, gains
        return predicted

    def _fitted(self, U, targets):
        if self.regressor is None:
            return self._fitted_first(U, targets)
        following = deepcopy(self.regressor) if self._goes_on else clone(self._untrained)
        return following.fit(U, _as_target(targets))

    def _fitted_first(self, U, targets):
        try:
            return clone(self._untrained).fit(U, _as_target(targets))
        except ValueError:
            if targets.shape[1] == 1 or isinstance(self._untrained, MultiOutputRegressor):
                raise
        # Tags do not tell whether a regressor predicts several outputs. Another error comes again.
        self._untrained = MultiOutputRegressor(self._untrained)
        return clone(self._untrained).fit(U, targets)


def predicted_activations(regressor, gains, U):
    """Activations as a fitted regressor has them: what it has below zero is zero.

    Parameters
    ----------
    regressor : estimator
        From an `ActivationRegression`.
    gains : array of shape (n_components,)
        With it.
    U : array-like of shape (n_samples, n_side_features)

    Returns
    -------
    predicted : array of shape (n_samples, n_components)
    """
    predicted = np.asarray(regressor.predict(U), np.float64).reshape(-1, len(gains))
    if not np.isfinite(predicted).all():
        raise FloatingPointError(
            f"The regressor {type(regressor).__name__} predicts NaN or infinite activations."
        )
    return np.maximum(predicted, 0) * gains


def _as_target(targets):
    """A single column is what most regressors want as a vector."""
    return targets[:, 0] if targets.shape[1] == 1 else targets
