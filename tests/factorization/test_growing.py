"""Large data: in blocks, and with a start from a sample of the rows."""

import numpy as np
import pytest
import scipy.sparse as sp

from skbss import BetaNMF
from skbss.factorization import _growing, _layout

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of iterations:sklearn.exceptions.ConvergenceWarning"
)
N_ROWS, N_COLUMNS, K = 2000, 24, 4


@pytest.fixture
def small_blocks(monkeypatch):
    """Data of a few thousand values counts as large."""
    monkeypatch.setattr(_layout, "_LARGE", 1 << 12)
    monkeypatch.setattr(_layout, "_VALUES_PER_BLOCK", 1 << 10)


@pytest.fixture
def no_sample(monkeypatch):
    monkeypatch.setattr(_growing, "_LEVELS", ())


def draw(seed=0, n_rows=N_ROWS):
    rng = np.random.default_rng(seed)
    # Neighboring rows are alike, as frames are.
    W = np.repeat(rng.gamma(0.5, size=(n_rows // 10, K)), 10, axis=0)
    return W @ rng.gamma(0.5, size=(K, N_COLUMNS)) * rng.uniform(0.5, 1.5, (n_rows, N_COLUMNS))


def model(**parameters):
    return BetaNMF(
        **{"n_components": K, "init": "random", "random_state": 0, "tol": 0, "max_iter": 60}
        | parameters
    )


@pytest.mark.parametrize(("solver", "beta"), [("mu", 1), ("mu", 0), ("cd", 2)])
def test_blocks_change_nothing_but_the_order_of_sums(solver, beta, small_blocks, monkeypatch):
    X = draw()
    fitted = model(solver=solver, beta_loss=beta).fit(X)
    monkeypatch.undo()
    whole = model(solver=solver, beta_loss=beta).fit(X)
    np.testing.assert_allclose(fitted.components_, whole.components_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(fitted.loss_curve_, whole.loss_curve_, rtol=1e-9)
    np.testing.assert_allclose(fitted.transform(X), whole.transform(X), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("beta", [0, 0.5, 1, 2])
def test_a_sample_of_the_rows_saves_iterations(beta, small_blocks, monkeypatch):
    X = draw()
    sampled = model(beta_loss=beta).fit(X).loss_curve_
    monkeypatch.setattr(_growing, "_LEVELS", ())
    plain = model(beta_loss=beta).fit(X).loss_curve_
    assert sampled[0] == pytest.approx(plain[0])  # both begin where the user says
    assert sampled[1] < plain[1]
    assert (np.diff(sampled) <= 0).all()
    # The same minimum, or one as good.
    assert sampled[-1] < 1.01 * plain[-1]


@pytest.mark.parametrize("beta", [1, 2])
def test_as_good_over_seeds(beta, small_blocks, monkeypatch):
    X = draw(1)
    seeds = range(10)
    sampled = [model(beta_loss=beta, random_state=seed).fit(X).loss_curve_[-1] for seed in seeds]
    monkeypatch.setattr(_growing, "_LEVELS", ())
    plain = [model(beta_loss=beta, random_state=seed).fit(X).loss_curve_[-1] for seed in seeds]
    quotients = np.array(sampled) / plain
    assert np.median(quotients) <= 1 + 1e-6
    assert quotients.max() < 1.01


@pytest.mark.parametrize(
    "settings",
    [
        {"alpha_W": 1e-3, "l1_ratio": 0.5},
        {"alpha_W": 0.0, "alpha_H": 1e-3, "beta_loss": 0.5},
        {"fixed_components": np.eye(K, N_COLUMNS)[:2] + 0.1},
        {"fixed_components": np.eye(K, N_COLUMNS)[:2] + 0.1, "beta_loss": 2},
        {"alpha_W": 1e-3, "l1_ratio": 1.0, "beta_loss": 2},
    ],
)
def test_penalties_and_known_components(settings, small_blocks):
    fitted = model(**{"beta_loss": 1} | settings).fit(draw())
    assert (np.diff(fitted.loss_curve_) <= 0).all()
    known = settings.get("fixed_components")
    if known is not None:
        np.testing.assert_array_equal(fitted.components_[:2], known)


def test_missing_entries_and_weights(small_blocks):
    X = draw()
    weights = np.random.default_rng(2).integers(0, 3, X.shape)
    expected = model(beta_loss=1).fit(np.where(weights == 0, 7.0, X), weights=weights)
    missing = np.where(weights == 0, np.nan, X)
    fitted = model(beta_loss=1).fit(missing, weights=weights)
    np.testing.assert_array_equal(fitted.components_, expected.components_)
    assert (np.diff(fitted.loss_curve_) <= 0).all()


def test_a_good_start_is_kept(small_blocks):
    X = draw()
    fitted = model(beta_loss=1, max_iter=200)
    W, H = fitted.fit_transform(X), fitted.components_
    again = model(beta_loss=1, init="custom").fit(X, W=W, H=H)
    assert again.loss_curve_[0] == pytest.approx(fitted.loss_curve_[-1], rel=1e-3)
    assert again.loss_curve_[-1] <= again.loss_curve_[0]


def test_few_iterations_are_all_for_all_rows(small_blocks, no_sample, monkeypatch):
    X = draw()
    plain = model(beta_loss=1, max_iter=5).fit(X)
    monkeypatch.undo()
    monkeypatch.setattr(_layout, "_LARGE", 1 << 12)
    monkeypatch.setattr(_layout, "_VALUES_PER_BLOCK", 1 << 10)
    np.testing.assert_array_equal(
        model(beta_loss=1, max_iter=5).fit(X).components_, plain.components_
    )


def test_silent_rows_stay_silent(small_blocks):
    X = draw()
    X[100:300] = 0
    for beta in (0, 1, 2):
        fitted = model(beta_loss=beta)
        W = fitted.fit_transform(X)
        assert np.isfinite(fitted.loss_curve_).all()
        np.testing.assert_array_equal(W[100:300], 0)


def test_sparse_data_has_no_blocks(small_blocks):
    X = np.where(draw() > 1, draw(), 0)
    fitted = model(beta_loss=1).fit(sp.csr_array(X))
    assert len(fitted.loss_curve_) == 7
