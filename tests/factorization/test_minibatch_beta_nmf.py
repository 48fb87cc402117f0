"""MiniBatchBetaNMF beyond scikit-learn's MiniBatchNMF."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning

from skbss import BetaNMF, MiniBatchBetaNMF
from skbss.factorization._batch_monitor import BatchMonitor

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of iterations:sklearn.exceptions.ConvergenceWarning"
)


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.gamma(0.5, size=(60, 3)) @ rng.gamma(0.5, size=(3, 12)) + 0.01


def model(**parameters):
    defaults = {"n_components": 3, "init": "random", "random_state": 0, "batch_size": 20}
    return MiniBatchBetaNMF(**defaults | parameters)


@pytest.mark.parametrize("beta", [0, 0.5, 1, 2, 3])
def test_one_batch_without_memory_is_the_multiplicative_update(X, beta):
    online = model(batch_size=60, forget_factor=0, max_iter=20, tol=0, beta_loss=beta)
    online.set_params(max_no_improvement=None).fit(X)
    offline = BetaNMF(3, init="random", random_state=0, solver="mu", beta_loss=beta)
    offline.set_params(max_iter=20, tol=0).fit(X)
    np.testing.assert_allclose(online.components_, offline.components_, rtol=1e-9)


@pytest.mark.parametrize(
    ("beta", "kind"),
    [(0, np.asarray), (0.5, sp.csc_array), (1, sp.csr_matrix), (2, sp.csr_array)],
)
def test_partial_fit_approaches_the_data(X, beta, kind):
    online = model(beta_loss=beta)
    for _ in range(30):
        for batch in np.split(X, 3):
            online.partial_fit(kind(batch))
    assert online.n_steps_ == 90
    offline = BetaNMF(3, beta_loss=beta, random_state=0, max_iter=1000).fit(X)
    mean = BetaNMF(1, beta_loss=beta, random_state=0).fit(X)
    assert online.score(X) > 0.9 * mean.score(X) + 0.1 * offline.score(X)


def test_partial_fit_with_missing_entries(X):
    rng = np.random.default_rng(1)
    given = np.where(rng.random(X.shape) < 0.2, np.nan, X)
    given[:20, 4] = np.nan  # a feature that the first batch leaves out
    online = model(beta_loss=1)
    for _ in range(20):
        for batch in np.split(given, 3):
            online.partial_fit(batch)
    assert np.isfinite(online.components_).all()
    hidden = np.isnan(given)
    guess = online.inverse_transform(online.transform(given))
    assert np.abs(guess - X)[hidden].mean() < 0.5 * np.abs(X.mean() - X)[hidden].mean()


def test_partial_fit_leaves_a_feature_that_it_never_saw_where_it_started(X):
    H = np.random.default_rng(2).uniform(0.1, 1, (3, 12))
    X[:, 7] = np.nan
    online = model(init="custom", beta_loss=1).partial_fit(X, H=H)
    np.testing.assert_allclose(online.components_[:, 7], H[:, 7])
    assert not np.allclose(online.components_[:, 6], H[:, 6])
    with pytest.raises(ValueError, match="Column 7 of X has no observed entry"):
        model().fit(X)


def test_partial_fit_begins_with_silence(X):
    online = model(beta_loss=1).partial_fit(np.zeros((5, 12)))
    for _ in range(20):
        online.partial_fit(X)
    assert online.score(X) > 2 * BetaNMF(1, beta_loss=1).fit(X).score(X)


@pytest.mark.parametrize("init", [None, "random", "custom"])
@pytest.mark.parametrize("scale", [1, 1e-8])
def test_silence_at_the_beginning_teaches_nothing(X, init, scale):
    H = np.sqrt(scale) * np.random.default_rng(8).uniform(0.1, 1, (3, 12))
    given = {"H": H} if init == "custom" else {}
    heard, waited = (model(init=init, beta_loss=1) for _ in range(2))
    waited.partial_fit(np.zeros((5, 12)), **given).partial_fit(np.zeros((7, 12)))
    assert waited.n_steps_ == 2
    heard.partial_fit(scale * X, **given).partial_fit(scale * X)
    waited.partial_fit(scale * X).partial_fit(scale * X)
    np.testing.assert_allclose(waited.components_, heard.components_, rtol=1e-9)


def test_fit_with_weights_ignores_rows_of_weight_zero(X):
    # A batch holds the rows that count, the other the rest.
    weights = np.repeat([1.0, 0.0, 1.0], 20)[:, None]
    noisy = X.copy()
    noisy[20:40] = 1e3
    with pytest.warns(UserWarning, match="Row 20 of X has no observed entry"):
        first = model(beta_loss=1).fit(X, weights=weights)
    with pytest.warns(UserWarning, match="Row 20 of X has no observed entry"):
        second = model(beta_loss=1).fit(noisy, weights=weights)
    np.testing.assert_allclose(second.components_, first.components_, rtol=1e-9)


@pytest.mark.parametrize("beta", [0, 1])
def test_partial_fit_with_weights_of_zero_and_one_is_that_with_missing_entries(X, beta):
    hidden = np.random.default_rng(6).random(X.shape) < 0.2
    H = np.random.default_rng(7).uniform(0.1, 1, (3, 12))
    missing, weighted = (model(init="custom", beta_loss=beta) for _ in range(2))
    for _ in range(3):
        missing.partial_fit(np.where(hidden, np.nan, X), H=H)
        weighted.partial_fit(np.where(hidden, 1e3, X), H=H, weights=~hidden)
    np.testing.assert_allclose(weighted.components_, missing.components_, rtol=1e-9)


def test_partial_fit_with_a_row_of_weight_two_is_that_with_the_row_twice(X):
    weights = np.ones((60, 1))
    weights[[3, 40]] = 2
    twice = np.concatenate([X, X[[3, 40]]])
    # From given components: those that are drawn have the level of the data that is counted.
    H = np.random.default_rng(7).uniform(0.1, 1, (3, 12))
    # The memory of earlier batches fades with the share of the rows that a batch has.
    settings = {"init": "custom", "beta_loss": 1, "forget_factor": 1.0}
    weighted, repeated = model(**settings), model(**settings)
    for _ in range(3):
        weighted.partial_fit(X, H=H, weights=weights)
        repeated.partial_fit(twice, H=H)
    np.testing.assert_allclose(weighted.components_, repeated.components_, rtol=1e-8)
    assert not np.allclose(weighted.components_, model(**settings).partial_fit(X, H=H).components_)


def test_fixed_components_are_held(X):
    fixed = np.random.default_rng(3).random((2, 12))
    online = model(fixed_components=fixed).fit(X).partial_fit(X[:20])
    np.testing.assert_array_equal(online.components_[:2], fixed)


def test_partial_fit_goes_on_after_fit_and_pickle(X):
    fitted = model().fit(X)
    steps = fitted.n_steps_
    loaded = pickle.loads(pickle.dumps(fitted))
    loaded.partial_fit(X[:20])
    fitted.partial_fit(X[:20])
    assert loaded.n_steps_ == steps + 1
    np.testing.assert_array_equal(loaded.components_, fitted.components_)


def test_custom_starts_are_not_written_to(X):
    H = np.random.default_rng(4).uniform(0.1, 1, (3, 12))
    before = H.copy()
    model(init="custom").fit(X, H=H)
    np.testing.assert_array_equal(H, before)


def test_jax_arrays(X):
    data = jnp.asarray(X.astype(np.float32))
    fitted = model(beta_loss=1)
    W = fitted.fit_transform(data)
    assert isinstance(W, jax.Array)
    assert isinstance(fitted.components_, jax.Array)
    expected = model(beta_loss=1).fit_transform(X.astype(np.float32))
    np.testing.assert_allclose(W, expected, rtol=1e-3, atol=1e-4)


def test_fresh_restarts_solve_for_the_activations(X):
    plain, fresh = model(max_iter=3, tol=0), model(max_iter=3, tol=0, fresh_restarts=True)
    assert fresh.fit(X).reconstruction_err_ < plain.fit(X).reconstruction_err_


def test_transform_max_iter(X):
    fitted = model(beta_loss=1).fit(X)
    exact = fitted.transform(X)
    assert np.abs(fitted.set_params(transform_max_iter=1).transform(X) - exact).max() > 1e-3


def test_a_beta_that_overflows_says_so(X):
    with pytest.raises(FloatingPointError, match="Use a beta_loss closer to"):
        model(beta_loss=300).fit(X * np.logspace(-3, 3, 12))


@pytest.mark.parametrize("n_components", [3, 30])
def test_a_shorter_last_batch_of_large_data(n_components):
    # Batches of this size are laid out in another way than the rows that are left over.
    rng = np.random.default_rng(0)
    X = rng.random((1100, 520), np.float32)
    online = model(n_components=n_components, batch_size=1024, beta_loss=1, max_iter=1).fit(X)
    padded = np.vstack([X, np.full((2048 - len(X), 520), np.nan, np.float32)])
    whole = model(n_components=n_components, batch_size=1024, beta_loss=1, max_iter=1)
    with pytest.warns(UserWarning, match="no observed entry"):
        whole.set_params(forget_factor=0.7 ** (2048 / 1100)).fit(padded)
    np.testing.assert_allclose(online.components_, whole.components_, rtol=1e-3)


@pytest.mark.parametrize("kinds", [(np.asarray, sp.csr_array), (sp.csr_array, np.asarray)])
@pytest.mark.parametrize("dtypes", [(np.float32, np.float64), (np.float64, np.float32)])
@pytest.mark.parametrize("beta", [1, 2, 5])
def test_later_batches_are_taken_in_the_precision_of_the_first(X, beta, dtypes, kinds):
    online = model(beta_loss=beta)
    for dtype, kind, batch in zip(dtypes, kinds, np.split(X, 3)[:2], strict=True):
        online.partial_fit(kind(batch.astype(dtype)))
    assert online.components_.dtype == dtypes[0]
    same = model(beta_loss=beta)
    for batch in np.split(X, 3)[:2]:
        same.partial_fit(batch.astype(np.float32).astype(dtypes[0]))
    np.testing.assert_allclose(online.components_, same.components_, rtol=1e-3, atol=1e-6)
    assert online.transform(X.astype(np.float32)).dtype == np.float32


def test_the_warning_names_the_line_of_the_call(X):
    with pytest.warns(ConvergenceWarning, match="Maximum number of iterations 1") as caught:
        model(max_iter=1).fit(X)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(("n_batches", "expected"), [(1, 12), (5, 16), (40, 81)])
def test_patience_lasts_for_a_pass(n_batches, expected):
    # Neither the first batch counts, nor what comes before all rows were seen.
    model = MiniBatchBetaNMF(2, tol=0, max_no_improvement=10)
    monitor = BatchMonitor(model, 100 * n_batches, 1000)
    steps = (step for step in range(1000) if monitor.converged(step, 100, 1.0, 1.0))
    assert next(steps) + 1 == expected
    model.max_no_improvement = None
    monitor = BatchMonitor(model, 100 * n_batches, 1000)
    assert not any(monitor.converged(step, 100, 1.0, 1.0) for step in range(1000))


@pytest.mark.parametrize("n_batches", [1, 5, 40])
def test_components_have_settled_if_a_pass_hardly_moves_them(n_batches):
    model = MiniBatchBetaNMF(2, tol=0.1, max_no_improvement=None)
    for moved, expected in [(0.11, False), (0.09, True)]:
        monitor = BatchMonitor(model, 100 * n_batches, 1000)
        told = [monitor.converged(step, 100, 1.0, moved / n_batches) for step in range(2)]
        assert told == [False, expected]
