"""DeepUnfoldedNMF: the same as SparseNMF untrained; its gradients; what training does."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

from skbss import BetaNMF, DeepUnfoldedNMF, SparseNMF
from skbss._kernels.unfolded import Held, Weights
from skbss._kernels.unfolded_multiplicative import Multiplicative
from skbss._kernels.unfolded_training import Examples, error
from skbss._runtime.device import precision
from skbss.factorization._context import frames_of
from skbss.factorization._held_back import held_back
from skbss.factorization._rules import step_rule

N_FEATURES = 12


def examples(n_rows=120, n_sources=2, seed=0, dtype=np.float64):
    """Sources of four components each, some of which they share with no other."""
    rng = np.random.default_rng(seed)
    H = np.random.default_rng(99).gamma(0.3, size=(n_sources, 4, N_FEATURES))
    W = rng.gamma(0.3, size=(n_rows, n_sources, 4))
    y = np.einsum("njk,jkf->njf", W, H).astype(dtype)
    return y.sum(axis=1), y


def network(**parameters):
    usual = {"n_components": 4, "batch_size": 32, "n_epochs": 4, "random_state": 0}
    return DeepUnfoldedNMF(**{**usual, **parameters})


def iterated(fitted, X, n_iter):
    """The activations of so many updates of SparseNMF, with the same components and price."""
    model = SparseNMF(
        len(fitted.dictionary_),
        solver="mu",
        beta_loss=fitted.beta_loss,
        sparsity=fitted.sparsity,
        fixed_components=fitted.dictionary_,
        max_iter=n_iter,
        tol=0,
    )
    return model.fit(X).transform(X)


@pytest.mark.parametrize("beta", [0, 0.5, 1, 1.5, 2, 3])
@pytest.mark.parametrize("sparsity", [0, 0.5])
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 2e-5)])
def test_untrained_it_is_as_many_updates(beta, sparsity, dtype, rtol):
    X, y = examples(dtype=dtype)
    fitted = network(n_epochs=0, beta_loss=beta, sparsity=sparsity, n_layers=7).fit(X, y)
    W = fitted.transform(X)
    assert W.dtype == fitted.components_.dtype == dtype
    expected = iterated(fitted, X, 7)
    np.testing.assert_allclose(W, expected, rtol=rtol, atol=rtol * expected.max())
    np.testing.assert_allclose(fitted.components_, fitted.dictionary_, rtol=1e-6)


@pytest.mark.parametrize(("n_layers", "n_untied"), [(1, 0), (1, 1), (5, 5), (5, 0)])
def test_how_many_layers_are_trained_does_not_matter_untrained(n_layers, n_untied):
    X, y = examples()
    fitted = network(n_epochs=0, n_layers=n_layers, n_untied=n_untied).fit(X, y)
    np.testing.assert_allclose(fitted.transform(X), iterated(fitted, X, n_layers), rtol=1e-12)


def test_context_is_more_features():
    X, y = examples(40)
    fitted = network(n_epochs=0, context=2, n_layers=3).fit(X, y, lengths=[15, 25])
    parts = [np.pad(X[rows], [(2, 2), (0, 0)]) for rows in (slice(15), slice(15, 40))]
    stacked = np.concatenate(
        [np.concatenate([p[i : len(p) - 4 + i] for i in range(5)], axis=1) for p in parts]
    )
    model = SparseNMF(8, solver="mu", sparsity=0.5, fixed_components=fitted.dictionary_)
    model.set_params(beta_loss=1, max_iter=3, tol=0).fit(stacked)
    W = fitted.transform(X, lengths=[15, 25])
    np.testing.assert_allclose(W, model.transform(stacked), rtol=1e-10)
    np.testing.assert_array_equal(fitted.components_, np.exp(fitted.weights_["output"]))
    assert fitted.components_.shape == (8, N_FEATURES)
    assert fitted.weights_["layers"].shape == (3, 8, 5 * N_FEATURES)


@pytest.mark.parametrize("kind", ["sparse", "beta", "array"])
def test_it_begins_with_given_components(kind):
    X, y = examples()
    models = [
        (BetaNMF if kind == "beta" else SparseNMF)(3 + j, init="random", random_state=j)
        for j in range(2)
    ]
    for j, model in enumerate(models):
        model.fit(y[:, j])
    init = [model.components_ for model in models] if kind == "array" else models
    fitted = network(n_epochs=0, init=init, sparsity=0).fit(X, y)
    H = np.concatenate([model.components_ for model in models])
    H = np.maximum(H, 1e-5 * H.max(axis=1, keepdims=True))
    H /= np.linalg.norm(H, axis=1, keepdims=True)
    np.testing.assert_allclose(fitted.dictionary_, H, rtol=1e-12)
    np.testing.assert_array_equal(fitted.atom_source_, [0] * 3 + [1] * 4)
    model = BetaNMF(7, solver="mu", beta_loss=1, fixed_components=H, max_iter=10, tol=0).fit(X)
    np.testing.assert_allclose(fitted.transform(X), model.transform(X), rtol=1e-10)


def parts_of_error(X, y, rng, beta, context=0):
    n_rows, n_sources, n_features = y.shape
    k, width = 3 * n_sources, n_features * (2 * context + 1)
    dtype = X.dtype
    held = Held(
        rng.random((k, width)).astype(dtype) + dtype.type(0.1),
        rng.random(k).astype(dtype) + dtype.type(0.5),
        np.asarray(0.3, dtype),
        np.asarray(1e-10, dtype),
        np.asarray(2, np.int32),
    )
    weights = Weights(
        {"layers": rng.standard_normal((2, k, width)).astype(dtype)},
        rng.standard_normal((k, n_features)).astype(dtype),
    )
    atoms = np.arange(k, dtype=np.int32).reshape(n_sources, 3)
    frames = frames_of(X, [n_rows], context, np)
    shown = Examples(frames, np.moveaxis(y, 1, 0), atoms)
    with precision(dtype):
        arrays = jax.tree.map(
            jnp.asarray, (weights, held, shown, np.arange(n_rows, dtype=np.int32))
        )
    return *arrays, Multiplicative(step_rule("mu", float(beta), quadratic=False))


@pytest.mark.parametrize("beta", [0, 0.5, 1, 2, 2.5])
@pytest.mark.parametrize("loss", ["signal", "mask"])
def test_gradients_by_finite_differences(beta, loss):
    rng = np.random.default_rng(0)
    X, y = examples(6)
    weights, *others = parts_of_error(X, y, rng, beta, context=1)
    with precision(np.float64):
        direction = jax.tree.map(lambda one: jnp.asarray(rng.standard_normal(one.shape)), weights)

        def along(step):
            moved = jax.tree.map(lambda a, b: a + step * b, weights, direction)
            return error(moved, *others, loss)

        slope = float(jax.grad(along)(0.0))
        step = 1e-5
        expected = (float(along(step)) - float(along(-step))) / (2 * step)
    np.testing.assert_allclose(slope, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_of_silence_have_no_slope(dtype):
    X, y = examples(30, dtype=dtype)
    X[3:7], y[3:7] = 0, 0
    fitted = network(n_epochs=2).fit(X, y)
    assert np.isfinite(fitted.components_).all()
    assert np.isfinite(fitted.loss_curve_).all()


@settings(max_examples=20)
@given(
    seed=st.integers(0, 10**6),
    beta=st.sampled_from([0.5, 1.0, 2.0]),
    dtype=st.sampled_from([np.float32, np.float64]),
    loss=st.sampled_from(["signal", "mask"]),
    level=st.sampled_from([1e-6, 1.0, 1e6]),
)
def test_silence_makes_no_nan_of_gradients(seed, beta, dtype, loss, level):
    rng = np.random.default_rng(seed)
    y = rng.gamma(0.3, size=(8, 2, 5)) * rng.integers(0, 2, (8, 2, 5)) * level
    y[rng.integers(0, 2, 8) > 0] = 0
    y[:, rng.integers(2)] *= rng.integers(2)
    y = y.astype(dtype)
    weights, *others = parts_of_error(y.sum(axis=1), y, rng, beta)
    with precision(dtype):
        value, slope = jax.value_and_grad(error)(weights, *others, loss)
        assert np.isfinite(value)
        for one in jax.tree.leaves(slope):
            assert np.isfinite(one).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_sources", [2, 3])
def test_sources_add_up_and_masks_are_shares(dtype, n_sources):
    X, y = examples(n_sources=n_sources, dtype=dtype)
    X[5] = 0
    y[5] = 0
    fitted = network().fit(X, y)
    sources = fitted.predict(X)
    assert sources.dtype == dtype
    assert sources.shape == y.shape
    assert (sources >= 0).all()
    np.testing.assert_allclose(sources.sum(axis=1), X, rtol=1e-5, atol=0)
    np.testing.assert_array_equal(fitted.transform(X)[5], 0)
    energy = np.square(y).sum()
    expected = 1 - np.square(sources - y).sum() / energy
    np.testing.assert_allclose(fitted.score(X, y), expected, rtol=1e-4)


@pytest.mark.parametrize("loss", ["signal", "mask"])
@pytest.mark.parametrize("beta", [0.5, 1, 2])
def test_training_separates_better_what_it_has_not_seen(loss, beta):
    X, y = examples(400)
    new = examples(200, seed=1)
    settings = {"loss": loss, "beta_loss": beta, "n_components": 3, "n_layers": 6}
    untrained = network(**settings, n_epochs=0).fit(X, y)
    trained = network(**settings, n_epochs=15).fit(X, y)
    assert trained.loss_curve_[-1] < trained.loss_curve_[0]
    assert trained.score(*new) > untrained.score(*new)
    assert trained.n_iter_ == len(trained.loss_curve_) == len(trained.validation_curve_) - 1


def test_one_seed_one_result():
    X, y = examples()
    first, again, other = (network(random_state=seed).fit(X, y) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.components_, again.components_)
    assert (first.components_ != other.components_).any()


def test_the_weights_of_the_best_epoch_are_kept():
    X, y = examples()
    # Steps this long make it worse.
    fitted = network(n_epochs=12, learning_rate=3.0, patience=2).fit(X, y)
    curve = fitted.validation_curve_
    assert fitted.n_iter_ == curve.argmin() + 3 < 12
    held_back = examples()[0][-12:], examples()[1][-12:]
    found = fitted.predict(held_back[0])
    distance = np.square(found - held_back[1]).sum() / np.square(held_back[1]).sum()
    np.testing.assert_allclose(distance, curve.min(), rtol=1e-6)
    last = network(n_epochs=5, validation_fraction=0).fit(X, y)
    assert last.validation_curve_.size == 0
    assert last.n_iter_ == 5


def test_recordings_are_held_back_as_a_whole():
    rng = np.random.RandomState(0)
    own, held = held_back((10, 20, 30, 40), 0.25, rng)
    assert len(held) in (10, 20, 30, 40)
    assert len(np.unique(np.concatenate([own, held]))) == 100
    assert held[-1] - held[0] == len(held) - 1
    alone = held_back((100,), 0.25, rng)
    np.testing.assert_array_equal(alone[1], np.arange(75, 100))


def test_training_goes_on():
    X, y = examples()
    fitted = network(warm_start=True, validation_fraction=0).fit(X, y)
    before = fitted.components_
    fitted.fit(X, y)
    assert fitted.n_iter_ == 8
    assert fitted.loss_curve_[4:].mean() < fitted.loss_curve_[:4].mean()
    assert (fitted.components_ != before).any()
    bit_by_bit = network(learning_rate=0.01)
    for _ in range(5):
        bit_by_bit.partial_fit(X, y)
    assert bit_by_bit.n_iter_ == 5
    assert bit_by_bit.loss_curve_[-1] < bit_by_bit.loss_curve_[0]


def test_targets_are_what_masks_shall_come_close_to():
    X, y = examples()
    swapped = network(n_epochs=10).fit(X, y, targets=y[:, ::-1])
    assert swapped.score(X, y[:, ::-1]) > network(n_epochs=10).fit(X, y).score(X, y[:, ::-1]) + 0.2
    # In phase, against it: masks are not below zero.
    negative = network(n_epochs=10).fit(X, y, targets=np.stack([-y[:, 0], y[:, 1]], axis=1))
    assert np.isfinite(negative.components_).all()


def test_levels_of_the_training_data_do_not_matter():
    X, y = examples()
    fitted = network().fit(X, y)
    loud = network().fit(1e6 * X, 1e6 * y)
    np.testing.assert_allclose(loud.predict(1e6 * X), 1e6 * fitted.predict(X), rtol=1e-6)


def test_axes_before_the_last_two_count_recordings():
    X, y = examples(60)
    flat = network(context=1).fit(X, y, lengths=[20, 20, 20])
    stacked = network(context=1).fit(X.reshape(3, 20, -1), y.reshape(3, 20, 2, -1))
    np.testing.assert_array_equal(flat.components_, stacked.components_)
    W = stacked.transform(X.reshape(3, 20, -1))
    np.testing.assert_array_equal(W.reshape(60, -1), flat.transform(X, lengths=[20] * 3))
    assert stacked.predict(X.reshape(3, 20, -1)).shape == (3, 20, 2, N_FEATURES)


def test_rows_do_not_depend_on_the_others():
    X, y = examples(1500)
    fitted = network(n_epochs=1).fit(X[:100], y[:100])
    W = fitted.transform(X)
    np.testing.assert_allclose(fitted.transform(X[1200:1210]), W[1200:1210], rtol=1e-10)


def test_jax_arrays():
    X, y = (jnp.asarray(one, jnp.float32) for one in examples())
    fitted = network().fit(X, y)
    for one in (fitted.components_, fitted.transform(X), fitted.predict(X)):
        assert isinstance(one, jax.Array)
        assert one.dtype == jnp.float32
    host = network().fit(np.asarray(X), np.asarray(y))
    np.testing.assert_allclose(fitted.components_, host.components_, rtol=1e-3, atol=1e-4)


def test_copies():
    X, y = examples()
    fitted = network().fit(X, y)
    copied = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copied.predict(X), fitted.predict(X))
    for one in (fitted, copied):
        one.partial_fit(X, y)
    np.testing.assert_array_equal(copied.components_, fitted.components_)
    with pytest.raises(NotFittedError):
        clone(fitted).predict(X)


def test_grid_search():
    X, y = examples()
    search = GridSearchCV(network(n_epochs=1), {"n_layers": [3, 5]}, cv=2).fit(X, y)
    assert search.best_score_ > 0.5


X, Y = examples(20)
SILENT = np.stack([Y[:, 0], 0 * Y[:, 0]], axis=1)


@pytest.mark.parametrize(
    ("parameters", "arguments", "message"),
    [
        ({"n_untied": 11}, {}, "n_untied=11 must not exceed n_layers=10"),
        ({}, {"y": Y[:, 0]}, r"y must have the shape \(20, n_sources, 12\), got \(20, 12\)"),
        ({}, {"y": Y[:10]}, r"y must have the shape \(20, n_sources, 12\)"),
        ({}, {"y": -Y}, "y must be non-negative"),
        ({}, {"y": np.where(Y > 1, np.nan, Y)}, "y must be finite"),
        ({}, {"y": 1j * Y}, "y must hold real numbers"),
        ({}, {"y": SILENT}, "Source 1 of y is silent"),
        ({}, {"X": np.where(X > 1, np.nan, X)}, "X contains NaN"),
        ({}, {"X": -X}, "Negative values"),
        ({}, {"targets": Y[:, :1]}, "targets must have the shape of y"),
        ({"init": [np.ones((3, 12))]}, {}, "one item for each of the 2 sources"),
        ({"init": [np.ones((3, 12)), np.ones((3, 11))]}, {}, r"init\[1\] must be components"),
        ({"init": [np.ones((3, 12)), -np.ones((3, 12))]}, {}, r"init\[1\] must be finite and non"),
        ({"loss": "mel"}, {}, "'loss' parameter"),
    ],
)
def test_refusals(parameters, arguments, message):
    with pytest.raises(ValueError, match=message):
        network(**parameters).fit(**{"X": X, "y": Y, **arguments})


def test_what_is_fitted_is_refused_other_sources():
    fitted = network(n_epochs=0).fit(X, Y)
    three = np.concatenate([Y, Y[:, :1]], axis=1)
    with pytest.raises(ValueError, match="y holds 3 sources, but the network separates 2"):
        fitted.score(X, three)
    with pytest.raises(ValueError, match="y holds 3 sources"):
        fitted.partial_fit(X, three)
    with pytest.raises(ValueError, match="All sources in y are silent"):
        fitted.score(X, 0 * Y)
