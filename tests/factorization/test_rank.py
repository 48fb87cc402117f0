"""select_n_components: the number that the data was made of, and what its parameters do."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator

from skbss import BetaNMF, ConvNMF, HarmonicNMF, select_n_components
from skbss.factorization._rank import _hide

MODEL = BetaNMF(beta_loss="kullback-leibler", init="random", max_iter=300, tol=0)


@pytest.fixture(autouse=True)
def shared_programs(few_programs):
    """Small data of this module has one shape."""


def counts(n_components, seed=0):
    rng = np.random.default_rng(seed)
    W, H = rng.gamma(0.5, size=(80, n_components)), rng.gamma(0.5, size=(n_components, 40))
    return rng.poisson(20 * W @ H).astype(float)


class Told(BaseEstimator):
    """Remembers what it was fitted to, and scores as it is told."""

    seen: list = []

    def __init__(self, n_components=1, random_state=None):
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X):
        self.seen.append((self.n_components, self.random_state, X))
        return self

    def score(self, X, y):
        assert np.isnan(X).any()
        np.testing.assert_array_equal(X[~np.isnan(X)], y[~np.isnan(X)])
        # Hardly better from 3 on; what repeats have in common must not count.
        common = 100 * np.random.RandomState(self.random_state).standard_normal()
        noise = np.random.RandomState(self.random_state + self.n_components).standard_normal()
        return common + {1: -9, 2: -5, 3: -0.01}.get(self.n_components, 0) + 0.1 * noise


@pytest.fixture
def seen():
    Told.seen.clear()
    return Told.seen


@pytest.mark.parametrize("n_components", [2, 4])
def test_the_number_that_the_data_was_made_of(n_components):
    found = select_n_components(MODEL, counts(n_components), range(1, 8), random_state=0)
    assert found.n_components == n_components
    np.testing.assert_array_equal(found.candidates, range(1, 8))
    assert found.scores.shape == (7, 5)
    np.testing.assert_allclose(found.mean_scores, found.scores.mean(axis=1))
    assert found.standard_errors[found.mean_scores.argmax()] == 0


def test_it_works_with_templates():
    settings = {"template_length": 2, "beta_loss": "kullback-leibler", "max_iter": 100, "tol": 0}
    found = select_n_components(ConvNMF(**settings), counts(2), [1, 2], n_repeats=2, random_state=0)
    assert np.isfinite(found.scores).all()


def test_the_smallest_that_is_as_good_up_to_chance(seen):
    X = counts(2)
    found = select_n_components(Told(), X, [5, 1, 2, 3, 4], n_repeats=20, random_state=0)
    assert found.n_components == 3
    best = select_n_components(Told(), X, range(1, 6), n_repeats=20, rule="best", random_state=0)
    assert best.n_components == best.candidates[best.mean_scores.argmax()]
    single = select_n_components(Told(), X, range(1, 6), n_repeats=1, random_state=0)
    assert single.n_components == single.candidates[single.mean_scores.argmax()]
    assert (single.standard_errors == 0).all()


def test_all_candidates_see_the_same(seen):
    select_n_components(Told(), counts(2), [1, 2], n_repeats=2, random_state=0)
    (one, first, X), (two, second, other), (_, third, next_X), _ = seen
    assert (one, two) == (1, 2)
    assert first == second != third
    np.testing.assert_array_equal(X, other)
    assert not np.array_equal(np.isnan(X), np.isnan(next_X))


def test_a_seed_decides():
    settings = {"candidates": [1, 2], "n_repeats": 2}
    first, again, other = (
        select_n_components(MODEL, counts(2), **settings, random_state=seed).scores
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_patches():
    X, rng = np.ones((400, 300)), np.random.RandomState(0)
    hidden = _hide(X, 0.2, (5, 10), rng)
    assert 0.15 < hidden.mean() < 0.25
    # As many borders as patches of this size have.
    assert (hidden[1:] != hidden[:-1]).mean() < 0.4 / 5
    assert (hidden[:, 1:] != hidden[:, :-1]).mean() < 0.4 / 10
    assert (~_hide(X[:3, :4], 0.9, (1, 1), rng)).any(axis=0).all()
    X[:200] = np.nan
    assert not _hide(X, 0.2, (5, 10), rng)[:200].any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"candidates": []}, "candidates must be positive integers"),
        ({"candidates": [0, 1]}, "candidates must be positive integers"),
        ({"candidates": [1.5]}, "candidates must be positive integers"),
        ({"patch_shape": (0, 3)}, "patch_shape must be two positive integers"),
        ({"patch_shape": (3,)}, "patch_shape must be two positive integers"),
        ({"patch_shape": (10**6, 10**6), "hidden_share": 0.5}, "a smaller hidden_share"),
        ({"hidden_share": 1e-9}, "choose a larger hidden_share"),
        ({"hidden_share": 1}, "'hidden_share' parameter"),
        ({"rule": "elbow"}, "'rule' parameter"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        select_n_components(
            MODEL, counts(2), **{"candidates": [1, 2], "random_state": 0, **arguments}
        )


@pytest.mark.parametrize("seed", range(10))
def test_something_of_small_data_is_hidden_too(seed):
    hidden = _hide(np.ones((40, 12)), 0.1, (8, 8), np.random.RandomState(seed))
    assert hidden.any()
    assert (~hidden).any(axis=0).all()
    assert (~hidden).any(axis=1).all()


@pytest.mark.parametrize(
    ("estimator", "X", "message"),
    [
        (MODEL, sp.csr_array(counts(2)), "hidden entries are told from zeros.*toarray"),
        (HarmonicNMF(), counts(2), "which HarmonicNMF has not"),
    ],
)
def test_what_nothing_can_be_chosen_for_is_refused_before_any_fit(estimator, X, message):
    with pytest.raises(TypeError, match=message):
        select_n_components(estimator, X, [1, 2])
