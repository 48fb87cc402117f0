"""BetaNMF beyond scikit-learn's NMF: kinds of input, missing entries, weights, known components."""

import pickle

import jax
import jax.numpy as jnp
import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.decomposition._nmf import _beta_divergence
from sklearn.exceptions import ConvergenceWarning

from skbss import BetaNMF, MiniBatchBetaNMF, non_negative_factorization
from skbss._kernels.extrapolated import iterate_extrapolated
from skbss.factorization._initialization import nndsvd_factors

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of iterations:sklearn.exceptions.ConvergenceWarning"
)
BETAS = [-1, 0, 0.5, 1, 1.5, 2, 3]


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.gamma(0.5, size=(30, 3)) @ rng.gamma(0.5, size=(3, 20)) + 0.01


def model(**parameters):
    return BetaNMF(**{"n_components": 3, "init": "random", "random_state": 0} | parameters)


def hide(X, share=0.15, seed=1):
    hidden = np.random.default_rng(seed).random(X.shape) < share
    return np.where(hidden, np.nan, X), hidden


@pytest.mark.parametrize("name", ["frobenius", "kullback-leibler", "itakura-saito"])
def test_names_of_betas(X, name):
    beta = {"frobenius": 2, "kullback-leibler": 1, "itakura-saito": 0}[name]
    expected = model(beta_loss=beta).fit(X).components_
    np.testing.assert_array_equal(model(beta_loss=name).fit(X).components_, expected)


@pytest.mark.parametrize("beta", [0, 0.5, 1, 1.5, 2, 3])
def test_auto_gets_further_than_the_plain_solvers(X, beta):
    plain, auto = (
        model(solver=solver, beta_loss=beta, tol=0, max_iter=60).fit(X).loss_curve_[-1]
        for solver in ("cd" if beta == 2 else "mu", "auto")
    )
    assert auto < plain


@pytest.mark.parametrize("solver", ["mu", "auto"])
def test_reconstruction_error_is_that_of_the_learned_activations(X, solver):
    W, H = (np.random.default_rng(2).random(shape) for shape in ((30, 3), (3, 20)))
    fitted = model(solver=solver, init="custom")
    W = fitted.fit_transform(X, W=W, H=H)
    error = np.linalg.norm(X - W @ fitted.components_)
    assert fitted.reconstruction_err_ == pytest.approx(error)
    # Without a start of one's own, the activations returned are not those of the fit.
    fitted = model(solver=solver, max_iter=20, tol=0)
    W = fitted.fit_transform(X)
    assert fitted.reconstruction_err_ > np.linalg.norm(X - W @ fitted.components_)
    assert fitted.reconstruction_err_ == model(**fitted.get_params()).fit(X).reconstruction_err_


@pytest.mark.parametrize("beta", BETAS)
def test_score_is_minus_the_mean_divergence(X, beta):
    fitted = model(beta_loss=beta).fit(X)
    mean = _beta_divergence(X, fitted.transform(X), fitted.components_, beta) / X.size
    assert fitted.score(X) == pytest.approx(-mean, rel=1e-6)
    again = model(beta_loss=beta, fixed_components=fitted.components_).fit(X)
    assert again.reconstruction_err_ == pytest.approx(np.sqrt(2 * mean * X.size), rel=1e-6)


def test_continuity_in_beta(X):
    for beta in (0, 1):
        at = model(beta_loss=beta, solver="mu", tol=0, max_iter=30).fit(X).components_
        for near in (beta - 1e-6, beta + 1e-6):
            close = model(beta_loss=near, solver="mu", tol=0, max_iter=30).fit(X).components_
            np.testing.assert_allclose(close, at, rtol=1e-4)


def test_far_off_beta_in_float32_is_computed_in_float64(X):
    fitted = model(beta_loss=-4, max_iter=20).fit(X.astype(np.float32))
    assert fitted.components_.dtype == np.float32
    assert np.isfinite(fitted.components_).all()


