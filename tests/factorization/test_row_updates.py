"""Rows with momentum: they never rise, and who leaves makes no difference to anybody."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from skbss import BetaNMF
from skbss.factorization import _activations, _row_updates

HEIGHT = 16

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of iterations:sklearn.exceptions.ConvergenceWarning"
)


def data(n_rows, seed=0):
    """Few components in every row, on which long steps overshoot; some rows are silent."""
    rng = np.random.default_rng(seed)
    H = rng.gamma(0.3, size=(10, 65)) + 1e-3
    W = rng.gamma(0.1, size=(n_rows, 10))
    W[::7] = 0
    return W @ H * np.geomspace(1e-2, 1e2, n_rows)[:, None], H


def model(H, **parameters):
    """A model with components that are known."""
    parameters = {"beta_loss": 1, "tol": 1e-6, "max_iter": 2000} | parameters
    estimator = BetaNMF(len(H), fixed_components=H, **parameters)
    return estimator.set_params(max_iter=1).fit(H).set_params(**parameters)


def rows_of(X, W, H, beta):
    """The divergence of every row, in float64, by the textbook."""
    Y = np.maximum(W @ H, 1e-300)
    X = np.maximum(X, 0)
    if beta == 1:
        log = np.log(np.where(X > 0, X, 1) / np.where(X > 0, Y, 1))
        return (X * log - X + Y).sum(axis=1)
    terms = X**beta + (beta - 1) * Y**beta - beta * X * Y ** (beta - 1)
    return terms.sum(axis=1) / (beta * (beta - 1))


@pytest.fixture
def seen(monkeypatch):
    """How many groups there were and how many rows rose, look by look."""
    found = {"groups": [], "rises": 0}
    looked_at = _row_updates.RowUpdates._looked_at

    def watched(self, state, error):
        state = looked_at(self, state, error)
        found["groups"].append(len(state.looks.active))
        found["rises"] += int(state.looks.rose.sum())
        return state

    monkeypatch.setattr(_row_updates.RowUpdates, "_looked_at", watched)
    return found


@pytest.fixture
def small_groups(monkeypatch):
    def switch_on():
        monkeypatch.setattr(_activations, "_ROWS_PER_BLOCK", HEIGHT)
        monkeypatch.setattr(_activations, "_VALUES_PER_BLOCK", 0)

    return switch_on


@pytest.mark.parametrize("beta", [0.5, 1])
def test_no_row_ever_rises(seen, small_groups, beta):
    small_groups()
    X, H = data(100)
    W = model(H, beta_loss=beta, max_iter=10, tol=0).transform(X)
    before = rows_of(X, W, H, beta)
    seen["rises"] = 0
    for n_iter in range(20, 130, 10):
        W = model(H, beta_loss=beta, max_iter=n_iter, tol=0).transform(X)
        now = rows_of(X, W, H, beta)
        assert (now <= before * (1 + 1e-9) + 1e-12 * X.sum(axis=1)).all(), n_iter
        before = now
    assert seen["rises"] > 0  # or nothing was asked


@pytest.mark.parametrize("solver", ["mu", "auto"])
@pytest.mark.parametrize("kind", ["plain", "weighted", "missing", "penalized"])
def test_rows_that_have_converged_make_room(seen, small_groups, solver, kind):
    (X, H), weights, parameters = data(100), None, {}
    if kind == "weighted":
        weights = np.random.default_rng(1).random(X.shape)
    elif kind == "missing":
        X[2::5, 3] = np.nan
    elif kind == "penalized":
        parameters = {"alpha_W": 0.01, "l1_ratio": 0.5}
    estimator = model(H, solver=solver, tol=1e-5, **parameters)
    expected = estimator.transform(X, weights=weights)  # all are one group
    assert set(seen["groups"]) == {1}
    rises, seen["rises"], seen["groups"] = seen["rises"], 0, []
    small_groups()
    W = estimator.transform(X, weights=weights)
    np.testing.assert_allclose(W, expected, rtol=1e-8, atol=1e-12 * expected.max())
    assert seen["rises"] == rises
    assert (rises > 0) == (solver == "auto")
    assert seen["groups"][0] == -(-len(X) // HEIGHT)
    assert seen["groups"] == sorted(seen["groups"], reverse=True)
    assert seen["groups"][-1] == 1


def test_the_minimum_is_that_of_a_general_optimizer(small_groups):
    small_groups()
    X, H = data(40)
    W = model(H, tol=1e-9, max_iter=20000).transform(X)
    for x, ours in zip(X[1:7], W[1:7], strict=True):
        level = x.mean()

        def objective(w, x=x / level):
            y = w @ H + 1e-12
            log = np.log(np.where(x > 0, x, 1) / np.where(x > 0, y, 1))
            return (x * log - x + y).sum(), H @ (1 - x / y)

        start = np.full(len(H), 0.1)
        found = minimize(objective, start, jac=True, bounds=[(0, None)] * len(H), tol=1e-14)
        assert objective(ours / level)[0] <= found.fun + 1e-6


@settings(max_examples=30)
@given(n_rows=st.integers(1, 120), seed=st.integers(0, 9), max_iter=st.integers(1, 45))
def test_any_number_of_rows_and_iterations(n_rows, seed, max_iter):
    X, H = data(n_rows, seed)
    estimator = model(H, max_iter=max_iter, tol=1e-3)
    expected = estimator.transform(X)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_activations, "_ROWS_PER_BLOCK", HEIGHT)
        patch.setattr(_activations, "_VALUES_PER_BLOCK", 0)
        W = estimator.transform(X)
    np.testing.assert_allclose(W, expected, rtol=1e-8, atol=1e-12 * X.max())
