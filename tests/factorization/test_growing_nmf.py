"""GrowingNMF: how many components it finds, what it records, and when it stops."""

from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score

from skbss import STFT, BetaNMF, GrowingNMF, Separator, WienerMask
from skbss.datasets import load_piano_notes
from skbss.factorization import _growing_nmf, _worst_explained
from skbss.factorization._divergence import Misfit, row_divergences
from skbss.factorization._misfit_of_means import misfit_of_means
from skbss.factorization._worst_explained import column_means, with_worst_explained

BETAS = [0, 0.5, 1, 2]
# Numbers of components are found long before the last digit of the loss.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of iterations:sklearn.exceptions.ConvergenceWarning"
)


@pytest.fixture(autouse=True)
def shared_programs(few_programs):
    """Small data of this module has one shape."""


def product(seed, shape=(100, 60), rank=5):
    rng = np.random.default_rng(seed)
    return rng.gamma(0.5, size=(shape[0], rank)) @ rng.gamma(0.5, size=(rank, shape[1]))


def counts(seed, **options):
    return np.random.default_rng(seed + 99).poisson(20 * product(seed, **options)).astype(float)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("beta", BETAS)
def test_the_number_of_an_exact_product_is_found(beta, seed):
    model = GrowingNMF(12, beta_loss=beta, max_iter=500, random_state=0).fit(product(seed))
    assert model.n_components_ == 5
    assert model.stop_reason_ == "gain"
    assert model.explained_ > 0.999


@pytest.mark.parametrize(
    ("beta", "seeds", "tol"),
    [
        (0.5, range(3), 1e-4),
        (1, range(3), 1e-4),
        (1.5, range(3), 1e-6),
        (2, range(16), 1e-4),
        (2, (1, 15), 1e-6),
    ],
)
def test_rounding_to_a_perfect_fit_is_no_gain(beta, seeds, tol):
    for seed in seeds:
        model = GrowingNMF(10, beta_loss=beta, tol=tol).fit(product(seed, rank=3))
        assert model.n_components_ == 3, seed


def test_a_perfect_fit_that_gains_ends_growth():
    X = np.zeros((100, 60))
    X[:50, :30] = X[50:, 30:] = 1
    model = GrowingNMF(10, beta_loss=2).fit(X)
    assert (model.n_components_, model.stop_reason_) == (2, "explained")
    np.testing.assert_array_equal(model.growth_.n_components, [1, 2])


@pytest.mark.parametrize("seed", range(3))
def test_the_number_is_found_in_noise(seed):
    assert GrowingNMF(12).fit(counts(seed)).n_components_ == 5


def test_the_record_is_that_of_all_fits():
    X = counts(0)
    model = GrowingNMF(12)
    W = model.fit_transform(X)
    np.testing.assert_array_equal(model.growth_.n_components, np.arange(1, 8))
    assert W.shape == (100, 5)
    assert model.components_.shape == (5, 60)
    assert model.growth_.explained[4] == model.explained_
    assert model.growth_.n_iter[4] == model.n_iter_
    np.testing.assert_allclose(
        model.growth_.divergence[4], model.reconstruction_err_**2 / 2, rtol=1e-12
    )
    assert (np.diff(model.growth_.explained) > 0).all()
    assert np.diff(model.growth_.explained)[:4].min() > 0.02


def test_explained_is_the_coefficient_of_determination():
    X, rng = product(0), np.random.default_rng(1)
    weights = rng.uniform(0.5, 2, (100, 1))
    for given_weights in (None, weights):
        model = GrowingNMF(3, beta_loss=2, init="custom", min_gain=0)
        start = {"W": rng.random((100, 3)), "H": rng.random((3, 60))}
        W = model.fit_transform(X, weights=given_weights, **start)
        expected = r2_score(
            X,
            W @ model.components_,
            sample_weight=None if given_weights is None else weights[:, 0],
            multioutput="variance_weighted",
        )
        assert model.explained_ == pytest.approx(expected, rel=1e-9)
        np.testing.assert_array_equal(model.growth_.n_components, [3])


@given(beta=st.sampled_from([-0.5, 0.0, 0.5, 1.0, 2.0, 3.0]), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=20)
def test_no_model_that_is_the_same_for_all_rows_is_better_than_the_means(beta, seed):
    rng = np.random.default_rng(seed)
    X, weights = product(seed), rng.uniform(0, 1, (100, 60)).round(1) + 1e-3
    means, ones = column_means(X, weights), np.ones((100, 1))
    best = row_divergences(X, weights, ones, means, beta).sum()
    other = means * rng.uniform(0.9, 1.1, means.shape)
    assert best <= row_divergences(X, weights, ones, other, beta).sum()


