"""What minimizes over both factors: kernels that iterate, and who looks at what they reached.

Looks are taken on the host, every tenth iteration: what is compared there needs no compiled
program, and going back to earlier factors copies nothing.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from skbss._kernels.disjoint_supports import (
    Bounds,
    Disjoint,
    disjoint_objective,
    first_components,
    heard_activations,
    iterate_disjoint,
)
from skbss._kernels.extrapolated import Moving, iterate_extrapolated
from skbss._kernels.extrapolated_hals import (
    iterate_extrapolated_hals,
    moving_hals,
    returned_hals,
)
from skbss._kernels.hals import HALSState, iterate_hals
from skbss._kernels.multiplicative import iterate_mu
from skbss._kernels.penalties import Penalty
from skbss._runtime.device import for_kernels
from skbss._runtime.loop import fetch, wait_for
from skbss.factorization._divergence import joint_objective
from skbss.factorization._rules import CHECK_EVERY, Orders, choose_paces, step_rules

# An activation that is zero could not be won back by a feature that sounds there.
_LEAST_ACTIVATION = 1e-12


class Solver(Protocol):
    """A way to minimize over both factors."""

    def start(self, data: Any, W: Any, H: Any, penalty: Penalty) -> Any:
        """The state before the first iteration."""

    def advance(self, data: Any, state: Any, penalty: Penalty, until: int) -> Any:
        """The state after iteration `until`, or convergence: at most to the next look."""


def make_solver(name, free, settings, dtype) -> Solver:
    """A solver by its name.

    Parameters
    ----------
    name : {"mu", "cd", "extrapolated", "extrapolated hals", "majorize-minimize", "momentum", \
            "disjoint"}
        From ``choose_solver``, or "majorize-minimize" or "momentum" for penalties that are bounds
        near the factors: without momentum, and with it but without a sample of the rows first; or
        "disjoint" for components that share no feature.
    free : bool array of shape (n_components,)
        The components to be learned.
    settings : Settings
    dtype : dtype
        To compute in.
    """
    return _SOLVERS[name](free, settings, dtype)


class _Configured:
    """What all solvers are told."""

    def __init__(self, free, settings, dtype):
        self._free, self._settings, self._dtype = free, settings, dtype
        self._tol = for_kernels(settings.tol, dtype)
        self._floor = for_kernels(settings.floor, dtype)

    def _objective(self, data, W, H, penalty):
        """The divergence and the penalty."""
        return joint_objective(data, W, H, penalty, self._settings.beta)

    def _step_rules(self, name):
        learns = bool(np.any(self._free))
        return step_rules(name, self._settings.beta, self._settings.penalty, learns=learns)

    def _is_due(self, n_iter):
        """Whether it is time for a look."""
        return n_iter % CHECK_EVERY == 0 or n_iter == self._settings.max_iter


class Updated(NamedTuple):
    """Factors, and the error ``sqrt(2 D)`` when last looked at."""

    W: Any
    H: Any
    loss: float
    error: float
    first_error: float
    n_iter: int
    done: bool


class _Multiplicative(_Configured):
    """Plain updates, which end when the error falls by less than `tol` of the first in ten."""

    _rules = "mu"

    def start(self, data, W, H, penalty):
        loss, error = self._loss_and_error(data, W, H, penalty)
        return Updated(W, H, loss, error, error, 0, loss <= 0)

    def advance(self, data, state, penalty, until):
        W, H = iterate_mu(
            data,
            state.W,
            state.H,
            penalty,
            self._free,
            self._floor,
            for_kernels(until - state.n_iter, np.int32),
            rules=self._step_rules(self._rules),
        )
        state = state._replace(W=W, H=H, n_iter=until)
        if not self._is_due(until):
            wait_for(H)
            return state
        loss, error = self._loss_and_error(data, W, H, penalty)
        drop = (state.error - error) / (state.first_error or 1)
        settled = self._settings.tol > 0 and not drop >= self._settings.tol
        return state._replace(loss=loss, error=error, done=settled or not math.isfinite(error))

    def _loss_and_error(self, data, W, H, penalty):
        divergence, penalty = self._objective(data, W, H, penalty)
        return divergence + penalty, _root(2 * divergence)


class _MajorizeMinimize(_Multiplicative):
    """Updates to the minimum where it is known, which end when the root of the objective does."""

    _rules = "majorize-minimize"

    def _loss_and_error(self, data, W, H, penalty):
        loss = sum(self._objective(data, W, H, penalty))
        return loss, _root(2 * loss)


class Swept(NamedTuple):
    """Factors of coordinate descent."""

    factors: HALSState
    loss: float
    n_iter: int
    done: bool

    @property
    def W(self):
        """Activations."""
        return self.factors.W

    @property
    def H(self):
        """Components."""
        return self.factors.H


class _CoordinateDescent(_Configured):
    """Plain sweeps, which end when optimality is violated by at most `tol` of the first time."""

    def __init__(self, free, settings, dtype):
        super().__init__(free, settings, dtype)
        self._orders = Orders(settings, len(free))

    def start(self, data, W, H, penalty):
        unknown, none = for_kernels(np.inf, self._dtype), for_kernels(0, np.int32)
        loss = sum(self._objective(data, W, H, penalty))
        return Swept(HALSState(W, H, unknown, unknown, none), loss, 0, False)

    def advance(self, data, state, penalty, until):
        factors, done = iterate_hals(
            data,
            state.factors,
            penalty,
            self._free,
            self._orders.upto(until),
            self._tol,
            for_kernels(until, np.int32),
        )
        done, n_iter, loss = bool(fetch(done)), int(factors.n_iter), state.loss
        if done or self._is_due(n_iter):
            loss = sum(self._objective(data, factors.W, factors.H, penalty))
        return Swept(factors, loss, n_iter, done)


class Guarded(NamedTuple):
    """Factors with momentum, and the best that were seen at a look, whose objective is `loss`.

    `doubted` is the iteration of the last look, if the objective rose and was let.
    """

    factors: Any
    best: Any
    loss: float
    first_loss: float
    bold: bool = True
    cautious: bool = False
    doubted: int = -1
    n_iter: int = 0
    done: bool = False

    @property
    def W(self):
        """Activations."""
        return self._trusted.W

    @property
    def H(self):
        """Components."""
        return self._trusted.H

    @property
    def _trusted(self):
        return self.best if self.doubted == self.n_iter else self.factors

    def looked_at(self, at_rest, loss, *, settled, back, patient=False):
        """After a look: where the objective rose, back to the best factors.

        The next ten iterations then go without momentum, which can not raise the objective.

        Parameters
        ----------
        at_rest : factors
            Those that were looked at, without momentum.
        loss : float
            Their objective.
        settled : bool
            Whether there is nothing more to gain, but perhaps without momentum.
        back : callable
            What to go on with, from the best factors.
        patient : bool
            Whether the objective may rise at one look, if it has fallen at the next.
        """
        rose = not loss <= self.loss
        if rose and patient and self.doubted < 0 and not (settled or self.cautious):
            return self._replace(doubted=self.n_iter)
        # Momentum can overshoot the largest number; plain updates from the best factors can not
        # but where the numbers themselves give out, which is to be reported.
        lost = self.cautious and not math.isfinite(loss)
        found = self.loss if rose and not lost else loss
        ended = settled and (not rose or self.cautious)
        return self._replace(
            factors=back(self.best) if rose else self.factors,
            best=self.best if rose else at_rest,
            loss=found,
            bold=self.bold and not rose,
            cautious=rose,
            doubted=-1,
            done=ended or not math.isfinite(found) or found <= 0,
        )


class _Extrapolated(_Configured):
    """Updates with momentum, which end when the root of the objective falls as little."""

    def start(self, data, W, H, penalty):
        loss = sum(self._objective(data, W, H, penalty))
        factors = self._at_rest(W, H)
        return Guarded(factors, factors, loss, loss, done=loss <= 0)

    def advance(self, data, state, penalty, until):
        rules = self._step_rules("extrapolated")
        factors = iterate_extrapolated(
            data,
            state.factors,
            penalty,
            self._free,
            self._floor,
            *choose_paces(rules, state.bold, state.cautious, self._dtype),
            for_kernels(until - state.n_iter, np.int32),
            rules=rules,
        )
        following = state._replace(factors=factors, n_iter=until)
        if not self._is_due(until):
            wait_for(factors.momentum)
            return following
        at_rest = self._at_rest(factors.W, factors.H)
        loss = sum(self._objective(data, factors.W, factors.H, penalty))
        drop = (_root(state.loss) - _root(loss)) / _root(state.first_loss)
        settled = self._settings.tol > 0 and drop < self._settings.tol
        return following.looked_at(at_rest, loss, settled=settled, back=lambda best: best)

    def _at_rest(self, W, H):
        return Moving(W, H, W, H, for_kernels(1, self._dtype))


class _ExtrapolatedHALS(_Configured):
    """Sweeps with momentum, which end when optimality is violated by `tol` of the first time."""

    def start(self, data, W, H, penalty):
        loss = sum(self._objective(data, W, H, penalty))
        factors = moving_hals(W.mT, H)
        return Guarded(factors, factors, loss, loss, done=loss <= 0)

    def advance(self, data, state, penalty, until):
        factors, more, settled = iterate_extrapolated_hals(
            data,
            state.factors,
            penalty,
            self._free,
            self._tol,
            for_kernels(not state.cautious, self._dtype),
            for_kernels(until - state.n_iter, np.int32),
        )
        settled = bool(fetch(settled))
        following = state._replace(factors=factors, n_iter=state.n_iter + int(more))
        if not (settled or self._is_due(following.n_iter)):
            return following
        loss = sum(self._objective(data, factors.W, factors.H, penalty))
        # Where the gain is small, what momentum costs at one look it brings by the next.
        return following.looked_at(
            moving_hals(factors.Wt, factors.H),
            loss,
            settled=settled,
            back=lambda best: returned_hals(best, factors),
            patient=math.isfinite(loss),
        )


class Apart(NamedTuple):
    """Factors without a common feature, and the error ``sqrt(2 D)`` when last looked at."""

    factors: Disjoint
    W: Any
    loss: float
    error: float
    first_error: float
    n_iter: int
    done: bool

    @property
    def H(self):
        """Components."""
        return self.factors.H


class _DisjointSupports(_Configured):
    """Exact minima in turn, from activations alone; they end as plain updates do."""

    def __init__(self, free, settings, dtype):
        super().__init__(free, settings, dtype)
        self._bounds = disjoint_bounds(settings.floor, dtype)

    def start(self, data, W, H, penalty):
        beta = self._settings.beta
        factors = first_components(data, W, self._free, self._bounds, beta=beta)
        loss, error, W = self._look(data, factors)
        return Apart(factors, W, loss, error, error, 0, loss <= 0)

    def advance(self, data, state, penalty, until):
        steps = for_kernels(until - state.n_iter, np.int32)
        factors = iterate_disjoint(
            data, state.factors, self._free, self._bounds, steps, beta=self._settings.beta
        )
        if not self._is_due(until):
            W = heard_activations(data, *factors, self._bounds)
            wait_for(W)
            return state._replace(factors=factors, W=W, n_iter=until)
        loss, error, W = self._look(data, factors)
        drop = (state.error - error) / (state.first_error or 1)
        settled = self._settings.tol > 0 and not drop >= self._settings.tol
        done = settled or not 0 < loss < math.inf
        return Apart(factors, W, loss, error, state.first_error, until, done)

    def _look(self, data, factors):
        loss = float(fetch(disjoint_objective(data, factors, beta=self._settings.beta)))
        return loss, _root(2 * loss), heard_activations(data, *factors, self._bounds)


def disjoint_bounds(floor, dtype):
    """The least that is heard, and the least activation of components of mean activation one."""
    least = max(floor, _LEAST_ACTIVATION)
    return Bounds(for_kernels(floor, dtype), for_kernels(least, dtype))


def _root(number):
    return math.sqrt(number) if number > 0 else 0 * number


_SOLVERS: dict[str, Callable[..., Solver]] = {
    "mu": _Multiplicative,
    "extrapolated": _Extrapolated,
    "cd": _CoordinateDescent,
    "extrapolated hals": _ExtrapolatedHALS,
    "majorize-minimize": _MajorizeMinimize,
    "momentum": _Extrapolated,
    "disjoint": _DisjointSupports,
}
