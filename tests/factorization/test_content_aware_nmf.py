"""Activations that a regressor predicts from side information."""

import pickle

import numpy as np
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPRegressor

from skbss import BetaNMF, ContentAwareNMF
from skbss._runtime.device import precision
from skbss.factorization._content_sweeps import couple
from skbss.factorization._joint import Watch
from skbss.factorization._observations import observe

pytestmark = [
    pytest.mark.usefixtures("few_programs"),
    pytest.mark.filterwarnings(
        "ignore:Maximum number of iterations:sklearn.exceptions.ConvergenceWarning"
    ),
    pytest.mark.filterwarnings("ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning"),
]
N, F, K = 40, 9, 3


def planted(seed, observed=1.0):
    """Data whose activations follow from side information, but for noise; what they are."""
    rng = np.random.default_rng(seed)
    U = rng.normal(size=(N, 3))
    W = np.exp(0.8 * U @ rng.normal(size=(3, K))) * rng.gamma(20, 1 / 20, (N, K))
    Y = W @ rng.gamma(0.7, size=(K, F))
    X = rng.poisson(8 * Y / Y.mean()).astype(float)
    X[rng.random(X.shape) >= observed] = np.nan
    X[0] = np.nan_to_num(X[0], nan=1.0)
    return U, X, 8 * Y / Y.mean()


def divergence(X, Y, beta):
    if beta == 1:
        return np.where(X > 0, X * np.log(np.where(X > 0, X, 1) / Y), 0) - X + Y
    if beta == 0:
        return X / Y - np.log(X / Y) - 1
    return (X**beta + (beta - 1) * Y**beta - beta * X * Y ** (beta - 1)) / (beta * (beta - 1))


def coupled(X, W, H, G, *, beta, weight, max_iter):
    """Both factors after sweeps near a fixed prediction, for data of any mean."""
    model = ContentAwareNMF(K, beta_loss=beta, tol=0)
    with precision(np.float64):
        observed = observe(
            np.nan_to_num(X),
            None if not np.isnan(X).any() else (~np.isnan(X)).astype(float),
            K,
            beta=beta,
            dtype=np.float64,
            scale=1.0,
            rows_per_block=len(X),
        )
        settings_ = model._settings(None, np.float64, K, max_iter)
        watch = Watch(lambda _: None, lambda *_: False, closely=True)
        state = couple(observed, W, H, lambda *_: G, settings_, weight, watch)
        layout = observed.layout
        return layout.gather(state.W, K, np), layout.gather_components(state.H, np)


@given(
    seed=st.integers(0, 2**16),
    beta=st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0]),
    weight=st.sampled_from([1e-3, 0.3, 1e4]),
    missing=st.booleans(),
)
@settings(max_examples=25)
def test_no_sweep_raises_the_objective_while_the_prediction_stays(seed, beta, weight, missing):
    rng = np.random.default_rng(seed)
    X = rng.gamma(0.5, size=(N, F)) + 1e-3
    seen = rng.random(X.shape) < (0.6 if missing else 2)
    X[~seen] = np.nan
    W, H = rng.random((N, K)) + 1e-2, rng.random((K, F)) + 1e-2
    G = np.maximum(rng.normal(size=(N, K)), 0)

    def objective(W, H):
        norms = np.square(H).sum(axis=1)
        distance = weight / 2 * (np.square(W - G) @ norms).sum()
        return (
            divergence(X[seen], (W @ H + (1e-12 if beta < 2 else 0))[seen], beta).sum() + distance
        )

    losses = [objective(W, H)]
    losses += [
        objective(*coupled(X, W, H, G, beta=beta, weight=weight, max_iter=count))
        for count in (1, 2, 3, 9)
    ]
    assert (np.diff(losses) <= 1e-9 * losses[0]).all()
    assert losses[-1] < losses[0]


def test_sweeps_are_those_of_the_paper():
    rng = np.random.default_rng(0)
    X, W, H, G = (rng.random(shape) for shape in ((N, F), (N, K), (K, F), (N, K)))
    H /= np.linalg.norm(H, axis=1, keepdims=True)
    found, _ = coupled(X, W, H, G, beta=2.0, weight=0.7, max_iter=1)
    np.testing.assert_allclose(found, W * (X @ H.T + 0.7 * G) / (W @ H @ H.T + 0.7 * W), rtol=1e-12)