@pytest.mark.parametrize("level", [1e-7, 1e-9])
def test_what_is_quiet_is_explained_in_float32_too(X, level):
    X[:, ::2] *= level
    W, H = (np.random.default_rng(2).random(shape) for shape in ((30, 3), (3, 20)))
    divergences = []
    for dtype in (np.float64, np.float32):
        fitted = model(beta_loss="itakura-saito", init="custom", max_iter=300, tol=0)
        found = fitted.fit_transform(X.astype(dtype), W=W.astype(dtype), H=H.astype(dtype))
        ratio = (X / (found @ fitted.components_))[:, ::2]
        divergences.append(np.sum(ratio - np.log(ratio) - 1))
    assert divergences[1] == pytest.approx(divergences[0], rel=0.05)


def test_a_beta_that_overflows_says_so(X):
    with pytest.raises(FloatingPointError, match="Use a beta_loss closer to"):
        model(beta_loss=-300).fit(X * np.logspace(-3, 3, 20))


# Missing entries and weights


@pytest.mark.parametrize("beta", BETAS)
def test_missing_entries_are_recovered(X, beta):
    given, hidden = hide(X)
    fitted = model(beta_loss=beta, max_iter=2000, tol=1e-7)
    guess = fitted.inverse_transform(fitted.fit_transform(given))
    error = np.abs(guess - X)[hidden].mean()
    assert error < 0.2 * np.abs(X.mean() - X)[hidden].mean()


@pytest.mark.parametrize("init", [None, "random", "nndsvd", "nndsvda", "nndsvdar"])
@pytest.mark.filterwarnings("ignore:The multiplicative update")
def test_every_init_copes_with_missing_entries(X, init):
    given, _ = hide(X)
    assert np.isfinite(model(init=init, solver="mu").fit_transform(given)).all()


def test_coordinate_descent_refuses_missing_entries(X):
    given, _ = hide(X)
    told = "Input X contains NaN, which solver 'cd' does not handle. Use solver='auto'"
    with pytest.raises(ValueError, match=told):
        model(solver="cd").fit(given)
    with pytest.raises(ValueError, match=told):
        model(solver="cd").fit(X).transform(given)


@pytest.mark.parametrize("solver", ["auto", "mu", "cd"])
@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinity_is_refused(X, solver, value):
    X[3, 4] = value
    with pytest.raises(ValueError, match="Input X contains infinity"):
        model(solver=solver).fit(X)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("beta", [0, 1, 2])
def test_a_row_without_entries_gives_zeros_and_a_warning(X, beta, kind):
    X[7] = np.nan
    with pytest.warns(UserWarning, match="Row 7 of X has no observed entry"):
        W = model(beta_loss=beta).fit_transform(kind(X))
    assert (W[7] == 0).all()
    assert (np.delete(W, 7, axis=0).sum(axis=1) > 0).all()


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
def test_a_column_without_entries_raises(X, kind):
    X[:, 4] = np.nan
    with pytest.raises(ValueError, match="Column 4 of X has no observed entry"):
        model().fit(kind(X))
    fitted = model().fit(np.nan_to_num(X))
    assert np.isfinite(fitted.transform(kind(X))).all()


@pytest.mark.parametrize("beta", BETAS)
def test_missing_entries_of_sparse_data(X, beta):
    X[X < 0.1] = 0
    hidden = (X > 0) & (np.random.default_rng(2).random(X.shape) < 0.2)
    dense = np.where(hidden, np.nan, X)
    stored = sp.csr_array(X)
    stored.data[hidden[stored.nonzero()]] = np.nan
    expected, ours = model(beta_loss=beta), model(beta_loss=beta)
    np.testing.assert_allclose(
        ours.inverse_transform(ours.fit_transform(stored)),
        expected.inverse_transform(expected.fit_transform(dense)),
        rtol=1e-6,
        atol=1e-9,
    )
    assert ours.score(stored) == pytest.approx(expected.score(dense))


