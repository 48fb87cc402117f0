"""DeepNMF: sweeps over all levels from a start, and what they bring."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skbss import BetaNMF, DeepNMF, MultilayerNMF
from skbss.factorization import _layout

pytestmark = pytest.mark.usefixtures("few_programs")


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.gamma(0.3, size=(60, 6)) @ rng.gamma(0.3, size=(6, 14)) + 0.01


def test_one_level_comes_to_rest_where_beta_nmf_does(X):
    plain = BetaNMF(4, beta_loss=1, solver="mu", init="nndsvda", tol=0, max_iter=3000).fit(X)
    model = DeepNMF(4, init="nndsvda", start_max_iter=5, tol=0, max_iter=3000).fit(X)
    np.testing.assert_allclose(model.reconstruction_err_, plain.reconstruction_err_, rtol=1e-4)


def test_a_model_of_beta_nmf_is_at_rest(X):
    given = {"n_components": 4, "init": "nndsvda", "tol": 0}
    before = MultilayerNMF(solver="mu", max_iter=20_000, **given).fit(X).layers_[0]
    after = DeepNMF(solver="mu", start_max_iter=20_000, max_iter=10, **given).fit(X).layers_[0]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-4)


def test_it_starts_at_the_multilayer_model(X):
    given = {"n_components": [6, 4, 2], "init": "random", "random_state": 0, "tol": 0}
    start = MultilayerNMF(max_iter=100, **given).fit(X)
    model = DeepNMF(max_iter=40, **given).fit(X)
    np.testing.assert_allclose(model.level_weights_ * start.level_losses_, 1, rtol=1e-6)
    np.testing.assert_allclose(model.loss_curve_[0], 3)
    assert len(model.loss_curve_) == 5
    assert model.n_iter_ == 40
    np.testing.assert_allclose(model.level_weights_ @ model.level_losses_, model.loss_curve_[-1])
    # What is shared out among the levels is less than one level after the other left.
    assert model.loss_curve_[-1] < 2.5
    assert (model.level_losses_[1:] < start.level_losses_[1:]).all()
    data = [X, *(layer.components for layer in model.layers_)]
    for one, layer, loss in zip(data, model.layers_, model.level_losses_, strict=False):
        Y = layer.activations @ layer.components
        terms = np.where(one > 0, one * np.log(np.where(one > 0, one, 1) / Y), 0) - one + Y
        np.testing.assert_allclose(loss, terms.sum(), rtol=1e-6)
        np.testing.assert_allclose(layer.activations.mean(axis=0), 1, rtol=1e-12)


@pytest.mark.parametrize("level_weights", [None, [1, 0.1, 10]])
@pytest.mark.parametrize("hidden", [None, 0, np.nan])
def test_no_look_finds_a_rise(X, level_weights, hidden):
    given = {"init": "random", "start_max_iter": 20, "level_weights": level_weights}
    for seed in range(3):
        rng = np.random.default_rng(seed)
        seen = X if hidden is None else np.where(rng.random(X.shape) < 0.4, hidden, X)
        losses = (
            DeepNMF([6, 4, 2], random_state=seed, tol=0, max_iter=300, **given).fit(seen)
        ).loss_curve_
        np.testing.assert_allclose(losses[0], 3 if level_weights is None else 11.1)
        assert (np.diff(losses) <= 1e-10 * losses[:-1]).all()


def test_a_level_that_weighs_more_is_explained_better(X):
    losses = np.array(
        [
            DeepNMF([6, 2], level_weights=[1, weight], random_state=0, tol=0, max_iter=100)
            .fit(X)
            .level_losses_
            for weight in (0.1, 1, 10)
        ]
    )
    assert (np.diff(losses[:, 0]) > 0).all()
    assert (np.diff(losses[:, 1]) < 0).all()


def test_hardly_any_weight_leaves_the_first_level_alone(X):
    given = {"init": "random", "random_state": 0, "tol": 0, "max_iter": 50}
    model = DeepNMF([6, 2], level_weights=[1, 1e-9], **given).fit(X)
    alone = DeepNMF(6, **given).fit(X)
    np.testing.assert_allclose(model.components_, alone.components_, rtol=1e-5, atol=1e-9)


def test_a_level_without_a_rest_has_a_finite_weight(X):
    exact = X[:, :4] @ np.repeat(np.eye(4), 3, axis=1)
    model = DeepNMF([4, 1], start_max_iter=2000, tol=0, random_state=0).fit(exact)
    assert np.isfinite(model.level_weights_).all()
    assert all(np.isfinite(A).all() for layer in model.layers_ for A in layer)


def test_it_stops_where_little_is_gained(X):
    model = DeepNMF([6, 2], tol=1e-2, random_state=0).fit(X)
    assert model.n_iter_ < 500
    roots = np.sqrt(model.loss_curve_)
    drops = -np.diff(roots) / roots[0]
    assert drops[-1] < 1e-2
    assert (drops[:-1] >= 1e-2).all()
    with pytest.warns(ConvergenceWarning, match="Maximum number of iterations 10 reached"):
        DeepNMF([6, 2], tol=1e-9, max_iter=10, random_state=0).fit(X)


def test_blocks_of_rows_change_nothing(X, monkeypatch):
    given = {"n_components": [6, 2], "solver": "mu", "tol": 0, "max_iter": 20}
    weights = np.where(np.median(X) < X, 1.0, 0.3)
    whole = DeepNMF(**given).fit(X, weights=weights)
    for name, number in {"_LARGE": 1, "_VALUES_PER_BLOCK": 128, "_ROWS_PER_COMPONENT": 1}.items():
        monkeypatch.setattr(_layout, name, number)
    assert _layout.choose_layout(X.shape, 6).n_blocks > 1
    blocks = DeepNMF(**given).fit(X, weights=weights)
    for one, other in zip(whole.layers_, blocks.layers_, strict=True):
        np.testing.assert_allclose(other.activations, one.activations, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(other.components, one.components, rtol=1e-8)


def test_it_prints_the_objective(X, capsys):
    DeepNMF([6, 2], tol=0, max_iter=20, start_max_iter=1, verbose=1).fit(X)
    assert "Sweep 20 reached after" in capsys.readouterr().out


@pytest.mark.parametrize("beta", [0, 2, "itakura-saito", 1.5])
def test_other_divergences_are_refused(X, beta):
    with pytest.raises(ValueError, match=r"must be 'kullback-leibler' or 1.*Use MultilayerNMF"):
        DeepNMF([4, 2], beta_loss=beta).fit(X)


@pytest.mark.parametrize("level_weights", [[1], [1, 0], [1, -1], [1, np.inf], [[1, 1]], ["a", "b"]])
def test_weights_of_levels_are_refused(X, level_weights):
    with pytest.raises(ValueError, match="level_weights must be 2 numbers above 0"):
        DeepNMF([4, 2], level_weights=level_weights).fit(X)


def test_weights_of_levels_far_apart(X):
    with pytest.raises(ValueError, match="must not differ by a factor of more than 1e"):
        DeepNMF([4, 2], level_weights=[1, 1e40]).fit(X)
    # Only their ratios matter, in any precision.
    given = {"n_components": [4, 2], "tol": 0, "max_iter": 10, "random_state": 0}
    X = X.astype(np.float32)
    plain, large = DeepNMF(**given).fit(X), DeepNMF(level_weights=[1e40] * 2, **given).fit(X)
    np.testing.assert_allclose(large.components_, plain.components_, rtol=1e-4, atol=1e-6)
