"""ESADNMF: its decomposition, the factorization that goes on from it, what its parameters do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning

from skbss import ESADNMF, STFT, BetaNMF, Separator
from skbss.datasets import load_two_speakers
from skbss.factorization._sparse_adaptive import Plan, decompose
from skbss.metrics import sparsity_index

K = 4
QUICK = {"sad_max_iter": 20, "max_iter": 30, "tol": 0, "random_state": 0}


@pytest.fixture(autouse=True)
def shared_programs(few_programs):
    """Small data of this module has one shape."""


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.gamma(0.2, size=(90, K)) @ rng.gamma(0.5, size=(K, 15)) + 0.01


@pytest.fixture(scope="module")
def speech():
    stft = STFT(n_fft=512, hop_length=128, window="hamming", output="magnitude")
    return stft.fit_transform(load_two_speakers().mixture.astype(np.float32))[::3]


def test_the_factorization_goes_on_from_the_codes(X):
    model = ESADNMF(K, **QUICK)
    W = model.fit_transform(X)
    S, A = model.sparse_codes_, model.atoms_
    np.testing.assert_allclose(np.linalg.norm(A, axis=1), 1)
    start = {"W": S + 0.1 * S.mean(), "H": A + 0.1 * A.mean()}
    plain = BetaNMF(K, beta_loss="kullback-leibler", init="custom", max_iter=30, tol=0)
    plain.fit(X, **start)
    np.testing.assert_allclose(model.components_, plain.components_, rtol=1e-6)
    np.testing.assert_allclose(model.loss_curve_, plain.loss_curve_, rtol=1e-9)
    np.testing.assert_array_equal(W, model.transform(X))


def test_errors_are_those_of_codes_and_atoms(X):
    model = ESADNMF(K, **QUICK).fit(X)
    assert model.sparsity_index_ == sparsity_index(model.sparse_codes_)
    difference = X - model.sparse_codes_ @ model.atoms_
    assert len(model.sad_errors_) == 20
    assert model.sad_errors_[-1] == pytest.approx((difference**2).sum() / (X**2).sum())


def test_small_steps_never_raise_the_objective(speech):
    for alpha in (0.001, 0.05):
        plan = Plan(alpha, 1e-3, 1e-4, 16, 0, 30)
        objectives = decompose(speech, 20, plan, 0).objectives
        assert (np.diff(objectives) < 0).all()


def test_sparsity_costs_accuracy(speech):
    settings = {"sad_max_iter": 15, "max_iter": 1, "tol": 0, "random_state": 0}
    models = [ESADNMF(20, alpha=alpha, **settings).fit(speech) for alpha in (0, 0.01, 0.05, 0.2)]
    assert (np.diff([model.sparsity_index_ for model in models]) < 0).all()
    assert (np.diff([model.sad_errors_[-1] for model in models]) > 0).all()


def test_the_start_is_better_than_a_random_one(speech):
    settings = {"max_iter": 100, "tol": 0, "random_state": 0}
    ours = ESADNMF(20, sad_max_iter=30, **settings).fit(speech)
    other = BetaNMF(20, init="random", beta_loss="kullback-leibler", **settings).fit(speech)
    assert ours.loss_curve_[0] < 0.1 * other.loss_curve_[0]
    assert ours.loss_curve_[1] < other.loss_curve_[1]


@pytest.mark.parametrize("level", [1e-20, 1e20])
def test_the_level_does_not_matter(X, level):
    model = ESADNMF(K, **QUICK)
    W, S, index = model.fit_transform(X), model.sparse_codes_, None
    index, errors = model.sparsity_index_, model.sad_errors_
    louder = model.fit_transform(level * X)
    np.testing.assert_allclose(louder @ model.components_, level * (W @ model.fit(X).components_))
    model.fit(level * X)
    np.testing.assert_allclose(model.sparse_codes_, level * S, atol=1e-9 * level)
    np.testing.assert_allclose(model.sad_errors_, errors)
    assert model.sparsity_index_ == index


def test_a_seed_decides(X):
    first, again, other = (
        ESADNMF(K, **{**QUICK, "random_state": seed}).fit(X).components_ for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)


@pytest.mark.parametrize(
    "parameter", [{"decay": 0}, {"learning_rate": 0.01}, {"batch_size": 90}, {"batch_size": 7}]
)
def test_every_parameter_of_the_decomposition_has_a_say(X, parameter):
    errors = ESADNMF(K, **QUICK).fit(X).sad_errors_
    changed = ESADNMF(K, **QUICK, **parameter).fit(X).sad_errors_
    assert not np.allclose(changed, errors, rtol=1e-6)


def test_the_decomposition_ends_where_the_error_stands_still(X):
    model = ESADNMF(K, sad_tol=0.1, **{**QUICK, "sad_max_iter": 300}).fit(X)
    errors = model.sad_errors_
    assert 5 < len(errors) < 300
    assert (errors[-5:] > 0.9 * errors[-6:-1]).all()
    assert errors[-6] < 0.9 * errors[-7]


def test_too_much_sparsity_warns_and_goes_on(X):
    with pytest.warns(UserWarning, match="alpha=1000 leaves no sparse code"):
        model = ESADNMF(K, alpha=1000, **QUICK).fit(X)
    assert (model.sparse_codes_ == 0).all()
    assert model.loss_curve_[-1] < 0.5 * model.loss_curve_[0]


def test_known_components_are_held(X):
    known = np.random.default_rng(1).gamma(0.5, size=(2, X.shape[1]))
    model = ESADNMF(K, fixed_components=known, **QUICK).fit(X)
    np.testing.assert_array_equal(model.components_[:2], known)
    unit = known / np.linalg.norm(known, axis=1)[:, np.newaxis]
    np.testing.assert_allclose(model.atoms_[:2], unit)
    all_known = ESADNMF(2, fixed_components=known, **QUICK).fit(X)
    np.testing.assert_array_equal(all_known.components_, known)


def test_what_does_not_count_has_no_influence(X):
    weights = np.ones_like(X)
    weights[3:30:5, 2] = 0
    model = ESADNMF(K, **QUICK)
    W, H, S = model.fit_transform(X, weights=weights), model.components_, model.sparse_codes_
    X[3:30:5, 2] = np.nan
    np.testing.assert_array_equal(model.fit_transform(X), W)
    np.testing.assert_array_equal(model.components_, H)
    np.testing.assert_array_equal(model.sparse_codes_, S)


@pytest.mark.parametrize("n_frames", [1, 16, 17])
def test_few_frames(X, n_frames):
    model = ESADNMF(K, **QUICK)
    W = model.fit_transform(X[:n_frames])
    assert W.shape == model.sparse_codes_.shape == (n_frames, K)
    assert np.isfinite(W).all()
    assert np.isfinite(model.components_).all()


def test_silence():
    X = np.zeros((20, 6))
    model = ESADNMF(K, **QUICK)
    assert (model.fit_transform(X) == 0).all()
    assert (model.sparse_codes_ == 0).all()
    assert np.isfinite(model.components_).all()
    assert np.isfinite(model.sad_errors_).all()


def test_float32_and_jax(X):
    model = ESADNMF(K, **QUICK)
    H = model.fit(X).components_
    single = model.fit(X.astype(np.float32))
    kinds = {A.dtype for A in (single.components_, single.sparse_codes_, single.atoms_)}
    assert kinds == {np.dtype(np.float32)}
    with jax.enable_x64(True):
        for weights in (None, np.ones_like(X) + np.eye(len(X), X.shape[1])):
            model.fit(jnp.asarray(X), weights=weights)
            for array in (model.components_, model.sparse_codes_, model.atoms_):
                assert isinstance(array, jax.Array)
            if weights is None:
                np.testing.assert_allclose(model.components_, H, rtol=1e-6)


def test_it_separates():
    clip = load_two_speakers()
    factorizer = ESADNMF(10, sad_max_iter=10, max_iter=30, tol=0)
    separator = Separator(factorizer, n_sources=2, random_state=0)
    estimates = separator.fit_transform(clip.mixture)
    np.testing.assert_allclose(estimates.sum(axis=0), clip.mixture, atol=1e-6)
    known = separator.set_params(n_sources=None).fit(clip.train_mixture, clip.train_sources)
    assert known.components_.shape[0] == 20
    assert known.score(clip.mixture, clip.sources) > 3


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"alpha": -1}, "'alpha' parameter"),
        ({"learning_rate": 0}, "'learning_rate' parameter"),
        ({"decay": -1}, "'decay' parameter"),
        ({"batch_size": 0}, "'batch_size' parameter"),
        ({"sad_max_iter": 0}, "'sad_max_iter' parameter"),
        ({"solver": "cd"}, "solver 'cd' does not handle"),
    ],
)
def test_refusals(X, parameters, message):
    with pytest.raises(ValueError, match=message):
        ESADNMF(K, **parameters).fit(X)


def test_sparse_data_are_refused(X):
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        ESADNMF().fit(sp.csr_array(X))


def test_a_factorization_that_stops_early_warns(X):
    with pytest.warns(ConvergenceWarning):
        ESADNMF(K, sad_max_iter=5, max_iter=5).fit(X)
