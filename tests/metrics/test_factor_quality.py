"""Fit and sparsity of factorizations."""

import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skbss.metrics import _factor_quality, reconstruction_rmse, sparsity_index


@pytest.fixture
def factors():
    rng = np.random.default_rng(0)
    W, H = rng.random((30, 3)), rng.random((3, 20))
    return W @ H + 0.1 * rng.standard_normal((30, 20)), W, H


def test_rmse_by_hand(factors):
    X, W, H = factors
    expected = np.sqrt(np.mean((X - W @ H) ** 2))
    np.testing.assert_allclose(reconstruction_rmse(X, W, H), expected)
    assert isinstance(reconstruction_rmse(X, W, H), float)
    assert reconstruction_rmse(W @ H, W, H) == pytest.approx(0, abs=1e-14)


def test_rmse_of_sparse_matrices(factors):
    X, W, H = factors
    X = np.where(X > 0.8, X, 0)
    sparse = (sp.csr_array(one) for one in (X, W, H))
    np.testing.assert_allclose(reconstruction_rmse(*sparse), reconstruction_rmse(X, W, H))


def test_missing_entries_do_not_count(factors):
    X, W, H = factors
    observed = np.random.default_rng(1).random(X.shape) < 0.7
    expected = np.sqrt(np.mean((X - W @ H)[observed] ** 2))
    np.testing.assert_allclose(reconstruction_rmse(np.where(observed, X, np.nan), W, H), expected)
    with pytest.raises(ValueError, match="X holds nothing but NaN"):
        reconstruction_rmse(np.full_like(X, np.nan), W, H)


def test_the_size_of_blocks_does_not_matter(factors, monkeypatch):
    expected = reconstruction_rmse(*factors)
    monkeypatch.setattr(_factor_quality, "_ENTRIES_PER_BLOCK", 100)
    np.testing.assert_allclose(reconstruction_rmse(*factors), expected)


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
def test_rmse_is_in_the_unit_of_the_data(factors, scale):
    X, W, H = factors
    np.testing.assert_allclose(
        reconstruction_rmse(scale * X, scale * W, H), scale * reconstruction_rmse(X, W, H)
    )


def test_a_model_beyond_float64_is_infinitely_wrong(factors):
    X, W, H = factors
    assert reconstruction_rmse(X, 1e200 * W, 1e200 * H) == math.inf


@pytest.mark.parametrize(
    ("position", "value", "message"),
    [
        (0, np.ones((30, 19)), "X must have the shape of W @ H"),
        (1, np.ones((30, 2)), "X must have the shape of W @ H"),
        (1, np.ones((29, 3)), "X must have the shape of W @ H"),
        (0, np.full((30, 20), np.inf), "Input X contains infinity"),
        (1, np.full((30, 3), np.nan), "Input W contains NaN"),
        (2, np.full((3, 20), np.nan), "Input H contains NaN"),
    ],
)
def test_errors_of_the_rmse(factors, position, value, message):
    arguments = list(factors)
    arguments[position] = value
    with pytest.raises(ValueError, match=message):
        reconstruction_rmse(*arguments)


def test_share_of_nonzeros():
    W = np.array([[2.0, 0.002, -0.0021], [0.0, 1e-9, -1.0]])
    assert sparsity_index(W) == 3 / 6
    assert sparsity_index(W, threshold=0) == 5 / 6
    assert sparsity_index(W, threshold=0.5) == 1 / 6
    assert sparsity_index(np.ones(7)) == 1


@pytest.mark.parametrize(
    ("W", "expected"),
    [
        ([[1, 1], [1, 1]], 0),
        ([0, 0, -3, 0], 1),
        ([3, 4], (math.sqrt(2) - 7 / 5) / (math.sqrt(2) - 1)),
        ([[1, 1, 0, 0]], (2 - math.sqrt(2)) / 1),
    ],
)
def test_index_of_hoyer(W, expected):
    assert sparsity_index(W, kind="hoyer") == pytest.approx(expected, abs=1e-12)


matrices = hnp.arrays(np.float64, (3, 5), elements=st.floats(-1, 1)).filter(
    lambda W: np.abs(W).max() > 1e-6
)


@settings(deadline=None)
@given(W=matrices, kind=st.sampled_from(["nonzero", "hoyer"]), exponent=st.integers(-250, 250))
def test_neither_scale_nor_order_nor_signs_matter(W, kind, exponent):
    index = sparsity_index(W, kind=kind)
    assert 0 <= index <= 1
    scaled = -(10.0**exponent) * W.ravel()[::-1]
    assert sparsity_index(scaled, kind=kind) == pytest.approx(index, abs=1e-9)


@settings(deadline=None)
@given(W=matrices)
def test_sparse_matrices_give_the_same(W):
    for kind in ("nonzero", "hoyer"):
        assert sparsity_index(sp.csr_array(W), kind=kind) == pytest.approx(
            sparsity_index(W, kind=kind), abs=1e-12
        )


def test_zeros():
    for zeros in (np.zeros((3, 4)), sp.csr_array((3, 4))):
        with pytest.warns(UserWarning, match="All entries of W are zero: .* is 0.0"):
            assert sparsity_index(zeros) == 0
        with pytest.warns(UserWarning, match="All entries of W are zero: .* is nan"):
            assert math.isnan(sparsity_index(zeros, kind="hoyer"))


@pytest.mark.parametrize(
    ("W", "options", "message"),
    [
        ([[1.0]], {"kind": "l1"}, "kind must be 'nonzero' or 'hoyer', got 'l1'"),
        ([[1.0]], {"threshold": 1}, "threshold must be at least 0 and below 1"),
        ([[1.0]], {"threshold": -0.1}, "threshold must be at least 0 and below 1"),
        ([[1.0]], {"kind": "hoyer"}, "at least two entries, got one"),
        (np.ones((0, 2)), {}, "0 sample"),
        ([[np.nan, 1.0]], {}, "Input W contains NaN"),
    ],
)
def test_errors_of_the_index(W, options, message):
    with pytest.raises(ValueError, match=message):
        sparsity_index(W, **options)
