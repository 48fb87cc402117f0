"""OrthogonalNMF: its constraint, its minima, and what its parameters do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skbss import BetaNMF, OrthogonalNMF, Separator, WienerMask
from skbss.datasets import load_piano_notes

BETAS = [-0.5, 0, 0.5, 1, 1.5, 2, 3]
betas = st.sampled_from(BETAS)
N, F, K = 40, 12, 3


@pytest.fixture(autouse=True)
def shared_programs(few_programs):
    """Small data of this module has one shape."""


def divergence(x, y, beta):
    """Entry by entry, as in the definition."""
    if beta == 1:
        return np.where(x > 0, x * np.log(np.where(x > 0, x, 1) / y), 0) - x + y
    if beta == 0:
        return x / y - np.log(x / y) - 1
    return (x**beta + (beta - 1) * y**beta - beta * x * y ** (beta - 1)) / (beta * (beta - 1))


def drawn(seed, level=1.0, zeros=0.0):
    rng = np.random.default_rng(seed)
    X = rng.gamma(1, size=(N, F)) + 0.01
    return level * np.where(rng.random((N, F)) < zeros, 0, X)


def planted(seed, degrees=0):
    """Data whose features belong to parts, with gamma noise of that many degrees if any."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(F) % K
    H = np.eye(K)[:, labels] * rng.uniform(0.5, 2, F)
    X = rng.gamma(1, size=(N, K)) @ H
    return X * (rng.gamma(degrees, 1 / degrees, X.shape) if degrees else 1), labels


def best_of_the_same(model, X, beta):
    """The objective of the exact best activations for the components, feature by feature."""
    H = model.components_
    W = np.zeros((len(X), len(H)))
    for k, h in enumerate(H):
        own = h > 0
        if own.any():
            W[:, k] = X[:, own] @ h[own] ** (beta - 1) / (h[own] ** beta).sum()
    return W


def is_the_same_partition(found, labels):
    return len(set(zip(found, labels, strict=True))) == len(set(labels)) == len(set(found))


@given(
    seed=st.integers(0, 2**16),
    beta=betas,
    init=st.sampled_from(["k-means++", "random"]),
    level=st.sampled_from([1e-8, 1, 1e8]),
    weighted=st.booleans(),
    zeros=st.sampled_from([0, 0.4]),
)
@settings(max_examples=15)
def test_the_objective_never_rises_and_components_are_orthogonal(
    seed, beta, init, level, weighted, zeros
):
    X = drawn(seed, level, zeros)
    weights = None
    if weighted:
        weights = np.random.default_rng(seed).choice([0.0, 0.5, 1, 2], X.shape)
        weights[0] = 1
    model = OrthogonalNMF(K, init=init, beta_loss=beta, tol=0, max_iter=60, random_state=seed)
    W = model.fit_transform(X, weights=weights)
    H, losses = model.components_, model.loss_curve_
    assert len(losses) == 7
    assert (np.diff(losses) <= 1e-12 * losses[0]).all()
    assert (W >= 0).all()
    assert (H >= 0).all()
    products = H @ H.T
    assert (products[~np.eye(K, dtype=bool)] == 0).all()
    np.testing.assert_allclose(np.diag(products), 1, rtol=1e-12)
    assert ((H > 0).sum(axis=0) <= 1).all()
    if not zeros:
        counts = np.ones_like(X) if weights is None else weights
        seen = counts > 0
        total = (counts[seen] * divergence(X[seen], (W @ H)[seen], beta)).sum()
        np.testing.assert_allclose(losses[-1], total, rtol=1e-7, atol=1e-9 * losses[0])
        np.testing.assert_allclose(model.reconstruction_err_**2 / 2, losses[-1], rtol=1e-7)


@pytest.mark.parametrize("iterations", [1, 7, 10])
def test_every_single_iteration_lowers_the_objective(iterations):
    X = drawn(0)
    losses = [
        OrthogonalNMF(K, beta_loss=0.5, tol=0, max_iter=i, random_state=3)
        .fit(X)
        .reconstruction_err_
        for i in (iterations, iterations + 1)
    ]
    assert losses[1] <= losses[0] * (1 + 1e-12)


