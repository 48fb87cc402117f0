"""MiniBatchSparseNMF beside SparseNMF and MiniBatchBetaNMF."""

import jax.numpy as jnp
import numpy as np
import pytest

from skbss import MiniBatchBetaNMF, MiniBatchSparseNMF, SparseNMF

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of iterations:sklearn.exceptions.ConvergenceWarning"
)
ORDERS = {"l1": 1, "l2": 2}


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.gamma(0.2, size=(60, 3)) @ rng.gamma(0.5, size=(3, 12)) + 0.01


def model(kind=MiniBatchSparseNMF, **parameters):
    defaults = {"n_components": 3, "init": "random", "random_state": 0, "batch_size": 20}
    defaults |= {"tol": 0, "max_no_improvement": None, "max_iter": 20, "beta_loss": 1}
    return kind(**defaults | parameters)


def objective(fitted, X):
    """That of SparseNMF, with activations that are solved for."""
    W = fitted.transform(X)
    return -fitted.score(X) * X.size + fitted.penalty_ * W.sum()


@pytest.mark.parametrize("beta", [0, 1, 1.5, 2])
@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_one_batch_without_memory_is_the_multiplicative_update(X, beta, norm):
    online = model(batch_size=60, forget_factor=0, beta_loss=beta, norm=norm).fit(X)
    offline = SparseNMF(3, init="random", random_state=0, solver="mu", norm=norm, tol=0)
    offline.set_params(max_iter=20, beta_loss=beta).fit(X)
    np.testing.assert_allclose(online.components_, offline.components_, rtol=1e-7, atol=1e-12)
    assert online.penalty_ == offline.penalty_
    norms = np.linalg.norm(online.components_, ORDERS[norm], axis=1)
    np.testing.assert_allclose(norms, 1, rtol=1e-12)


def test_a_price_of_nothing(X):
    priced = model(sparsity=0).fit(X)
    free = model(MiniBatchBetaNMF).fit(X).components_
    norms = np.linalg.norm(free, axis=1, keepdims=True)
    np.testing.assert_allclose(priced.components_, free / norms, rtol=1e-9)


# For beta 0 single batches end in another minimum.
@pytest.mark.parametrize(("beta", "bound"), [(0, 1.3), (1, 1.05), (2, 1.05)])
def test_batches_lead_to_the_objective_of_all_rows(X, beta, bound):
    offline = SparseNMF(3, beta_loss=beta, random_state=0, init="random", max_iter=1000).fit(X)
    together = model(beta_loss=beta, max_iter=100, transform_max_iter=500).fit(X)
    apart = model(beta_loss=beta, transform_max_iter=500)
    for _ in range(60):
        for batch in np.split(X, 3):
            apart.partial_fit(batch)
    for online in (together, apart):
        assert objective(online, X) < bound * objective(offline, X)


@pytest.mark.parametrize("fresh_restarts", [False, True])
def test_what_costs_more_is_used_less(X, fresh_restarts):
    fitted = [model(sparsity=one, fresh_restarts=fresh_restarts).fit(X) for one in (0, 1, 3)]
    sums = [one.transform(X).sum() for one in fitted]
    scores = [one.score(X) for one in fitted]
    assert sums == sorted(sums, reverse=True)
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("level", [1e-6, 1e6])
def test_levels_of_the_data_do_not_matter(X, level):
    ours, expected = model(max_iter=3).fit(level * X), model(max_iter=3).fit(X)
    np.testing.assert_allclose(ours.components_, expected.components_, rtol=1e-7)
    W = expected.transform(X)
    np.testing.assert_allclose(
        ours.transform(level * X), level * W, rtol=1e-6, atol=1e-6 * level * W.max()
    )


def test_given_factors_are_learned_on_from(X):
    rng = np.random.default_rng(1)
    given = {"W": rng.uniform(size=(60, 3)), "H": rng.uniform(0.1, 1, (3, 12))}
    fitted = model(init="custom", batch_size=60, forget_factor=0)
    W = fitted.fit_transform(X, **given)
    offline = SparseNMF(3, init="custom", solver="mu", tol=0, max_iter=20)
    np.testing.assert_allclose(W, offline.fit_transform(X, **given), rtol=1e-6, atol=1e-9)


def test_known_components_are_held(X):
    known = 5 * np.random.default_rng(1).uniform(size=(1, 12))
    fitted = model(fixed_components=known).fit(X)
    np.testing.assert_array_equal(fitted.components_[0], known[0])
    np.testing.assert_allclose(np.linalg.norm(fitted.components_[1:], axis=1), 1, rtol=1e-12)
    assert fitted.transform(X).shape == (60, 3)


def test_precision_and_kind(X):
    fitted = model(max_iter=2).fit(X.astype(np.float32))
    assert fitted.components_.dtype == fitted.transform(X.astype(np.float32)).dtype == np.float32
    on_device = model(max_iter=2).fit(jnp.asarray(X, jnp.float32))
    assert isinstance(on_device.components_, type(jnp.zeros(0)))
    np.testing.assert_allclose(on_device.components_, fitted.components_, rtol=1e-4, atol=1e-6)


def test_it_begins_with_silence(X):
    fitted = model().partial_fit(np.zeros((5, 12)))
    for batch in np.split(X, 3):
        fitted.partial_fit(batch)
    expected = model()
    for batch in np.split(X, 3):
        expected.partial_fit(batch)
    np.testing.assert_allclose(fitted.components_, expected.components_)
    assert fitted.penalty_ == expected.penalty_
