"""Momentum that raises the objective: the fit goes back to the best factors it has seen."""

import numpy as np
import pytest

from skbss import BetaNMF
from skbss.factorization._solvers import Guarded

X = np.random.default_rng(0).gamma(0.3, size=(40, 25)) + 1e-3


@pytest.fixture
def rises(monkeypatch):
    """How often a fit went back."""
    seen, looked_at = [], Guarded.looked_at

    def watched(state, *given, **named):
        following = looked_at(state, *given, **named)
        seen.append(following.cautious)
        return following

    monkeypatch.setattr(Guarded, "looked_at", watched)
    return seen


@pytest.mark.parametrize("beta", [0, 0.5, 1, 1.5, 2])
def test_what_is_recorded_is_what_is_returned(rises, beta):
    model = BetaNMF(5, beta_loss=beta, init="random", random_state=0, tol=0, max_iter=600)
    losses = model.fit(X).loss_curve_
    looks = [n for n, rose in enumerate(rises, start=1) if rose]
    assert looks
    for n in looks:
        # It ends where a step has just been taken back.
        ended = model.set_params(max_iter=10 * n).fit(X)
        assert ended.loss_curve_[-1] == losses[n] == losses[n - 1]
        assert ended.reconstruction_err_**2 / 2 == pytest.approx(losses[n], rel=1e-9)


@pytest.mark.parametrize("beta", [0, 0.5, 1, 1.5, 2])
def test_it_goes_on_after_going_back(rises, beta):
    model = BetaNMF(5, beta_loss=beta, init="random", random_state=0, tol=0, max_iter=600)
    losses = model.fit(X).loss_curve_
    for n in [n for n, rose in enumerate(rises, start=1) if rose]:
        # Ten iterations without momentum follow.
        assert losses[min(n + 1, 60)] <= losses[n]
    assert losses[-1] < losses[rises.index(True) + 1]