@pytest.mark.parametrize("beta", BETAS)
def test_no_entry_of_either_factor_can_be_bettered(beta):
    X = drawn(1)
    weights = np.random.default_rng(0).uniform(0.2, 2, X.shape)
    model = OrthogonalNMF(K, beta_loss=beta, tol=0, max_iter=300, random_state=0)
    W = model.fit_transform(X, weights=weights)
    H = model.components_

    def least(x, factor, weights):
        """The best multiple of a factor, found by search, and what it leaves."""
        found = minimize_scalar(
            lambda log: (weights * divergence(x, np.exp(log) * factor, beta)).sum(),
            bounds=(-8, 8),
            method="bounded",
            options={"xatol": 1e-10},
        )
        return np.exp(found.x), found.fun

    for f in range(F):
        found = [least(X[:, f], W[:, k], weights[:, f]) for k in range(K)]
        best = np.argmin([cost for _, cost in found])
        assert model.labels_[f] == best
        assert H[best, f] == pytest.approx(found[best][0], rel=1e-6)
    for n in range(3):
        for k in range(K):
            own = H[k] > 0
            entry, _ = least(X[n, own], H[k, own], weights[n, own])
            assert W[n, k] == pytest.approx(entry, rel=1e-6)


@pytest.mark.parametrize("beta", BETAS)
def test_a_row_has_its_exact_minimum(beta):
    X = drawn(2)
    model = OrthogonalNMF(K, beta_loss=beta, random_state=0, max_iter=500).fit(X)
    new = drawn(3)
    W = model.transform(new)
    np.testing.assert_allclose(W, best_of_the_same(model, new, beta), rtol=1e-11)
    np.testing.assert_allclose(model.transform(1e9 * new[:2]), 1e9 * W[:2], rtol=1e-11)
    np.testing.assert_allclose(model.inverse_transform(W), W @ model.components_, rtol=1e-12)
    mean = divergence(new, W @ model.components_, beta).mean()
    assert model.score(new) == pytest.approx(-mean, rel=1e-7)
    if beta == 2:
        np.testing.assert_allclose(W, new @ model.components_.T, rtol=1e-11)


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("seed", range(8))
def test_planted_parts_are_found(seed, beta):
    # With more noise the best partition for beta 3 is another one.
    X, labels = planted(seed, degrees=100)
    model = OrthogonalNMF(K, beta_loss=beta, n_init=10, random_state=seed).fit(X)
    assert is_the_same_partition(model.labels_, labels)
    assert model.restart_losses_.shape == (10,)
    assert model.loss_curve_[-1] == model.restart_losses_.min()


@pytest.mark.parametrize("beta", BETAS)
def test_parts_without_noise_are_reproduced(beta):
    X, labels = planted(7)
    model = OrthogonalNMF(K, beta_loss=beta, n_init=10, random_state=0)
    Y = model.inverse_transform(model.fit_transform(X))
    np.testing.assert_allclose(Y, X, rtol=1e-9, atol=1e-9 * X.mean())
    assert is_the_same_partition(model.labels_, labels)


@pytest.mark.parametrize("beta", [0, 1, 2, 3])
def test_one_component_is_that_of_beta_nmf(beta):
    X = drawn(4)
    model = OrthogonalNMF(1, beta_loss=beta, tol=0, max_iter=200).fit(X)
    plain = BetaNMF(1, beta_loss=beta, tol=0, max_iter=3000, init="random", random_state=0)
    plain.fit(X)
    assert model.reconstruction_err_ == pytest.approx(plain.reconstruction_err_, rel=1e-8)
    h = plain.components_[0]
    np.testing.assert_allclose(model.components_[0], h / np.linalg.norm(h), rtol=1e-4)


def test_for_beta_two_a_component_is_the_leading_singular_vector_of_its_features():
    X = drawn(5)
    model = OrthogonalNMF(K, beta_loss=2, tol=0, max_iter=300, random_state=0)
    W = model.fit_transform(X)
    for k in range(K):
        own = model.labels_ == k
        U, s, Vt = np.linalg.svd(X[:, own])
        np.testing.assert_allclose(model.components_[k, own], np.abs(Vt[0]), rtol=1e-9)
        np.testing.assert_allclose(W[:, k], s[0] * np.abs(U[:, 0]), rtol=1e-9)


def test_for_beta_one_entries_are_the_sums_of_their_features():
    X, _ = planted(8, degrees=10)
    model = OrthogonalNMF(K, n_init=10, random_state=0, max_iter=100).fit(X)
    for k in range(K):
        own = model.labels_ == k
        share = X[:, own].sum(axis=0) / np.linalg.norm(X[:, own].sum(axis=0))
        np.testing.assert_allclose(model.components_[k, own], share, rtol=1e-12)


@pytest.mark.parametrize("beta", BETAS)
def test_as_many_components_as_features_reproduce_the_data(beta):
    X = drawn(6)
    model = OrthogonalNMF(beta_loss=beta, random_state=0)
    Y = model.inverse_transform(model.fit_transform(X))
    np.testing.assert_allclose(Y, X, rtol=1e-9)
    assert sorted(model.labels_) == list(range(F))


