"""The same iterates as scikit-learn from the same positive start."""

import numpy as np
import pytest
from sklearn.decomposition import NMF, MiniBatchNMF

from skbss import BetaNMF, MiniBatchBetaNMF

RTOL = {np.float64: 1e-7, np.float32: 1e-5}


def positive_problem(dtype, n_samples=60, n_features=40, n_components=5):
    rng = np.random.default_rng(7)
    X = rng.uniform(0.1, 2, (n_samples, n_features))
    W = rng.uniform(0.1, 1, (n_samples, n_components))
    H = rng.uniform(0.1, 1, (n_components, n_features))
    return X.astype(dtype), W.astype(dtype), H.astype(dtype)


def assert_same(ours, theirs, rtol):
    assert ours.dtype == theirs.dtype
    assert np.abs(ours - theirs).max() <= rtol * np.abs(theirs).max()


def both(dtype, **parameters):
    X, W, H = positive_problem(dtype)
    parameters = {"n_components": 5, "init": "custom", "tol": 0, "max_iter": 100} | parameters
    theirs, ours = NMF(**parameters), BetaNMF(**parameters)
    W_theirs = theirs.fit_transform(X, W=W.copy(), H=H.copy())
    W_ours = ours.fit_transform(X, W=W, H=H)
    assert_same(W_ours, W_theirs, RTOL[dtype])
    assert_same(ours.components_, theirs.components_, RTOL[dtype])
    np.testing.assert_allclose(
        ours.reconstruction_err_, theirs.reconstruction_err_, rtol=10 * RTOL[dtype]
    )
    return ours, theirs


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("beta", [0, 0.5, 1, 1.5, 2, 3])
def test_multiplicative_updates(beta, dtype):
    both(dtype, solver="mu", beta_loss=beta)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("penalty", [{}, {"alpha_W": 0.01, "alpha_H": 0.02, "l1_ratio": 0.3}])
def test_coordinate_descent(penalty, shuffle, dtype):
    both(dtype, solver="cd", shuffle=shuffle, random_state=3, **penalty)


@pytest.mark.parametrize("beta", [0, 0.5, 1, 1.5, 2, 3])
def test_l1_penalties(beta):
    both(np.float64, solver="mu", beta_loss=beta, alpha_W=0.01, alpha_H=0.005, l1_ratio=1.0)


@pytest.mark.parametrize("solver", ["mu", "cd"])
def test_the_same_number_of_iterations(solver):
    ours, theirs = both(np.float64, solver=solver, tol=1e-3, max_iter=500)
    assert ours.n_iter_ == theirs.n_iter_ < 500


@pytest.mark.parametrize("beta", [0, 1, 2])
def test_random_init_draws_the_same_numbers(beta):
    X, _, _ = positive_problem(np.float64)
    parameters = {"n_components": 4, "init": "random", "solver": "mu", "beta_loss": beta}
    parameters |= {"random_state": 11, "tol": 0, "max_iter": 30}
    theirs = NMF(**parameters).fit(X).components_
    assert_same(BetaNMF(**parameters).fit(X).components_, theirs, 1e-7)


@pytest.mark.parametrize("init", ["nndsvd", "nndsvda", "nndsvdar"])
def test_nndsvd_is_close_where_nothing_is_filled_in(init):
    X, _, _ = positive_problem(np.float64)
    parameters = {"n_components": 1, "init": init, "random_state": 0, "tol": 0, "max_iter": 1}
    theirs = NMF(solver="cd", **parameters).fit(X).components_
    assert_same(BetaNMF(solver="cd", **parameters).fit(X).components_, theirs, 1e-7)


@pytest.mark.parametrize("beta", [0, 0.5, 1, 2, 3])
@pytest.mark.parametrize("batch_size", [20, 25, 60])
def test_minibatches_on_data_of_mean_one(batch_size, beta):
    X, W, H = positive_problem(np.float64)
    X /= X.mean()  # the memory of scikit-learn starts at an absolute level
    parameters = {"n_components": 5, "init": "custom", "beta_loss": beta, "tol": 0}
    parameters |= {"batch_size": batch_size, "max_iter": 12, "max_no_improvement": None}
    theirs, ours = MiniBatchNMF(**parameters), MiniBatchBetaNMF(**parameters)
    W_theirs = theirs.fit_transform(X, W=W.copy(), H=H.copy())
    W_ours = ours.fit_transform(X, W=W, H=H)
    assert_same(W_ours, W_theirs, 1e-7)
    assert_same(ours.components_, theirs.components_, 1e-7)
    assert (ours.n_iter_, ours.n_steps_) == (theirs.n_iter_, theirs.n_steps_)