@pytest.mark.parametrize("shape", [(), (20,), (1, 20), (30, 1), (30, 20)])
@pytest.mark.parametrize("beta", [0, 1, 2])
def test_weights_of_sparse_data(X, beta, shape):
    X[X < 0.1] = 0
    weights = np.random.default_rng(3).uniform(0.1, 2, shape)
    expected, ours = model(beta_loss=beta), model(beta_loss=beta)
    np.testing.assert_allclose(
        ours.inverse_transform(ours.fit_transform(sp.csr_array(X), weights=weights)),
        expected.inverse_transform(expected.fit_transform(X, weights=weights)),
        rtol=1e-6,
        atol=1e-9,
    )


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        (np.ones(19), ValueError, r"weights of shape \(19,\) do not broadcast to the shape"),
        (np.ones((2, 30, 20)), ValueError, "do not broadcast"),
        (-np.ones(20), ValueError, "weights must be non-negative"),
        (np.full(20, np.nan), ValueError, "weights must be finite"),
        (np.array(["a"] * 20), TypeError, "weights must be real numbers"),
        (sp.csr_array(np.ones((30, 20))), TypeError, "Sparse weights are not supported"),
    ],
)
def test_weights_are_checked(X, weights, error, message):
    with pytest.raises(error, match=message):
        model().fit(X, weights=weights)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_of_jax_for_data_of_numpy(X, dtype):
    weights = np.linspace(0.5, 1.5, 20, dtype=np.float32)
    ours = model().fit(X.astype(dtype), weights=jnp.asarray(weights)).components_
    assert isinstance(ours, np.ndarray)
    np.testing.assert_array_equal(ours, model().fit(X.astype(dtype), weights=weights).components_)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_entries_of_weight_zero_are_missing_entries(X, dtype, kind):
    X = X.astype(dtype)
    X[3, 4] = np.nan
    weights = np.ones((30, 1))
    weights[7] = 0.5
    parameters = {"n_components": 3, "init": "random", "random_state": 0, "max_iter": 500}
    expected = BetaNMF(**parameters).fit(kind(X))
    W = expected.transform(kind(X))
    with pytest.warns(UserWarning, match="Row 7 of X has no observed entry"):
        zero = expected.transform(kind(X), weights=weights > 0.5)
    assert (zero[7] == 0).all()
    others = np.arange(30) != 7
    np.testing.assert_array_equal(zero[others], W[others])
    # A complete row of weight 1 is solved as if there were no others.
    alone = expected.transform(kind(np.delete(X, [3, 7], axis=0)))
    np.testing.assert_allclose(np.delete(W, [3, 7], axis=0), alone, rtol=1e-3, atol=1e-5)
    seen = np.where(np.isnan(X), 0, X).astype(dtype)
    ours = BetaNMF(**parameters).fit_transform(seen, weights=~np.isnan(X))
    np.testing.assert_allclose(ours, expected.fit_transform(X), rtol=1e-2, atol=1e-3)


def test_weights_beyond_the_precision_of_the_data(X):
    weights = np.full(20, 1e39)
    with pytest.raises(ValueError, match="weights must be finite in float32"):
        model().fit(X.astype(np.float32), weights=weights)


def test_coordinate_descent_refuses_weights(X):
    with pytest.raises(ValueError, match="solver 'cd' does not handle weights"):
        model(solver="cd").fit(X, weights=np.full(20, 2.0))


def test_weights_of_one_are_no_weights(X):
    expected = model().fit(X).components_
    np.testing.assert_array_equal(model().fit(X, weights=np.ones_like(X)).components_, expected)


def test_score_on_held_out_entries(X):
    given, hidden = hide(X)
    fitted = model(beta_loss=1).fit(given)
    Y = fitted.inverse_transform(fitted.transform(given))[hidden]
    held_out = (X[hidden] * np.log(X[hidden] / Y) - X[hidden] + Y).mean()
    assert fitted.score(given, X) == pytest.approx(-held_out, rel=1e-4)
    assert fitted.score(given) != pytest.approx(-held_out, rel=1e-2)
    with pytest.raises(ValueError, match="y has to be the full matrix"):
        fitted.score(given, np.arange(30))
    with pytest.raises(ValueError, match="no entry to score"):
        fitted.score(given, given.copy())


