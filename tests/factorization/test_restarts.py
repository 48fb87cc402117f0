"""Several random starts, of which the best fit is kept."""

import numpy as np
import pytest
import scipy.sparse as sp

from skbss import BetaNMF, non_negative_factorization
from skbss.factorization._joint import Solution

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of iterations:sklearn.exceptions.ConvergenceWarning"
)

X = np.random.default_rng(0).gamma(0.3, size=(40, 25))


def one_by_one(n, **parameters):
    """As many fits, whose starts are drawn one after the other."""
    draws = np.random.RandomState(3)
    models = [BetaNMF(5, init="random", random_state=draws, **parameters) for _ in range(n)]
    return [model.fit(X) for model in models]


@pytest.mark.parametrize(
    "parameters",
    [
        {"solver": "auto"},
        {"solver": "cd", "max_iter": 17},
        {"solver": "mu", "beta_loss": 1, "max_iter": 33},
        {"solver": "auto", "beta_loss": 0.5, "max_iter": 27},
        {"solver": "auto", "alpha_W": 0.01, "l1_ratio": 0.5},
    ],
)
def test_the_best_of_several_fits(parameters):
    fits = one_by_one(4, **parameters)
    model = BetaNMF(5, init="random", n_init=4, random_state=3, **parameters).fit(X)
    same = [np.array_equal(fit.components_, model.components_) for fit in fits]
    assert sum(same) == 1
    best = fits[same.index(True)]
    assert (model.n_iter_, model.reconstruction_err_) == (best.n_iter_, best.reconstruction_err_)
    np.testing.assert_array_equal(model.loss_curve_, best.loss_curve_)
    if "alpha_W" not in parameters:
        assert model.reconstruction_err_ == min(fit.reconstruction_err_ for fit in fits)
    assert len({fit.reconstruction_err_ for fit in fits}) == 4
    ends = [fit.loss_curve_[-1] for fit in fits]
    np.testing.assert_allclose(model.restart_losses_, [fit.restart_losses_[0] for fit in fits])
    assert model.restart_losses_.argmin() == fits.index(best)
    if model.max_iter == 200:
        assert (model.restart_losses_ <= ends).all()
    for fit, H in zip(fits, model.restart_components_, strict=True):
        np.testing.assert_array_equal(H, fit.components_)


def test_the_best_is_that_of_the_objective_with_its_penalties():
    parameters = {"alpha_W": 0.03, "alpha_H": 0.0, "l1_ratio": 1.0, "tol": 0, "max_iter": 50}
    fits = one_by_one(6, **parameters)
    model = BetaNMF(5, init="random", n_init=6, random_state=3, **parameters).fit(X)
    assert model.loss_curve_[-1] == min(fit.loss_curve_[-1] for fit in fits)
    # Here another one has the lower error.
    assert model.reconstruction_err_ > min(fit.reconstruction_err_ for fit in fits)


@pytest.mark.parametrize("beta", [1, 2])
def test_the_best_of_fits_that_are_all_but_exact(beta):
    # In float32 a divergence of sparse data this small would be lost in rounding.
    rng = np.random.default_rng(0)
    exact = rng.gamma(0.3, size=(60, 4)) @ (
        rng.gamma(0.5, size=(4, 50)) * (rng.random((4, 50)) < 0.3)
    )
    sparse = sp.csr_array(exact.astype(np.float32))
    parameters = {"beta_loss": beta, "init": "random", "tol": 0, "max_iter": 300}
    draws = np.random.RandomState(3)
    fits = [BetaNMF(5, random_state=draws, **parameters).fit(sparse) for _ in range(4)]
    assert all((fit.loss_curve_ >= 0).all() for fit in fits)
    model = BetaNMF(5, n_init=4, random_state=3, **parameters).fit(sparse)
    assert model.reconstruction_err_ == min(fit.reconstruction_err_ for fit in fits)


def test_what_is_not_named_is_drawn():
    model = BetaNMF(5, n_init=2, random_state=3).fit(X)
    drawn = BetaNMF(5, init="random", n_init=2, random_state=3).fit(X)
    np.testing.assert_array_equal(model.components_, drawn.components_)
    np.testing.assert_array_equal(
        non_negative_factorization(X, n_components=5, n_init=2, random_state=3)[1],
        drawn.components_,
    )


def test_held_and_given_factors_stay_in_every_start():
    known = np.eye(2, 25) + 0.1
    model = BetaNMF(5, n_init=3, random_state=0, fixed_components=known).fit(X)
    np.testing.assert_array_equal(model.components_[:2], known)
    H = np.abs(np.random.default_rng(1).normal(size=(5, 25)))
    given = {"init": "custom", "n_components": 5, "random_state": 0, "max_iter": 10, "tol": 0}
    several = BetaNMF(n_init=3, **given).fit(X, H=H)
    assert several.loss_curve_[-1] <= BetaNMF(**given).fit(X, H=H).loss_curve_[-1]
    all_known = BetaNMF(2, n_init=3, fixed_components=known).fit(X)
    assert all_known.n_iter_ > 0
    assert len(all_known.restart_losses_) == len(all_known.restart_components_) == 0


@pytest.mark.parametrize("init", ["nndsvd", "nndsvda", "custom"])
def test_starts_that_would_be_the_same_are_refused(init):
    rng = np.random.default_rng(2)
    W, H = rng.random((40, 5)), rng.random((5, 25))
    given = {"W": W, "H": H} if init == "custom" else {}
    with pytest.raises(ValueError, match=f"n_init=2 starts would all be the same.*'{init}'"):
        BetaNMF(5, init=init, n_init=2).fit(X, **given)
    with pytest.raises(ValueError, match="n_init"):
        BetaNMF(5, n_init=0).fit(X)


def test_a_fit_that_overflowed_is_not_kept():
    fine, overflowed = (Solution(None, None, 1, [], loss, loss) for loss in (1.0, np.nan))
    assert fine.is_better_than(overflowed)
    assert not overflowed.is_better_than(fine)


@pytest.mark.parametrize("beta", [0.3, 0.5])
def test_losses_of_fits_that_are_all_but_exact_are_not_negative(beta):
    rng = np.random.default_rng(0)
    exact = (rng.random((60, 3)) @ rng.random((3, 5))).astype(np.float32)
    parameters = {"beta_loss": beta, "init": "random", "tol": 1e-6, "max_iter": 2000}
    for seed in range(3):
        model = BetaNMF(3, random_state=seed, **parameters).fit(exact)
        assert (model.loss_curve_ >= 0).all()
        assert model.reconstruction_err_ > 0
