"""DeepUnfoldedNMF: the same as SparseNMF untrained; its gradients; what training does."""

import pickle
import signal
import subprocess
import sys
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import uniform
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import Lasso
from sklearn.model_selection import GridSearchCV
from sklearn.utils import check_random_state

from skbss import BetaNMF, DeepUnfoldedNMF, SparseNMF
from skbss._kernels.gradient_step import gradient_step
from skbss._kernels.sparsity import NormalizedSparsity
from skbss._kernels.unfolded import Held, Weights, unfolded_pieces
from skbss._kernels.unfolded_both import BothFactors
from skbss._kernels.unfolded_gradient import ProximalGradient
from skbss._kernels.unfolded_losses import mask_error, si_sdr_loss, signal_error, snr_loss
from skbss._kernels.unfolded_multiplicative import Multiplicative
from skbss._kernels.unfolded_recurrent import Recurrent
from skbss._kernels.unfolded_training import Batch, Examples, SeparationError, mixed
from skbss._runtime.device import precision
from skbss.compression import low_rank
from skbss.factorization import _training as training
from skbss.factorization._held_back import check_groups, held_back
from skbss.factorization._network_file import read_network, write_network
from skbss.factorization._pieces import Recording, drawn_pieces, pieces_of, recordings_of
from skbss.factorization._rules import step_rule, step_rules

pytestmark = pytest.mark.filterwarnings("ignore:None of .* epochs")

N_FEATURES = 12


def examples(n_rows=120, n_sources=2, seed=0, dtype=np.float64):
    """Sources of four components each, some of which they share with no other."""
    rng = np.random.default_rng(seed)
    H = np.random.default_rng(99).gamma(0.3, size=(n_sources, 4, N_FEATURES))
    W = rng.gamma(0.3, size=(n_rows, n_sources, 4))
    y = np.einsum("njk,jkf->njf", W, H).astype(dtype)
    return y.sum(axis=1), y


def network(**parameters):
    usual = {
        "n_components": 4,
        # Every layer takes its time to compile.
        "n_layers": 3,
        "batch_size": 32,
        "n_epochs": 4,
        "validation_fraction": 0,
        "random_state": 0,
    }
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


@pytest.mark.parametrize(
    ("beta", "dtype", "atol"),
    [(beta, np.float64, 1e-12) for beta in (0, 0.5, 1, 1.5, 2, 3)]
    + [(beta, np.float32, 1e-6) for beta in (0, 0.5, 1, 1.5, 2, 3)],
)
@pytest.mark.parametrize("sparsity", [0, 0.5])
def test_untrained_it_is_as_many_updates(beta, sparsity, dtype, atol):
    X, y = examples(dtype=dtype)
    fitted = network(n_epochs=0, beta_loss=beta, sparsity=sparsity, n_layers=7).fit(X, y)
    W = fitted.transform(X)
    assert W.dtype == fitted.components_.dtype == dtype
    expected = iterated(fitted, X, 7)
    np.testing.assert_allclose(W, expected, rtol=0, atol=atol * expected.max())
    np.testing.assert_allclose(fitted.components_, fitted.dictionary_, rtol=1e-6)


def of_both(fitted, X, n_iter):
    """Activations and sources after so many updates of both factors of SparseNMF."""
    H, labels = fitted.dictionary_, fitted.atom_source_
    model = SparseNMF(
        len(H),
        init="custom",
        solver="mu",
        beta_loss=fitted.beta_loss,
        sparsity=fitted.sparsity,
        max_iter=n_iter,
        tol=0,
    )
    W = np.repeat(X.sum(axis=1, keepdims=True) / H.sum(), len(H), axis=1)
    W = model.fit_transform(X, W=W, H=H)
    models = [W[:, labels == j] @ model.components_[labels == j] for j in range(2)]
    models = np.stack(models, axis=1)
    return W, models / models.sum(axis=1, keepdims=True) * X[:, None]


@pytest.mark.parametrize("beta", [0, 0.5, 1, 2, 3])
@pytest.mark.parametrize(
    ("sparsity", "dtype", "atol"),
    [(0, np.float64, 1e-12), (0.5, np.float64, 1e-12), (0.5, np.float32, 1e-6)],
)
def test_untrained_it_is_as_many_updates_of_both_factors(beta, sparsity, dtype, atol):
    X, y = examples(dtype=dtype)
    settings = {"unfolding": "both", "beta_loss": beta, "sparsity": sparsity, "n_layers": 7}
    fitted = network(n_epochs=0, n_untied=2, **settings).fit(X, y)
    W, sources = of_both(fitted, X, 7)
    np.testing.assert_allclose(fitted.transform(X), W, rtol=0, atol=atol * W.max())
    found = fitted.predict(X)
    assert found.dtype == dtype
    if beta < 3:
        # Of larger beta some bins are left without a model, which all sources share.
        np.testing.assert_allclose(found, sources, rtol=0, atol=atol * X.max())
    assert not hasattr(fitted, "components_")


def test_updates_of_both_factors_are_trained():
    X, y = examples(400)
    new = examples(200, seed=1)
    untrained, trained = (
        network(unfolding="both", n_components=3, n_layers=5, n_epochs=n).fit(X, y) for n in (0, 8)
    )
    assert trained.score(*new) > untrained.score(*new)
    for name, weights in trained.weights_.items():
        assert (weights != untrained.weights_[name]).any()
    np.testing.assert_allclose(trained.predict(new[0]).sum(axis=1), new[0], rtol=1e-10)


