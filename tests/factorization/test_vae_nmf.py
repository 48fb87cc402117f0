"""VAENMF: masks, levels, recordings; what training does; what is refused."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

from skbss import VAENMF

pytestmark = pytest.mark.filterwarnings(
    "ignore:None of .* epochs:sklearn.exceptions.ConvergenceWarning"
)

N_FEATURES = 12


def voice(n_rows=200, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    H = np.random.default_rng(99).gamma(0.3, size=(4, N_FEATURES))
    return (rng.gamma(0.3, size=(n_rows, 4)) @ H + 1e-3).astype(dtype)


def noise(n_rows=60, seed=1, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return (rng.gamma(2, size=(n_rows, 1)) * rng.gamma(0.3, size=N_FEATURES)).astype(dtype)


def model(**parameters):
    usual = {"n_components": 2, "n_latent": 3, "n_hidden": 8, "n_epochs": 3, "batch_size": 32}
    usual |= {"max_iter": 3, "burn_in": 5, "n_samples": 4, "random_state": 0}
    return VAENMF(**{**usual, **parameters})


@pytest.fixture(scope="module")
def fitted():
    return model().fit(voice())


@pytest.fixture(scope="module")
def mixture():
    return voice(60, seed=2) + noise()


@pytest.mark.parametrize(
    ("dtype", "on_device"), [(np.float32, False), (np.float64, False), (np.float32, True)]
)
def test_parts_are_the_mixture_under_masks(dtype, on_device):
    X = voice(60, seed=2, dtype=dtype) + noise(dtype=dtype)
    clean = voice(dtype=dtype)
    if on_device:
        X, clean = jnp.asarray(X), jnp.asarray(clean)
    found = model().fit(clean)
    parts = found.predict(X)
    assert isinstance(parts, jax.Array) == on_device
    assert parts.dtype == dtype
    assert parts.shape == (60, 2, N_FEATURES)
    assert all(type(one) is np.ndarray for one in found.weights_.values())
    assert {one.dtype for one in found.weights_.values()} == {np.dtype(dtype)}
    parts, X = np.asarray(parts), np.asarray(X)
    assert (parts >= 0).all()
    assert (parts <= X[:, None]).all()
    np.testing.assert_allclose(parts.sum(axis=1), X, rtol=4 * np.finfo(dtype).eps)


def test_arrays_of_jax_give_the_same(fitted, mixture):
    with jax.enable_x64(True):
        found = np.asarray(fitted.predict(jnp.asarray(mixture)))
    np.testing.assert_allclose(found, fitted.predict(mixture), rtol=1e-9)


def test_training_learns_what_was_not_heard():
    clean, other = voice(400), voice(200, seed=5)
    untrained = model(n_epochs=0).fit(clean)
    trained = model(n_epochs=60).fit(clean)
    assert trained.score(other) > untrained.score(other) + 0.1
    assert trained.loss_curve_[-1] < trained.loss_curve_[0]
    assert trained.validation_curve_.min() < trained.validation_curve_[0]
    assert len(trained.loss_curve_) == trained.n_iter_ == len(trained.validation_curve_) - 1
    assert untrained.n_iter_ == len(untrained.loss_curve_) == 0


def test_a_trained_source_is_separated_better(mixture):
    target = voice(60, seed=2)

    def error(found):
        return np.square(found.predict(mixture)[:, 0] - target).sum() / np.square(target).sum()

    clean = voice(400)
    walk = {"n_components": 1, "max_iter": 30, "burn_in": 10, "step": 0.3}
    trained = error(model(n_epochs=100, **walk).fit(clean))
    assert trained < error(model(n_epochs=0, **walk).fit(clean))
    assert trained < np.square(mixture - target).sum() / np.square(target).sum()


def test_weights_of_the_best_epoch_are_kept():
    # Few rows and large steps: it gets worse.
    found = model(n_epochs=80, learning_rate=0.1, patience=3, batch_size=4).fit(voice(20))
    curve = found.validation_curve_
    assert len(curve) < 81
    assert curve.argmin() == len(curve) - 1 - 4
    again = model(n_epochs=80, learning_rate=0.1, validation_fraction=0, batch_size=4)
    assert len(again.fit(voice(20)).validation_curve_) == 0
    assert again.n_iter_ == 80


@pytest.mark.parametrize("factor", [2.0**-60, 2.0**60])
def test_level_does_not_matter(fitted, mixture, factor):
    louder = model().fit(factor * voice())
    for name, one in fitted.weights_.items():
        np.testing.assert_array_equal(louder.weights_[name], one)
    np.testing.assert_array_equal(
        louder.predict(factor * mixture), factor * fitted.predict(mixture)
    )
    assert louder.score(factor * mixture) == fitted.score(mixture)


def test_recordings_do_not_know_of_each_other(fitted, mixture):
    both = np.stack([mixture[:30], 100 * mixture[30:]])
    found = fitted.predict(both)
    assert found.shape == (2, 30, 2, N_FEATURES)
    for one, expected in zip(both, found, strict=True):
        np.testing.assert_array_equal(fitted.predict(one), expected)
    below = fitted.predict(np.concatenate(both), lengths=[30, 30])
    np.testing.assert_array_equal(below, found.reshape(60, 2, N_FEATURES))
    assert not np.array_equal(below, fitted.predict(np.concatenate(both)))


def test_every_recording_is_learned_at_one_level():
    clean = voice()
    louder = np.concatenate([clean[:100], 64 * clean[100:]])
    found = model().fit(louder, lengths=[100, 100])
    for name, one in model().fit(clean, lengths=[100, 100]).weights_.items():
        np.testing.assert_array_equal(found.weights_[name], one)
    three = model().fit(clean.reshape(2, 100, N_FEATURES))
    np.testing.assert_array_equal(three.weights_["mean"], found.weights_["mean"])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_silence(dtype):
    clean, X = voice(dtype=dtype), voice(60, seed=2, dtype=dtype) + noise(dtype=dtype)
    found = model().fit(clean)
    np.testing.assert_array_equal(found.predict(np.zeros_like(X)), 0)
    # Neither in what is separated nor in what is learned from does it count.
    X[20:30] = 0
    parts = found.predict(X)
    assert np.isfinite(parts).all()
    assert not parts[20:30].any()
    X[:, 3] = 0
    assert np.isfinite(found.predict(X)).all()
    with_gaps = np.concatenate([clean[:100], np.zeros_like(clean[:50]), clean[100:]])
    for name, one in model().fit(with_gaps).weights_.items():
        np.testing.assert_array_equal(one, found.weights_[name])
    clean[:, 3] = 0
    assert all(np.isfinite(one).all() for one in model().fit(clean).weights_.values())


def test_one_seed_is_one_result(fitted, mixture):
    expected = fitted.predict(mixture)
    np.testing.assert_array_equal(fitted.predict(mixture), expected)
    np.testing.assert_array_equal(clone(fitted).fit(voice()).predict(mixture), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict(mixture), expected)
    assert not np.array_equal(model(random_state=1).fit(voice()).predict(mixture), expected)
    drawn = pickle.loads(pickle.dumps(fitted)).set_params(random_state=None)
    assert not np.array_equal(drawn.predict(mixture), drawn.predict(mixture))


def test_without_iterations_the_start_decides(fitted, mixture):
    still = pickle.loads(pickle.dumps(fitted)).set_params(max_iter=0)
    parts = still.predict(mixture)
    np.testing.assert_allclose(parts.sum(axis=1), mixture, rtol=1e-14)
    assert not np.array_equal(parts, fitted.predict(mixture))


def test_search():
    search = GridSearchCV(model(), {"n_latent": [2, 3]}, cv=2).fit(voice())
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize(
    ("X", "options", "message"),
    [
        (np.zeros((4, 3)), {}, "X is silent in all rows"),
        (np.full((4, 3), np.nan), {}, "NaN"),
        (-np.ones((4, 3)), {}, "Negative values in data passed to VAENMF"),
        ([np.ones((4, 3))] * 2, {}, "X is a list of recordings"),
        (np.ones((4, 3)), {"lengths": [3]}, "sum to the 4 rows"),
    ],
)
def test_refusals(X, options, message):
    with pytest.raises(ValueError, match=message):
        model().fit(X, **options)


def test_refusals_after_the_fit(fitted, mixture):
    with pytest.raises(NotFittedError):
        model().predict(mixture)
    with pytest.raises(ValueError, match="features"):
        fitted.predict(mixture[:, 1:])
    with pytest.raises(ValueError, match="X is silent in all rows"):
        fitted.score(np.zeros_like(mixture))
    with pytest.raises(ValueError, match="step"):
        model(step=0).fit(voice())


def test_overflow_is_told():
    with pytest.raises(FloatingPointError, match="learning_rate=1e"):
        model(learning_rate=1e30, validation_fraction=0).fit(voice(dtype=np.float32))
