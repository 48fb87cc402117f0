"""Checks of matrices and weights: what is taken, as what, and every refusal."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator

from skbss._runtime.checks import check_matrix, check_weights


class Model(BaseEstimator):
    pass


def check(X, *, model=None, reset=True):
    return check_matrix(model or Model(), X, reset=reset)


X = np.arange(12.0).reshape(3, 4)

# Matrices


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray, sp.csr_array, sp.csc_matrix])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
def test_single_precision_stays_and_all_else_is_made_double(convert, dtype):
    with jax.enable_x64(True):
        checked, leading = check(convert(X.astype(dtype)))
        assert checked.dtype == (np.float32 if dtype == np.float32 else np.float64)
        assert checked.shape == (3, 4)
        assert leading == (3,)
        dense = checked.toarray() if sp.issparse(checked) else np.asarray(checked)
    np.testing.assert_array_equal(dense, X)


def test_integers_of_jax_are_as_precise_as_jax_is():
    checked, _ = check(jnp.asarray(X, jnp.int32))
    assert checked.dtype == jnp.float32


@pytest.mark.parametrize("convert", [lambda X: X.tolist(), pd.DataFrame])
def test_array_likes(convert):
    np.testing.assert_array_equal(check(convert(X))[0], X)


@pytest.mark.parametrize("kind", [sp.csr_array, sp.csc_array, sp.csr_matrix, sp.csc_matrix])
def test_sparse_data_becomes_canonical_rows_and_the_callers_stays_as_it_is(kind):
    # Rows out of order, and an entry in two parts.
    given = kind((np.ones(4), ([2, 0, 0, 1], [1, 3, 3, 0])), shape=(3, 4))
    duplicated = given.data.size
    checked, _ = check(given)
    assert checked.format == "csr"
    assert checked.has_canonical_format
    np.testing.assert_array_equal(checked.toarray(), given.toarray())
    assert given.data.size == duplicated


def test_stored_duplicates_are_summed_in_a_copy():
    given = sp.csr_array((np.ones(3), np.array([1, 1, 0]), np.array([0, 2, 3])), shape=(2, 2))
    checked, _ = check(given)
    np.testing.assert_array_equal(checked.data, [2, 1])
    assert given.data.size == 3


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray])
@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 1, 3, 4)])
def test_axes_before_the_last_are_flattened(convert, shape):
    stack = np.arange(float(np.prod(shape)), dtype=np.float32).reshape(shape)
    model = Model()
    checked, leading = check(convert(stack), model=model)
    assert leading == shape[:-1]
    np.testing.assert_array_equal(checked, stack.reshape(-1, 4))
    assert model.n_features_in_ == 4


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray, sp.csr_array])
def test_the_number_of_features_is_kept_and_compared(convert):
    model = Model()
    check(convert(X), model=model)
    assert model.n_features_in_ == 4
    with pytest.raises(ValueError, match="X has 3 features, but Model is expecting 4 features"):
        check(convert(X[:, :3]), model=model, reset=False)


def test_names_of_features_are_kept():
    model = Model()
    check(pd.DataFrame(X, columns=list("abcd")), model=model)
    assert list(model.feature_names_in_) == list("abcd")


def test_jax_arrays_stay_where_they_lie():
    given = jnp.asarray(X, jnp.float32)
    assert check(given)[0] is given


def test_negative_values_are_taken_where_they_are_welcome():
    for X in (-np.ones((2, 3)), -jnp.ones((2, 3))):
        found, leading = check_matrix(Model(), X, reset=True, accept_negative=True)
        np.testing.assert_array_equal(found, X)
        assert leading == (2,)


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray, sp.csr_array, lambda X: X[None]])
@pytest.mark.parametrize("missing", [False, True])
def test_negative_values_are_refused_beside_missing_ones(convert, missing):
    bad = X.copy()
    bad[1, 1] = -1
    if missing:
        bad[0, 1] = np.nan
    with pytest.raises(ValueError, match=r"Negative values in data passed to Model \(input X\)"):
        check(convert(bad))


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray, sp.csr_array])
def test_missing_entries_are_ordinary(convert):
    given = X.copy()
    given[1, 1] = np.nan
    assert np.isnan(check(convert(given))[0].sum())


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray, sp.csr_array])
@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinity_is_never_allowed(convert, value):
    bad = X.copy()
    bad[1, 1] = value
    with pytest.raises(ValueError, match="Input X contains infinity"):
        check(convert(bad))


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray])
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.ones(4), "Expected 2D array, got 1D array instead"),
        (np.float64(1), "Expected 2D array, got (0D|scalar) array instead"),
        (np.ones((0, 4)), r"Found array with 0 sample\(s\) \(shape=\(0, 4\)\)"),
        (np.ones((3, 0)), r"Found array with 0 feature\(s\) \(shape=\(3, 0\)\)"),
        (np.ones((2, 3)) * 1j, "Complex data not supported"),
    ],
)
def test_refusals_are_the_same_for_arrays_of_jax(convert, bad, message):
    with pytest.raises(ValueError, match=message):
        check(convert(bad))


def test_text_is_refused():
    with pytest.raises(ValueError, match="could not convert string to float"):
        check(np.array([["a", "b"]]))


# Weights


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray])
@pytest.mark.parametrize(
    ("given", "shape", "expected"),
    [
        ((), (3, 4), (1, 1)),
        ((1,), (3, 4), (1, 1)),
        ((4,), (3, 4), (1, 4)),
        ((1, 4), (3, 4), (1, 4)),
        ((3, 1), (3, 4), (3, 1)),
        ((3, 4), (3, 4), (3, 4)),
        ((1, 1, 4), (2, 3, 4), (1, 4)),
        ((3, 1), (2, 3, 4), (6, 1)),
        ((2, 1, 1), (2, 3, 4), (6, 1)),
        ((2, 1, 4), (2, 3, 4), (6, 4)),
        ((1, 1), (1, 4), (1, 1)),
    ],
)
def test_weights_have_two_axes_and_broadcast_to_the_flattened_data(convert, given, shape, expected):
    weights = convert(np.random.default_rng(0).uniform(0.5, 2, given).astype(np.float32))
    checked = check_weights(weights, shape, np.float32)
    assert (checked.shape, checked.dtype) == (expected, np.float32)
    assert isinstance(checked, jax.Array) == (convert is jnp.asarray)
    flat = (int(np.prod(shape[:-1])), shape[-1])
    np.testing.assert_array_equal(
        np.broadcast_to(checked, flat), np.broadcast_to(weights, shape).reshape(flat)
    )


@pytest.mark.parametrize("given", [[[1, 0, 2, 1]], np.array([True, False, True, True])])
def test_integers_booleans_and_lists_are_weights(given):
    np.testing.assert_array_equal(
        check_weights(given, (3, 4), np.float64), np.reshape(given, (1, 4))
    )


@pytest.mark.parametrize("given", [None, 1, 1.0, np.ones(4), np.ones((3, 4), bool), jnp.ones(4)])
def test_weights_of_one_are_no_weights(given):
    assert check_weights(given, (3, 4), np.float32) is None


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (np.ones(3), ValueError, r"weights of shape \(3,\) do not broadcast to the shape \(3, 4\)"),
        (np.ones((4, 1)), ValueError, r"weights of shape \(4, 1\) do not broadcast"),
        (np.ones((1, 3, 4)), ValueError, r"weights of shape \(1, 3, 4\) do not broadcast"),
        (np.ones((0, 4)), ValueError, r"weights of shape \(0, 4\) do not broadcast"),
        (-np.ones(4), ValueError, "weights must be non-negative, got negative ones"),
        (np.array([1, np.nan, 1, 1]), ValueError, "weights must be finite"),
        (np.array([1, np.inf, 1, 1]), ValueError, "by a weight of 0, or by NaN in X"),
        (np.array([1, 1e39, 1, 1]), ValueError, "finite in float32, the precision of X"),
        (np.array(list("abcd")), TypeError, "weights must be real numbers, got dtype <U1"),
        (np.array([None] * 4), TypeError, "weights must be real numbers, got dtype object"),
        (np.ones(4) * 1j, TypeError, "weights must be real numbers, got complex ones"),
        (sp.csr_array(np.ones((3, 4))), TypeError, "Sparse weights are not supported"),
        (sp.csc_matrix(np.ones((3, 4))), TypeError, "mark entries that were not observed by NaN"),
        (jnp.array([1, jnp.nan, 1, 1]), ValueError, "weights must be finite"),
        (-jnp.ones(4), ValueError, "weights must be non-negative"),
        (jnp.ones(4) * 1j, TypeError, "weights must be real numbers, got complex ones"),
    ],
)
def test_weights_that_are_refused(given, error, message):
    with pytest.raises(error, match=message):
        check_weights(given, (3, 4), np.float32)


def test_weights_do_not_make_the_data_larger():
    with pytest.raises(ValueError, match=r"weights of shape \(3, 4\) do not broadcast"):
        check_weights(np.full((3, 4), 2.0), (1, 4), np.float64)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("given", [np.array([1e-30, 2, 1, 1]), np.arange(4), jnp.arange(4.0)])
def test_weights_are_as_precise_as_the_data(given, dtype):
    with jax.enable_x64(True):
        assert check_weights(given, (3, 4), dtype).dtype == dtype


def test_weights_of_jax_stay_arrays_of_jax():
    checked = check_weights(jnp.arange(4.0), (3, 4), np.float32)
    assert isinstance(checked, jax.Array)
    np.testing.assert_array_equal(checked, [[0, 1, 2, 3]])