def ding(X, W, H, n_iter):
    for _ in range(n_iter):
        H = H * np.sqrt((W.T @ X) / (W.T @ X @ H.T @ H + 1e-300))
        W = W * (X @ H.T) / (W @ (H @ H.T) + 1e-300)
    return W, H


def choi(X, W, H, n_iter):
    for _ in range(n_iter):
        H = H * np.sqrt((W.T @ X) / (H @ X.T @ W @ H + 1e-300))
        W = W * (X @ H.T) / (W @ (H @ H.T) + 1e-300)
    return W, H


def made_orthogonal(X, H):
    """The error of the best factors whose features go where an overlapping H has most of each."""
    model = OrthogonalNMF(K, init="custom", beta_loss=2, max_iter=1, tol=0)
    return model.fit(X, H=H).reconstruction_err_


@pytest.mark.parametrize("updates", [ding, choi])
@pytest.mark.parametrize("seed", [3, 4, 6])
def test_it_ends_no_higher_than_multiplicative_updates(updates, seed):
    # With the exponent 1/2: those of the paper by Choi do not converge.
    X, _ = planted(seed, degrees=10)
    rng = np.random.default_rng(seed)
    ours, theirs = [], []
    for _ in range(10):
        W, H = np.sqrt(X.mean()) * (rng.random((N, K)) + 0.1), rng.random((K, F)) + 0.1
        _, found = updates(X, W, H, 300)
        # After as many iterations their components still overlap.
        norms = np.linalg.norm(found, axis=1)
        assert ((found @ found.T / np.outer(norms, norms))[~np.eye(K, dtype=bool)] > 0).any()
        theirs.append(made_orthogonal(X, found))
        model = OrthogonalNMF(K, init="custom", beta_loss=2, tol=0, max_iter=50)
        ours.append(model.fit(X, W=W).reconstruction_err_)
        onwards = model.fit(X, H=found).reconstruction_err_
        assert onwards <= theirs[-1] * (1 + 1e-12)
    assert min(ours) <= min(theirs) * (1 + 1e-12)


@pytest.mark.parametrize("beta", [-0.5, 1, 2])
def test_results_do_not_depend_on_the_level(beta):
    X = drawn(9)
    for dtype, level in ((np.float64, 1e-100), (np.float32, 1e12)):
        if dtype == np.float64 and beta < 0:
            level = 1e-60
        models = [
            OrthogonalNMF(K, beta_loss=beta, random_state=0, tol=0, max_iter=30) for _ in range(2)
        ]
        quiet, loud = (
            model.fit_transform((scale * X).astype(dtype))
            for model, scale in zip(models, (1, level), strict=True)
        )
        rtol = 1e-9 if dtype == np.float64 else 1e-4
        np.testing.assert_array_equal(models[0].labels_, models[1].labels_)
        np.testing.assert_allclose(models[0].components_, models[1].components_, rtol=rtol)
        np.testing.assert_allclose(loud / np.float64(level), quiet, rtol=rtol)


def test_single_precision_is_that_of_double():
    X, _ = planted(3, degrees=10)
    for beta in (-0.5, 1, 2):
        model = OrthogonalNMF(K, beta_loss=beta, n_init=10, random_state=0)
        single, double = clone(model).fit(X.astype(np.float32)), model.fit(X)
        assert single.components_.dtype == single.transform(X.astype(np.float32)).dtype
        assert single.components_.dtype == np.float32
        order = [single.labels_[double.labels_ == k][0] for k in range(K)]
        np.testing.assert_allclose(single.components_[order], double.components_, rtol=1e-4)


def test_jax_arrays_stay_jax_arrays():
    X = drawn(10).astype(np.float32)
    options = {"random_state": 0, "tol": 0, "max_iter": 20}
    host, device = OrthogonalNMF(K, **options), OrthogonalNMF(K, **options)
    W, found = host.fit_transform(X), device.fit_transform(jnp.asarray(X))
    assert isinstance(found, jax.Array)
    assert isinstance(device.components_, jax.Array)
    assert isinstance(device.labels_, np.ndarray)
    np.testing.assert_allclose(found, W, rtol=1e-4)
    np.testing.assert_allclose(device.components_, host.components_, rtol=1e-4)


