"""Starts of a factorization: scikit-learn's, at the level of a factor, blind to what is missing."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.decomposition._nmf import _initialize_nmf

from skbss.factorization._initialization import (
    nndsvd_factors,
    random_factors,
    rank_one_completion,
)

K = 5


@pytest.fixture(params=[np.float32, np.float64])
def X(request):
    """Of mean 1, and of a rank high enough that all singular vectors have two signs."""
    X = np.random.default_rng(0).gamma(0.5, size=(30, 20))
    return (X / X.mean()).astype(request.param)


@pytest.fixture
def theirs(X):
    """scikit-learn's singular vectors with zeros; ours differ by rounding only."""
    return _initialize_nmf(X, K, "nndsvd", random_state=0)


def assert_close(ours, expected):
    assert ours.dtype == expected.dtype
    rtol = 1e2 * np.finfo(expected.dtype).eps
    np.testing.assert_allclose(ours, expected, rtol=rtol, atol=rtol)


def test_random_factors_are_those_of_scikit_learn(X):
    ours = random_factors(X.mean(), X.shape, K, X.dtype, 3)
    for factor, expected in zip(ours, _initialize_nmf(X, K, "random", random_state=3), strict=True):
        np.testing.assert_array_equal(factor, expected)


def test_singular_vectors_are_split_as_scikit_learn_does(X, theirs):
    ours = nndsvd_factors(X, K, fill="nndsvd", random_state=0)
    for factor, expected in zip(ours, theirs, strict=True):
        assert (expected == 0).any()
        assert ((factor == 0) == (expected == 0)).all()
        assert_close(factor, expected)


@pytest.mark.parametrize("fill", ["nndsvda", "nndsvdar"])
def test_zeros_are_filled_at_the_level_of_a_factor(X, theirs, fill):
    ours = nndsvd_factors(X, K, fill=fill, random_state=0)
    filled = _initialize_nmf(X, K, fill, random_state=0)
    for factor, split, expected in zip(ours, theirs, filled, strict=True):
        # scikit-learn takes the mean of X, the level of a product.
        assert_close(factor, np.where(split == 0, expected / np.sqrt(K), expected).astype(X.dtype))


@pytest.mark.parametrize("fill", ["nndsvd", "nndsvda"])
def test_sparse_data_has_the_starts_of_dense(X, fill):
    X = np.where(X > 0.1, X, 0)
    ours = nndsvd_factors(sp.csr_array(X), K, fill=fill, random_state=0)
    for factor, expected in zip(ours, nndsvd_factors(X, K, fill=fill, random_state=0), strict=True):
        assert_close(factor, expected)


def test_silence_has_finite_starts(X):
    for factor in nndsvd_factors(0 * X, K, fill="nndsvd", random_state=0):
        assert (factor == 0).all()


# Missing entries are guessed by a product of means


def test_what_was_observed_is_kept_and_a_product_is_completed_exactly(X):
    product = np.outer(np.arange(1, 7), np.arange(2, 6)).astype(X.dtype)
    observed = np.ones((6, 4), bool)
    observed[1, 2] = False
    filled = rank_one_completion(np.where(observed, product, np.nan), observed, 1.0 * observed)
    assert filled.dtype == X.dtype
    np.testing.assert_array_equal(filled[observed], product[observed])
    rows, columns = product[1, [0, 1, 3]].mean(), product[[0, 2, 3, 4, 5], 2].mean()
    assert filled[1, 2] == pytest.approx(rows * columns / product[observed].mean())


def test_means_are_weighted_means(X):
    observed = np.ones(X.shape, bool)
    observed[4, 7] = False
    weights = np.where(observed, np.arange(1, 31)[:, None], 0.0)
    repeated = np.repeat(np.arange(30), np.arange(1, 31))
    ours = rank_one_completion(X, observed, weights)
    expected = rank_one_completion(X[repeated], observed[repeated], 1.0 * observed[repeated])
    assert ours[4, 7] == pytest.approx(expected[repeated == 4][0, 7])


@pytest.mark.parametrize("value", [0, 5, np.nan, np.inf])
def test_what_stands_in_a_missing_entry_does_not_matter(X, value):
    observed = np.random.default_rng(1).random(X.shape) < 0.8
    ours = rank_one_completion(
        np.where(observed, X, value).astype(X.dtype), observed, 1.0 * observed
    )
    np.testing.assert_array_equal(ours, rank_one_completion(X, observed, 1.0 * observed))
    assert np.isfinite(ours).all()


def test_nothing_observed_and_silence_are_completed_by_zeros(X):
    nothing = np.zeros(X.shape, bool)
    assert (rank_one_completion(X, nothing, 1.0 * nothing) == 0).all()
    some = np.random.default_rng(1).random(X.shape) < 0.8
    assert (rank_one_completion(0 * X, some, 1.0 * some) == 0).all()
