"""ConvNMF: its model and objective, its limits, recordings that do not reach each other."""

import itertools
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from skbss import BetaNMF, ConvNMF, SparseNMF
from skbss.factorization import _recording_base
from skbss.factorization._side_by_side import SideBySide
from tests.parity.test_numpy_reference import reference_step

K, TAPS, N_FEATURES = 3, 4, 12
ORDERS = {"l1": 1, "l2": 2}
BETAS = [-0.5, 0, 0.5, 1, 1.5, 2, 3]
of_each_beta = pytest.mark.parametrize("beta", BETAS)


@pytest.fixture(autouse=True)
def shared_programs(few_programs):
    """Small data of this module has one shape."""


@pytest.fixture
def X():
    return draw(0)


def draw(seed, n_frames=40):
    """Templates that decay, at random times, and a little noise."""
    rng = np.random.default_rng(seed)
    W = rng.gamma(0.1, size=(n_frames, K))
    H = rng.gamma(0.5, size=(K, 1, N_FEATURES)) * 0.6 ** np.arange(TAPS)[:, None]
    return reconstructed(W, H) + 0.05 * rng.random((n_frames, N_FEATURES)) + 0.01


def plain(n_components=K, **parameters):
    """Without a penalty."""
    return ConvNMF(n_components, **{"template_length": TAPS, "sparsity": 0, **parameters})


def start(X, seed=1):
    rng = np.random.default_rng(seed)
    level = np.sqrt(X.mean())
    W, H = rng.uniform(0.1, 1, (len(X), K)), rng.uniform(0.1, 1, (K, TAPS, X.shape[1]))
    return {"W": (level * W).astype(X.dtype), "H": (level * H).astype(X.dtype)}


def reconstructed(W, H):
    """The model of one recording, as a sum of delayed products."""
    Y = np.zeros((len(W), H.shape[2]))
    for tap in range(min(H.shape[1], len(W))):
        Y[tap:] += W[: len(W) - tap] @ H[:, tap]
    return Y


def folded(G, H):
    """The transpose of the sum above, in W."""
    return sum(np.pad(G[tap:], ((0, tap), (0, 0))) @ H[:, tap].T for tap in range(H.shape[1]))


def correlated(W, G, taps):
    """The transpose of the sum above, in H."""
    return np.stack([W[: len(W) - tap].T @ G[tap:] for tap in range(taps)], axis=1)


def divergence(X, Y, beta):
    if beta == 1:
        return (X * np.log(X / Y) - X + Y).sum()
    if beta == 0:
        return (X / Y - np.log(X / Y) - 1).sum()
    terms = X**beta + (beta - 1) * Y**beta - beta * X * Y ** (beta - 1)
    return terms.sum() / (beta * (beta - 1))


def norms_of(H, norm):
    return np.linalg.norm(np.asarray(H).reshape(len(H), -1), ORDERS[norm], axis=1)


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**16),
    beta=st.sampled_from(BETAS),
    sparsity=st.sampled_from([0, 0.01, 0.3, 5]),
    norm=st.sampled_from(["l1", "l2"]),
    solver=st.sampled_from(["mu", "auto"]),
    level=st.sampled_from([1e-8, 1, 1e8]),
    weighted=st.booleans(),
    lengths=st.sampled_from([[40], [25, 1, 14]]),
)
def test_the_objective_never_rises(seed, beta, sparsity, norm, solver, level, weighted, lengths):
    X = level * draw(seed)
    weights = np.random.default_rng(seed).uniform(0, 2, X.shape) if weighted else None
    model = ConvNMF(
        K,
        template_length=TAPS,
        init="custom",
        beta_loss=beta,
        sparsity=sparsity,
        norm=norm,
        solver=solver,
        tol=0,
        max_iter=40,
    )
    W = model.fit_transform(X, **start(X, seed), weights=weights, lengths=lengths)
    losses, H = model.loss_curve_, model.components_
    assert (np.diff(losses) <= 1e-9 * losses[0]).all()
    norms = norms_of(H, norm)
    np.testing.assert_allclose(norms[norms > 0], 1, rtol=1e-9)
    if not weighted and model.n_iter_ % 10 == 0:
        parts = zip(*(np.split(A, np.cumsum(lengths)[:-1]) for A in (X, W)), strict=True)
        expected = sum(divergence(x, reconstructed(w, H), beta) for x, w in parts)
        expected += sparsity * X.mean() ** (beta - 1) * (W * norms).sum()
        np.testing.assert_allclose(losses[-1], expected, rtol=1e-6, atol=1e-9 * losses[0])