@pytest.mark.parametrize(("n_layers", "n_untied"), [(1, 1), (5, 0)])
def test_how_many_layers_are_trained_does_not_matter_untrained(n_layers, n_untied):
    X, y = examples()
    fitted = network(n_epochs=0, n_layers=n_layers, n_untied=n_untied).fit(X, y)
    np.testing.assert_allclose(fitted.transform(X), iterated(fitted, X, n_layers), rtol=1e-12)


def stepped(fitted, X, n_iter, coupling):
    """The activations of so many proximal gradient steps; frame after frame with a coupling."""
    H = np.asarray(fitted.dictionary_, float)
    curvature = np.linalg.eigvalsh(H @ H.T)[-1]
    weight = (coupling or 0) * curvature
    rows, before = [], np.zeros(len(H))
    for x in np.asarray(X, float):
        W = np.full(len(H), x.sum() / H.sum()) if coupling is None else before
        for _ in range(n_iter):
            slope = (W @ H - x) @ H.T + fitted.penalty_ + weight * (W - before)
            W = np.maximum(0, W - slope / (curvature + weight))
        before = W
        rows.append(W)
    return np.array(rows)


@pytest.mark.parametrize(("unfolding", "coupling"), [("pgd", None), ("ista", 0), ("ista", 0.3)])
@pytest.mark.parametrize(("dtype", "atol"), [(np.float64, 1e-12), (np.float32, 1e-6)])
def test_untrained_it_is_as_many_steps(unfolding, coupling, dtype, atol):
    X, y = examples(dtype=dtype)
    settings = {"beta_loss": 2, "n_layers": 6, "coupling": coupling or 0.0}
    fitted = network(n_epochs=0, unfolding=unfolding, n_untied=2, **settings).fit(X, y)
    W = fitted.transform(X, lengths=[100, 20])
    assert W.dtype == dtype
    # Every recording begins anew.
    expected = [stepped(fitted, part, 6, coupling) for part in (X[:100], X[100:])]
    np.testing.assert_allclose(W, np.concatenate(expected), rtol=0, atol=atol * np.max(expected[0]))


@pytest.mark.parametrize("unfolding", ["pgd", "ista"])
def test_many_steps_are_a_lasso(unfolding):
    X, y = examples(20)
    settings = {"beta_loss": 2, "n_layers": 3000, "n_untied": 0, "coupling": 0.0}
    fitted = network(n_epochs=0, unfolding=unfolding, **settings).fit(X, y)
    price = fitted.penalty_ / N_FEATURES
    lasso = Lasso(price, fit_intercept=False, positive=True, tol=1e-13, max_iter=10**6)
    expected = lasso.fit(fitted.dictionary_.T, X.T).coef_
    np.testing.assert_allclose(fitted.transform(X), expected, atol=1e-6)


@pytest.mark.parametrize("unfolding", ["pgd", "ista"])
def test_steps_are_trained(unfolding):
    X, y = examples(400)
    new = examples(200, seed=1)
    settings = {"unfolding": unfolding, "beta_loss": 2, "n_components": 3, "n_layers": 5}
    untrained, trained = (network(**settings, n_epochs=n).fit(X, y) for n in (0, 12))
    assert trained.score(*new) > untrained.score(*new)
    for name, weights in trained.weights_.items():
        assert (weights != untrained.weights_[name]).any()
    sources = trained.predict(new[0])
    np.testing.assert_allclose(sources.sum(axis=1), new[0], rtol=1e-10)


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
    model = BetaNMF(7, solver="mu", beta_loss=1, fixed_components=H, max_iter=3, tol=0).fit(X)
    np.testing.assert_allclose(fitted.transform(X), model.transform(X), rtol=1e-10)


def multiplicative(beta):
    return Multiplicative(step_rule("mu", float(beta), quadratic=False))


def both_factors(beta):
    return BothFactors(step_rules("mu", float(beta), NormalizedSparsity(0.3, 2)))


def parts_of_error(X, y, rng, unfolding, context=0):
    n_rows, n_sources, n_features = y.shape
    k, width = 3 * n_sources, n_features * (2 * context + 1)
    dtype = abs(X).dtype
    held = Held(
        rng.random((k, width)).astype(dtype) + dtype.type(0.1),
        rng.random(k).astype(dtype) + dtype.type(0.5),
        np.asarray(0.3, dtype),
        np.asarray(1e-10, dtype),
        np.asarray(2, np.int32),
    )
    with precision(dtype):
        layers = jax.tree.map(np.asarray, unfolding.untrained(jnp.asarray(held.dictionary), 4, 2))
    moved = {name: one + rng.standard_normal(one.shape) / 3 for name, one in layers.items()}
    weights = Weights(moved, rng.standard_normal((k, n_features)))
    weights = jax.tree.map(lambda one: np.asarray(one, dtype), weights)
    atoms = np.arange(k, dtype=np.int32).reshape(n_sources, 3)
    silence = np.zeros((1, n_features), X.dtype)
    shown = Examples(
        np.concatenate([X, silence]),
        np.stack([np.concatenate([y[:, j], silence]) for j in range(n_sources)]),
        atoms,
    )
    pieces = pieces_of([Recording(0, n_rows)], 4, n_rows)
    with precision(dtype):
        return jax.tree.map(jnp.asarray, (weights, held, shown, Batch(pieces)))


