"""Fits that go on: the same result as from the beginning, and nothing remembered outside."""

import numpy as np
import pytest

from skbss import BetaNMF
from skbss._runtime import loop
from skbss._runtime.resuming import Bookmark, resuming


@pytest.fixture
def X():
    return np.random.default_rng(0).random((30, 12))


@pytest.fixture
def counted(monkeypatch):
    """How many iterations of both factors the driver was asked for."""
    asked = []
    run_loop = loop.run_loop

    def counting(advance, state, max_iter, **options):
        if "after" in options:  # not when the activations of a fit are solved
            asked.append(max_iter - int(state.n_iter))
        return run_loop(advance, state, max_iter, **options)

    monkeypatch.setattr("skbss.factorization._joint.run_loop", counting)
    return asked


def fitted(X, n_iter, **options):
    return BetaNMF(4, init="random", tol=0, max_iter=n_iter, random_state=0, **options).fit(X)


@pytest.mark.parametrize(("solver", "beta"), [("auto", 1), ("auto", 2), ("mu", 0.5), ("mu", 2)])
@pytest.mark.parametrize("steps", [(20, 50), (7, 25, 31)])
def test_the_same_as_from_the_beginning(X, solver, beta, steps, counted):
    options = {"solver": solver, "beta_loss": beta, "alpha_W": 0.01}
    alone = [fitted(X, n_iter, **options) for n_iter in steps]
    assert counted == list(steps)
    counted.clear()
    with resuming():
        resumed = [fitted(X, n_iter, **options) for n_iter in steps]
    for one, other in zip(alone, resumed, strict=True):
        np.testing.assert_array_equal(one.components_, other.components_)
        np.testing.assert_array_equal(one.loss_curve_, other.loss_curve_)
        assert one.n_iter_ == other.n_iter_
    starts = [0, *(10 * (step // 10) for step in steps[:-1])]
    assert counted == [step - start for step, start in zip(steps, starts, strict=True)]


def test_other_data_begin_anew(X, counted):
    with resuming():
        fitted(X, 20)
        fitted(X + 1e-9, 20)
        fitted(X, 20, alpha_W=0.1)
        fitted(X, 20, beta_loss=1)
    assert counted == [20] * 4


def test_fewer_iterations_begin_anew(X):
    expected = fitted(X, 20).components_
    with resuming():
        fitted(X, 50)
        np.testing.assert_array_equal(fitted(X, 20).components_, expected)


def test_a_shuffled_order_begins_anew(X, counted):
    options = {"solver": "cd", "shuffle": True}
    expected = fitted(X, 30, **options).components_
    counted.clear()
    with resuming():
        fitted(X, 10, **options)
        np.testing.assert_array_equal(fitted(X, 30, **options).components_, expected)
    assert counted == [10, 30]


def test_nothing_is_remembered_outside():
    with resuming():
        Bookmark((1.0,)).put("state")
        assert Bookmark((1.0,)).find(None) == "state"
        assert Bookmark((2.0,)).find(None) is None
        with resuming():
            assert Bookmark((1.0,)).find(None) is None
    assert Bookmark((1.0,)).find(None) is None