def test_a_missing_entry_leaves_the_other_rows_alone(X):
    for beta in (1, 2):
        fitted = model(beta_loss=beta).fit(X)
        expected = fitted.transform(X)
        X[4, 0] = np.nan
        np.testing.assert_allclose(
            np.delete(fitted.transform(X), 4, axis=0), np.delete(expected, 4, axis=0), rtol=1e-9
        )


@pytest.mark.parametrize("solver", ["mu", "cd"])
def test_a_loud_row_leaves_a_quiet_one_alone(X, solver):
    X = X.astype(np.float32)
    fitted = model(solver=solver).fit(X)
    quiet = X[:1] * np.float32(1e-25)
    both = np.concatenate([quiet, X[1:2] * np.float32(1e25)])
    np.testing.assert_allclose(fitted.transform(both)[:1], fitted.transform(quiet), rtol=1e-5)
    assert fitted.transform(quiet).max() > 0


@pytest.mark.parametrize("method", ["transform", "score"])
def test_coordinate_descent_refuses_weights_later_too(X, method):
    fitted = model(solver="cd").fit(X)
    with pytest.raises(ValueError, match="solver 'cd' does not handle weights"):
        getattr(fitted, method)(X, weights=np.full(20, 2.0))


def test_held_out_entries_are_checked(X):
    given, hidden = hide(X)
    fitted = model().fit(given)
    with pytest.raises(ValueError, match="y has negative or infinite entries"):
        fitted.score(given, np.where(hidden, -1, X))


# Known components


@pytest.mark.parametrize("solver", ["mu", "auto", "cd"])
@pytest.mark.parametrize("init", [None, "random", "nndsvda", "custom"])
def test_fixed_components_are_held(X, solver, init):
    rng = np.random.default_rng(4)
    fixed = 1000 * rng.random((2, 20))
    start = {"W": rng.random((30, 4)), "H": rng.random((4, 20))} if init == "custom" else {}
    fitted = model(n_components=4, solver=solver, init=init, fixed_components=fixed)
    fitted.fit(X, **start)
    np.testing.assert_array_equal(fitted.components_[:2], fixed)
    assert (np.diff(fitted.loss_curve_) <= 1e-9 * fitted.loss_curve_[0]).all()
    assert fitted.loss_curve_[-1] < fitted.loss_curve_[0]


def test_all_components_fixed_leaves_the_activations(X):
    H = model().fit(X).components_
    fitted = model(fixed_components=H)
    np.testing.assert_allclose(fitted.fit_transform(X), model().fit(X).transform(X), rtol=1e-6)


@pytest.mark.parametrize(
    ("solver", "beta"), [("mu", 0), ("mu", 1), ("mu", 2), ("auto", 0), ("auto", 1), ("auto", 1.5)]
)
def test_zeros_of_given_activations_stay_with_all_components_fixed(X, solver, beta):
    rng = np.random.default_rng(5)
    W = rng.random((30, 3)) * (rng.random((30, 3)) < 0.6)
    H = 0.1 + rng.random((3, 20))
    given = model(init="custom", solver=solver, beta_loss=beta, fixed_components=H, max_iter=500)
    found = given.fit_transform(X, W=W, H=H)
    np.testing.assert_array_equal(given.components_, H)
    np.testing.assert_array_equal(found[W == 0], 0)
    # Without zeros it is where every row by itself ends, too.
    free = model(init="custom", solver=solver, beta_loss=beta, fixed_components=H, max_iter=2000)
    found = free.fit_transform(X, W=np.ones((30, 3)), H=H)
    expected = model(solver=solver, beta_loss=beta, fixed_components=H, max_iter=2000).fit(X)
    np.testing.assert_allclose(free.reconstruction_err_, expected.reconstruction_err_, rtol=1e-3)


def test_fixed_components_are_checked(X):
    with pytest.raises(ValueError, match="fixed_components has 19 features, but X has 20"):
        model(fixed_components=np.ones((2, 19))).fit(X)
    with pytest.raises(ValueError, match="fixed_components has 4 rows, but n_components=3"):
        model(fixed_components=np.ones((4, 20))).fit(X)
    with pytest.raises(ValueError, match="Negative values in data passed to BetaNMF"):
        model(fixed_components=-np.ones((2, 20))).fit(X)