LOSSES = [signal_error, mask_error, snr_loss, si_sdr_loss]


@pytest.mark.parametrize(
    ("unfolding", "loss", "phases"),
    [(multiplicative(0.5), signal_error, False)]
    + [(multiplicative(1), loss, loss is not signal_error) for loss in LOSSES]
    + [(ProximalGradient(), snr_loss, True), (Recurrent(0.3), snr_loss, True)]
    + [(both_factors(1), snr_loss, True)],
)
def test_gradients_by_finite_differences(unfolding, loss, phases):
    rng = np.random.default_rng(0)
    X, y = examples(6)
    if phases:
        y = y * np.exp(2j * np.pi * rng.random(y.shape))
        X = y.sum(axis=1)
    weights, *data = parts_of_error(X, y, rng, unfolding, context=1)
    error = SeparationError(unfolding, loss)
    with precision(np.float64):
        direction = jax.tree.map(lambda one: jnp.asarray(rng.standard_normal(one.shape)), weights)

        @jax.jit
        def along(step):
            moved = jax.tree.map(lambda a, b: a + step * b, weights, direction)
            return error(moved, *data)

        slope = float(jax.grad(along)(0.0))
        step = 1e-5
        expected = (float(along(step)) - float(along(-step))) / (2 * step)
    np.testing.assert_allclose(slope, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("unfolding", ["mu", "pgd", "ista", "both"])
def test_rows_of_silence_have_no_slope(unfolding):
    X, y = examples(30, dtype=np.float32)
    X[3:7], y[3:7] = 0, 0
    fitted = network(n_epochs=2, unfolding=unfolding, beta_loss=2).fit(X, y)
    assert np.isfinite(fitted.weights_["output"]).all()
    assert np.isfinite(fitted.loss_curve_).all()
    assert (fitted.predict(X)[3:7] == 0).all()


@cache
def compiled_slope(error):
    return jax.jit(jax.value_and_grad(error))


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10**6),
    kind=st.sampled_from(
        [
            (multiplicative(0.5), np.float32, snr_loss),
            (multiplicative(1), np.float64, si_sdr_loss),
            (multiplicative(2), np.float32, mask_error),
            (ProximalGradient(), np.float32, signal_error),
            (Recurrent(0.3), np.float32, snr_loss),
            (both_factors(1), np.float32, snr_loss),
            (both_factors(0.5), np.float64, si_sdr_loss),
        ]
    ),
    level=st.sampled_from([1e-6, 1.0, 1e6]),
)
def test_silence_makes_no_nan_of_gradients(seed, kind, level):
    unfolding, dtype, loss = kind
    rng = np.random.default_rng(seed)
    y = rng.gamma(0.3, size=(8, 2, 5)) * rng.integers(0, 2, (8, 2, 5)) * level
    y[rng.integers(0, 2, 8) > 0] = 0
    y[:, rng.integers(2)] *= rng.integers(2)
    # The four rows of a piece next to nothing.
    y[:4] *= 10.0 ** -rng.integers(0, 40)
    y = y.astype(dtype)
    weights, *data = parts_of_error(y.sum(axis=1), y, rng, unfolding)
    with precision(dtype):
        value, slope = compiled_slope(SeparationError(unfolding, loss))(weights, *data)
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


@pytest.mark.parametrize(
    ("loss", "beta"),
    [("signal", 1), ("mask", 1), ("snr", 1), ("si-sdr", 1), ("snr", 0.5), ("snr", 2)],
)
def test_training_separates_better_what_it_has_not_seen(loss, beta):
    X, y = examples(400)
    new = examples(200, seed=1)
    settings = {"loss": loss, "beta_loss": beta, "n_components": 3, "n_layers": 6}
    untrained = network(**settings, n_epochs=0).fit(X, y)
    trained = network(**settings, n_epochs=15, validation_fraction=0.1).fit(X, y)
    assert trained.loss_curve_[-1] < trained.loss_curve_[0]
    assert trained.score(*new) > untrained.score(*new)
    assert trained.n_iter_ == len(trained.loss_curve_) == len(trained.validation_curve_) - 1


def test_a_second_fit_is_like_the_first():
    X, y = examples(60)
    model = network(validation_fraction=0.2, n_epochs=2)
    weights = model.fit(X, y, lengths=[20] * 3).weights_
    for name, one in model.fit(X, y, lengths=[20] * 3).weights_.items():
        np.testing.assert_array_equal(one, weights[name])


def test_one_seed_one_result():
    X, y = examples()
    first, again, other = (network(random_state=seed).fit(X, y) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.components_, again.components_)
    assert (first.components_ != other.components_).any()


def test_the_weights_of_the_best_epoch_are_kept():
    X, y = examples()
    held = {"validation_fraction": 0.1}
    # Steps this long make it worse.
    fitted = network(n_epochs=12, learning_rate=3.0, patience=2, loss="signal", **held).fit(X, y)
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
    each = np.arange(4)
    own, held = held_back((10, 20, 30, 40), 0.25, each, rng)
    assert len(held) == 1
    assert sorted(own + held) == recordings_of((10, 20, 30, 40))
    alone = held_back((100,), 0.25, each[:1], rng)
    assert alone == ([Recording(0, 75)], [Recording(75, 25)])
    assert held_back((1,), 0.5, each[:1], rng) == ([Recording(0, 1)], [])


