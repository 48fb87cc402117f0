"""The kernels of sparse data, against the formulas on dense arrays."""

from functools import partial

import hypothesis.extra.numpy as hnp
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import rel_entr

from skbss.factorization._sparse_observations import sparse_data

N_ROWS, N_COLUMNS, K = 5, 7, 3
FLOOR = 1e-3
# Zeros may be stored as well.
values = st.one_of(st.just(0.0), st.floats(2**-10, 2**10, width=32))


def entries_of(X, stored=None):
    """The kernels' form of a matrix; by default of what is not zero."""
    rows, columns = np.nonzero(X if stored is None else stored)
    matrix = sp.csr_array((X[rows, columns], (rows, columns)), shape=X.shape)
    return sparse_data(matrix, None, 1.0, beta=1, dtype=X.dtype, smallest=0.0)


def factors(shape, dtype, k=K):
    rng = np.random.default_rng(0)
    return (
        rng.uniform(0.1, 1, (shape[0], k)).astype(dtype),
        rng.uniform(0.1, 1, (k, shape[1])).astype(dtype),
    )


@partial(jax.jit, static_argnames="beta")
def answers(data, W, H, floor, *, beta):
    return {
        "activations": data.activation_parts(W, H, beta, floor),
        "components": data.component_parts(W, H, beta, floor),
        "divergence": data.row_divergence(W, H, beta, floor),
        "with components": data.times_components(H),
        "with activations": data.times_activations(W.T),
        "levels": data.row_levels(H.sum(axis=0)),
    }


def expected_answers(X, W, H, floor, *, beta):
    X, W, H = (A.astype(np.float64) for A in (X, W, H))
    Y = W @ H + floor
    P, Q = (X / Y, np.ones_like(X)) if beta == 1 else (X, W @ H)
    divergence = rel_entr(X, Y) - X + Y if beta == 1 else (X - Y) ** 2 / 2
    return {
        "activations": (P @ H.T, Q @ H.T),
        "components": (W.T @ P, W.T @ Q),
        "divergence": divergence.sum(axis=1),
        "with components": H @ X.T,
        "with activations": W.T @ X,
        "levels": (X.sum(axis=1), np.full(len(X), H.sum())),
    }


def assert_as_if_dense(X, *, beta, stored=None, k=K):
    # The model of beta 2 has no floor.
    floor = FLOOR if beta == 1 else 0.0
    W, H = factors(X.shape, X.dtype, k)
    with jax.enable_x64(X.dtype == np.float64):
        data = entries_of(X, stored)
        at = (data, *(jnp.asarray(A, X.dtype) for A in (W, H, floor)))
        ours = jax.tree.map(np.asarray, answers(*at, beta=beta))
    # Sums of parts of both signs lose digits against the largest of them.
    epsilon = 64 * np.finfo(X.dtype).eps

    def assert_close(actual, expected):
        assert actual.dtype == X.dtype
        largest = max(abs(expected).max(), np.square(X, dtype=np.float64).max())
        expected = np.broadcast_to(expected, expected.shape)
        actual = np.broadcast_to(actual, expected.shape)
        np.testing.assert_allclose(actual, expected, rtol=epsilon, atol=epsilon * largest)

    jax.tree.map(assert_close, ours, expected_answers(X, W, H, floor, beta=beta))
    return data


@pytest.mark.parametrize("beta", [1.0, 2.0])
@given(
    X=hnp.arrays(np.float64, (N_ROWS, N_COLUMNS), elements=values),
    stored=hnp.arrays(bool, (N_ROWS, N_COLUMNS)),
)
def test_answers_are_those_of_dense_data(X, stored, beta):
    assert_as_if_dense(np.where(stored, X, 0), stored=stored, beta=beta)


@pytest.mark.parametrize("beta", [1.0, 2.0])
@pytest.mark.parametrize("shape", [(1, 12), (12, 1), (1, 1)])
def test_a_single_row_or_column(shape, beta):
    X = np.random.default_rng(1).uniform(0.1, 1, shape).astype(np.float32)
    assert_as_if_dense(X, beta=beta, k=1)


def skewed_matrix(dtype):
    """Rows and columns of every length: none, a few entries, and hundreds of them."""
    rng = np.random.default_rng(2)
    row_share = np.concatenate([[0, 1], 1 / np.arange(1, 399)])
    column_share = np.concatenate([[1, 0], 1 / np.arange(1, 699)])
    stored = rng.random((400, 700)) < np.maximum.outer(row_share, column_share)
    stored[0], stored[:, 1] = False, False
    return np.where(stored, rng.uniform(0.1, 1, stored.shape), 0).astype(dtype)


@pytest.mark.parametrize("beta", [1.0, 2.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_long_short_and_empty_rows_and_columns(dtype, beta):
    X = skewed_matrix(dtype)
    data = assert_as_if_dense(X, beta=beta, k=9)
    # Long rows and columns were cut, and there is more than one group of pieces.
    for compressed in (data.by_row, data.by_column):
        assert len(compressed.further_pieces) > 0
        assert len(set(np.asarray(compressed.starts))) > 2


def test_padding_takes_no_more_room_than_the_entries():
    # Columns like the words of a language: some in every document, most in a few.
    share = 10 / np.arange(1, 701)
    X = (np.random.default_rng(3).random((400, 700)) < share).astype(np.float32)
    data = entries_of(X)
    for compressed in (data.by_row, data.by_column):
        assert compressed.values.size < 2 * np.count_nonzero(X)


def test_every_entry_lies_in_one_place_by_row_and_by_column():
    X = skewed_matrix(np.float32)
    data = entries_of(X)
    for compressed, matrix in ((data.by_row, X), (data.by_column, X.T)):
        chunks, pieces, places = np.nonzero(compressed.values)
        starts, owners = np.asarray(compressed.starts), np.asarray(compressed.row_of_piece)
        rows = owners[starts[chunks] + pieces]
        columns = np.asarray(compressed.columns)[chunks, pieces, places]
        assert (chunks < compressed.n_chunks).all()
        assert len(rows) == np.count_nonzero(matrix)
        np.testing.assert_array_equal(
            matrix[rows, columns], np.asarray(compressed.values)[chunks, pieces, places]
        )