@pytest.mark.parametrize("beta", BETAS)
def test_missing_entries_are_predicted(beta):
    X, labels = planted(11)
    hidden = np.random.default_rng(0).random(X.shape) < 0.2
    gaps = np.where(hidden, np.nan, X)
    model = OrthogonalNMF(K, beta_loss=beta, n_init=10, random_state=0, tol=0, max_iter=100)
    W = model.fit_transform(gaps)
    assert is_the_same_partition(model.labels_, labels)
    known = np.stack([(~hidden[:, model.labels_ == k]).any(axis=1) for k in range(K)], axis=1)
    assert not W[~known].any()
    predictable = hidden & known[:, model.labels_]
    np.testing.assert_allclose((W @ model.components_)[predictable], X[predictable], rtol=1e-6)
    zero_weight = OrthogonalNMF(K, beta_loss=beta, n_init=10, random_state=0, tol=0, max_iter=100)
    zero_weight.fit(np.where(hidden, 7.0, X), weights=(~hidden).astype(float))
    np.testing.assert_array_equal(zero_weight.components_, model.components_)


def test_integer_weights_of_rows_are_repetitions():
    X = drawn(12)[:20]
    H = drawn(0)[:K]
    repetitions = np.arange(20) % 3 + 1
    given = {"init": "custom", "beta_loss": 0.5, "tol": 0, "max_iter": 50}
    weighted = OrthogonalNMF(K, **given).fit(X, H=H, weights=repetitions[:, None])
    repeated = OrthogonalNMF(K, **given).fit(np.repeat(X, repetitions, axis=0), H=H)
    np.testing.assert_allclose(weighted.components_, repeated.components_, rtol=1e-9)


@pytest.mark.parametrize("beta", BETAS)
def test_silence_has_no_component(beta):
    X = drawn(13)
    X[:, 5], X[3] = 0, 0
    model = OrthogonalNMF(K, beta_loss=beta, random_state=0)
    W = model.fit_transform(X)
    assert model.labels_[5] == -1
    assert not model.components_[:, 5].any()
    assert (np.delete(model.labels_, 5) >= 0).all()
    assert not W[3].any()
    assert not model.transform(np.zeros((2, F))).any()
    assert np.isfinite(model.reconstruction_err_)
    silent = OrthogonalNMF(K, beta_loss=beta, random_state=0).fit(np.zeros((N, F)))
    assert silent.reconstruction_err_ == 0
    assert (silent.labels_ == -1).all()


def test_an_empty_component_starts_anew_from_what_is_explained_worst():
    X, _ = planted(14, degrees=10)
    # All features go to the first of three equal components.
    W = np.repeat(X.mean(axis=1, keepdims=True), K, axis=1)
    first = OrthogonalNMF(K, init="custom", beta_loss=2, tol=0, max_iter=1).fit(X, W=W)
    assert set(first.labels_) == {0}
    assert not first.components_[1:].any()
    model = OrthogonalNMF(K, init="custom", beta_loss=2, tol=0, max_iter=50).fit(X, W=W)
    assert set(model.labels_) == {0, 1, 2}
    losses = model.loss_curve_
    assert (np.diff(losses) <= 1e-12 * losses[0]).all()


def test_more_components_than_features_are_left_empty():
    X = drawn(15)[:, :4]
    model = OrthogonalNMF(6, random_state=0)
    W = model.fit_transform(X)
    empty = ~model.components_.any(axis=1)
    assert empty.sum() == 2
    assert not W[:, empty].any()
    np.testing.assert_allclose(W @ model.components_, X, rtol=1e-9)


def test_components_given_for_a_start_say_which_features_go_together():
    X, labels = planted(16, degrees=10)
    H = np.eye(K)[:, labels] + 0.1
    model = OrthogonalNMF(init="custom", max_iter=200).fit(X, H=H)
    np.testing.assert_array_equal(model.labels_, labels)


def test_the_best_of_several_starts_is_kept():
    X = drawn(17)
    best = OrthogonalNMF(K, init="random", n_init=6, random_state=0).fit(X)
    assert len(set(best.restart_losses_.round(6))) > 1
    assert best.loss_curve_[-1] == best.restart_losses_.min()
    kept = best.restart_components_[best.restart_losses_.argmin()]
    np.testing.assert_array_equal(kept, best.components_)
    again = OrthogonalNMF(K, init="random", n_init=6, random_state=0).fit(X)
    np.testing.assert_array_equal(again.components_, best.components_)


def test_too_few_iterations_are_told():
    with pytest.warns(ConvergenceWarning, match="Maximum number of iterations 3 reached"):
        OrthogonalNMF(K, max_iter=3, random_state=0).fit(drawn(18))