def test_groups_of_recordings_are_held_back_together():
    rng = np.random.RandomState(0)
    groups = check_groups(["b", "a", "b", "c"], 4)
    for _ in range(9):
        own, held = held_back((10, 20, 30, 40), 0.4, groups, rng)
        assert sorted(own + held) == recordings_of((10, 20, 30, 40))
        assert held in ([(0, 10), (30, 30)], [(10, 20)], [(60, 40)])
    # Of the only group, the end of every recording.
    own, held = held_back((10, 1, 20), 0.1, np.zeros(3, int), rng)
    assert own == [(0, 9), (10, 1), (11, 18)]
    assert held == [(9, 1), (29, 2)]
    X, y = examples(60)
    fitted = network(validation_fraction=0.2).fit(X, y, lengths=[30, 30], groups=[0, 0])
    assert len(fitted.validation_curve_) == fitted.n_iter_ + 1
    with pytest.raises(ValueError, match="groups must hold one label for each of the 2"):
        network().fit(X, y, lengths=[30, 30], groups=[0, 0, 1])


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    length=st.integers(1, 12),
    margin=st.integers(0, 3),
    seed=st.none() | st.integers(0, 100),
)
def test_pieces_cover_recordings(lengths, length, margin, seed):
    rng = None if seed is None else np.random.RandomState(seed)
    total = length + 2 * margin
    pieces = pieces_of(recordings_of(lengths), total, sum(lengths), margin=margin, rng=rng)
    assert pieces.shape[1] == total
    inner = pieces[:, margin : margin + length].ravel()
    np.testing.assert_array_equal(inner[inner < sum(lengths)], np.arange(sum(lengths)))
    recording = np.append(np.repeat(np.arange(len(lengths)), lengths), -1)
    for piece in pieces:
        sounding = np.flatnonzero(piece < sum(lengths))
        assert len(np.unique(recording[piece[sounding]])) == 1
        assert (np.diff(piece[sounding]) == 1).all()
        assert (np.diff(sounding) == 1).all()


@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=4),
    length=st.integers(1, 12),
    seed=st.integers(0, 100),
)
def test_drawn_pieces_lie_within_recordings(lengths, length, seed):
    silent = sum(lengths)
    rng = np.random.RandomState(seed)
    pieces = drawn_pieces(recordings_of(lengths), 5, length, silent, rng)
    recording = np.append(np.repeat(np.arange(len(lengths)), lengths), -1)
    for piece in pieces:
        known = piece[piece < silent]
        assert len(np.unique(recording[known])) == 1
        assert (np.diff(known) == 1).all()
        assert len(known) == min(length, lengths[recording[known[0]]])
        assert (piece[len(known) :] == silent).all()


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


def test_phases_tell_what_masks_shall_come_close_to():
    """Of complex spectra: what is in opposite phase is not wanted."""
    X, y = examples()
    rng = np.random.default_rng(0)
    phase = np.exp(2j * np.pi * rng.random((len(X), 1, N_FEATURES)))
    settings = {"n_epochs": 6, "loss": "signal"}
    real = network(**settings).fit(X, y)
    turned = network(**settings).fit(X * phase[:, 0], y * phase)
    np.testing.assert_allclose(turned.components_, real.components_, rtol=1e-6)
    sources = turned.predict(X * phase[:, 0])
    np.testing.assert_allclose(sources, real.predict(X) * phase, rtol=1e-6)
    np.testing.assert_allclose(turned.score(X * phase[:, 0], y * phase), real.score(X, y))


def test_mixed_anew():
    """Recordings that were mixed at one level make a network for all levels."""
    _, y = examples(400)
    level = np.array([[1.0], [0.1]])
    quiet = (y * level).sum(axis=1), y * level
    new = examples(200, seed=1)
    as_it_is = network(n_epochs=12).fit(*quiet)
    remixed = network(n_epochs=12, remix_db=[0, uniform(10, 20)]).fit(*quiet)
    assert remixed.score(*new) > as_it_is.score(*new)
    again = network(n_epochs=12, remix_db=[0, uniform(10, 20)]).fit(*quiet)
    np.testing.assert_array_equal(again.components_, remixed.components_)


def test_batches_that_are_mixed_anew():
    rng = np.random.default_rng(0)
    X, y = examples(20)
    _, _, shown, _ = parts_of_error(X, y, rng, multiplicative(1))
    pieces = np.array([[[0, 1, 2], [20, 20, 5]], [[7, 8, 9], [3, 4, 5]]])
    gains = np.array([[1.0, 2.0], [0.5, 0.0]])
    with precision(np.float64):
        mixture, sources = mixed(shown, Batch(jnp.asarray(pieces), jnp.asarray(gains)))
        np.testing.assert_array_equal(sources[1, 0], 0.5 * y[7:10, 1])
        np.testing.assert_array_equal(sources[0, 1, :2], 0)
        np.testing.assert_array_equal(sources[0, 1, 2], 2 * y[5, 0])
        np.testing.assert_array_equal(mixture, sources[0] + sources[1])
        mixture, sources = mixed(shown, Batch(jnp.asarray(pieces[1])))
        np.testing.assert_array_equal(mixture[0], X[7:10])
        np.testing.assert_array_equal(sources[:, 1], np.moveaxis(y[3:6], 1, 0))