def test_growth_ends_where_enough_is_explained():
    X = counts(0)
    every = GrowingNMF(12).fit(X).growth_
    for enough in (0.6, 0.8):
        model = GrowingNMF(12, min_explained=enough).fit(X)
        assert model.stop_reason_ == "explained"
        assert model.n_components_ == every.n_components[(every.explained >= enough).argmax()]
        assert model.explained_ == model.growth_.explained[-1] >= enough
    assert (model.growth_.explained[:-1] < enough).all()


def test_missing_the_threshold_is_told():
    X = counts(0)
    with pytest.warns(ConvergenceWarning, match="ended at n_components=3: these explain .* less"):
        model = GrowingNMF(3, min_explained=0.99).fit(X)
    assert (model.n_components_, model.stop_reason_) == (3, "n_components")
    with pytest.warns(ConvergenceWarning, match=r"less than min_gain=0.02 each: 5 of them"):
        model = GrowingNMF(12, min_explained=0.99, min_gain=0.02).fit(X)
    assert (model.n_components_, model.stop_reason_) == (5, "gain")
    with pytest.warns(ConvergenceWarning, match="the last ones gained at least min_gain=0.02 each"):
        GrowingNMF(3).fit(X)
    with pytest.warns(ConvergenceWarning, match="and min_gain=0 takes any more"):
        GrowingNMF(3, min_gain=0).fit(X)


def test_missing_the_threshold_with_the_first_size_is_told():
    X = counts(0)
    with pytest.warns(ConvergenceWarning, match="less than min_explained=0.99. Increase"):
        GrowingNMF(3, n_components_min=3, min_explained=0.99).fit(X)
    held = GrowingNMF(2, fixed_components=np.ones((2, 60)), min_explained=0.99)
    with pytest.warns(ConvergenceWarning, match="ended at n_components=2: these explain all but"):
        held.fit(X)


def test_what_is_missing_is_told_in_digits_that_say_something():
    X = product(0, rank=2)
    with pytest.warns(
        ConvergenceWarning, match=r"all but \S+e-\d+ of .* less than min_explained=1\.0\."
    ):
        GrowingNMF(2, min_explained=1.0, beta_loss=2).fit(X)
    with pytest.warns(ConvergenceWarning, match=r"less than min_explained=0.99999999\."):
        GrowingNMF(1, min_explained=0.99999999).fit(X)


def test_no_more_components_are_advised_than_there_can_be():
    X = counts(0)[:, :4]
    with pytest.warns(ConvergenceWarning, match="ended at n_components=4") as caught:
        GrowingNMF(min_explained=1.0, tol=1e-2).fit(X)
    assert "Increase n_components" not in str(caught[0].message)


def test_steps_of_several():
    model = GrowingNMF(12, n_components_min=2, step=3).fit(counts(0))
    np.testing.assert_array_equal(model.growth_.n_components, [2, 5, 8, 11])
    assert model.n_components_ == 5
    with pytest.warns(ConvergenceWarning, match="ended at n_components=4"):
        model = GrowingNMF(4, n_components_min=2, step=3).fit(counts(0))
    np.testing.assert_array_equal(model.growth_.n_components, [2, 4])


@pytest.mark.parametrize("beta", BETAS)
def test_one_size_is_betanmf(beta):
    X = counts(0, shape=(40, 20), rank=3) + 1
    options = {"beta_loss": beta, "random_state": 0, "max_iter": 50, "tol": 0}
    model = GrowingNMF(3, n_components_min=3, **options)
    plain = BetaNMF(3, **options)
    np.testing.assert_array_equal(model.fit_transform(X), plain.fit_transform(X))
    np.testing.assert_array_equal(model.components_, plain.components_)
    np.testing.assert_array_equal(model.loss_curve_, plain.loss_curve_)
    assert model.stop_reason_ == "n_components"


@pytest.mark.parametrize("beta", BETAS)
def test_every_size_goes_on_from_the_smaller_one(beta):
    X = product(0) + 0.01
    small = GrowingNMF(2, n_components_min=2, beta_loss=beta, tol=0, max_iter=50)
    small.fit(X)
    W = BetaNMF(2, init="custom", beta_loss=beta, fixed_components=small.components_, tol=1e-8)
    W = W.set_params(max_iter=1000).fit_transform(X, W=np.ones((100, 2)), H=small.components_)
    start = with_worst_explained(X, None, W, small.components_, 1, float(beta))
    np.testing.assert_array_equal(start[0][:, :2], W)
    np.testing.assert_array_equal(start[1][:2], small.components_)
    assert all((factor > 0).all() for factor in (start[0][:, 2], start[1][2]))