@pytest.mark.parametrize(
    ("parameters", "given", "error", "message"),
    [
        ({"init": "nndsvd"}, {}, ValueError, "'init' parameter of OrthogonalNMF must be"),
        ({"n_init": 0}, {}, ValueError, "'n_init' parameter of OrthogonalNMF must be"),
        ({"init": "custom"}, {}, ValueError, "needs W, H or both, and neither"),
        (
            {"init": "custom"},
            {"W": np.ones((N, K)), "H": np.ones((K, F))},
            ValueError,
            "takes W or H, and both were given",
        ),
        (
            {"init": "custom", "n_init": 2},
            {"W": np.ones((N, K))},
            ValueError,
            "n_init=2 starts would all be the same",
        ),
    ],
)
def test_refusals(parameters, given, error, message):
    with pytest.raises(error, match=message):
        OrthogonalNMF(K, **parameters).fit(drawn(0), **given)


def test_sparse_matrices_are_refused():
    with pytest.raises(TypeError, match="Sparse data was passed"):
        OrthogonalNMF(K).fit(sp.csr_matrix(drawn(0)))


def test_it_separates():
    clip = load_piano_notes()
    model = OrthogonalNMF(3, max_iter=100, random_state=0)
    blind = Separator(model, n_sources=3)
    estimates = blind.fit_transform(clip.mixture)
    assert estimates.shape == clip.sources.shape
    np.testing.assert_allclose(estimates.sum(axis=0), clip.mixture, atol=1e-4)
    assert "OrthogonalNMF" in repr(WienerMask(model))
    with pytest.raises(TypeError, match="has no parameter fixed_components"):
        Separator(model).fit(clip.mixture[None], clip.sources[None])


def test_zeros_beside_gaps_are_no_trouble_for_the_start():
    X = np.random.default_rng(0).gamma(1.0, size=(N, F))
    X[: N // 2, : F // 2] = 0
    X[N // 2 :, F // 2 :] = np.nan
    X[: N // 2, F // 2 :] += 1
    for beta in BETAS:
        model = OrthogonalNMF(3, beta_loss=beta, random_state=0, tol=0).fit(X)
        assert np.isfinite(model.reconstruction_err_)


@pytest.mark.parametrize("beta", [-0.5, 0])
@pytest.mark.parametrize("seed", range(6))
def test_planted_parts_are_found_among_exact_zeros(seed, beta):
    rng = np.random.default_rng(seed)
    W = rng.gamma(1.0, size=(N, K)) * (rng.uniform(size=(N, K)) < 0.4)
    labels = rng.permutation(F) % K
    X = W[:, labels] * rng.gamma(10, 0.1, size=(N, F)) * (rng.random((N, F)) > 0.15)
    model = OrthogonalNMF(K, beta_loss=beta, n_init=10, random_state=0).fit(X)
    assert is_the_same_partition(model.labels_, labels)


def test_the_levels_of_a_given_start_mean_nothing():
    X = planted(0, degrees=20)[0]
    rng = np.random.default_rng(0)
    K = 4
    W, H = rng.gamma(1.0, size=(len(X), K)), rng.gamma(1.0, size=(K, X.shape[1]))
    levels = 10.0 ** np.array([0, -14, 3, 9])
    own = OrthogonalNMF(K, init="custom")
    expected = own.fit(X, W=W).labels_
    np.testing.assert_array_equal(own.fit(X, W=W * levels).labels_, expected)
    disjoint = H * (H.max(axis=0) == H)
    expected = own.fit(X, H=disjoint).labels_
    np.testing.assert_array_equal(own.fit(X, H=disjoint * levels[:, None]).labels_, expected)


def test_a_given_start_at_a_low_level_of_single_precision():
    X = drawn(0)[:, :8].astype(np.float32)
    X[3] = X[:, 4] = 0
    H = np.random.default_rng(0).gamma(1.0, size=(3, 8)).astype(np.float32)
    model = OrthogonalNMF(3, init="custom", beta_loss=0)
    loss = model.fit(X, H=H).loss_curve_
    small = np.float32(2.0**-93)
    np.testing.assert_allclose(model.fit(X * small, H=H).loss_curve_, loss, rtol=1e-5)


def test_fit_transform_ends_where_transform_does_from_a_given_start():
    X = drawn(0)
    X[5] *= 1e-14
    W = np.random.default_rng(0).gamma(1.0, size=(len(X), 3))
    model = OrthogonalNMF(3, init="custom", beta_loss=2)
    np.testing.assert_array_equal(model.fit_transform(X, W=W), model.transform(X))