@pytest.mark.parametrize(("remix_db", "steps"), [(None, (4, 5)), (0, (3,))])
def test_steps_of_an_epoch(remix_db, steps, monkeypatch):
    X, y = examples()
    seen = []
    monkeypatch.setattr(
        training, "gradient_step", lambda *one, **two: seen.append(1) or gradient_step(*one, **two)
    )
    network(n_epochs=2, steps_per_epoch=7, remix_db=remix_db).fit(X, y)
    assert len(seen) == 14
    seen.clear()
    # 120 rows in batches of 32, the first and the last of which may hold less.
    network(n_epochs=1, remix_db=remix_db, validation_fraction=0).fit(X, y)
    assert len(seen) in steps


def test_losses():
    rng = np.random.default_rng(0)
    sources = rng.standard_normal((2, 3, 4, 5)) + 1j * rng.standard_normal((2, 3, 4, 5))
    mixture = sources.sum(axis=0)
    masks = rng.random(mixture.shape)
    estimates = np.stack([masks, 1 - masks]) * mixture
    with precision(np.float64):
        found = {loss: float(loss(estimates, sources)) for loss in LOSSES}
        perfect = {loss: float(loss(sources, sources)) for loss in LOSSES}
        silence = {loss: float(loss(0 * estimates, sources)) for loss in LOSSES[:3:2]}
        louder = float(si_sdr_loss(3 * estimates, sources))
    energy = np.square(abs(sources)).sum(axis=(2, 3))
    errors = np.square(abs(estimates - sources)).sum(axis=(2, 3))
    spared = 1e-3 * np.square(abs(mixture)).sum(axis=(1, 2))
    np.testing.assert_allclose(found[signal_error], errors.sum() / energy.sum())
    ratio = (errors + spared) / (energy + spared)
    np.testing.assert_allclose(found[snr_loss], 10 * np.log10(ratio).mean())
    ideal = np.clip((sources * mixture.conj()).real / abs(mixture) ** 2, 0, 1)
    wrong = np.square(np.stack([masks, 1 - masks]) - ideal) * abs(mixture)
    np.testing.assert_allclose(
        found[mask_error], wrong.sum() / (np.square(ideal) * abs(mixture)).sum()
    )
    inner = (estimates * sources.conj()).real.sum(axis=(2, 3))
    right = inner**2 / energy
    left = np.square(abs(estimates)).sum(axis=(2, 3)) - right
    expected = 10 * np.log10((left + spared) / (right + spared)).mean()
    np.testing.assert_allclose(found[si_sdr_loss], expected)
    np.testing.assert_allclose(louder, 10 * np.log10((left + spared) / (right + spared)).mean())
    assert perfect[signal_error] == 0
    assert max(perfect[snr_loss], perfect[si_sdr_loss]) < -20
    np.testing.assert_allclose(silence[signal_error], 1)


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


@pytest.mark.parametrize("remix", [False, True])
def test_training_that_was_cut_off_goes_on(tmp_path, monkeypatch, remix):
    X, y = examples()
    path, lengths = tmp_path / "training.npz", [30, 30, 30, 30]

    def begun(**settings):
        """As another process has it: nothing is the same object."""
        if remix:
            settings |= {"remix_db": [uniform(-5, 10), 0], "validation_fraction": 0}
            settings = {"random_state": np.random.RandomState(5), **settings}
        return network(n_epochs=6, **{"validation_fraction": 0.25, **settings})

    whole = begun().fit(X, y, lengths=lengths)
    steps = []

    def step(*arguments, **program):
        if len(steps) == 10:
            raise InterruptedError
        steps.append(1)
        return gradient_step(*arguments, **program)

    with monkeypatch.context() as patched:
        patched.setattr(training, "gradient_step", step)
        with pytest.raises(InterruptedError):
            begun(checkpoint=path).fit(X, y, lengths=lengths)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    with pytest.raises(ValueError, match="with other data or parameters: name another file"):
        begun(checkpoint=path, n_layers=2).fit(X, y, lengths=lengths)
    with pytest.raises(ValueError, match="with other data or parameters"):
        begun(checkpoint=path).fit(X, 0.5 * y, lengths=lengths)
    elsewhere = {}
    if remix:
        # Distributions hold the global generator; the other one is where a search left it.
        check_random_state(None).rand()
        elsewhere = {"random_state": np.random.RandomState(77)}
    resumed = begun(checkpoint=path, **elsewhere).fit(X, y, lengths=lengths)
    np.testing.assert_array_equal(resumed.components_, whole.components_)
    np.testing.assert_array_equal(resumed.loss_curve_, whole.loss_curve_)
    np.testing.assert_array_equal(resumed.validation_curve_, whole.validation_curve_)
    assert not list(tmp_path.iterdir())
    # What follows is the same, too.
    np.testing.assert_array_equal(
        resumed.partial_fit(X, y).components_, whole.partial_fit(X, y).components_
    )