@pytest.mark.parametrize("beta", [1.0, 2.0])
@pytest.mark.parametrize("count", [1, 7])
def test_without_a_weight_every_iterate_is_that_of_beta_nmf(beta, count):
    _, X, _ = planted(0)
    X = X / X.mean()
    rng = np.random.default_rng(1)
    W, H = rng.random((N, K)), rng.random((K, F))
    model = BetaNMF(K, init="custom", solver="mu", beta_loss=beta, max_iter=count, tol=0)
    plain = model.fit_transform(X, W=W, H=H)
    for weight in (0.0, 1e-13):
        near = coupled(X, W, H, np.ones_like(W), beta=beta, weight=weight, max_iter=count)
        np.testing.assert_allclose(near[0], plain, rtol=1e-10)
        np.testing.assert_allclose(near[1], model.components_, rtol=1e-10)


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
def test_limits_of_the_coupling(beta):
    U, X, _ = planted(2)
    X = X + 0.1
    options = {"beta_loss": beta, "random_state": 0, "solver": "mu"}
    plain = BetaNMF(K, **options).fit(X)
    none = ContentAwareNMF(K, coupling=0, **options).fit(X, side_information=U)
    np.testing.assert_array_equal(none.components_, plain.components_)
    np.testing.assert_array_equal(none.transform(X, side_information=U), plain.transform(X))
    np.testing.assert_array_equal(none.transform(X), plain.transform(X))
    much = ContentAwareNMF(K, coupling=1e9, **options).fit(X, side_information=U)
    # The exponent of a step for beta 0 is a third.
    much.set_params(tol=0, max_iter=100)
    W = much.transform(X, side_information=U)
    np.testing.assert_allclose(W @ much.components_, much.predict(U), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
@pytest.mark.parametrize(
    "regressor",
    [None, LinearRegression(), MLPRegressor(hidden_layer_sizes=4, max_iter=30, warm_start=True)],
)
def test_the_objective_of_a_fit_never_rises(regressor, beta):
    U, X, _ = planted(3, observed=0.5)
    model = ContentAwareNMF(
        K, regressor=regressor, beta_loss=beta, tol=0, max_iter=60, random_state=0
    )
    W = model.fit_transform(X, side_information=U)
    losses = model.loss_curve_
    assert losses.shape == (7,)
    assert (np.diff(losses) <= 1e-12 * losses[0]).all()
    assert (W >= 0).all()
    again = clone(model).fit(X, side_information=U)
    np.testing.assert_array_equal(again.components_, model.components_)


def test_the_loss_is_the_objective_of_the_docstring():
    U, X, _ = planted(4)
    X = X + 1
    model = ContentAwareNMF(K, coupling=0.5, tol=0, max_iter=20, random_state=0)
    model.set_params(init="custom", beta_loss=1)
    rng = np.random.default_rng(0)
    W = model.fit_transform(X, W=rng.random((N, K)), side_information=U)
    H = model.components_
    G = model.transform(np.full_like(X, np.nan), side_information=U)
    np.testing.assert_allclose(G @ H, model.predict(U), rtol=1e-9)
    penalty = 0.25 / X.mean() * (np.square(W - G) @ np.square(H).sum(axis=1)).sum()
    total = divergence(X, W @ H, 1).sum()
    assert model.loss_curve_[-1] == pytest.approx(total + penalty, rel=1e-6)
    assert model.reconstruction_err_**2 / 2 == pytest.approx(total, rel=1e-6)


@pytest.mark.parametrize("beta", [0.5, 2.0])
def test_the_level_of_the_data_does_not_matter(beta):
    U, X, _ = planted(5, observed=0.7)
    model = ContentAwareNMF(K, beta_loss=beta, random_state=0, max_iter=30, tol=0)
    one = model.fit(X, side_information=U)
    W, Y = one.transform(X, side_information=U), one.predict(U)
    other = clone(model).fit(1e6 * X, side_information=U)
    found = other.transform(1e6 * X, side_information=U) @ other.components_
    np.testing.assert_allclose(found, 1e6 * W @ one.components_, rtol=1e-6, atol=1e-3)
    np.testing.assert_allclose(other.predict(U), 1e6 * Y, rtol=1e-6)


def test_a_row_depends_on_no_other():
    U, X, _ = planted(6, observed=0.6)
    model = ContentAwareNMF(K, beta_loss=1, random_state=0).fit(X, side_information=U)
    W = model.transform(X, side_information=U)
    np.testing.assert_allclose(model.transform(X[5:9], side_information=U[5:9]), W[5:9], rtol=1e-9)


@pytest.mark.filterwarnings("ignore:Row:UserWarning")
def test_side_information_stands_in_for_entries():
    """Held-out entries and rows, where one entry in six was observed, in five matrices."""
    errors = []

    def error(model, truth):
        return np.square(np.log1p(model) - np.log1p(truth)).mean()

    for seed in range(5):
        U, X, Y = planted(seed, observed=0.17)
        train, new = slice(0, 30), slice(30, None)
        held_out, truth = np.isnan(X[train]), Y[train]
        model = ContentAwareNMF(K, beta_loss=1, random_state=seed)
        model.fit(X[train], side_information=U[train])
        found = model.transform(X[train], side_information=U[train]) @ model.components_
        plain = BetaNMF(K, beta_loss=1, random_state=seed).fit(X[train])
        alone = plain.transform(X[train]) @ plain.components_
        two_steps = clone(model).set_params(coupling=0).fit(X[train], side_information=U[train])
        means = np.nanmean(X[train], axis=0) + np.zeros_like(X)
        errors.append(
            [error(M[held_out], truth[held_out]) for M in (found, alone, means[train])]
            + [error(M, Y[new]) for M in (model.predict(U[new]), two_steps.predict(U[new]))]
            + [error(means[new], Y[new])]
        )
    entries, alone, means, rows, two_steps, means_of_rows = np.mean(errors, axis=0)
    assert entries < 0.8 * min(alone, means)
    assert rows < 0.8 * min(two_steps, means_of_rows)


def test_a_regressor_of_one_output_serves_every_component():
    U, X, _ = planted(7)
    small = GradientBoostingRegressor(n_estimators=3, max_depth=1)
    model = ContentAwareNMF(K, regressor=small, max_iter=20, random_state=0)
    assert model.fit(X, side_information=U).predict(U[:4]).shape == (4, F)
    single = ContentAwareNMF(1, regressor=small, max_iter=20, random_state=0)
    assert single.fit(X, side_information=U).predict(U[:4]).shape == (4, F)
    restored = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(restored.predict(U), model.predict(U))


def test_rows_without_any_entry_and_silence():
    U, X, _ = planted(8)
    X[3] = np.nan
    model = ContentAwareNMF(K, random_state=0).fit(X, side_information=U)
    W = model.transform(X, side_information=U)
    np.testing.assert_allclose(W[3] @ model.components_, model.predict(U[3:4])[0], rtol=1e-6)
    silent = ContentAwareNMF(K, random_state=0).fit(np.zeros((N, F)), side_information=U)
    assert (silent.predict(U) == 0).all()
    assert (silent.transform(np.zeros((N, F)), side_information=U) == 0).all()


def test_float32_stays_so():
    U, X, _ = planted(9)
    model = ContentAwareNMF(K, random_state=0, max_iter=20).fit(
        X.astype(np.float32), side_information=U
    )
    assert model.components_.dtype == model.predict(U).dtype == np.float32
    assert model.transform(X.astype(np.float32), side_information=U).dtype == np.float32


def test_what_does_not_fit_is_refused():
    U, X, _ = planted(10)
    model = ContentAwareNMF(K, random_state=0, max_iter=20)
    with pytest.raises(ValueError, match=r"side_information has 39 rows, but X has 40"):
        model.fit(X, side_information=U[1:])
    plain = model.fit(X)
    assert not hasattr(plain, "predict")
    with pytest.raises(ValueError, match="there was none in fit"):
        plain.transform(X, side_information=U)
    np.testing.assert_array_equal(
        plain.components_, BetaNMF(K, random_state=0, max_iter=20).fit(X).components_
    )
    with pytest.raises(ValueError, match="coupling"):
        ContentAwareNMF(K, coupling=-1).fit(X)


def test_side_information_can_be_routed():
    with sklearn.config_context(enable_metadata_routing=True):
        model = ContentAwareNMF(K).set_fit_request(side_information=True)
        assert model.get_metadata_routing().fit.requests["side_information"] is True
