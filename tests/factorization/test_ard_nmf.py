"""ARDNMF: its objective, the components that it leaves out, and what its parameters do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from skbss import ARDNMF, BetaNMF, Separator, WienerMask
from skbss._kernels.dense_data import DenseData
from skbss._kernels.multiplicative import iterate_mu
from skbss._kernels.relevance import RelevancePenalty
from skbss.datasets import load_piano_notes
from skbss.factorization._dispersion import relative_dispersion
from skbss.factorization._rules import step_rules
from skbss.metrics import component_stability
from tests.parity.test_numpy_reference import reference_step

ORDERS = {"l1": 1, "l2": 2}
betas = st.sampled_from([-0.5, 0, 0.5, 1, 1.5, 2, 3])


@pytest.fixture(autouse=True)
def shared_programs(few_programs):
    """Small data of this module has one shape."""


def product(seed, shape=(100, 60), rank=5, sparsity=0.5):
    rng = np.random.default_rng(seed)
    return rng.gamma(sparsity, size=(shape[0], rank)) @ rng.gamma(sparsity, size=(rank, shape[1]))


def counts(seed, **options):
    return np.random.default_rng(seed + 99).poisson(20 * product(seed, **options)).astype(float)


def powers(seed, degrees=10):
    mean = product(seed, sparsity=1.0)
    return mean * np.random.default_rng(seed + 99).gamma(degrees, 1 / degrees, size=mean.shape)


def noisy(seed):
    mean = product(seed)
    noise = np.random.default_rng(seed + 99).standard_normal(mean.shape)
    return np.maximum(mean + 0.3 * mean.std() * noise, 0)


def divergence(X, Y, beta):
    if beta == 1:
        return (np.where(X > 0, X * np.log(np.where(X > 0, X, 1) / Y), 0) - X + Y).sum()
    if beta == 0:
        return (X / Y - np.log(X / Y) - 1).sum()
    terms = X**beta + (beta - 1) * Y**beta - beta * X * Y ** (beta - 1)
    return terms.sum() / (beta * (beta - 1))


def amounts(W, H, prior):
    order = ORDERS[prior]
    return (W**order / order).sum(axis=0) + (H**order / order).sum(axis=1)


def hyperparameters(X, K, prior, a=None):
    """The numbers b and c of the paper."""
    a = a or max(np.log(sum(X.shape)), 2.5)
    if prior == "l1":
        return np.sqrt((a - 1) * (a - 2) * X.mean() / K), sum(X.shape) + a + 1
    return np.pi / 2 * (a - 1) * X.mean() / K, sum(X.shape) / 2 + a + 1


@given(
    seed=st.integers(0, 2**16),
    beta=betas,
    prior=st.sampled_from(["l1", "l2"]),
    dispersion=st.sampled_from(["auto", 1e-3, 1, 30]),
    level=st.sampled_from([1e-8, 1, 1e8]),
)
@settings(max_examples=15)
@pytest.mark.filterwarnings("ignore:No component is worth its price")
def test_the_objective_never_rises(seed, beta, prior, dispersion, level):
    rng = np.random.default_rng(seed)
    X = level * rng.gamma(0.5, size=(20, 10)) + 0.01 * level
    W, H = rng.uniform(0.1, 1, (20, 3)), rng.uniform(0.1, 1, (3, 10))
    if dispersion != "auto":
        dispersion = dispersion * level**beta
    model = ARDNMF(
        3, init="custom", beta_loss=beta, prior=prior, dispersion=dispersion, tol=0, max_iter=60
    )
    model.set_params(prune=False)
    W = model.fit_transform(X, W=np.sqrt(level) * W, H=np.sqrt(level) * H)
    losses = model.loss_curve_
    assert (np.diff(losses) <= 1e-9 * losses[0]).all()
    b, c = hyperparameters(X, 3, prior)
    relevance = model.relevance_
    assert (relevance >= b / c * (1 - 1e-12)).all()
    if model.n_components_ == 3 and model.n_iter_ % 10 == 0:
        H = model.components_
        np.testing.assert_allclose(relevance, (amounts(W, H, prior) + b) / c, rtol=1e-9)
        penalty = model.dispersion_ * c * np.log(1 + amounts(W, H, prior) / b).sum()
        expected = divergence(X, W @ H, beta) + penalty
        np.testing.assert_allclose(losses[-1], expected, rtol=1e-6, atol=1e-9 * losses[0])


def reference(X, W, H, beta, dispersion, prior, n_iter):
    """The updates of Tan and Févotte, each with the relevances of the moment."""
    b, c = hyperparameters(X, W.shape[1], prior)

    def prices():
        price = dispersion * c / (amounts(W, H, prior) + b)
        return (price, 0) if prior == "l1" else (0, price)

    for _ in range(n_iter):
        Y = W @ H
        parts = (X * Y ** (beta - 2)) @ H.T, Y ** (beta - 1) @ H.T
        W = reference_step(W, *parts, *prices(), beta)
        Y = W @ H
        parts = W.T @ (X * Y ** (beta - 2)), W.T @ Y ** (beta - 1)
        columns = (np.reshape(price, (-1, 1)) for price in prices())
        H = reference_step(H, *parts, *columns, beta)
    return W, H


@pytest.mark.parametrize("prior", ["l1", "l2"])
@pytest.mark.parametrize("beta", [-0.5, 0.0, 0.5, 1.5, 2.0, 3.0])
def test_plain_updates_are_those_of_the_paper(beta, prior):
    X = product(0, (30, 20)) + 0.1
    rng = np.random.default_rng(1)
    W, H = rng.uniform(0.1, 1, (30, 4)), rng.uniform(0.1, 1, (4, 20))
    b, c = hyperparameters(X, 4, prior)
    penalty = RelevancePenalty(0.2 * c, b, 0, 1.0, ORDERS[prior])
    with jax.enable_x64(True):
        data = DenseData(jnp.asarray(X), None)
        told = jax.tree.map(jnp.asarray, penalty), jnp.ones(4, bool), jnp.asarray(0.0)
        rules = step_rules("mu", beta, penalty)
        factors = jnp.asarray(W), jnp.asarray(H)
        found = iterate_mu(data, *factors, *told, jnp.int32(30), rules=rules)
        found = [np.asarray(A) for A in found]
    expected = reference(X, W, H, beta, 0.2, prior, 30)
    for A, B in zip(found, expected, strict=True):
        np.testing.assert_allclose(A, B, rtol=1e-8, atol=1e-10 * B.max())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("draw", "beta"), [(counts, 1), (powers, 0), (powers, 0.5), (noisy, 2)])
def test_the_true_number_is_found(draw, beta, seed):
    model = ARDNMF(15, beta_loss=beta, random_state=seed).fit(draw(seed))
    assert model.n_components_ == 5
    assert model.components_.shape == (5, 60)
    assert model.relevance_.shape == (5,)


@pytest.mark.parametrize(("draw", "beta"), [(counts, 1), (powers, 0), (noisy, 2)])
def test_the_true_number_is_found_with_half_normal_priors(draw, beta):
    for seed in range(3):
        model = ARDNMF(15, beta_loss=beta, prior="l2", random_state=seed).fit(draw(seed))
        assert model.n_components_ == 5


def test_the_dispersion_is_estimated():
    assert ARDNMF(15, random_state=0).fit(counts(0)).dispersion_ == pytest.approx(1, rel=0.15)
    model = ARDNMF(15, beta_loss=0, random_state=0).fit(powers(0))
    assert model.dispersion_ == pytest.approx(0.1, rel=0.15)
    X = product(0) + 10
    noise = 0.2 * np.random.default_rng(1).standard_normal(X.shape)
    relative = relative_dispersion(X / X.mean() + noise, None, 15, 2)
    # Components follow noise a little further than as many directions of it.
    assert relative == pytest.approx(0.035, rel=0.15)
    assert relative_dispersion(product(0), None, 15, 1) == 0.01


@pytest.mark.parametrize("prior", ["l1", "l2"])
@pytest.mark.parametrize("beta", [0, 1, 2])
def test_the_level_of_the_data_does_not_matter(beta, prior):
    X = counts(3, shape=(40, 20), rank=3) + 1
    model = ARDNMF(8, beta_loss=beta, prior=prior, random_state=0, max_iter=100, tol=0)
    W = model.fit_transform(X)
    louder = clone(model)
    louder_W = louder.fit_transform(1e6 * X)
    assert louder.n_components_ == model.n_components_
    assert louder.dispersion_ == pytest.approx(1e6**beta * model.dispersion_)
    unit = 1e3 if prior == "l1" else 1e6
    np.testing.assert_allclose(louder.relevance_, unit * model.relevance_, rtol=1e-6)
    model_of_both = [A @ m.components_ for A, m in ((W, model), (louder_W / 1e6, louder))]
    np.testing.assert_allclose(*model_of_both, rtol=1e-5, atol=1e-8 * X.max())
    given = clone(model).set_params(dispersion=model.dispersion_).fit(X)
    np.testing.assert_allclose(given.components_, model.components_, rtol=1e-9)


@pytest.mark.parametrize("prior", ["l1", "l2"])
def test_the_order_of_components_does_not_matter(prior):
    X = counts(1, shape=(40, 20), rank=3)
    rng = np.random.default_rng(0)
    W, H = rng.uniform(0.5, 1, (40, 6)), rng.uniform(0.5, 1, (6, 20))
    order = rng.permutation(6)
    model = ARDNMF(6, init="custom", prior=prior, prune=False, max_iter=200, tol=0)
    relevance = model.fit(X, W=W, H=H).relevance_
    again = model.fit(X, W=W[:, order], H=H[order]).relevance_
    np.testing.assert_allclose(again, relevance[order], rtol=1e-6)


@pytest.mark.parametrize("beta", [0, 1, 2])
def test_hardly_any_dispersion_is_beta_nmf(beta):
    X = counts(0, shape=(40, 20), rank=3) + 1
    rng = np.random.default_rng(0)
    start = {"W": rng.uniform(0.5, 1, (40, 6)), "H": rng.uniform(0.5, 1, (6, 20))}
    given = {"init": "custom", "beta_loss": beta, "tol": 0, "max_iter": 100}
    plain, ard = BetaNMF(6, **given), ARDNMF(6, dispersion=1e-12, **given)
    products = [m.fit_transform(X, **start) @ m.components_ for m in (plain, ard)]
    assert ard.n_components_ == 6
    np.testing.assert_allclose(*products, rtol=1e-5)
    assert ard.reconstruction_err_ == pytest.approx(plain.reconstruction_err_, rel=1e-6)


def test_more_dispersion_leaves_fewer():
    X = counts(0)
    found = [ARDNMF(15, dispersion=d, random_state=0).fit(X).n_components_ for d in (1, 20, 1e3)]
    assert found[0] > found[1] > found[2] >= 1


def test_very_large_shapes_keep_everything():
    X = counts(0)
    assert ARDNMF(15, a=3, random_state=0).fit(X).n_components_ == 5
    assert ARDNMF(15, a=20, random_state=0).fit(X).n_components_ == 5
    model = ARDNMF(15, a=2000, random_state=0).fit(X)
    assert model.n_components_ > 5


@pytest.mark.parametrize("prior", ["l1", "l2"])
def test_too_much_dispersion_leaves_silence(prior):
    X = noisy(0)[:40, :20]
    model = ARDNMF(4, beta_loss=2, prior=prior, dispersion=1e6, random_state=0)
    with pytest.warns(UserWarning, match="No component is worth its price with dispersion=1e"):
        W = model.fit_transform(X)
    assert model.n_components_ == 0
    assert model.components_.shape == (1, 20)
    assert W.shape == (40, 1)
    assert not W.any()
    assert not model.components_.any()
    assert not model.transform(X).any()


def test_silence_needs_no_component():
    model = ARDNMF(3, random_state=0).fit(np.zeros((8, 5)))
    assert model.n_components_ == 0
    assert model.components_.shape == (1, 5)


def test_without_pruning_the_others_are_zeros():
    X = counts(0, shape=(40, 20), rank=3)
    pruned = ARDNMF(8, random_state=0)
    W = pruned.fit_transform(X)
    model = ARDNMF(8, prune=False, random_state=0)
    full_W = model.fit_transform(X)
    kept = model.components_.any(axis=1)
    assert kept.sum() == model.n_components_ == pruned.n_components_ < 8
    np.testing.assert_array_equal(model.components_[kept], pruned.components_)
    np.testing.assert_array_equal(model.relevance_[kept], pruned.relevance_)
    assert not full_W[:, ~kept].any()
    np.testing.assert_allclose(full_W[:, kept], W, rtol=1e-3, atol=1e-3 * W.max())
    b, c = hyperparameters(X, 8, "l1")
    np.testing.assert_allclose(model.relevance_[~kept], b / c, rtol=2e-3)


@pytest.mark.parametrize("beta", [0, 1, 2])
def test_activations_of_new_data_cost_nothing(beta):
    X = counts(0, shape=(40, 20), rank=3) + 1
    model = ARDNMF(8, beta_loss=beta, random_state=0).fit(X)
    plain = BetaNMF(
        model.n_components_, beta_loss=beta, fixed_components=model.components_, tol=1e-5
    )
    plain.set_params(max_iter=3000).fit(X)
    np.testing.assert_allclose(model.transform(X), plain.transform(X), rtol=1e-9)


def test_known_components_stay_and_cost_nothing():
    X, rng = counts(0), np.random.default_rng(0)
    useless = np.zeros((2, 60))
    useless[0], useless[1, 3] = rng.random(60), 1e-9
    model = ARDNMF(15, fixed_components=useless, random_state=0).fit(X)
    np.testing.assert_array_equal(model.components_[:2], useless)
    assert np.isinf(model.relevance_[:2]).all()
    assert np.isfinite(model.relevance_[2:]).all()
    assert model.n_components_ == len(model.components_) < 10
    known = ARDNMF(2, fixed_components=useless).fit(X)
    np.testing.assert_array_equal(known.components_, useless)
    assert np.isinf(known.relevance_).all()
    assert not hasattr(known, "dispersion_")


@pytest.mark.parametrize("beta", [1, 2])
def test_sparse_data(beta):
    X = counts(0, shape=(40, 20), rank=3)
    given = {"beta_loss": beta, "random_state": 0, "tol": 0, "max_iter": 50, "prune": False}
    dense, stored = ARDNMF(6, **given), ARDNMF(6, **given)
    dense.fit(X)
    stored.fit(sp.csr_array(X))
    np.testing.assert_allclose(stored.dispersion_, dense.dispersion_, rtol=1e-4)
    np.testing.assert_allclose(stored.relevance_, dense.relevance_, rtol=1e-3)


@pytest.mark.parametrize("beta", [0, 1, 2])
def test_missing_entries_do_not_matter(beta):
    X = counts(0) + (beta == 0)
    hidden = np.random.default_rng(3).random(X.shape) < 0.1
    model = ARDNMF(15, beta_loss=beta, random_state=0, max_iter=50, tol=0)
    model.fit(np.where(hidden, np.nan, X))
    weighted = clone(model).fit(np.where(hidden, 1e3, X), weights=(~hidden).astype(float))
    assert weighted.dispersion_ == pytest.approx(model.dispersion_)
    np.testing.assert_allclose(weighted.components_, model.components_, rtol=1e-7, atol=1e-12)
    single, doubled = (clone(model).fit(X, weights=np.full_like(X, m)) for m in (3, 6))
    assert doubled.dispersion_ == pytest.approx(2 * single.dispersion_)
    np.testing.assert_allclose(doubled.components_, single.components_, rtol=1e-7, atol=1e-12)


def test_the_number_is_found_with_missing_entries():
    X = counts(0)
    hidden = np.random.default_rng(3).random(X.shape) < 0.1
    assert ARDNMF(15, random_state=0).fit(np.where(hidden, np.nan, X)).n_components_ == 5


def test_the_same_warning_comes_once():
    X = counts(0, shape=(40, 20), rank=3)
    X[7] = np.nan
    model = ARDNMF(4, max_iter=2, random_state=0)
    with pytest.warns() as caught:
        model.fit_transform(X)
    said = [str(warning.message) for warning in caught]
    assert len(said) == len(set(said)) == 2
    assert any("Row 7 of X has no observed entry" in message for message in said)
    assert any("Maximum number of iterations 2" in message for message in said)


def test_a_custom_start_returns_what_was_learned_along():
    X, rng = counts(0, shape=(40, 20), rank=3), np.random.default_rng(0)
    model = ARDNMF(8, init="custom")
    W = model.fit_transform(X, W=rng.random((40, 8)), H=rng.random((8, 20)))
    assert W.shape == (40, model.n_components_)
    b, c = hyperparameters(X, 8, "l1")
    expected = (amounts(W, model.components_, "l1") + b) / c
    np.testing.assert_allclose(model.relevance_, expected, rtol=1e-9)


def test_several_starts():
    X = counts(0)
    single = [ARDNMF(15, random_state=seed).fit(X).loss_curve_[-1] for seed in range(2)]
    best = ARDNMF(15, n_init=5, random_state=0).fit(X)
    assert best.loss_curve_[-1] <= min(single) * 1.01
    assert best.n_components_ == 5
    found = [int(H.any(axis=1).sum()) for H in best.restart_components_]
    assert len(found) == 5
    assert found[best.restart_losses_.argmin()] == 5
    assert component_stability(best.restart_components_) > 0.8


@pytest.mark.parametrize("beta", [0, 1, 2])
def test_single_precision_and_jax_arrays(beta):
    X = (counts(0) + (beta == 0)).astype(np.float32)
    model = ARDNMF(15, beta_loss=beta, random_state=0, max_iter=100, tol=0)
    W = model.fit_transform(X)
    assert W.dtype == model.components_.dtype == np.float32
    device = clone(model)
    W_device = device.fit_transform(jnp.asarray(X))
    assert isinstance(W_device, jax.Array)
    assert isinstance(device.components_, jax.Array)
    assert device.n_components_ == model.n_components_
    np.testing.assert_allclose(device.relevance_, model.relevance_, rtol=1e-2)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"dispersion": 0}, "'dispersion' parameter of ARDNMF must be"),
        ({"a": 1}, "'a' parameter of ARDNMF must be"),
        ({"a": 2.0}, "a must be above 2 with prior='l1', got 2.0"),
        ({"prior": "l3"}, "'prior' parameter of ARDNMF must be a str among"),
        ({"prune": "yes"}, "'prune' parameter of ARDNMF must be"),
    ],
)
def test_wrong_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        ARDNMF(**parameters).fit(np.ones((8, 5)))


def test_a_shape_below_two_suits_half_normal_priors():
    assert ARDNMF(8, prior="l2", a=1.5, random_state=0).fit(counts(0)).n_components_ >= 1


def test_it_separates():
    clip = load_piano_notes()
    model = ARDNMF(12, dispersion=0.1, max_iter=100, tol=1e-3, random_state=0)
    blind = Separator(model, n_sources=3)
    estimates = blind.fit_transform(clip.mixture)
    assert estimates.shape == clip.sources.shape
    np.testing.assert_allclose(estimates.sum(axis=0), clip.mixture, atol=1e-4)
    assert "ARDNMF" in repr(WienerMask(model))
    supervised = Separator(model).fit(clip.mixture[None], clip.sources[None])
    assert supervised.transform(clip.mixture[None]).shape == clip.sources[None].shape
    semi = Separator(model, n_sources=3).fit(clip.mixture[None], clip.sources[None, :2])
    assert semi.transform(clip.mixture[None]).shape == clip.sources[None].shape
