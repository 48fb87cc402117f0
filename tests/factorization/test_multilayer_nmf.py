"""MultilayerNMF: BetaNMF after BetaNMF; what both hierarchies promise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import linear_sum_assignment
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skbss import BetaNMF, DeepNMF, MultilayerNMF

pytestmark = pytest.mark.usefixtures("few_programs")

of_each = pytest.mark.parametrize("kind", [MultilayerNMF, DeepNMF])


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.gamma(0.3, size=(60, 6)) @ rng.gamma(0.3, size=(6, 14)) + 0.01


def planted(seed, counts):
    """Counts, their six parts in two families, which part is in which, and what a family adds."""
    rng = np.random.default_rng(seed)
    family = np.repeat([0, 1], 3)
    parts = (
        0.3 * rng.dirichlet(np.full(14, 0.2), 6) + 0.7 * rng.dirichlet(np.full(14, 0.2), 2)[family]
    )
    loud = rng.gamma(0.3, size=(200, 6))
    model = loud @ parts
    wholes = np.stack([loud[:, family == one].sum(axis=0) @ parts[family == one] for one in (0, 1)])
    return rng.poisson(counts * model / model.mean()).astype(float), parts, family, wholes


def likeness(A, B):
    """The mean cosine of rows of A with those of B that they are like, and which these are."""
    A, B = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (A, B))
    here, there = linear_sum_assignment(-A @ B.T)
    return (A @ B.T)[here, there].mean(), there


@pytest.mark.parametrize(("beta", "solver"), [(0, "mu"), (1, "auto"), (2, "cd")])
def test_one_level_is_beta_nmf(X, beta, solver):
    given = {"beta_loss": beta, "solver": solver, "random_state": 3, "init": "random", "tol": 0}
    for max_iter in (1, 12):
        one = MultilayerNMF(4, max_iter=max_iter, **given)
        other = BetaNMF(4, max_iter=max_iter, **given)
        one.fit(X)
        W = other._learn(X, None, None, None, None).W
        gains = one.components_.sum(axis=1) / other.components_.sum(axis=1)
        np.testing.assert_allclose(one.components_, gains[:, None] * other.components_, rtol=1e-12)
        np.testing.assert_allclose(one.layers_[0].activations, W / gains, rtol=1e-8, atol=1e-12)
        np.testing.assert_allclose(one.reconstruction_err_, other.reconstruction_err_, rtol=1e-10)
        assert one.n_iter_ == other.n_iter_ == max_iter
        np.testing.assert_array_equal(one.parents_, np.arange(4))


def test_each_level_is_beta_nmf_of_the_one_before(X):
    given = {"beta_loss": 1, "tol": 0, "max_iter": 20, "init": "nndsvda"}
    model = MultilayerNMF([6, 4, 2], **given).fit(X)
    data = X
    for rank, layer, loss in zip((6, 4, 2), model.layers_, model.level_losses_, strict=True):
        alone = BetaNMF(rank, **given).fit(data)
        gains = layer.components.sum(axis=1) / alone.components_.sum(axis=1)
        np.testing.assert_allclose(layer.components, gains[:, None] * alone.components_, rtol=1e-9)
        np.testing.assert_allclose(loss, alone.reconstruction_err_**2 / 2, rtol=1e-9)
        np.testing.assert_allclose(layer.activations.mean(axis=0), 1, rtol=1e-12)
        Y = layer.activations @ layer.components
        np.testing.assert_allclose(
            loss, (data * np.log(data / Y) - data + Y)[data > 0].sum() + Y[data == 0].sum()
        )
        # Kullback-Leibler's models keep sums: components are what they add to the mean row.
        np.testing.assert_allclose(layer.components.sum(axis=0), data.mean(axis=0), rtol=0.1)
        data = layer.components
    assert model.n_iter_ == 60


@of_each
def test_components_are_those_of_the_level(X, kind):
    models = [
        kind([6, 4, 2], level=level, random_state=0, max_iter=30, tol=0).fit(X)
        for level in (1, 2, 3)
    ]
    shares = np.eye(6)
    W = models[0].layers_[0].activations
    for level, model in enumerate(models):
        for one, other in zip(model.layers_, models[0].layers_, strict=True):
            np.testing.assert_array_equal(one.components, other.components)
        layer = model.layers_[level]
        if level:
            shares, W = shares @ layer.activations, W @ layer.activations
        assert model.components_ is layer.components
        assert model.n_components_ == len(layer.components) == len(model.parents_)
        assert model.transform(X[:5]).shape == (5, len(layer.components))
        Y = W @ model.components_
        divergence = (X * np.log(X / Y) - X + Y).sum()
        np.testing.assert_allclose(model.reconstruction_err_, np.sqrt(2 * divergence))
    np.testing.assert_array_equal(models[2].parents_, [0, 1])
    energies = shares * models[0].layers_[2].components.sum(axis=1)
    np.testing.assert_array_equal(models[0].parents_, energies.argmax(axis=1))


@of_each
def test_transform_solves_for_every_row(X, kind):
    model = kind([6, 2], random_state=0, max_iter=50, tol=0)
    W = model.fit_transform(X)
    np.testing.assert_array_equal(W, model.transform(X))
    np.testing.assert_allclose(W[7:9], model.transform(X[7:9]), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(model.inverse_transform(W), W @ model.components_)
    plain = BetaNMF(6, beta_loss=1, fixed_components=model.components_, max_iter=50, tol=0).fit(X)
    np.testing.assert_allclose(W, plain.transform(X), rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(model.score(X), plain.score(X))
    cube = model.transform(X.reshape(3, 20, 14))
    np.testing.assert_allclose(cube.reshape(60, 6), W, rtol=1e-9, atol=1e-12)
    assert list(model.get_feature_names_out()) == [f"{kind.__name__.lower()}{k}" for k in range(6)]


@of_each
@pytest.mark.parametrize("gain", [1e-25, 1e8])
def test_the_level_does_not_matter(X, kind, gain):
    given = {"n_components": [6, 4, 2], "random_state": 0, "tol": 0, "max_iter": 30}
    one, other = kind(**given).fit(X), kind(**given).fit(gain * X)
    for layer, scaled in zip(one.layers_, other.layers_, strict=True):
        np.testing.assert_allclose(scaled.components, gain * layer.components, rtol=1e-8)
        np.testing.assert_allclose(scaled.activations, layer.activations, rtol=1e-8)
    np.testing.assert_allclose(other.level_losses_, gain * one.level_losses_, rtol=1e-8)
    np.testing.assert_array_equal(one.parents_, other.parents_)
    np.testing.assert_allclose(other.transform(gain * X), one.transform(X), rtol=1e-6, atol=1e-9)


def test_precision_and_kind_of_arrays(X):
    kind = DeepNMF  # which begins as the other
    given = {"n_components": [6, 2], "random_state": 0, "tol": 0, "max_iter": 20}
    double = kind(**given).fit(X)
    single = kind(**given).fit(X.astype(np.float32))
    on_device = kind(**given).fit(jnp.asarray(X, np.float32))
    for a, b, c in zip(double.layers_, single.layers_, on_device.layers_, strict=True):
        for exact, rough, there in zip(a, b, c, strict=True):
            assert exact.dtype == np.float64
            assert rough.dtype == there.dtype == np.float32
            assert isinstance(there, jax.Array)
            assert not isinstance(rough, jax.Array)
            np.testing.assert_allclose(rough, exact, rtol=1e-3, atol=1e-4)
            np.testing.assert_allclose(there, rough, rtol=1e-3, atol=1e-4)
    assert isinstance(on_device.transform(jnp.asarray(X, np.float32)), jax.Array)
    assert isinstance(on_device.parents_, np.ndarray)


def test_sparse_data_and_missing_entries(X):
    kind = DeepNMF  # which begins as the other
    given = {"n_components": [6, 2], "init": "random", "random_state": 0, "tol": 0, "max_iter": 20}
    X = np.where(np.median(X) > X, 0, X)
    dense, sparse = kind(**given).fit(X), kind(**given).fit(sp.csr_matrix(X))
    np.testing.assert_allclose(sparse.components_, dense.components_, rtol=1e-6, atol=1e-9)
    weights = np.ones_like(X)
    weights[4, 5] = weights[10] = 0
    missing = np.where(weights > 0, X, np.nan)
    unseen = "Row 10 of X has no observed entry"
    with pytest.warns(UserWarning, match=unseen):
        one = kind(**given).fit(missing)
    with pytest.warns(UserWarning, match=unseen):
        other = kind(**given).fit(np.where(weights > 0, X, 99.0), weights=weights)
    for a, b in zip(one.layers_, other.layers_, strict=True):
        np.testing.assert_allclose(a.components, b.components, rtol=1e-9)
    assert np.abs(one.components_ - dense.components_).max() > 1e-3
    for weight in (0.5, 1e-12, 1e12):
        weighted = kind(**given).fit(X, weights=weight)
        np.testing.assert_allclose(weighted.components_, dense.components_, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("weight", [1e-12, 0.5, 1e12])
def test_the_scale_of_weights_of_an_exact_model(weight):
    rng = np.random.default_rng(0)
    X = rng.gamma(0.3, size=(60, 4)) @ np.repeat(np.eye(4), 3, axis=1)
    given = {"n_components": [4, 1], "start_max_iter": 2000, "tol": 0, "random_state": 0}
    plain = DeepNMF(**given).fit(X)
    weighted = DeepNMF(**given).fit(X, weights=weight)
    np.testing.assert_allclose(weighted.level_weights_[0] * weight, plain.level_weights_[0])
    # What an exact model leaves is small terms of large numbers.
    np.testing.assert_allclose(weighted.loss_curve_, plain.loss_curve_, rtol=1e-5)


@pytest.mark.parametrize("init", ["nndsvd", "nndsvda"])
def test_equal_starts_are_refused(X, init):
    with pytest.raises(ValueError, match=r"starts of a level .* Use init='random', or set n_init"):
        MultilayerNMF([4, 2], init=init, n_init=3).fit(X)


@of_each
def test_silence(kind):
    model = kind([4, 2], random_state=0).fit(np.zeros((60, 14)))
    assert not model.transform(np.zeros((3, 14))).any()
    assert all(np.isfinite(A).all() for layer in model.layers_ for A in layer)
    assert model.reconstruction_err_ == 0
    X = np.zeros((60, 14))
    X[:, 3] = 1
    model = kind([4, 2], random_state=0, max_iter=50).fit(X)
    np.testing.assert_allclose(model.inverse_transform(model.transform(X)), X, atol=1e-4)


@of_each
def test_families_of_parts_are_found(kind):
    """What is planted is what is found, and noise matters little."""
    for seed in range(3):
        X, parts, family, wholes = planted(seed, counts=100)
        model = kind([6, 2], init="random", random_state=1, max_iter=1000).fit(X)
        alike, which = likeness(model.layers_[0].components, parts)
        assert alike > 0.95
        assert likeness(model.layers_[1].components, wholes)[0] > 0.95
        found = model.parents_[np.argsort(which)]
        assert (found == family).all() or (found == 1 - family).all()


@of_each
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"n_components": [4, 4]}, "must decrease from level to level"),
        ({"n_components": [2, 4]}, "must decrease from level to level"),
        ({"n_components": [15, 4]}, "must not begin above 14, the smaller of n_samples=60"),
        ({"n_components": 15}, "must not begin above 14"),
        ({"n_components": []}, "'auto', an integer above 0 or a list"),
        ({"n_components": [4, 0]}, "'auto', an integer above 0 or a list"),
        ({"n_components": [4.0, 2.0]}, "'auto', an integer above 0 or a list"),
        ({"n_components": [[4, 2]]}, "'auto', an integer above 0 or a list"),
        ({"n_components": 0}, "The 'n_components' parameter"),
        ({"n_components": "many"}, "The 'n_components' parameter"),
        ({"n_components": [4, 2], "level": 3}, "level=3 must not exceed the number of levels"),
        ({"level": 0}, "The 'level' parameter"),
        ({"init": "custom"}, "The 'init' parameter"),
        ({"beta_loss": np.inf}, "beta_loss"),
    ],
)
def test_refusals(X, kind, given, message):
    with pytest.raises(ValueError, match=message):
        kind(**given).fit(X)


def test_coordinate_descent_is_for_complete_data_and_beta_2(X):
    with pytest.raises(ValueError, match="solver 'cd' does not handle beta_loss"):
        MultilayerNMF([4, 2], solver="cd").fit(X)
    X[0, 0] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN, which solver 'cd'"):
        MultilayerNMF([4, 2], solver="cd", beta_loss=2).fit(X)


@of_each
def test_sizes_and_seeds(X, kind):
    assert [len(layer.components) for layer in kind(max_iter=2, tol=0).fit(X).layers_] == [7, 3]
    assert len(kind(max_iter=2, tol=0).fit(X[:, :3]).layers_) == 1
    as_array = kind(np.array([4, 2]), init="random", random_state=0, max_iter=3, tol=0)
    one, other = clone(as_array).fit(X), clone(as_array).set_params(n_components=(4, 2)).fit(X)
    np.testing.assert_array_equal(one.components_, other.components_)
    search = GridSearchCV(as_array, {"n_components": [[2, 1], [6, 2]]}, cv=2).fit(X)
    assert search.best_params_ == {"n_components": [6, 2]}