@pytest.mark.parametrize("init", ["nndsvd", "nndsvda", "nndsvdar"])
def test_nothing_is_started_where_all_components_are_fixed(X, init):
    fitted = model(init=init, fixed_components=np.ones((3, 20)), solver="cd").fit(X[:1])
    np.testing.assert_array_equal(fitted.components_, 1)


# Custom starts


@pytest.mark.parametrize("given", ["W", "H"])
def test_custom_start_with_one_factor_missing(X, given):
    shape = {"W": (30, 3), "H": (3, 20)}[given]
    start = np.random.default_rng(5).uniform(10, 20, shape)
    before = start.copy()
    fitted = model(init="custom", beta_loss=1)
    W = fitted.fit_transform(X, **{given: start})
    np.testing.assert_array_equal(start, before)
    # What is drawn gives the product the mean of the data.
    assert fitted.loss_curve_[0] < 10 * fitted.loss_curve_[-1] + X.sum()
    assert fitted.reconstruction_err_ == pytest.approx(
        np.sqrt(2 * np.sum(X * np.log(X / (W @ fitted.components_)) - X + W @ fitted.components_)),
        rel=1e-6,
    )


@pytest.mark.parametrize("solver", ["mu", "auto"])
@pytest.mark.parametrize("beta", [1, 2])
def test_penalties_move_a_perfect_start(solver, beta):
    W, H = np.ones((4, 1)), np.ones((1, 3))
    fitted = model(n_components=1, init="custom", solver=solver, beta_loss=beta, alpha_W=1.0)
    assert fitted.set_params(tol=0).fit_transform(W @ H, W=W, H=H).max() < 0.9


@pytest.mark.parametrize("alpha", [0.3, 1.0, 2.0])
def test_components_that_no_data_speaks_for_cost_nothing(alpha):
    rng = np.random.default_rng(0)
    X = rng.gamma(0.5, size=(60, 40))
    X /= X.mean()
    model = BetaNMF(5, init="custom", alpha_W=alpha, l1_ratio=1.0, tol=0, max_iter=50)
    W = model.fit_transform(X, W=rng.random((60, 5)), H=rng.random((5, 40)))
    H = model.components_
    penalty = alpha * (40 * W.sum() + 60 * H.sum())
    # A model of zeros is the least that can be asked for.
    assert ((X - W @ H) ** 2).sum() / 2 + penalty <= (X**2).sum() / 2 * (1 + 1e-9)


@pytest.mark.parametrize("beta", [0, 1, 2])
def test_components_have_one_level(X, beta):
    given = {"init": "custom", "beta_loss": beta, "max_iter": 20, "tol": 0}
    rng = np.random.default_rng(1)
    W, H = rng.random((len(X), 3)), np.array([[1e-3], [1], [1e3]]) * rng.random((3, X.shape[1]))
    known = H[:1]
    model = BetaNMF(3, fixed_components=known, **given)
    learned = model.fit_transform(X, W=W, H=H)
    np.testing.assert_array_equal(model.components_[:1], known)
    np.testing.assert_allclose(model.components_[1:].mean(axis=1), np.sqrt(X.mean() / 3))
    error = _beta_divergence(X, learned, model.components_, beta, square_root=True)
    assert error == pytest.approx(model.reconstruction_err_, rel=1e-6)


def test_a_seed_stands_for_the_same_start_as_always(X):
    X, parameters = X / X.mean(), {"solver": "mu", "max_iter": 5, "tol": 0}
    W, H = nndsvd_factors(X, 4, fill="nndsvdar", random_state=0)
    given = BetaNMF(4, init="custom", **parameters).fit(X, W=W, H=H)
    drawn = BetaNMF(4, init="nndsvdar", random_state=0, **parameters).fit(X)
    np.testing.assert_allclose(drawn.components_, given.components_, rtol=1e-6)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
