"""Groups of rows: who leaves, who stays, and that it makes no difference to anybody."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skbss import BetaNMF
from skbss.factorization import _activations, _row_updates

HEIGHT = 16


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(0)
    return BetaNMF(4, beta_loss=1, init="random", random_state=0).fit(rng.random((60, 9)))


def data(n_rows, seed=0):
    """Rows some of which are easy, as they are made of one component."""
    rng = np.random.default_rng(seed)
    X = rng.random((n_rows, 9)) ** 3
    X[::3] = 0
    X[1::4, 1:] = 0
    return X


def groups_of(monkeypatch, transform):
    """What `transform` gives, and of how many groups it was made at every look."""
    seen, iterated = [], _row_updates.RowUpdates._iterated

    def counted(self, state, count):
        seen.append(len(state.groups))
        return iterated(self, state, count)

    monkeypatch.setattr(_row_updates.RowUpdates, "_iterated", counted)
    return transform(), seen


@pytest.mark.parametrize("solver", ["mu", "auto"])
@pytest.mark.parametrize("kind", ["plain", "weighted", "missing"])
def test_rows_that_have_converged_make_room(monkeypatch, model, solver, kind):
    X, weights = data(100), None
    if kind == "weighted":
        weights = np.random.default_rng(1).random(X.shape)
    elif kind == "missing":
        X[2::5, 3] = np.nan
    model.set_params(solver=solver, max_iter=1000, tol=1e-5)
    expected = model.transform(X, weights=weights)  # all are one group
    monkeypatch.setattr(_activations, "_ROWS_PER_BLOCK", HEIGHT)
    W, seen = groups_of(monkeypatch, lambda: model.transform(X, weights=weights))
    np.testing.assert_allclose(W, expected, rtol=1e-9, atol=1e-12)
    first = -(-len(X) // HEIGHT)
    assert seen[0] == first
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] == 1


def test_penalties_of_rows_move_with_them(monkeypatch, model):
    X = data(100) * np.geomspace(1e-3, 1e3, 100)[:, None]
    model.set_params(alpha_W=0.01, l1_ratio=0.5, max_iter=1000, tol=1e-5)
    expected = model.transform(X)
    monkeypatch.setattr(_activations, "_ROWS_PER_BLOCK", HEIGHT)
    W, seen = groups_of(monkeypatch, lambda: model.transform(X))
    model.set_params(alpha_W=0.0)
    assert seen[-1] < seen[0]
    np.testing.assert_allclose(W, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.filterwarnings("ignore:Maximum number of iterations")
@settings(max_examples=30)
@given(n_rows=st.integers(1, 120), seed=st.integers(0, 9), max_iter=st.integers(1, 45))
def test_any_number_of_rows_and_iterations(model, n_rows, seed, max_iter):
    X = data(n_rows, seed)
    model.set_params(solver="auto", max_iter=max_iter, tol=1e-3)
    with pytest.MonkeyPatch.context() as patch:
        expected = model.transform(X)
        patch.setattr(_activations, "_ROWS_PER_BLOCK", HEIGHT)
        W = model.transform(X)
    np.testing.assert_allclose(W, expected, rtol=1e-9, atol=1e-12)