KILLED = """
import numpy as np, os, signal, sys
from skbss import DeepUnfoldedNMF
from skbss.factorization._checkpoint import Checkpoint
written = Checkpoint.write
def write(self, course, rng):
    written(self, course, rng)
    if course.epoch == 2:
        os.kill(os.getpid(), signal.SIGKILL)
Checkpoint.write = write
X, y = (np.load(name) for name in sys.argv[2:])
settings = {"n_epochs": 4, "batch_size": 32, "validation_fraction": 0, "random_state": 0}
DeepUnfoldedNMF(4, n_layers=3, **settings, checkpoint=sys.argv[1]).fit(X, y)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills")
def test_a_killed_training_goes_on(tmp_path):
    X, y = examples()
    names = [str(tmp_path / "X.npy"), str(tmp_path / "y.npy")]
    for name, one in zip(names, (X, y), strict=True):
        np.save(name, one)
    path = tmp_path / "training"
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), *names], check=False)
    assert done.returncode == -signal.SIGKILL
    resumed = network(checkpoint=str(path)).fit(X, y)
    assert resumed.n_iter_ == 4
    np.testing.assert_array_equal(resumed.components_, network().fit(X, y).components_)


def test_what_is_no_checkpoint_is_left_alone(tmp_path):
    X, y = examples(20)
    path = tmp_path / "notes.npz"
    for content in (b"", b"words", pickle.dumps({"fingerprint": 1})):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="is no checkpoint of a training"):
            network(checkpoint=path).fit(X, y)
        assert path.read_bytes() == content
    np.savez(path, fingerprint=np.array([object()]))
    with pytest.raises(ValueError, match="is no checkpoint of a training"):
        network(checkpoint=path).fit(X, y)
    with pytest.raises(ValueError, match="must be a folder that may be written to"):
        network(checkpoint=tmp_path / "none" / "file").fit(X, y)
    generator = np.random.RandomState(np.random.PCG64(0))
    with pytest.raises(ValueError, match="MT19937, got a random_state with PCG64"):
        network(checkpoint=tmp_path / "new", random_state=generator).fit(X, y)


@pytest.mark.parametrize(("dtype", "unfolding"), [(np.float32, "mu"), (np.float64, "both")])
def test_files(tmp_path, dtype, unfolding):
    X, y = examples(60, dtype=dtype)
    path = tmp_path / "network.safetensors"
    path.write_text("what was there")
    settings = {"unfolding": unfolding, "n_untied": 3, "context": 1, "sparsity": 0.3}
    fitted = network(n_epochs=1, **settings).fit(pd.DataFrame(X), y)
    fitted.save(path)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    loaded = DeepUnfoldedNMF.load(str(path))
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
    assert loaded.predict(X).dtype == dtype
    assert loaded.get_params()["n_untied"] == 3
    assert np.isfinite(loaded.partial_fit(X, y).loss_curve_).all()
    named = network(n_epochs=0).fit(pd.DataFrame(X, columns=list("abcdefghijkl")), y)
    named.save(path)
    np.testing.assert_array_equal(
        DeepUnfoldedNMF.load(path).feature_names_in_, list("abcdefghijkl")
    )


def test_files_that_hold_no_network(tmp_path):
    X, y = examples(20)
    path = tmp_path / "network.safetensors"
    network(n_epochs=0).fit(X, y).save(path)
    arrays, facts = read_network(path)
    with pytest.raises(FileNotFoundError):
        DeepUnfoldedNMF.load(tmp_path / "none")
    for content in (b"", b"words", pickle.dumps(arrays)):
        (tmp_path / "other").write_bytes(content)
        with pytest.raises(ValueError, match="is no file of a DeepUnfoldedNMF"):
            DeepUnfoldedNMF.load(tmp_path / "other")
    for changed in (
        {"dictionary": -arrays["dictionary"]},
        {"atom_source": arrays["atom_source"] + 1},
        {"weights.output": arrays["weights.output"][1:]},
        {"weights.output": np.nan * arrays["weights.output"]},
        {"weights.more": np.zeros(3)},
    ):
        write_network(path, {**arrays, **changed}, facts)
        with pytest.raises(ValueError, match="holds no whole DeepUnfoldedNMF"):
            DeepUnfoldedNMF.load(path)
    for changed in (
        {"n_layers": "many"},
        {"n_layers": 4},
        {"n_layers": 10**9},
        {"context": 7},
        {"beta_loss": "none"},
    ):
        parameters = {**facts["parameters"], **changed}
        write_network(path, arrays, {**facts, "parameters": parameters})
        with pytest.raises(ValueError, match="holds no whole DeepUnfoldedNMF"):
            DeepUnfoldedNMF.load(path)


def test_skops_knows_all_but_the_estimator():
    X, y = examples(60)
    fitted = network(n_epochs=1).fit(X, y)
    stored = skops.io.dumps(fitted)
    unknown = skops.io.get_untrusted_types(data=stored)
    assert [name.rsplit(".", 1)[1] for name in unknown] == ["DeepUnfoldedNMF"]
    loaded = skops.io.loads(stored, trusted=unknown)
    np.testing.assert_array_equal(
        loaded.partial_fit(X, y).components_, fitted.partial_fit(X, y).components_
    )


@pytest.mark.parametrize(("unfolding", "beta"), [("ista", 2), ("both", 1)])
def test_it_is_a_function(unfolding, beta):
    X, y = examples(60)
    fitted = network(unfolding=unfolding, beta_loss=beta, context=1, n_epochs=1).fit(X, y)
    separate, weights = fitted.as_function()
    with jax.enable_x64(True):
        found = separate(weights, jnp.asarray(X.reshape(2, 30, -1)))
        np.testing.assert_allclose(found, fitted.predict(X.reshape(2, 30, -1)), rtol=1e-9)
        turned = separate(weights, jnp.asarray(1j * X))
    np.testing.assert_allclose(turned, 1j * fitted.predict(X), rtol=1e-9)
    changed = {name: one + 0.1 for name, one in weights.items()}
    with jax.enable_x64(True):
        expected = separate(changed, jnp.asarray(X))
    np.testing.assert_allclose(fitted.replace_weights(changed).predict(X), expected, rtol=1e-9)
    np.testing.assert_array_equal(fitted.weights_["output"], changed["output"])
    assert fitted.partial_fit(X, y).n_iter_ == 2
    for wrong, message in (
        ({"output": changed["output"]}, "weights must be of the shapes"),
        ({**changed, "output": np.nan * changed["output"]}, "'output' holds NaN"),
        (low_rank(changed, 1), r"weights must be arrays, got .*LowRank.*: skbss.compression.merge"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            fitted.replace_weights(wrong)


def test_grid_search():
    X, y = examples()
    search = GridSearchCV(network(n_epochs=1), {"sparsity": [0.1, 0.5]}, cv=2).fit(X, y)
    assert search.best_score_ > 0.5


X, Y = examples(20)
SILENT = np.stack([Y[:, 0], 0 * Y[:, 0]], axis=1)


@pytest.mark.parametrize(
    ("parameters", "arguments", "message"),
    [
        ({"unfolding": "pgd"}, {}, "unfolding='pgd' lowers the squared distance: beta_loss must"),
        ({"n_untied": 11}, {}, "n_untied=11 must not exceed n_layers=3"),
        ({}, {"y": Y[:, 0]}, r"y must have the shape \(20, n_sources, 12\), got \(20, 12\)"),
        ({}, {"y": Y[:10]}, r"y must have the shape \(20, n_sources, 12\)"),
        ({}, {"y": -Y}, "y must be non-negative"),
        ({}, {"y": np.where(Y > 1, np.nan, Y)}, "y must be finite"),
        ({}, {"y": 1j * Y}, "X and y must both hold magnitudes, or both complex"),
        ({}, {"y": Y.astype(str)}, "y must hold numbers"),
        ({"remix_db": [0, 0, 0]}, {}, "remix_db must be one gain, or a list of one for each of"),
        ({"remix_db": 200}, {}, "remix_db must be from -150 dB to 150 dB"),
        ({}, {"y": SILENT}, "Source 1 of y is silent"),
        ({}, {"X": np.where(X > 1, np.nan, X)}, "X contains NaN"),
        ({}, {"X": -X}, "Negative values"),
        ({"init": [np.ones((3, 12))]}, {}, "one item for each of the 2 sources"),
        ({"init": [np.ones((3, 12)), np.ones((3, 11))]}, {}, r"init\[1\] must be components"),
        ({"init": [np.ones((3, 12)), -np.ones((3, 12))]}, {}, r"init\[1\] must be finite and non"),
        ({"loss": "mel"}, {}, "'loss' parameter"),
    ],
)
def test_refusals(parameters, arguments, message):
    with pytest.raises(ValueError, match=message):
        network(**parameters).fit(**{"X": X, "y": Y, **arguments})


@pytest.mark.parametrize("validation_fraction", [0, 0.2])
def test_overflow_is_told_and_leaves_nothing(tmp_path, validation_fraction):
    path = tmp_path / "checkpoint"
    model = network(learning_rate=1e300, validation_fraction=validation_fraction, checkpoint=path)
    with pytest.raises(FloatingPointError, match=r"with learning_rate=1e\+300: use a smaller one"):
        model.fit(X, Y)
    assert not hasattr(model, "weights_")
    assert not path.exists()
    model.set_params(learning_rate=0.01).fit(X, Y)
    weights = model.weights_
    with pytest.raises(FloatingPointError, match="overflowed in float64"):
        model.set_params(learning_rate=1e300).fit(X, Y)
    assert model.weights_ is weights
    assert np.isfinite(model.set_params(learning_rate=0.01).partial_fit(X, Y).score(X, Y))


class Breaks:
    """Gains that are drawn so often, and then no more."""

    def __init__(self, times):
        self.times = times

    def rvs(self, random_state=None):
        self.times -= 1
        if self.times < 0:
            raise KeyboardInterrupt
        return 0.0


def test_a_fit_that_is_cut_off_leaves_nothing():
    model = network(remix_db=Breaks(2))
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    with pytest.raises(NotFittedError):
        model.predict(X)
    model.set_params(remix_db=None).fit(X, Y)
    sources, n_iter = model.predict(X), model.n_iter_
    with pytest.raises(KeyboardInterrupt):
        model.set_params(remix_db=Breaks(2), n_components=2).fit(X, Y)
    model.set_params(n_components=4, remix_db=None)
    np.testing.assert_array_equal(model.predict(X), sources)
    assert model.partial_fit(X, Y).n_iter_ == n_iter + 1


@pytest.mark.parametrize("beta", [0, 0.25, -1])
def test_every_divergence_is_trained_in_float32(beta):
    X, y = examples(200, dtype=np.float32)
    X[3:40], y[3:40] = 0, 0
    untrained, trained = (
        network(beta_loss=beta, n_layers=3, n_epochs=n).fit(X, y).score(X, y) for n in (0, 4)
    )
    assert trained > untrained


def test_training_goes_on_with_other_data():
    settings = {"validation_fraction": 0.2, "warm_start": True, "n_epochs": 6}
    easy, hard = examples(120), examples(120, seed=3)
    hard = hard[0], hard[1] ** 2 / np.maximum(hard[1].sum(axis=1, keepdims=True), 1e-9)
    fitted = network(**settings).fit(*easy)
    before = fitted.score(*hard)
    assert fitted.fit(*hard).score(*hard) > before
    assert len(fitted.validation_curve_) == fitted.n_iter_ + 1


def test_training_that_teaches_nothing_is_told():
    X, y = examples()
    with pytest.warns(ConvergenceWarning, match="None of 2 epochs got better at what was held"):
        model = network(learning_rate=30, validation_fraction=0.2, n_epochs=2).fit(X, y)
    untrained = network(n_epochs=0, validation_fraction=0.2).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), untrained.predict(X))


def test_recordings_that_are_held_back_stay_the_same(monkeypatch):
    X, y = examples(120)
    drawn = []
    monkeypatch.setattr(
        "skbss.factorization._deep_unfolded_nmf.held_back",
        lambda *arguments: drawn.append(held_back(*arguments)) or drawn[-1],
    )
    model = network(validation_fraction=0.2, warm_start=True, n_epochs=1)
    for _ in range(3):
        model.fit(X, y, lengths=[20] * 6)
    assert drawn[0] == drawn[1] == drawn[2]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_layers": 6}, "fitted with n_layers=3, which is 6 now"),
        ({"unfolding": "both"}, "fitted with unfolding='mu', which is 'both' now"),
        ({"sparsity": 5}, "fitted with sparsity=0.5, which is 5 now"),
        (
            {"beta_loss": "nonsense"},
            "fitted with beta_loss='kullback-leibler', which is 'nonsense'",
        ),
    ],
)
def test_a_network_keeps_its_parameters(tmp_path, parameters, message):
    model = network(n_epochs=0, warm_start=True).fit(X, Y).set_params(**parameters)
    for use in (
        lambda: model.predict(X),
        lambda: model.transform(X),
        lambda: model.score(X, Y),
        lambda: model.save(tmp_path / "file"),
        model.as_function,
    ):
        with pytest.raises(ValueError, match=message):
            use()
    if "nonsense" not in parameters.values():
        with pytest.raises(ValueError, match=message):
            model.partial_fit(X, Y)


@pytest.mark.parametrize("level", [1e-200, 1e200])
def test_levels_beyond_the_precision_of_the_network(level):
    X, y = examples(60)
    fitted = network(sparsity=0, n_epochs=1).fit(X, y)
    single = network(sparsity=0, n_epochs=1).fit(X.astype(np.float32), y.astype(np.float32))
    single._mean *= level
    np.testing.assert_allclose(
        single.predict(X * level) / level, fitted.predict(X), rtol=1e-3, atol=1e-4
    )
    np.testing.assert_allclose(single.score(X * level, y * level), fitted.score(X, y), rtol=1e-3)


@pytest.mark.parametrize("unfolding", ["mu", "ista", "both"])
def test_recordings_of_any_length_beside_each_other(unfolding):
    X, y = examples(1200)
    settings = {"unfolding": unfolding, "beta_loss": 2, "n_layers": 2, "n_epochs": 0}
    fitted = network(**settings).fit(X[:100], y[:100])
    lengths = [3, 1100, 1, 90, 6]
    W, sources = fitted.transform(X, lengths=lengths), fitted.predict(X, lengths=lengths)
    for first, length in recordings_of(lengths):
        own = slice(first, first + length)
        np.testing.assert_allclose(W[own], fitted.transform(X[own]), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(sources[own], fitted.predict(X[own]), rtol=1e-9, atol=1e-12)


def test_numbers_of_rows_share_programs():
    X, y = examples(131)
    fitted = network(n_layers=2, n_epochs=1, piece_length=16)
    programs = []
    for n_rows in (129, 130, 131):
        fitted.fit(X[:n_rows], y[:n_rows]).predict(X[:n_rows])
        programs.append((gradient_step._cache_size(), unfolded_pieces._cache_size()))
    assert programs[0] == programs[1] == programs[2]


def test_what_is_fitted_is_refused_other_sources():
    fitted = network(n_epochs=0).fit(X, Y)
    three = np.concatenate([Y, Y[:, :1]], axis=1)
    with pytest.raises(ValueError, match="y holds 3 sources, but the network separates 2"):
        fitted.score(X, three)
    with pytest.raises(ValueError, match="y holds 3 sources"):
        fitted.partial_fit(X, three)
    with pytest.raises(ValueError, match="All sources in y are silent"):
        fitted.score(X, 0 * Y)