def test_transform_with_a_penalty_ends_at_the_minimum(X, l1_ratio):
    # With the components held the problem is convex: all solvers have to agree.
    H = np.random.default_rng(5).gamma(0.5, size=(2, 20)) + 0.1
    parameters = {"fixed_components": H, "alpha_W": 0.1, "l1_ratio": l1_ratio, "tol": 1e-9}

    def objective(solver):
        W = BetaNMF(2, solver=solver, max_iter=5000, **parameters).fit_transform(X)
        penalty = l1_ratio * W.sum() + (1 - l1_ratio) * (W**2).sum() / 2
        return ((X - W @ H) ** 2).sum() / 2 + 0.1 * 20 * penalty

    assert objective("mu") == pytest.approx(objective("cd"), rel=1e-5)


@pytest.mark.parametrize("beta", [0.5, 1])
def test_a_penalty_does_not_end_transform_early(X, beta):
    fitted = model(beta_loss=beta, alpha_W=0.05, l1_ratio=1.0, max_iter=3000).fit(X)
    W = fitted.set_params(tol=1e-7).transform(X)
    end = fitted.set_params(tol=0).transform(X)
    np.testing.assert_allclose(W, end, rtol=1e-2, atol=1e-3 * end.max())


def test_any_number_of_iterations_may_be_allowed(X):
    assert model(beta_loss=1, max_iter=2**40, tol=1e-2).fit(X).n_iter_ < 1000


def test_the_number_of_components_of_a_custom_start(X):
    assert model(n_components="auto", init="custom").fit(X, W=np.ones((30, 2))).n_components_ == 2
    with pytest.warns(RuntimeWarning, match="provided W or H are ignored"):
        ignored = model(n_components="auto").fit(X, H=np.ones((3, 20)))
    assert ignored.n_components_ == 20


@pytest.mark.parametrize("cls", [BetaNMF, MiniBatchBetaNMF])
@pytest.mark.parametrize("init", [None, "random", "nndsvda"])
def test_a_start_is_ignored_but_for_custom(X, init, cls):
    fitted = cls(3, init=init, random_state=0, max_iter=5)
    expected = fitted.fit_transform(X)
    for start in ({"W": np.ones((30, 3)), "H": np.ones((3, 20))}, {"W": [[1.0]], "H": -np.eye(2)}):
        with pytest.warns(RuntimeWarning, match="provided W or H are ignored") as caught:
            found = fitted.fit_transform(X, **start)
        assert caught[0].filename == __file__
        np.testing.assert_array_equal(found, expected)


def test_custom_start_needs_a_factor(X):
    with pytest.raises(ValueError, match="init='custom' needs W, H or both"):
        model(init="custom").fit(X)


def test_components_needed_where_they_are_not_learned(X):
    with pytest.raises(ValueError, match="update_H=False needs the components"):
        non_negative_factorization(X, update_H=False)
    with pytest.raises(ValueError, match=r"H must be an array of 2 axes.* shape \(\)"):
        non_negative_factorization(X, H=np.array(1.0), update_H=False)


# Kinds of input


@pytest.mark.parametrize("solver", ["mu", "auto", "cd"])
@pytest.mark.parametrize("init", [None, "random"])
def test_jax_arrays_come_back_as_jax_arrays(X, solver, init):
    # After many iterations, or near an exact fit, rounding decides whether momentum starts again.
    X = (X * np.random.default_rng(1).uniform(0.2, 1.8, X.shape)).astype(np.float32)
    parameters = {"solver": solver, "init": init, "tol": 0, "max_iter": 5}
    expected, ours = model(**parameters), model(**parameters)
    W_expected, W = expected.fit_transform(X), ours.fit_transform(jnp.asarray(X))
    for array in (W, ours.components_, ours.transform(jnp.asarray(X))):
        assert isinstance(array, jax.Array)
        assert array.dtype == jnp.float32
        assert array.devices() == {jax.devices()[0]}
    np.testing.assert_allclose(W, W_expected, rtol=1e-3, atol=1e-4)
    assert isinstance(ours.transform(X), np.ndarray)


