"""SparseNMF: its objective, its limits, and what its parameters do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from skbss import BetaNMF, Separator, SparseNMF, WienerMask
from skbss.datasets import load_piano_notes
from tests.parity.test_numpy_reference import reference_step

ORDERS = {"l1": 1, "l2": 2}
betas = st.sampled_from([-0.5, 0, 0.5, 1, 1.5, 2, 3])


@pytest.fixture(autouse=True)
def shared_programs(few_programs):
    """Small data of this module has one shape."""


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.gamma(0.2, size=(60, 4)) @ rng.random((4, 15)) + 0.01


def start(X, K, seed=1):
    rng = np.random.default_rng(seed)
    return {"W": rng.uniform(0.1, 1, (len(X), K)), "H": rng.uniform(0.1, 1, (K, X.shape[1]))}


def divergence(X, Y, beta):
    if beta == 1:
        return (X * np.log(X / Y) - X + Y).sum()
    if beta == 0:
        return (X / Y - np.log(X / Y) - 1).sum()
    terms = X**beta + (beta - 1) * Y**beta - beta * X * Y ** (beta - 1)
    return terms.sum() / (beta * (beta - 1))


def objective(model, X, W):
    H, beta = model.components_, model._beta
    norms = np.linalg.norm(H, ORDERS[model.norm], axis=1)
    penalty = model.sparsity * X.mean() ** (beta - 1) * (W * norms).sum()
    return divergence(X, W @ H, beta) + penalty


@given(
    seed=st.integers(0, 2**16),
    beta=betas,
    sparsity=st.sampled_from([0, 0.01, 0.3, 5]),
    norm=st.sampled_from(["l1", "l2"]),
    solver=st.sampled_from(["mu", "auto"]),
    level=st.sampled_from([1e-8, 1, 1e8]),
)
@settings(max_examples=30)
def test_the_objective_never_rises(seed, beta, sparsity, norm, solver, level):
    rng = np.random.default_rng(seed)
    X = level * rng.gamma(0.5, size=(20, 10)) + 0.01 * level
    model = SparseNMF(
        3, init="custom", beta_loss=beta, sparsity=sparsity, norm=norm, solver=solver, tol=0
    )
    W, H = start(X, 3, seed).values()
    W = model.set_params(max_iter=60).fit_transform(X, W=np.sqrt(level) * W, H=np.sqrt(level) * H)
    losses = model.loss_curve_
    assert (np.diff(losses) <= 1e-9 * losses[0]).all()
    if model.n_iter_ % 10 == 0:
        expected = objective(model, X, W)
        np.testing.assert_allclose(losses[-1], expected, rtol=1e-6, atol=1e-9 * losses[0])
    norms = np.linalg.norm(model.components_, ORDERS[norm], axis=1)
    np.testing.assert_allclose(norms[norms > 0], 1, rtol=1e-9)


def reference(X, W, H, beta, weight, order, n_iter):
    """The updates of Marmin, Goulart and Févotte, with the penalty that is majorized."""
    for _ in range(n_iter):
        norms = np.linalg.norm(H, order, axis=1)
        Y = W @ H
        parts = (X * Y ** (beta - 2)) @ H.T, Y ** (beta - 1) @ H.T
        W = reference_step(W, *parts, weight * norms, 0, beta)
        Y = W @ H
        parts = W.T @ (X * Y ** (beta - 2)), W.T @ Y ** (beta - 1)
        price = weight * W.sum(axis=0)[:, None]
        linear, quadratic = (price, 0) if order == 1 else (0, price / norms[:, None])
        H = reference_step(H, *parts, linear, quadratic, beta)
    norms = np.linalg.norm(H, order, axis=1)
    return W * norms, H / norms[:, None]


@pytest.mark.parametrize("norm", ["l1", "l2"])
@pytest.mark.parametrize("beta", [-0.5, 0, 0.5, 1, 1.5, 2, 3])
def test_updates_are_those_of_the_paper(X, beta, norm):
    factors = start(X, 4)
    model = SparseNMF(
        4, init="custom", beta_loss=beta, sparsity=0.2, norm=norm, solver="mu", tol=0, max_iter=30
    )
    W = model.fit_transform(X, **factors)
    weight = 0.2 * X.mean() ** (beta - 1)
    expected = reference(X, *factors.values(), beta, weight, ORDERS[norm], 30)
    np.testing.assert_allclose(W, expected[0], rtol=1e-7, atol=1e-9 * W.max())
    np.testing.assert_allclose(model.components_, expected[1], rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("norm", ["l1", "l2"])
@pytest.mark.parametrize("solver", ["mu", "auto"])
@pytest.mark.parametrize("beta", [0, 0.5, 1, 2])
def test_without_sparsity_it_is_beta_nmf(X, beta, solver, norm):
    given = {"init": "custom", "beta_loss": beta, "solver": solver, "tol": 0, "max_iter": 25}
    plain, sparse = BetaNMF(4, **given), SparseNMF(4, sparsity=0, norm=norm, **given)
    products = [
        model.fit_transform(X, **start(X, 4)) @ model.components_ for model in (plain, sparse)
    ]
    np.testing.assert_allclose(*products, rtol=1e-10)
    np.testing.assert_allclose(plain.loss_curve_, sparse.loss_curve_, rtol=1e-10)


@pytest.mark.parametrize("norm", ["l1", "l2"])
@pytest.mark.parametrize("beta", [0, 1, 2])
def test_the_level_of_the_start_and_of_the_data_do_not_matter(X, beta, norm):
    W, H = start(X, 4).values()
    model = SparseNMF(4, init="custom", beta_loss=beta, norm=norm, solver="mu", tol=0, max_iter=20)
    expected = model.fit_transform(X, W=W, H=H), model.components_
    gains = np.array([0.1, 1, 3, 20])
    again = model.fit_transform(X, W=W * gains, H=H / gains[:, None]), model.components_
    louder = model.fit_transform(100 * X, W=10 * W, H=10 * H) / 100, model.components_
    for found in (again, louder):
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("beta", [0, 1, 2])
def test_more_sparsity_uses_less(X, beta):
    shares = []
    for sparsity in (0, 0.3, 2):
        model = SparseNMF(6, beta_loss=beta, sparsity=sparsity, init="random", random_state=0)
        W = model.set_params(max_iter=300, tol=0).fit_transform(X)
        shares.append((1e-3 * W.max() < W).mean())
    assert shares[0] > shares[1] > shares[2]


def test_too_much_sparsity_leaves_silence():
    rng = np.random.default_rng(0)
    X = rng.random((30, 12))
    model = SparseNMF(3, sparsity=1e4, init="random", random_state=0, max_iter=400)
    W = model.fit_transform(X)
    assert np.isfinite(model.components_).all()
    assert (W @ model.components_).max() < 1e-3 * X.max()


@pytest.mark.parametrize("norm", ["l1", "l2"])
@pytest.mark.parametrize("beta", [1, 1.5, 2])
def test_transform_minimizes_over_the_activations(X, beta, norm):
    model = SparseNMF(
        3, beta_loss=beta, sparsity=0.3, norm=norm, init="random", random_state=0, max_iter=2000
    )
    model.set_params(tol=0).fit(X)
    new = np.random.default_rng(5).random((4, 15)) + 0.01
    H, weight = model.components_, model.penalty_
    assert weight == pytest.approx(0.3 * X.mean() ** (beta - 1))
    for row, found in zip(new, model.transform(new), strict=True):

        def cost(w, row=row):
            return divergence(row, w @ H + 1e-15, beta) + weight * w.sum()

        best = scipy.optimize.minimize(cost, found + 0.01, bounds=[(0, None)] * 3, tol=1e-14)
        assert cost(found) <= best.fun * (1 + 1e-6) + 1e-9


def test_known_components_of_any_norm(X):
    known = np.random.default_rng(2).random((2, 15))
    found = []
    for gains in ([1, 1], [0.01, 50]):
        fixed = known * np.array(gains)[:, None]
        model = SparseNMF(4, init="random", random_state=0, fixed_components=fixed, tol=0)
        W = model.fit_transform(X)
        np.testing.assert_array_equal(model.components_[:2], fixed)
        np.testing.assert_allclose(np.linalg.norm(model.components_[2:], axis=1), 1)
        found.append(W @ model.components_)
    np.testing.assert_allclose(*found, rtol=0.02, atol=1e-3)
    all_known = SparseNMF(2, fixed_components=known, max_iter=500).fit(X)
    louder = SparseNMF(2, fixed_components=50 * known, max_iter=500).fit(X)
    np.testing.assert_allclose(all_known.transform(X), 50 * louder.transform(X), rtol=1e-6)


@pytest.mark.parametrize("beta", [1, 2])
def test_sparse_data(X, beta):
    X = np.where(np.median(X) < X, X, 0)
    given = {"beta_loss": beta, "init": "random", "random_state": 0, "tol": 0, "max_iter": 30}
    dense, stored = SparseNMF(4, **given), SparseNMF(4, **given)
    W = dense.fit_transform(X)
    np.testing.assert_allclose(stored.fit_transform(sp.csr_array(X)), W, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(stored.components_, dense.components_, rtol=1e-5, atol=1e-7)


def test_missing_entries_do_not_matter(X):
    hidden = np.random.default_rng(3).random(X.shape) < 0.2
    model = SparseNMF(3, init="random", random_state=0, max_iter=50, tol=0)
    W = model.fit_transform(np.where(hidden, np.nan, X))
    weighted = model.fit_transform(np.where(hidden, 77.0, X), weights=(~hidden).astype(float))
    np.testing.assert_allclose(W, weighted, rtol=1e-7, atol=1e-10)
    assert model.penalty_ == pytest.approx(0.3)


def test_single_precision(X):
    given = {"init": "random", "random_state": 0, "tol": 0, "max_iter": 50, "solver": "mu"}
    W = SparseNMF(4, **given).fit_transform(X)
    model = SparseNMF(4, **given)
    single = model.fit_transform(X.astype(np.float32))
    assert single.dtype == model.components_.dtype == np.float32
    np.testing.assert_allclose(single, W, rtol=1e-2, atol=1e-3 * W.max())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"sparsity": -1}, "'sparsity' parameter of SparseNMF must be a float in the range"),
        ({"norm": "l3"}, "'norm' parameter of SparseNMF must be a str among"),
        ({"solver": "cd"}, "'solver' parameter of SparseNMF must be a str among"),
    ],
)
def test_wrong_parameters(X, parameters, message):
    with pytest.raises(ValueError, match=message):
        SparseNMF(**parameters).fit(X)


def test_it_separates():
    clip = load_piano_notes()
    estimates = Separator(SparseNMF(6, random_state=0), n_sources=3).fit_transform(clip.mixture)
    assert estimates.shape == clip.sources.shape
    np.testing.assert_allclose(estimates.sum(axis=0), clip.mixture, atol=1e-4)
    assert "SparseNMF" in repr(WienerMask(SparseNMF(3)))
    supervised = Separator(SparseNMF(5, random_state=0))
    supervised.fit(clip.mixture[None], clip.sources[None])
    assert supervised.transform(clip.mixture[None]).shape == clip.sources[None].shape


@pytest.mark.parametrize("beta", [0, 1, 2])
def test_jax_arrays(X, beta):
    X = X.astype(np.float32)
    given = {"beta_loss": beta, "init": "random", "random_state": 0, "tol": 0, "max_iter": 20}
    host, device = SparseNMF(3, **given), SparseNMF(3, **given)
    W, W_device = host.fit_transform(X), device.fit_transform(jnp.asarray(X))
    assert isinstance(W_device, jax.Array)
    assert isinstance(device.components_, jax.Array)
    np.testing.assert_allclose(W_device, W, rtol=1e-3, atol=1e-4 * W.max())
    np.testing.assert_allclose(device.components_, host.components_, rtol=1e-3, atol=1e-5)