def reference(X, W, H, beta, weight, order, n_iter):
    """Majorize-minimize updates of all taps at once, written down as they stand in the papers."""
    for _ in range(n_iter):
        Y, norms = reconstructed(W, H), np.linalg.norm(H.reshape(K, -1), order, axis=1)
        parts = folded(X * Y ** (beta - 2), H), folded(Y ** (beta - 1), H)
        W = reference_step(W, *parts, weight * norms, 0, beta)
        Y, sums = reconstructed(W, H), weight * W.sum(axis=0)[:, None, None]
        parts = (correlated(W, P, TAPS) for P in (X * Y ** (beta - 2), Y ** (beta - 1)))
        linear, quadratic = (sums, 0) if order == 1 else (0, sums / norms[:, None, None])
        H = reference_step(H, *parts, linear, quadratic, beta)
    return W, H


@pytest.mark.parametrize("norm", ["l1", "l2"])
@pytest.mark.parametrize("sparsity", [0, 0.2])
@of_each_beta
def test_updates_are_those_of_the_papers(X, beta, sparsity, norm):
    model = ConvNMF(
        K,
        template_length=TAPS,
        init="custom",
        solver="mu",
        beta_loss=beta,
        sparsity=sparsity,
        norm=norm,
        tol=0,
        max_iter=5,
    )
    W = model.fit_transform(X, **start(X))
    weight = sparsity * X.mean() ** (beta - 1)
    W_expected, H_expected = reference(X, *start(X).values(), beta, weight, ORDERS[norm], 5)
    level = norms_of(H_expected, norm)
    np.testing.assert_allclose(W, W_expected * level, rtol=1e-6)
    np.testing.assert_allclose(model.components_, H_expected / level[:, None, None], rtol=1e-6)


@pytest.mark.parametrize("solver", ["mu", "auto"])
@of_each_beta
def test_one_tap_is_an_nmf(X, beta, solver):
    if beta == 2 and solver == "auto":
        pytest.skip("BetaNMF then descends by coordinates")
    settings = {"init": "custom", "solver": solver, "beta_loss": beta, "tol": 0, "max_iter": 35}
    W, H = start(X)["W"], start(X)["H"][:, 0]
    peer = BetaNMF(K, **settings)
    expected = peer.fit_transform(X, W=W, H=H) @ peer.components_
    model = plain(template_length=1, **settings)
    found = model.fit_transform(X, W=W, H=H[:, None])
    np.testing.assert_allclose(found @ model.components_[:, 0], expected, rtol=1e-9)
    np.testing.assert_allclose(model.reconstruction_err_, peer.reconstruction_err_, rtol=1e-9)
    np.testing.assert_allclose(model.loss_curve_, peer.loss_curve_, rtol=1e-9)


