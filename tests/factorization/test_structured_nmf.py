"""StructuredNMF: its objective and updates, its limits, and what its options do."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from skbss import STFT, BetaNMF, Separator, StructuredNMF
from skbss.datasets import load_piano_notes
from skbss.factorization._side_by_side import SideBySide

K, N_FEATURES = 4, 15
BETAS = [-0.5, 0, 0.5, 1, 1.5, 2, 3]
OPTIONS = {"smoothness": 0.3, "orthogonality": 0.1, "group_sparsity": 0.02, "volume": 0.01}
of_each_beta = pytest.mark.parametrize("beta", BETAS)
of_each_solver = pytest.mark.parametrize("solver", ["mu", "auto"])


@pytest.fixture(autouse=True)
def shared_programs(few_programs):
    """Small data of this module has one shape."""


@pytest.fixture
def X():
    return draw(0)


def draw(seed, n_frames=40):
    rng = np.random.default_rng(seed)
    return rng.gamma(0.3, size=(n_frames, K)) @ rng.random((K, N_FEATURES)) + 0.01


def start(X, seed=1):
    rng = np.random.default_rng(seed)
    level = np.sqrt(X.mean())
    W, H = rng.uniform(0.1, 1, (len(X), K)), rng.uniform(0.1, 1, (K, X.shape[1]))
    return {"W": (level * W).astype(X.dtype), "H": (level * H).astype(X.dtype)}


def structured(n_components=K, **parameters):
    """Two groups, and as many iterations as said."""
    return StructuredNMF(n_components, **{"groups": 2, "tol": 0, "max_iter": 30, **parameters})


def divergence(X, Y, beta):
    if beta == 1:
        return (X * np.log(X / Y) - X + Y).sum()
    if beta == 0:
        return (X / Y - np.log(X / Y) - 1).sum()
    terms = X**beta + (beta - 1) * Y**beta - beta * X * Y ** (beta - 1)
    return terms.sum() / (beta * (beta - 1))


def penalty(W, H, lengths, level, beta, *, smoothness, orthogonality, group_sparsity, volume):
    """Written down as it stands, for components of any level and two groups of neighbors."""
    (N, n), F = W.shape, H.shape[1]
    recordings = np.split(W, np.cumsum(lengths)[:-1])
    changes = sum((np.diff(one, axis=0) ** 2).sum(axis=0) for one in recordings)
    spectra = W.sum(axis=0)[:, None] * H
    overlap = sum(spectra[k] @ spectra[m] for k, m in itertools.combinations(range(n), 2))
    used = (W * H.sum(axis=1)).reshape(N, 2, n // 2).sum(axis=2)
    unit = H / H.sum(axis=1, keepdims=True)
    _, log_volume = np.linalg.slogdet(np.eye(n) + F / 0.1 * unit @ unit.T)
    return (
        smoothness * level ** (beta - 2) * (changes * (H**2).sum(axis=1)).sum()
        + orthogonality * level ** (beta - 2) / N * overlap
        + group_sparsity * F * level**beta * np.log(1 + used / (0.01 * F * level)).sum()
        + volume * N * F * level**beta * log_volume
    )


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**16),
    beta=st.sampled_from(BETAS),
    on=st.sets(st.sampled_from(sorted(OPTIONS)), min_size=1),
    strength=st.sampled_from([0.1, 1, 10]),
    solver=st.sampled_from(["mu", "auto"]),
    level=st.sampled_from([1e-8, 1, 1e8]),
    weighted=st.booleans(),
    lengths=st.sampled_from([[40], [25, 1, 14]]),
)
def test_the_objective_never_rises(seed, beta, on, strength, solver, level, weighted, lengths):
    X = level * draw(seed)
    weights = np.random.default_rng(seed).uniform(0, 2, X.shape) if weighted else None
    strengths = {name: strength * value * (name in on) for name, value in OPTIONS.items()}
    model = structured(init="custom", beta_loss=beta, solver=solver, **strengths)
    W = model.fit_transform(X, **start(X, seed), weights=weights, lengths=lengths)
    losses, H = model.loss_curve_, model.components_
    assert (np.diff(losses) <= 1e-9 * losses[0]).all()
    sums = H.sum(axis=1)
    np.testing.assert_allclose(sums[sums > 0], 1, rtol=1e-9)
    if not weighted and (sums > 0).all():
        expected = divergence(X, W @ H, beta)
        expected += penalty(W, H, lengths, X.mean(), beta, **strengths)
        np.testing.assert_allclose(losses[-1], expected, rtol=1e-6, atol=1e-9 * losses[0])


def reference(X, W, H, beta, mu, nu, rho, n_iter):
    """The rule of all bounds together, written down for factors of any level."""
    exponent = 1 / max(3 - beta if mu or nu else max(1, 2 - beta), beta - 1)
    offset = 0.01 * X.shape[1]

    def step(A, numerator, denominator, linear, slope, credit):
        if beta == 1 and np.any(slope):
            rest = denominator + linear - credit
            return A * (np.sqrt(rest**2 + 4 * slope * numerator) - rest) / (2 * slope)
        quotient = (numerator + credit) / (denominator + linear + slope)
        return A * quotient**exponent

    def tangents(W, H):
        levels = (W * H.sum(axis=1)).reshape(len(W), 2, -1).sum(axis=2)
        return np.repeat(rho / (offset + levels), K // 2, axis=1)

    others = 1 - np.eye(K)
    for _ in range(n_iter):
        Y, power = W @ H, (H**2).sum(axis=1)
        neighbors = np.pad(W, ((1, 1), (0, 0)))
        neighbors = neighbors[:-2] + neighbors[2:]
        degree = np.full((len(W), 1), 2)
        degree[[0, -1]] = 1
        W = step(
            W,
            (X * Y ** (beta - 2)) @ H.T,
            Y ** (beta - 1) @ H.T,
            tangents(W, H) * H.sum(axis=1),
            4 * mu * power * degree * W + nu * (others * (H @ H.T)) @ W.sum(axis=0),
            2 * mu * power * (degree * W + neighbors),
        )
        Y, uses = W @ H, W.sum(axis=0)[:, None]
        H = step(
            H,
            W.T @ (X * Y ** (beta - 2)),
            W.T @ Y ** (beta - 1),
            (W * tangents(W, H)).sum(axis=0)[:, None],
            2 * mu * (np.diff(W, axis=0) ** 2).sum(axis=0)[:, None] * H
            + nu * uses * (others @ (uses * H)),
            0,
        )
    return W @ H


@pytest.mark.parametrize("on", ["smoothness", "orthogonality", "group_sparsity", "all"])
@of_each_beta
def test_updates_are_those_of_the_bounds(X, beta, on):
    X = X / X.mean()
    strengths = {
        name: value
        for name, value in OPTIONS.items()
        if name in (on, *(["smoothness", "orthogonality", "group_sparsity"] * (on == "all")))
    }
    model = structured(init="custom", beta_loss=beta, solver="mu", max_iter=8, **strengths)
    found = model.fit_transform(X, **start(X)) @ model.components_
    weights = [strengths.get(name, 0) for name in ("smoothness", "orthogonality")]
    weights[1] /= len(X)
    rho = strengths.get("group_sparsity", 0) * X.shape[1]
    expected = reference(X, *start(X).values(), beta, *weights, rho, 8)
    np.testing.assert_allclose(found, expected, rtol=1e-8)


@of_each_solver
@of_each_beta
def test_without_structure_it_is_beta_nmf(X, beta, solver):
    settings = {"init": "custom", "beta_loss": beta, "solver": solver, "tol": 0, "max_iter": 25}
    plain, model = BetaNMF(K, **settings), StructuredNMF(K, **settings)
    for n_iter in (1, 25):
        products = [
            one.set_params(max_iter=n_iter).fit_transform(X, **start(X)) @ one.components_
            for one in (plain, model)
        ]
        np.testing.assert_allclose(*products, rtol=1e-10)
    np.testing.assert_allclose(plain.loss_curve_, model.loss_curve_, rtol=1e-10)
    assert model.penalties_ == {}


@of_each_solver
@pytest.mark.parametrize("option", ["smoothness", "orthogonality", "group_sparsity"])
def test_hardly_any_structure_hardly_matters(X, option, solver):
    # For beta 1 the steps become those without a penalty, for others their exponent changes.
    models = [structured(init="custom", solver=solver, **{option: s}) for s in (0, 1e-12)]
    found = [model.fit_transform(X, **start(X)) @ model.components_ for model in models]
    np.testing.assert_allclose(*found, rtol=1e-6)


@of_each_solver
@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("beta", [0, 1, 2])
def test_levels_do_not_matter(X, beta, option, solver):
    model = structured(init="custom", beta_loss=beta, solver=solver, max_iter=20)
    model.set_params(**{option: OPTIONS[option]})
    W, H = start(X).values()
    expected = model.fit_transform(X, W=W, H=H), model.components_
    gains = np.array([0.1, 1, 3, 20])
    again = model.fit_transform(X, W=W * gains, H=H / gains[:, None]), model.components_
    louder = model.fit_transform(1e4 * X, W=100 * W, H=100 * H) / 1e4, model.components_
    new, louder_new = model.transform(1e4 * X) / 1e4, model.penalties_
    for found in (again, louder):
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-7, atol=1e-9)
    model.fit(X, W=W, H=H)
    np.testing.assert_allclose(new, model.transform(X), rtol=1e-6, atol=1e-8)
    power = beta - 2 if option in ("smoothness", "orthogonality") else beta
    assert louder_new[option] == pytest.approx(model.penalties_[option] * 1e4**power)


@pytest.mark.parametrize("level", [1e-200, 1e200])
def test_levels_beyond_all_powers(X, level):
    model = structured(init="random", random_state=0, smoothness=0.3, group_sparsity=0.02)
    W = model.fit_transform(X)
    found = model.fit_transform(level * X)
    np.testing.assert_allclose(found / level, W, rtol=1e-6, atol=1e-8)


@of_each_solver
@pytest.mark.parametrize("beta", [0, 1, 2])
def test_time_has_no_direction(X, beta, solver):
    model = structured(init="custom", beta_loss=beta, solver=solver, smoothness=1)
    factors = start(X)
    W, H = model.fit_transform(X, **factors), model.components_
    factors["W"] = factors["W"][::-1].copy()
    reversed_W = model.fit_transform(X[::-1].copy(), **factors)
    np.testing.assert_allclose(reversed_W[::-1], W, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(model.components_, H, rtol=1e-9, atol=1e-12)


def test_recordings_do_not_reach_into_each_other(X):
    model = structured(smoothness=1, random_state=0, init="random")
    lengths = [25, 1, 14]
    W = model.fit_transform(X, lengths=lengths)
    each = np.split(X, np.cumsum(lengths)[:-1])
    np.testing.assert_array_equal(W, np.concatenate([model.transform(one) for one in each]))
    assert np.abs(W - model.transform(X)).max() > 1e-3 * W.max()
    expected = -divergence(X, W @ model.components_, 1) / X.size
    assert model.score(X, lengths=lengths) == pytest.approx(expected, rel=1e-6)
    # The order of recordings does not matter to what is learned.
    custom, factors = model.set_params(init="custom"), start(X)
    found = custom.fit_transform(X, **factors, lengths=lengths)
    order = np.concatenate([np.arange(26, 40), np.arange(26)])
    factors["W"] = factors["W"][order]
    other = custom.fit_transform(X[order], **factors, lengths=[14, 25, 1])
    np.testing.assert_allclose(other, found[order], rtol=1e-8, atol=1e-12)


def test_axes_before_the_last_two_count_recordings(X):
    model = structured(smoothness=1, random_state=0, init="random")
    W = model.fit_transform(X, lengths=[20, 20])
    stacked = model.fit_transform(X.reshape(2, 20, -1))
    assert stacked.shape == (2, 20, K)
    np.testing.assert_array_equal(stacked.reshape(40, K), W)


@pytest.mark.parametrize("beta", [0, 1, 2])
def test_much_smoothness_makes_activations_constant(beta):
    # Of one component, whose activations are then those of the mean.
    X = draw(0, 12)
    model = StructuredNMF(1, beta_loss=beta, smoothness=1e4, init="random", random_state=0, tol=0)
    model.set_params(max_iter=3000).fit(X, lengths=[6, 6])
    W = model.transform(X, lengths=[6, 6])
    for one in np.split(W, 2):
        np.testing.assert_allclose(one, one.mean(), rtol=0.01)
    # Recordings are as loud as they are.
    assert np.ptp(W) > 0.05 * W.mean()


@pytest.mark.parametrize("beta", [1, 1.5, 2])
def test_smooth_activations_are_the_minimum(X, beta):
    model = structured(beta_loss=beta, smoothness=0.1, init="random", random_state=0).fit(X)
    new, H = draw(9, 12), model.components_
    W = model.set_params(max_iter=5000).transform(new)
    weight = model.penalties_["smoothness"] * (H**2).sum(axis=1)

    def objective(w):
        W = w.reshape(-1, K)
        Y, changes = W @ H + 1e-12, np.diff(W, axis=0)
        slope = (Y ** (beta - 1) - new * Y ** (beta - 2)) @ H.T
        slope[1:] += 2 * weight * changes
        slope[:-1] -= 2 * weight * changes
        return divergence(new, Y, beta) + (weight * changes**2).sum(), slope.ravel()

    best = scipy.optimize.minimize(
        objective,
        np.full(W.size, 0.1),
        jac=True,
        bounds=[(0, None)] * W.size,
        options={"maxiter": 10000, "maxfun": 100000},
    )
    assert objective(W.ravel())[0] <= best.fun * (1 + 1e-5)


@pytest.mark.parametrize("beta", [0, 1, 2])
def test_activations_of_groups_are_stationary(X, beta):
    model = structured(beta_loss=beta, group_sparsity=0.02, init="random", random_state=0).fit(X)
    new, H = draw(9, 12), model.components_
    W = model.set_params(max_iter=20000).transform(new)
    levels = W.reshape(-1, 2, 2).sum(axis=2)
    price = model.penalties_["group_sparsity"] / (0.01 * N_FEATURES * model.level_ + levels)
    Y = W @ H
    slope = (Y ** (beta - 1) - new * Y ** (beta - 2)) @ H.T + np.repeat(price, 2, axis=1)
    size = Y ** (beta - 1) @ H.T
    used = 1e-3 * W.max() < W
    assert (np.abs(slope) < 1e-3 * size)[used].all()
    assert (slope > -1e-3 * size).all()


def test_a_frame_alone_is_as_among_others(X):
    model = structured(group_sparsity=0.02, init="random", random_state=0).fit(X)
    alone = np.concatenate([model.transform(X[n : n + 1]) for n in range(5)])
    np.testing.assert_allclose(model.transform(X)[:5], alone, rtol=1e-9, atol=1e-12)


def test_a_gap_is_explained_by_what_is_around_it():
    fades = 2 + np.sin(np.arange(60)[:, None] / [7, 11])
    X = fades @ np.random.default_rng(0).random((2, N_FEATURES))
    gap = X.copy()
    gap[30:33] = np.nan
    model = StructuredNMF(2, smoothness=0.01, init="random", random_state=0, tol=0, max_iter=2000)
    guess = model.inverse_transform(model.fit_transform(gap))
    np.testing.assert_allclose(guess[30:33], X[30:33], rtol=0.1)
    assert model.score(gap, X) > -1e-3
    silent = np.full((3, N_FEATURES), np.nan)
    with pytest.warns(UserWarning, match="Recording 1 of X has no observed entry"):
        W = model.transform(np.vstack([X, silent]), lengths=[60, 3])
    assert (W[60:] == 0).all()


def test_what_does_not_count_has_no_influence(X):
    model = structured(init="random", random_state=0, **OPTIONS)
    weights = np.ones_like(X)
    weights[5:9, 2] = 0
    W, H = model.fit_transform(X, weights=weights), model.components_
    X[5:9, 2] = np.nan
    np.testing.assert_array_equal(model.fit_transform(X), W)
    np.testing.assert_array_equal(model.components_, H)


def test_orthogonality_takes_components_apart(X):
    def overlap(orthogonality):
        model = structured(3, groups=None, orthogonality=orthogonality, init="random")
        H = model.set_params(random_state=0, max_iter=500).fit(X).components_
        H = H / np.linalg.norm(H, axis=1, keepdims=True)
        return (H @ H.T)[np.triu_indices(3, 1)].mean()

    shares = [overlap(strength) for strength in (0, 0.1, 1)]
    assert shares[0] > shares[1] > shares[2]


def test_group_sparsity_finds_the_groups():
    # Two sources of two components each, that take turns.
    rng = np.random.default_rng(0)
    H = rng.gamma(0.5, size=(4, 30))
    W = rng.gamma(1, size=(200, 2, 2)) * (np.arange(200)[:, None, None] // 10 % 2 == [[0], [1]])
    X = rng.poisson(50 * W.reshape(200, 4) @ H).astype(float) + 0.1
    used = []
    for strength in (0, 0.02):
        model = StructuredNMF(4, groups=[1, 0, 0, 1], group_sparsity=strength, n_init=4)
        found = model.set_params(init="random", random_state=0, max_iter=500).fit_transform(X)
        groups = np.stack([found[:, [0, 3]].sum(axis=1), found[:, [1, 2]].sum(axis=1)])
        used.append((groups.min(axis=0) / groups.sum(axis=0)).mean())
    assert used[1] < 0.01 < used[0]


def test_a_small_volume_finds_the_components():
    # No frame is pure: larger spectra would describe the data as well.
    rng = np.random.default_rng(0)
    truth = rng.random((3, 30))
    truth /= truth.sum(axis=1, keepdims=True)
    W = rng.dirichlet(np.ones(3), 400)
    W = W[W.max(axis=1) < 0.8]
    X = rng.poisson(1e4 * W @ truth).astype(float) + 0.01

    def similarity(volume):
        model = StructuredNMF(3, volume=volume, init="random", random_state=0, n_init=3, tol=0)
        H = model.set_params(max_iter=2000).fit(X).components_
        cosines = H @ truth.T / np.outer(*(np.linalg.norm(A, axis=1) for A in (H, truth)))
        return cosines.max(axis=0).min()

    assert 1 - similarity(1e-4) < 0.5 * (1 - similarity(0))


def test_components_that_are_known(X):
    known = np.random.default_rng(2).random((2, N_FEATURES))
    found = []
    for gains in ([1, 1], [0.01, 50]):
        fixed = known * np.array(gains)[:, None]
        model = structured(init="random", random_state=0, fixed_components=fixed, **OPTIONS)
        W = model.fit_transform(X)
        np.testing.assert_array_equal(model.components_[:2], fixed)
        np.testing.assert_allclose(model.components_[2:].sum(axis=1), 1)
        found.append(W @ model.components_)
    np.testing.assert_allclose(*found, rtol=0.02, atol=1e-3)
    all_known = structured(2, fixed_components=known, max_iter=500, **OPTIONS).fit(X)
    louder = structured(2, fixed_components=50 * known, max_iter=500, **OPTIONS).fit(X)
    np.testing.assert_array_equal(louder.components_, 50 * known)
    W = all_known.transform(X)
    np.testing.assert_allclose(W, 50 * louder.transform(X), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("beta", [0, 1, 2])
def test_silence_and_zeros(X, beta):
    X[3:6] = 0
    X[:, 4] = 0
    model = structured(beta_loss=beta, init="random", random_state=0, **OPTIONS)
    W = model.fit_transform(X)
    assert np.isfinite(W).all()
    assert np.isfinite(model.components_).all()
    silence = np.zeros((20, N_FEATURES))
    assert (model.transform(silence) == 0).all()
    W = model.fit_transform(silence)
    assert (W == 0).all()
    assert np.isfinite(model.components_).all()


@pytest.mark.parametrize(
    ("beta", "option"), [*((1, option) for option in OPTIONS), (0, "smoothness"), (2, "smoothness")]
)
def test_single_precision_and_jax_arrays(X, beta, option):
    given = {"beta_loss": beta, "init": "random", "random_state": 0, "solver": "mu"}
    model = structured(**given, **{option: OPTIONS[option]})
    W, H = model.fit_transform(X), model.components_
    for single in (X.astype(np.float32), jnp.asarray(X, jnp.float32)):
        found = model.fit_transform(single)
        assert isinstance(found, type(single))
        assert isinstance(model.components_, type(single))
        assert found.dtype == model.components_.dtype == np.float32
        np.testing.assert_allclose(found, W, rtol=2e-2, atol=2e-3 * W.max())
        np.testing.assert_allclose(model.components_, H, rtol=2e-2, atol=1e-3)


@pytest.mark.parametrize("beta", [0.5, 1, 2])
def test_sparse_data(X, beta):
    X = np.where(np.median(X) < X, X, 0)
    given = {"beta_loss": beta, "init": "random", "random_state": 0, **OPTIONS}
    dense, stored = structured(**given), structured(**given)
    W = dense.fit_transform(X, lengths=[30, 10])
    found = stored.fit_transform(sp.csr_array(X), lengths=[30, 10])
    np.testing.assert_allclose(found, W, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(stored.components_, dense.components_, rtol=1e-5, atol=1e-7)


def test_zeros_of_a_custom_start_stay(X):
    factors = start(X)
    factors["W"][::3, 1] = 0
    factors["H"][0, 6:] = 0
    model = structured(init="custom", **OPTIONS)
    W = model.fit_transform(X, **factors)
    assert (W[::3, 1] == 0).all()
    assert (model.components_[0, 6:] == 0).all()


def test_many_rows_are_learned_from_in_blocks():
    # More entries than fit into one block, where nothing hangs together.
    rng = np.random.default_rng(0)
    X = (rng.gamma(0.3, size=(70000, 3)) @ rng.random((3, 64)) + 0.01).astype(np.float32)
    given = {"orthogonality": 0.1, "group_sparsity": 0.01, "volume": 1e-3}
    model = StructuredNMF(3, init="random", random_state=0, tol=0, max_iter=10, **given).fit(X)
    losses = [model.loss_curve_]
    # A vanishing smoothness makes it one block.
    model.set_params(smoothness=1e-30).fit(X)
    losses.append(model.loss_curve_)
    assert losses[0][-1] < losses[0][0]
    np.testing.assert_allclose(*losses, rtol=1e-3)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"smoothness": -1}, "'smoothness' parameter of StructuredNMF must be a float in the"),
        ({"volume": -1}, "'volume' parameter of StructuredNMF must be a float in the range"),
        ({"solver": "cd"}, "'solver' parameter of StructuredNMF must be a str among"),
        ({"groups": 0}, "'groups' parameter of StructuredNMF must be an int in the range"),
        ({"groups": 5}, "groups=5 must be at most the number of components, 4"),
        ({"groups": [0, 1]}, r"of every component, of shape \(4,\); got shape \(2,\)"),
    ],
)
def test_wrong_parameters(X, parameters, message):
    with pytest.raises(ValueError, match=message):
        StructuredNMF(K, **{"group_sparsity": 0.1, **parameters}).fit(X)


def test_wrong_lengths_and_starts(X):
    with pytest.raises(ValueError, match="lengths must be positive and sum to the 40 rows"):
        structured(smoothness=1).fit(X, lengths=[20, 10])
    factors = start(X)
    factors["H"][2] = 0
    with pytest.raises(ValueError, match="Component 2 of the given H is all zeros"):
        structured(volume=0.1, init="custom").fit(X, **factors)


@pytest.mark.parametrize("option", OPTIONS)
def test_it_separates(option):
    clip = load_piano_notes()
    model = StructuredNMF(6, groups=3, init="random", random_state=0, tol=0, max_iter=20)
    model.set_params(**{option: OPTIONS[option]})
    separator = Separator(model, n_sources=3)
    estimates = separator.fit_transform(clip.mixture)
    assert estimates.shape == clip.sources.shape
    np.testing.assert_allclose(estimates.sum(axis=0), clip.mixture, atol=1e-4)
    supervised = Separator(model).fit(clip.mixture[None], clip.sources[None])
    assert supervised.transform(clip.mixture[None]).shape == clip.sources[None].shape


def test_clips_do_not_reach_into_each_other():
    mixtures = np.random.default_rng(0).standard_normal((2, 4000))
    mixtures[1, ::2] *= 3
    model = StructuredNMF(4, smoothness=3, init="random", random_state=0, tol=0, max_iter=20)
    separator = Separator(model, n_sources=2, stft=STFT(n_fft=256)).fit(mixtures)
    together = separator.transform(mixtures)
    for mixture, found in zip(mixtures, together, strict=True):
        np.testing.assert_allclose(separator.transform(mixture), found, atol=1e-9)
    joined = separator.transform(mixtures.reshape(-1))
    assert np.abs(joined - np.concatenate(together, axis=-1)).max() > 1e-3


@of_each_solver
@pytest.mark.parametrize("option", OPTIONS)
def test_it_ends_when_the_objective_does(X, option, solver):
    model = structured(solver=solver, init="random", random_state=0, tol=1e-3, max_iter=1000)
    roots = np.sqrt(model.set_params(**{option: 10 * OPTIONS[option]}).fit(X).loss_curve_)
    drops = -np.diff(roots) / roots[0]
    # With momentum it may have tried once more, from where it was.
    assert drops[-1] < 1e-3
    assert (drops[:-1] >= 1e-3).all() or solver == "auto"
    assert model.n_iter_ == 10 * len(drops) < 1000


def test_jax_arrays_stay(X):
    model = structured(init="random", random_state=0, **OPTIONS)
    W = model.fit_transform(jnp.asarray(X, jnp.float32))
    assert isinstance(model.inverse_transform(W), jax.Array)


@pytest.mark.parametrize("solver", ["auto", "mu"])
def test_recordings_together_end_as_each_does_alone(solver, monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.gamma(0.5, size=(20, 30, 3)) @ rng.gamma(0.5, size=(3, 12))
    X *= 10 ** rng.uniform(-3, 3, (20, 1, 1))
    options = {"smoothness": 0.1, "group_sparsity": 0.01, "solver": solver, "tol": 1e-3}
    model = StructuredNMF(3, max_iter=1000, random_state=0, **options).fit(X[:2])
    sizes = []
    solve = SideBySide.solve
    monkeypatch.setattr(SideBySide, "solve", lambda *a: sizes.append(len(a[1])) or solve(*a))
    found = model.transform(X)
    assert sizes == [16, 4]
    alone = np.stack([model.transform(one) for one in X])
    assert len(sizes) == 2
    level = alone.max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(found / level, alone / level, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("smoothness", [0, 0.1])
def test_a_list_of_recordings_is_told_how(smoothness):
    recordings = [np.ones((5, 3)), np.ones((4, 3))]
    with pytest.raises(ValueError, match=r"pass np.concatenate\(X\), and lengths"):
        StructuredNMF(smoothness=smoothness).fit(recordings)
