"""scikit-learn's own checks of every matrix estimator, without expected failures."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skbss import BetaNMF, MiniBatchBetaNMF

BETAS = [0, 0.5, 1, 2]
ESTIMATORS = [
    *(BetaNMF(solver=solver, beta_loss=beta) for solver in ("mu", "auto") for beta in BETAS),
    BetaNMF(solver="cd"),
    *(MiniBatchBetaNMF(beta_loss=beta) for beta in BETAS),
]


@pytest.mark.filterwarnings(
    # The checks leave max_iter as it is, and some ask for callbacks that are not there.
    "ignore:Maximum number of iterations:sklearn.exceptions.ConvergenceWarning"
)
@parametrize_with_checks(ESTIMATORS)
def test_scikit_learn_check(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_tags(estimator):
    tags = estimator.__sklearn_tags__()
    assert tags.input_tags.positive_only
    assert tags.input_tags.sparse
    assert tags.input_tags.allow_nan == (getattr(estimator, "solver", None) != "cd")
    assert tags.transformer_tags.preserves_dtype == ["float64", "float32"]