@pytest.mark.parametrize("norm", ["l1", "l2"])
@pytest.mark.parametrize("beta", [0, 0.5, 1])
def test_one_tap_with_sparsity_is_a_sparse_nmf(X, beta, norm):
    settings = {"sparsity": 0.3, "norm": norm, "beta_loss": beta, "random_state": 0, "tol": 0}
    peer = SparseNMF(K, init="random", **settings).fit(X)
    model = ConvNMF(K, template_length=1, **settings).fit(X)
    np.testing.assert_allclose(model.components_[:, 0], peer.components_, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(model.loss_curve_, peer.loss_curve_, rtol=1e-9)
    assert model.penalty_ == peer.penalty_


@pytest.mark.parametrize("beta", [0, 0.5, 1, 1.5, 2])
def test_torchnmf_does_the_same(X, beta):
    torch = pytest.importorskip("torch")
    nmf = pytest.importorskip("torchnmf.nmf")
    # Both take these for what they are: torchnmf makes its factors in float32.
    factors = {name: A.astype(float) for name, A in start(X.astype(np.float32)).items()}
    # It lets no template end after the data: its activations are shorter.
    n_onsets = len(X) - TAPS + 1
    factors["W"][n_onsets:] = 0

    def templates(n_iter, **options):
        """From the same start, of the shape of ours; torchnmf updates them first."""
        peer = nmf.NMFD(
            W=torch.tensor(factors["H"].transpose(2, 0, 1).copy()),
            H=torch.tensor(factors["W"][:n_onsets].T[None].copy()),
            **options,
        ).double()
        peer.fit(torch.tensor(X.T[None].copy()), beta=beta, tol=0, max_iter=n_iter)
        return peer.W.detach().numpy().transpose(1, 2, 0)

    expected = templates(8)
    factors["H"] = templates(1, trainable_H=False)
    model = plain(init="custom", solver="mu", beta_loss=beta, tol=0)
    model.set_params(max_iter=7).fit(X, **factors)
    expected /= norms_of(expected, "l2")[:, None, None]
    np.testing.assert_allclose(model.components_, expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("solver", ["mu", "auto", "averaged"])
def test_levels_do_not_matter(X, solver):
    model = plain(solver=solver, random_state=0, tol=0, max_iter=30)
    if solver != "averaged":
        model.set_params(sparsity=0.2)
    W, H = model.fit_transform(X), model.components_
    louder = model.fit_transform(1e6 * X)
    np.testing.assert_allclose(louder, 1e6 * W, rtol=1e-6, atol=1e-9 * louder.max())
    np.testing.assert_allclose(model.components_, H, rtol=1e-6, atol=1e-9)


def test_silence_before_a_recording_changes_nothing(X):
    model = plain(init="custom", tol=0, max_iter=30)
    factors = start(X)
    W, H = model.fit_transform(X, **factors), model.components_
    later = np.pad(X, ((5, 0), (0, 0)))
    factors["W"] = np.pad(factors["W"], ((5, 0), (0, 0)))
    shifted = model.fit_transform(later, **factors)
    np.testing.assert_allclose(model.components_, H, rtol=1e-6)
    np.testing.assert_allclose(shifted[5:], W, rtol=1e-6, atol=1e-12)
    assert (shifted[:5] == 0).all()


@pytest.mark.parametrize("beta", [1, 1.5, 2])
@pytest.mark.parametrize("sparsity", [0, 0.3])
def test_transform_minimizes_over_the_activations(X, beta, sparsity):
    model = ConvNMF(
        K, template_length=TAPS, beta_loss=beta, sparsity=sparsity, random_state=0, tol=0
    )
    model.fit(X).set_params(max_iter=3000)
    H, new = model.components_, draw(9, 20)
    price = model.penalty_ * norms_of(H, "l2")

    def objective(w):
        W = w.reshape(-1, K)
        Y = reconstructed(W, H) + 1e-12
        slope = folded(Y ** (beta - 1) - new * Y ** (beta - 2), H) + price
        return divergence(new, Y, beta) + (W * price).sum(), slope.ravel()

    bounds = [(0, None)] * (len(new) * K)
    best = scipy.optimize.minimize(
        objective, np.full(len(bounds), 0.1), jac=True, bounds=bounds, options={"maxiter": 5000}
    )
    found, _ = objective(model.transform(new).ravel())
    assert found <= best.fun * (1 + 1e-5)


def test_fit_transform_is_fit_and_transform(X):
    model = plain(random_state=0)
    W = model.fit_transform(X)
    np.testing.assert_array_equal(W, model.transform(X))
    np.testing.assert_allclose(
        model.inverse_transform(W), reconstructed(W, model.components_), rtol=1e-9
    )


def test_recordings_do_not_reach_into_each_other(X):
    model = plain(random_state=0, tol=0, max_iter=30)
    lengths = [25, 1, 14]
    W = model.fit_transform(X, lengths=lengths)
    each = np.split(X, np.cumsum(lengths)[:-1])
    alone = np.concatenate([model.transform(one) for one in each])
    # Those that are solved for together add up in another order.
    np.testing.assert_allclose(W, alone, rtol=1e-9, atol=1e-12)
    assert np.abs(W - model.transform(X)).max() > 1e-3
    models = [reconstructed(one, model.components_) for one in np.split(W, [25, 26])]
    Y = model.inverse_transform(W, lengths=lengths)
    np.testing.assert_allclose(Y, np.concatenate(models), rtol=1e-9)
    expected = -divergence(X, Y, 1) / X.size
    assert model.score(X, lengths=lengths) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("kind", "solver", "beta"),
    [
        *itertools.product([np.asarray], ["auto", "mu"], [0, 1, 2]),
        (jnp.asarray, "auto", 1),
        (jnp.asarray, "mu", 2),
    ],
)
def test_recordings_together_end_as_each_does_alone(X, kind, solver, beta, monkeypatch):
    """Levels, lengths, gaps and silence differ; they are more than fit into one program."""
    rng = np.random.default_rng(0)
    # Every length takes a program of its own where arrays are JAX's.
    lengths = rng.choice([1, 2, 7, 16, 23, 32, 39], 37)
    rows = np.concatenate([X[:length] * 10 ** rng.uniform(-3, 3) for length in lengths])
    starts = np.cumsum(lengths) - lengths
    rows[starts[5] : starts[5] + lengths[5]] = 0
    rows[starts[7]] = np.nan
    options = {"solver": solver, "beta_loss": beta, "tol": 1e-3, "random_state": 0}
    model = ConvNMF(K, template_length=TAPS, max_iter=1000, **options).fit(X)
    frame = 3 * N_FEATURES + 2 * K * TAPS
    monkeypatch.setattr(_recording_base, "_VALUES_AT_ONCE", 4 * 40 * frame)
    sizes = []
    solve = SideBySide.solve
    monkeypatch.setattr(SideBySide, "solve", lambda *a: sizes.append(len(a[1])) or solve(*a))
    with jax.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = np.asarray(model.transform(kind(rows), lengths=lengths.tolist()))
        assert set(sizes) == {4}
        assert sum(sizes) > 20
        alone = [np.asarray(model.transform(kind(one))) for one in np.split(rows, starts[1:])]
    for place, (one, expected) in enumerate(zip(np.split(found, starts[1:]), alone, strict=True)):
        level = np.abs(expected).max()
        np.testing.assert_allclose(one, expected, rtol=1e-6, atol=1e-9 * level, err_msg=str(place))
    assert (found[starts[5] : starts[5] + lengths[5]] == 0).all()


def test_axes_before_the_last_two_count_recordings(X):
    model = plain(random_state=0, tol=0, max_iter=30)
    W = model.fit_transform(X, lengths=[20, 20])
    H = model.components_
    stacked = X.reshape(2, 1, 20, -1)
    found = model.fit_transform(stacked)
    assert found.shape == (2, 1, 20, K)
    np.testing.assert_array_equal(found.reshape(40, K), W)
    np.testing.assert_array_equal(model.components_, H)
    Y = model.inverse_transform(found)
    assert Y.shape == stacked.shape
    np.testing.assert_array_equal(Y.reshape(X.shape), model.inverse_transform(W, [20, 20]))
    assert model.score(stacked) == model.score(X, lengths=[20, 20])


def test_a_gap_is_explained_by_what_is_around_it():
    rng = np.random.default_rng(0)
    H = rng.gamma(0.5, size=(2, TAPS, N_FEATURES)) + 0.01
    W = np.zeros((60, 2))
    W[np.arange(3, 55, 7), np.arange(8) % 2] = 1
    X = reconstructed(W, H)
    gap = X.copy()
    gap[25:27] = np.nan  # in the midst of a template
    model = plain(2, fixed_components=H, tol=0, max_iter=1000)
    guess = model.inverse_transform(model.fit_transform(gap))
    np.testing.assert_allclose(guess[25:27], X[25:27], atol=1e-3)
    assert model.score(gap, X) > -1e-4


def test_what_does_not_count_has_no_influence(X):
    model = plain(random_state=0, tol=0, max_iter=30)
    weights = np.ones_like(X)
    weights[5:9, 2] = 0
    W, H = model.fit_transform(X, weights=weights), model.components_
    X[5:9, 2] = np.nan
    np.testing.assert_array_equal(model.fit_transform(X), W)
    np.testing.assert_array_equal(model.components_, H)


def test_known_templates_are_held(X):
    known = start(X)["H"][:1]
    model = plain(fixed_components=known, random_state=0).fit(X)
    np.testing.assert_array_equal(model.components_[:1], known)
    np.testing.assert_allclose(norms_of(model.components_[1:], "l2"), 1)
    all_known = plain(1, fixed_components=known).fit(X)
    np.testing.assert_array_equal(all_known.components_, known)
    Y = all_known.inverse_transform(all_known.transform(X))
    error = np.sqrt(2 * divergence(X, Y, 1))
    assert all_known.reconstruction_err_ == pytest.approx(error, rel=1e-6)


def test_zeros_of_a_custom_start_stay(X):
    factors = start(X)
    onsets = np.zeros((len(X), K), bool)
    onsets[::5] = True
    factors["W"] *= onsets
    factors["H"][0, :, 6:] = 0
    model = plain(init="custom", tol=0, max_iter=30)
    W = model.fit_transform(X, **factors)
    assert (W[~onsets] == 0).all()
    assert (W[onsets] > 0).any()
    assert (model.components_[0, :, 6:] == 0).all()


def test_one_factor_of_a_custom_start_is_enough(X):
    model = plain(init="custom", random_state=0, max_iter=1, tol=0)
    for name, factor in start(X).items():
        model.fit(X, **{name: factor})
        # The other one is drawn at the level of the data.
        assert model.loss_curve_[0] < 5 * divergence(X, np.full_like(X, X.mean()), 1)


def test_the_average_of_ratios_can_raise_the_objective(X):
    settings = {"beta_loss": 2, "tol": 0, "max_iter": 150}
    averaged = [plain(solver="averaged", random_state=seed, **settings).fit(X) for seed in range(5)]
    assert max(np.diff(model.loss_curve_).max() for model in averaged) > 0
    exact = [plain(solver="mu", random_state=seed, **settings).fit(X) for seed in range(5)]
    ends = [[model.loss_curve_[-1] for model in models] for models in (averaged, exact)]
    assert np.mean(ends[0]) > np.mean(ends[1])


def test_sparsity_thins_out_activations(X):
    def busy(sparsity):
        model = plain(sparsity=sparsity, random_state=0, max_iter=500)
        W = model.fit_transform(X)
        return (1e-2 * W.max() < W).mean()

    shares = [busy(sparsity) for sparsity in (0, 0.3, 3)]
    assert shares[0] > shares[1] > shares[2]


@pytest.mark.parametrize("beta", [0, 1, 2])
def test_less_data_than_a_template(beta):
    X = draw(0)[:2]
    model = plain(2, beta_loss=beta, random_state=0, max_iter=500)
    W = model.fit_transform(X)
    assert (model.components_[:, 2:] == 0).all()
    np.testing.assert_allclose(model.inverse_transform(W), X, rtol=0.2)


@pytest.mark.parametrize("beta", [0, 1, 2])
def test_silence(beta):
    X = np.zeros((10, N_FEATURES))
    model = plain(beta_loss=beta, random_state=0)
    W = model.fit_transform(X)
    assert model.n_iter_ < model.max_iter
    assert (W == 0).all()
    assert np.isfinite(model.components_).all()
    assert model.reconstruction_err_ == 0
    model.set_params(tol=0, max_iter=20).fit(draw(0))
    assert (model.transform(X) == 0).all()


def test_float32_and_jax(X):
    model = plain(random_state=0, max_iter=50, tol=0)
    W, H = model.fit_transform(X), model.components_
    single = model.fit_transform(X.astype(np.float32))
    assert single.dtype == model.components_.dtype == np.float32
    np.testing.assert_allclose(single, W, atol=1e-4 * W.max())
    with jax.enable_x64(True):
        found = model.fit_transform(jnp.asarray(X), lengths=[40])
        assert isinstance(found, jax.Array)
        assert isinstance(model.components_, jax.Array)
        np.testing.assert_allclose(found, W, atol=1e-9)
        np.testing.assert_allclose(model.components_, H, atol=1e-9)
        Y = model.inverse_transform(found)
        assert isinstance(Y, jax.Array)
        assert model.score(jnp.asarray(X)) == pytest.approx(model.score(X))
    np.testing.assert_allclose(Y, model.inverse_transform(W), atol=1e-9)


def test_the_best_of_several_starts_is_kept(X):
    settings = {"template_length": TAPS, "max_iter": 20, "tol": 0}
    rng = np.random.RandomState(0)
    losses = [ConvNMF(K, random_state=rng, **settings).fit(X).loss_curve_[-1] for _ in range(4)]
    best = ConvNMF(K, n_init=4, random_state=np.random.RandomState(0), **settings).fit(X)
    assert best.loss_curve_[-1] == pytest.approx(min(losses), rel=1e-9)


def test_a_recording_that_was_not_observed_warns(X):
    model = plain(random_state=0, tol=0, max_iter=20).fit(X)
    gap = X.copy()
    gap[10:25] = np.nan
    with pytest.warns(UserWarning, match="Recording 1 of X has no observed entry"):
        W = model.transform(gap, lengths=[10, 15, 15])
    assert (W[10:25] == 0).all()
    assert (W[:10] > 0).any()


def test_what_was_learned_decides_on_the_penalty(X):
    model = ConvNMF(K, template_length=TAPS, random_state=0, tol=0, max_iter=20)
    W = model.fit_transform(X)
    np.testing.assert_array_equal(model.set_params(sparsity=5).transform(X), W)
    model.set_params(solver="averaged")
    with pytest.raises(ValueError, match="does not handle sparsity"):
        model.transform(X)


def test_the_level_of_a_template_does_not_matter(X):
    H = start(X)["H"]
    model = plain(fixed_components=H, tol=0, max_iter=15).fit(X)
    louder = plain(fixed_components=H * [[[1]], [[1e3]], [[1e-3]]], tol=0, max_iter=15).fit(X)
    expected = model.inverse_transform(model.transform(X))
    np.testing.assert_allclose(louder.inverse_transform(louder.transform(X)), expected)


@pytest.mark.parametrize("shape", [(3,), (0, 3)])
def test_activations_of_nothing_are_refused(X, shape):
    model = plain(tol=0, max_iter=5).fit(X)
    with pytest.raises(ValueError, match="Activations must have shape"):
        model.inverse_transform(np.ones(shape))


@pytest.mark.parametrize(
    ("settings", "arguments", "error", "message"),
    [
        ({"template_length": 0}, {}, ValueError, "'template_length' parameter"),
        ({"init": "nndsvd"}, {}, ValueError, "'init' parameter"),
        ({"solver": "cd"}, {}, ValueError, "'solver' parameter"),
        ({"solver": "averaged", "sparsity": 1}, {}, ValueError, "does not handle sparsity=1"),
        ({}, {"lengths": [20, 10]}, ValueError, "sum to the 40 rows of X, got .*sum to 30"),
        ({}, {"lengths": [41, -1]}, ValueError, "must be positive"),
        ({}, {"lengths": [20.0, 20.0]}, TypeError, "list of integers"),
        ({}, {"lengths": 40}, TypeError, "list of integers"),
        ({}, {"lengths": [[40], [1, 2]]}, TypeError, "list of integers"),
        ({}, {"lengths": []}, ValueError, "must be positive"),
        ({"init": "custom"}, {"H": np.ones((K, 2, N_FEATURES))}, ValueError, "second dimension"),
        ({"init": "custom"}, {"H": np.ones((K, TAPS, 5))}, ValueError, "third dimension"),
        ({"init": "custom"}, {"H": np.ones((K, N_FEATURES))}, ValueError, "2 axes .*shape"),
        ({"init": "custom"}, {"W": np.ones((7, K))}, ValueError, "first dimension"),
        ({"fixed_components": np.ones((1, 2, 12))}, {}, ValueError, r"of shape \(4, 12\)"),
        ({"fixed_components": np.ones((1, TAPS, 5))}, {}, ValueError, "5 features, but X has 12"),
    ],
)
def test_refusals(X, settings, arguments, error, message):
    model = ConvNMF(**{"n_components": K, "template_length": TAPS, **settings})
    with pytest.raises(error, match=message):
        model.fit(X, **arguments)
    assert not hasattr(model, "components_")


def test_sparse_data_are_refused(X):
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        ConvNMF().fit(sp.csr_array(X))


def test_a_list_of_recordings_is_told_how(X):
    recordings = [X[:10], X[10:]]
    with pytest.raises(ValueError, match=r"pass np.concatenate\(X\), and lengths="):
        ConvNMF().fit(recordings)
    model = plain(random_state=0, tol=0, max_iter=5)
    model.fit(np.concatenate(recordings), lengths=[len(one) for one in recordings])
    np.testing.assert_array_equal(model.transform(X.tolist()), model.transform(X))


def test_lengths_are_for_matrices(X):
    with pytest.raises(ValueError, match="Leave lengths out"):
        ConvNMF().fit(X.reshape(2, 20, -1), lengths=[20, 20])