def test_inverse_transform_of_whole_numbers(X):
    fitted = model().fit(X)
    for convert in (np.asarray, jnp.asarray):
        ours = fitted.inverse_transform(convert([[1] + [0] * (fitted.n_components_ - 1)]))
        np.testing.assert_allclose(ours[0], fitted.components_[0], rtol=1e-6)


def test_fixed_components_are_not_for_given_components(X):
    H = np.ones((2, 20))
    with pytest.warns(RuntimeWarning, match="fixed_components are not used"):
        non_negative_factorization(X, H=H, update_H=False, fixed_components=H[:1])


def test_inverse_transform_gives_the_kind_it_is_given(X):
    fitted = model().fit(jnp.asarray(X, jnp.float32))
    assert isinstance(fitted.inverse_transform(np.ones((2, 3))), np.ndarray)
    assert isinstance(fitted.inverse_transform(jnp.ones((2, 3))), jax.Array)


def test_double_precision_jax_arrays(X):
    with jax.enable_x64(True):
        W = model().fit_transform(jnp.asarray(X))
        assert W.dtype == jnp.float64
        np.testing.assert_allclose(np.asarray(W), model().fit_transform(X), rtol=1e-9, atol=1e-12)


def test_jax_arrays_are_checked_where_they_lie(X):
    bad = jnp.asarray(X)
    with pytest.raises(ValueError, match="Negative values in data passed to BetaNMF"):
        model().fit(-bad)
    with pytest.raises(ValueError, match="Input X contains infinity"):
        model().fit(bad.at[0, 0].set(jnp.inf))
    with pytest.raises(ValueError, match="Input X contains NaN"):
        model(solver="cd").fit(bad.at[0, 0].set(jnp.nan))
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array instead"):
        model().fit(bad[0])
    with pytest.raises(ValueError, match="Complex data not supported"):
        model().fit(bad * 1j)
    with pytest.raises(ValueError, match="20 features"):
        model().fit(bad).transform(bad[:, :5])
    with pytest.warns(UserWarning, match="Row 2 of X has no observed entry"):
        model(beta_loss=1).fit(bad.at[2].set(jnp.nan))


def test_the_callers_jax_arrays_survive(X):
    X, H = jnp.asarray(X), jnp.ones((3, 20))
    model(init="custom").fit(X, H=H)
    assert float(X.sum() + H.sum()) > 0


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray])
def test_extra_leading_axes(X, convert):
    stack = convert(np.stack([X, 2 * X]).astype(np.float32))
    fitted, flat = model(), model()
    W = fitted.fit_transform(stack)
    assert W.shape == (2, 30, 3)
    assert fitted.n_features_in_ == 20
    expected = flat.fit_transform(stack.reshape(60, 20)).reshape(2, 30, 3)
    np.testing.assert_array_equal(np.asarray(W), np.asarray(expected))
    assert fitted.inverse_transform(W).shape == (2, 30, 20)
    assert fitted.transform(stack[:1]).shape == (1, 30, 3)


def test_weights_broadcast_over_leading_axes(X):
    weights = np.array([1.0, 0.0]).reshape(2, 1, 1)
    with pytest.warns(UserWarning, match="Row 30 of X has no observed entry"):
        ours = model(solver="mu", init="custom").fit(
            np.stack([X, 2 * X]), W=np.ones((60, 3)), H=np.eye(3, 20) + 0.1, weights=weights
        )
    expected = model(solver="mu", init="custom").fit(X, W=np.ones((30, 3)), H=np.eye(3, 20) + 0.1)
    np.testing.assert_allclose(ours.components_, expected.components_, rtol=1e-9)


def test_data_frames(X):
    frame = pd.DataFrame(X, columns=[f"bin{i}" for i in range(20)])
    fitted = model().set_output(transform="pandas")
    W = fitted.fit_transform(frame)
    assert list(W.columns) == ["betanmf0", "betanmf1", "betanmf2"]
    assert list(fitted.feature_names_in_[:2]) == ["bin0", "bin1"]
    polars = model().set_output(transform="polars").fit_transform(frame)
    assert polars.columns == list(W.columns)