def test_what_is_added_is_what_was_missing():
    W, H = np.random.default_rng(0).gamma(0.5, size=(50, 3)), np.zeros((3, 30))
    for k in range(3):
        H[k, 10 * k : 10 * k + 10] = 1 + np.arange(10)
    _, grown = with_worst_explained(W @ H, None, W[:, :1], H[:1], 2, 2.0)
    assert {int(row.argmax()) for row in grown[1:]} == {19, 29}
    grown_W, grown = with_worst_explained(W @ H, None, W[:, :2], H[:2], 1, 2.0)
    assert np.corrcoef(grown_W[:, 2], W[:, 2])[0, 1] > 0.999
    assert np.corrcoef(grown[2], H[2])[0, 1] > 0.999


@pytest.mark.parametrize("scale", [1e-160, 1e9, 1e300])
@pytest.mark.parametrize("beta", [*BETAS, 3])
def test_the_level_does_not_matter(beta, scale):
    X = product(0)
    options = {"beta_loss": beta, "n_components": 8, "max_iter": 40, "tol": 0, "min_gain": 0.05}
    one, other = GrowingNMF(**options).fit(X), GrowingNMF(**options).fit(scale * X)
    assert one.n_components_ == other.n_components_
    np.testing.assert_allclose(other.growth_.explained, one.growth_.explained, rtol=1e-5)
    np.testing.assert_array_equal(other.growth_.n_components, one.growth_.n_components)


@pytest.mark.parametrize("scale", [2.0**-120, 2.0**122])
@pytest.mark.parametrize("beta", BETAS)
def test_the_level_of_single_precision_does_not_matter(beta, scale):
    X = product(0).astype(np.float32) + np.float32(0.01)
    options = {"beta_loss": beta, "n_components": 6, "max_iter": 40, "tol": 0, "min_gain": 0.05}
    weights = np.random.default_rng(1).uniform(1, 9, X.shape).astype(np.float32)
    one = GrowingNMF(**options).fit(X, weights=weights)
    other = GrowingNMF(**options).fit(np.float32(scale) * X, weights=weights)
    np.testing.assert_array_equal(other.growth_.n_components, one.growth_.n_components)
    np.testing.assert_allclose(other.growth_.explained, one.growth_.explained, rtol=1e-3)


def test_what_is_added_has_the_level_of_the_data():
    X, rng = product(0).astype(np.float32), np.random.default_rng(0)
    W, H = rng.random((100, 2), np.float32), rng.random((2, 60), np.float32)
    one = with_worst_explained(X, None, W, H, 2, 1.0)
    for exponent in (-60, 62):
        scale = np.float32(2.0**exponent)
        scaled = with_worst_explained(scale**2 * X, None, scale * W, scale * H, 2, 1.0)
        for factor, other in zip(one, scaled, strict=True):
            np.testing.assert_array_equal(other, scale * factor)


@pytest.mark.parametrize("beta", BETAS)
def test_missing_entries_do_not_matter(beta):
    X = product(0)
    hidden = np.random.default_rng(3).random(X.shape) < 0.1
    model = GrowingNMF(8, beta_loss=beta, max_iter=500, random_state=0)
    model.fit(np.where(hidden, np.nan, X))
    weighted = clone(model).fit(np.where(hidden, 1e3, X), weights=(~hidden).astype(float))
    assert model.n_components_ == weighted.n_components_ == 5
    np.testing.assert_allclose(weighted.growth_.explained, model.growth_.explained, rtol=1e-9)


@pytest.mark.parametrize(
    ("beta", "missing"), [*((beta, False) for beta in BETAS), (0.5, True), (1, True), (2, True)]
)
def test_sparse_data(beta, missing):
    X = counts(0, shape=(40, 20), rank=3)
    options = {"n_components": 4, "beta_loss": beta, "tol": 0, "max_iter": 40, "min_gain": 0}
    options |= {"init": "random", "random_state": 0}
    stored, weights = X.copy(), np.random.default_rng(5).uniform(0.5, 2, (40, 1))
    if missing:
        stored[X > 0] = np.where(np.arange((X > 0).sum()) % 9, X[X > 0], np.nan)
    with pytest.warns(ConvergenceWarning, match="Growth ended"):
        dense = GrowingNMF(**options).fit(stored, weights=weights)
    with pytest.warns(ConvergenceWarning, match="Growth ended"):
        sparse = GrowingNMF(**options).fit(sp.csr_array(stored), weights=weights)
    np.testing.assert_allclose(
        sparse.growth_.explained, dense.growth_.explained, atol=0.02 if missing else 1e-4
    )


