"""scikit-learn's own checks of every matrix estimator, with the few that can not hold in time."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skbss import (
    ARDNMF,
    ESADNMF,
    BetaNMF,
    ContentAwareNMF,
    ConvNMF,
    DeepNMF,
    ExemplarNMF,
    GrowingNMF,
    HarmonicNMF,
    MiniBatchBetaNMF,
    MiniBatchSparseNMF,
    MultilayerNMF,
    OrthogonalNMF,
    SparseNMF,
    StructuredNMF,
)
from skbss.separation import SparseComponentAnalysis
from tests.conftest import filled_up

OWN_SHAPES = BetaNMF(solver="cd")
ESTIMATORS = [
    # What a divergence changes is tested where it is minimized: here every kind of update is once.
    *(BetaNMF(solver="mu", beta_loss=beta) for beta in (0, 1)),
    BetaNMF(beta_loss=2),
    OWN_SHAPES,
    # As many epochs as a check needs to tell one fit from another.
    MiniBatchBetaNMF(beta_loss=2, max_iter=20),
    MiniBatchSparseNMF(max_iter=20),
    SparseNMF(beta_loss=1),
    SparseNMF(solver="mu", norm="l1"),
    ExemplarNMF(),
    ExemplarNMF(3, beta_loss=0, solver="mu"),
    StructuredNMF(orthogonality=0.01, group_sparsity=0.01, volume=1e-4),
    OrthogonalNMF(3, beta_loss=2),
    ContentAwareNMF(3, beta_loss=1),
    ESADNMF(sad_max_iter=5),
    ARDNMF(prior="l2", prune=False),
    GrowingNMF(5, beta_loss=2),
    GrowingNMF(step=2, min_explained=0.9, solver="mu"),
    HarmonicNMF((60, 63), n_bands=2, n_free_components=2),
    HarmonicNMF((60, 63), n_bands=1, beta_loss=0, solver="mu"),
    MultilayerNMF(beta_loss=2),
    DeepNMF(start_max_iter=20),
    ConvNMF(template_length=3),
]
IN_TIME = "what a frame sounds like depends on what was before"


def expected_failures(estimator):
    if getattr(estimator, "template_length", 1) == 1 and not getattr(estimator, "smoothness", 0):
        return {}
    return dict.fromkeys(
        ["check_methods_subset_invariance", "check_methods_sample_order_invariance"], IN_TIME
    )


# The checks leave max_iter as it is, some ask for callbacks that are not there, and in some data
# there is nothing but noise.
pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:Maximum number of iterations:sklearn.exceptions.ConvergenceWarning"
    ),
    pytest.mark.filterwarnings("ignore:Growth ended:sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:No component is worth its price:UserWarning"),
    pytest.mark.filterwarnings("ignore:Frames of:UserWarning"),
]


# The checks use some fifteen shapes of data, each of which would compile programs for every
# estimator: one of them goes through all.
@parametrize_with_checks(
    [estimator for estimator in ESTIMATORS if estimator is not OWN_SHAPES],
    expected_failed_checks=expected_failures,
)
def test_scikit_learn_check(estimator, check):
    with filled_up(128):
        check(estimator)


@parametrize_with_checks([OWN_SHAPES, SparseComponentAnalysis(n_fft=4, max_iter=3)])
def test_scikit_learn_check_of_data_in_its_own_shape(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_tags(estimator):
    tags = estimator.__sklearn_tags__()
    assert tags.input_tags.positive_only
    dense = ContentAwareNMF | ConvNMF | ESADNMF | ExemplarNMF | HarmonicNMF | OrthogonalNMF
    assert tags.input_tags.sparse == (not isinstance(estimator, dense))
    assert tags.input_tags.allow_nan == (getattr(estimator, "solver", None) != "cd")
    assert tags.transformer_tags.preserves_dtype == ["float64", "float32"]
