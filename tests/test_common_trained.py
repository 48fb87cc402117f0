"""scikit-learn's checks of what is trained with sources."""

import numpy as np
from sklearn.utils.estimator_checks import parametrize_with_checks

from skbss import VAENMF, DeepUnfoldedNMF


class HalvedDeepUnfoldedNMF(DeepUnfoldedNMF):
    """Its sources are parts of the data: the labels of the checks are none."""

    def fit(self, X, y=None):
        return super().fit(X, self._halves(X, reset=True))

    def partial_fit(self, X, y=None):
        return super().partial_fit(X, self._halves(X, reset=not hasattr(self, "weights_")))

    def fit_transform(self, X, y=None):
        return self.fit(X).transform(X)

    def score(self, X, y=None):
        found = self.predict(X)
        return super().score(X, found)

    def _halves(self, X, reset):
        X = self._check_input(X, None, reset=reset).X
        share = np.linspace(0.2, 0.8, X.shape[1], dtype=X.dtype)
        return np.stack([X * share, X * (1 - share)], axis=1)


ESTIMATORS = [
    # Every shape of data takes another program, and every layer and unfolding its time.
    HalvedDeepUnfoldedNMF(2, n_layers=1, n_epochs=1, validation_fraction=0, random_state=0),
    # No training, no iterations: they have tests of their own.
    VAENMF(2, n_latent=2, n_hidden=4, n_epochs=0, max_iter=0, random_state=0),
]
OF_ROWS = ["check_methods_subset_invariance", "check_methods_sample_order_invariance"]
OF_A_RECORDING = "the noise is what the rows of a recording have in common"


def expected_failures(estimator):
    if not isinstance(estimator, VAENMF):
        return {}
    return dict.fromkeys(OF_ROWS, OF_A_RECORDING)


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_scikit_learn_check(estimator, check):
    check(estimator)