def test_the_start_of_sparse_data_is_that_of_dense_data():
    X, rng = counts(0, shape=(40, 20), rank=3), np.random.default_rng(0)
    W, H = rng.random((40, 2)), rng.random((2, 20))
    for weights in (None, rng.random((40, 1)), rng.random((1, 20)), rng.random((40, 20))):
        dense = with_worst_explained(X, weights, W, H, 2, 1.0)
        sparse = with_worst_explained(sp.csr_array(X), weights, W, H, 2, 1.0)
        full = weights if weights is None else np.broadcast_to(weights, X.shape)
        broad = with_worst_explained(X, full, W, H, 2, 1.0)
        for one, other, third in zip(dense, sparse, broad, strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-9)
            np.testing.assert_allclose(third, one, rtol=1e-9)


def test_known_components_stay_and_count():
    X = counts(0)
    known = np.random.default_rng(0).gamma(0.5, size=(2, 60))
    model = GrowingNMF(12, fixed_components=known).fit(X)
    np.testing.assert_array_equal(model.components_[:2], known)
    assert model.growth_.n_components[0] == 3
    assert 5 <= model.n_components_ <= 7
    held = GrowingNMF(2, fixed_components=known).fit(X)
    np.testing.assert_array_equal(held.components_, known)
    np.testing.assert_array_equal(held.growth_.n_components, [2])
    assert held.explained_ < model.explained_
    assert held.stop_reason_ == "n_components"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("beta", [-1, 0, 0.5, 1, 1.5, 2, 3])
def test_rows_that_are_the_same_up_to_rounding_are_explained(beta, dtype):
    eps = np.finfo(dtype).eps
    for seed in range(6):
        rng = np.random.default_rng(seed)
        row = (rng.gamma(0.5, size=60) * 10.0 ** rng.integers(-20, 21)).astype(dtype)
        X = np.tile(row, (100, 1))
        if seed % 2:
            X = X * (1 + eps * rng.integers(-1, 2, X.shape)).astype(dtype)
        weights = rng.uniform(0.5, 2, (100, 1)).astype(dtype) if seed % 3 else None
        model = GrowingNMF(4, beta_loss=beta).fit(X, weights=weights)
        assert (model.n_components_, model.explained_, model.stop_reason_) == (1, 1.0, "explained")


def test_a_steady_tone_is_explained_by_one_spectrum():
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32)
    spectra = np.abs(STFT(n_fft=512).fit_transform(tone))
    X = spectra.reshape(-1, 257)[4:-4]
    for beta in (1, 2):
        model = GrowingNMF(4, beta_loss=beta).fit(X)
        assert (model.n_components_, model.explained_) == (1, 1.0)


@pytest.mark.parametrize(("dtype", "change"), [(np.float32, 1e-3), (np.float64, 1e-6)])
@pytest.mark.parametrize("beta", [0, 0.5, 1, 2])
def test_small_changes_are_no_rounding(beta, dtype, change):
    rng = np.random.default_rng(0)
    row, other = rng.gamma(0.5, size=(2, 60)) + 0.01
    X = (row + change * rng.random((100, 1)) * other).astype(dtype)
    for stored in (X, jnp.asarray(X)) if dtype is np.float32 else (X,):
        assert misfit_of_means(stored, None, float(beta)).divergence > 0
    if beta > 0.5 and dtype is np.float64:
        assert misfit_of_means(sp.csr_array(X), None, float(beta)).divergence > 0


def test_a_divergence_that_overflows_is_refused(monkeypatch):
    for overflown in (np.inf, np.nan):
        monkeypatch.setattr(_growing_nmf, "misfit_of_means", lambda *_, d=overflown: Misfit(d, 1.0))
        with pytest.raises(FloatingPointError, match="overflowed with beta_loss"):
            GrowingNMF(3).fit(counts(0))


def test_data_is_weighted_once_for_every_component(monkeypatch):
    X, rng = counts(0), np.random.default_rng(0)
    weighted = mock.Mock(wraps=_worst_explained._weighted)
    monkeypatch.setattr(_worst_explained, "_weighted", weighted)
    start = rng.random((100, 2)), rng.random((2, 60))
    with_worst_explained(X, rng.random(X.shape), *start, 3, 1.0)
    assert weighted.call_count == 3


@pytest.mark.parametrize("X", [np.zeros((8, 5)), np.ones((8, 5)), np.ones((1, 5))])
def test_nothing_is_to_be_explained(X):
    model = GrowingNMF().fit(X)
    assert (model.n_components_, model.explained_, model.stop_reason_) == (1, 1.0, "explained")