@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csc_matrix, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_sparse_kinds(X, kind, dtype):
    data = kind(np.round(5 * X).astype(dtype))
    before = data.copy()
    W = model(beta_loss=1).fit_transform(data)
    assert W.dtype == (np.float32 if dtype == np.float32 else np.float64)
    assert (data != before).nnz == 0


def test_duplicate_entries_of_sparse_data_are_summed(X):
    data = sp.csr_array((np.ones(4), ([0, 0, 1, 2], [1, 1, 0, 2])), shape=(3, 3))
    expected = model(n_components=2).fit(data.toarray()).components_
    np.testing.assert_allclose(model(n_components=2).fit(data).components_, expected, atol=1e-12)


def test_an_empty_sparse_matrix():
    W = model(beta_loss=1).fit_transform(sp.csr_array((6, 5)))
    assert (W == 0).all()


@pytest.mark.parametrize(
    ("beta", "dtype"), [*((beta, np.float32) for beta in BETAS), (0, np.float64)]
)
def test_silence(beta, dtype):
    fitted = model(beta_loss=beta)
    W = fitted.fit_transform(np.zeros((8, 6), dtype))
    assert (W == 0).all()
    assert np.isfinite(fitted.components_).all()
    assert fitted.reconstruction_err_ == pytest.approx(0, abs=1e-6)


# The estimator


def test_refusals(X):
    with pytest.raises(ValueError, match="solver 'cd' does not handle beta_loss = 1"):
        model(solver="cd", beta_loss=1).fit(X)
    with pytest.raises(ValueError, match="Negative values in data passed to BetaNMF"):
        model().fit(-X)
    with pytest.raises(ValueError, match="The 'solver' parameter of BetaNMF must be a str among"):
        model(solver="newton").fit(X)
    X[0, 0], X[1, 1] = np.nan, -1
    with pytest.raises(ValueError, match="Negative values in data passed to BetaNMF"):
        model().fit(X)


@pytest.mark.parametrize("beta", [np.nan, np.inf])
def test_beta_has_to_be_finite(X, beta):
    with pytest.raises(ValueError, match="beta_loss must be a finite number"):
        model(beta_loss=beta).fit(X)


@pytest.mark.parametrize("solver", ["mu", "cd"])
def test_penalties_far_above_the_data(X, solver):
    tiny = (X * 1e-30).astype(np.float32)
    fitted = model(solver=solver, alpha_W=0.1, l1_ratio=0.5)
    assert np.isfinite(fitted.fit_transform(tiny)).all()


def test_convergence_warning(X):
    with pytest.warns(ConvergenceWarning, match="Maximum number of iterations 3 reached"):
        model(max_iter=3, beta_loss=1).fit(X)


@pytest.mark.parametrize("solver", ["mu", "cd", "auto"])
def test_pickle_and_clone(X, solver, tmp_path):
    fitted = model(solver=solver).fit(X)
    expected = fitted.transform(X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).transform(X), expected)
    joblib.dump(fitted, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(loaded.transform(X), expected)
    assert not hasattr(clone(fitted), "components_")
    assert clone(fitted).get_params() == fitted.get_params()


def test_a_fitted_model_of_jax_arrays_pickles(X):
    fitted = model().fit(jnp.asarray(X))
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(loaded.components_, fitted.components_)


def test_verbose_prints_the_loss(X, capsys):
    model(beta_loss=1, verbose=1, max_iter=30, tol=0).fit(X)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:9] for line in lines] == ["Epoch 10 ", "Epoch 20 ", "Epoch 30 "]


def test_penalties_do_not_compile_anew(X):
    model(beta_loss=1, alpha_W=1e-3, l1_ratio=1, max_iter=20).fit(X)
    before = iterate_extrapolated._cache_size()
    model(beta_loss=1, alpha_W=2e-3, l1_ratio=1, max_iter=35, tol=1e-3).fit(X)
    assert iterate_extrapolated._cache_size() == before