def test_the_same_seed_gives_the_same():
    X = counts(0)
    fits = [GrowingNMF(6, init="random", min_gain=0.01, random_state=3).fit(X) for _ in range(2)]
    np.testing.assert_array_equal(fits[0].components_, fits[1].components_)


@pytest.mark.parametrize("beta", [0, 1, 2])
def test_single_precision_and_jax_arrays(beta):
    X = (product(0) + 0.01).astype(np.float32)
    model = GrowingNMF(6, beta_loss=beta, max_iter=100, n_components_min=4, min_gain=0.01)
    W = model.fit_transform(X)
    assert W.dtype == model.components_.dtype == np.float32
    device = clone(model)
    W_device = device.fit_transform(jnp.asarray(X))
    assert isinstance(W_device, jax.Array)
    assert isinstance(device.components_, jax.Array)
    assert device.n_components_ == model.n_components_ == 5
    np.testing.assert_allclose(device.growth_.explained, model.growth_.explained, atol=1e-3)


def test_the_number_of_iterations_is_told_for_the_chosen_size_alone():
    X = counts(0)
    with pytest.warns(ConvergenceWarning, match="Maximum number of iterations 5") as caught:
        GrowingNMF(8, max_iter=5).fit(X)
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"step": 0}, "'step' parameter of GrowingNMF must be"),
        ({"n_components_min": 0}, "'n_components_min' parameter of GrowingNMF must be"),
        ({"min_explained": 1.1}, "'min_explained' parameter of GrowingNMF must be"),
        ({"min_gain": -0.1}, "'min_gain' parameter of GrowingNMF must be"),
        (
            {"n_components": 2, "n_components_min": 3},
            "n_components_min=3 must not exceed n_components=2",
        ),
        (
            {"n_components": 2, "fixed_components": np.ones((3, 5))},
            "fixed_components has 3 rows, but n_components=2 counts them",
        ),
    ],
)
def test_wrong_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        GrowingNMF(**parameters).fit(np.ones((8, 5)))


def test_it_separates():
    clip = load_piano_notes()
    model = GrowingNMF(12, max_iter=100, tol=1e-3, random_state=0)
    blind = Separator(model)
    estimates = blind.fit_transform(clip.mixture)
    assert len(estimates) == blind.n_sources_ == blind.factorizer_.n_components_ < 12
    np.testing.assert_allclose(estimates.sum(axis=0), clip.mixture, atol=1e-4)
    assert "GrowingNMF" in repr(WienerMask(model))
    grouped = Separator(clone(model).set_params(n_components_min=3), n_sources=3)
    assert grouped.fit_transform(clip.mixture).shape == clip.sources.shape
    supervised = Separator(model).fit(clip.mixture[None], clip.sources[None])
    assert supervised.transform(clip.mixture[None]).shape == clip.sources[None].shape
    semi = Separator(model, n_sources=3).fit(clip.mixture[None], clip.sources[None, :2])
    assert semi.transform(clip.mixture[None]).shape == clip.sources[None].shape


def test_growth_from_a_given_start():
    X, rng = counts(0), np.random.default_rng(0)
    start = {"W": rng.random((100, 3)), "H": rng.random((3, 60))}
    model = GrowingNMF(12, init="custom")
    W = model.fit_transform(X, **start)
    assert model.growth_.n_components[0] == 3
    assert W.shape == (100, model.n_components_) == (100, 5)
    error = np.sqrt(2 * row_divergences(X, None, W, model.components_, 1.0).sum())
    assert error == pytest.approx(model.reconstruction_err_)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ({"H": 1.0}, r"H must be an array of 2 axes, \(n_components, n_features\), got .* \(\)"),
        ({"H": np.ones(60)}, r"H must be an array of 2 axes.* got one of shape \(60,\)"),
        ({"W": 1.0}, r"W must be an array of 2 axes, \(n_samples, n_components\), got .* \(\)"),
        ({"W": np.ones((1, 100, 2))}, r"W must be an array of 2 axes.* \(1, 100, 2\)"),
    ],
)
@pytest.mark.parametrize("n_components", ["auto", 4])
@pytest.mark.parametrize("cls", [BetaNMF, GrowingNMF])
def test_starts_of_other_axes_are_refused(cls, n_components, start, message):
    if cls is BetaNMF and n_components == 4:
        message = "Expected 2D array|Found array with dim 3"
    with pytest.raises(ValueError, match=message):
        cls(n_components, init="custom").fit(counts(0), **start)
