"""The solvers by name: what each runs on a device."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
from sklearn.utils import check_random_state

from skbss._kernels.checks import CHECK_EVERY
from skbss._kernels.extrapolated import advance_extrapolated, start_extrapolated
from skbss._kernels.extrapolated_hals import (
    advance_extrapolated_hals,
    start_extrapolated_hals,
)
from skbss._kernels.hals import advance_hals, start_hals
from skbss._kernels.multiplicative import advance_mu, mm_exponent, start_mu
from skbss._kernels.penalties import Penalties

# The exponents of the longest steps that momentum usually survives, for beta from 0 to 2.
_BOLD_BETAS, _BOLD_EXPONENTS = (0.0, 0.5, 1.0, 2.0), (0.8, 0.9, 1.3, 1.0)


class Settings(NamedTuple):
    """What every solver is told."""

    beta: float
    penalties: Any
    floor: float
    tol: float
    max_iter: int
    shuffle: bool
    random_state: Any
    n_components: int


class Solver(Protocol):
    """A way to minimize over both factors."""

    def start(self, data: Any, W: Any, H: Any, penalties: Penalties) -> Any:
        """The state before the first iteration."""

    def advance(self, data: Any, state: Any, penalties: Penalties, until: int) -> Any:
        """The state after iteration `until`, or convergence."""


def choose_solver(solver, beta, *, weighted):
    """What "auto" stands for: coordinate descent with momentum where it applies, else updates."""
    if solver != "auto":
        return solver
    return "extrapolated hals" if beta == 2 and not weighted else "extrapolated"


def choose_rows_solver(solver, beta, *, weighted):
    """What finds activations with the components held."""
    if solver != "auto":
        return solver
    return "cd" if beta == 2 and not weighted else "extrapolated"


def make_solver(name, free, settings, dtype) -> Solver:
    """A solver by its name.

    Parameters
    ----------
    name : {"mu", "cd", "extrapolated", "extrapolated hals"}
        From `choose_solver`.
    free : bool array of shape (n_components,)
        The components to be learned.
    settings : Settings
    dtype : dtype
        To compute in.
    """
    return _SOLVERS[name](free, settings, dtype)


def update_rule(solver, settings):
    """The static arguments of multiplicative updates."""
    quadratic = bool(np.any(settings.penalties.l2_W) or np.any(settings.penalties.l2_H))
    exponent = mm_exponent(settings.beta, quadratic=quadratic)
    if solver == "extrapolated" and (
        settings.beta == 1 or (not quadratic and 0 <= settings.beta <= 2)
    ):
        # Twice as fast for beta < 1 or with an L2 penalty, and still never up.
        exponent = 1.0
    return {"beta": settings.beta, "exponent": exponent, "quadratic": quadratic}


def bold_exponent(rule):
    """The exponent to begin with where there is momentum."""
    beta = rule["beta"]
    if not 0 <= beta <= 2 or (beta != 1 and rule["quadratic"]):
        return rule["exponent"]
    return np.interp(beta, _BOLD_BETAS, _BOLD_EXPONENTS)


def bounded(penalties, dtype):
    """Numbers or arrays that the kernels can be given as penalties."""
    # Relative to data near the smallest numbers a penalty can exceed the largest: it wins anyhow.
    most = np.sqrt(float(np.finfo(dtype).max))
    return tuple(np.asarray(np.minimum(penalty, most), dtype) for penalty in penalties)


class Orders:
    """The order in which the components are visited: drawn as scikit-learn draws it."""

    def __init__(self, settings, rank):
        self._rng = check_random_state(settings.random_state) if settings.shuffle else None
        self._n_components, self._rank = settings.n_components, rank
        self._stride = 0
        fixed = np.arange(rank, dtype=np.int32)
        self._orders = np.broadcast_to(fixed, (CHECK_EVERY, 2, rank))

    def upto(self, until):
        """Those of the ten iterations of which `until` is one."""
        stride = -(-until // CHECK_EVERY)
        if self._rng is not None and stride != self._stride:
            draws = [self._rng.permutation(self._n_components) for _ in range(2 * CHECK_EVERY)]
            orders = np.array(draws, np.int32).reshape(CHECK_EVERY, 2, self._n_components)
            rest = np.arange(self._n_components, self._rank, dtype=np.int32)
            rest = np.broadcast_to(rest, (CHECK_EVERY, 2, len(rest)))
            orders = np.concatenate([orders, rest], axis=2)
            self._orders, self._stride = orders, stride
        return self._orders


class _Told:
    """What all solvers are told, as the kernels take it.

    Numbers stay on the host: a compiled program fetches them faster than they could be sent.
    """

    def __init__(self, free, settings, dtype):
        self._free, self._settings = free, settings
        self._tol = np.asarray(settings.tol, dtype)
        self._floor = np.asarray(settings.floor, dtype)
        self._last = np.int32(min(settings.max_iter, np.iinfo(np.int32).max))


class _Multiplicative(_Told):
    def start(self, data, W, H, penalties):
        return start_mu(data, W, H, penalties, self._floor, beta=self._settings.beta)

    def advance(self, data, state, penalties, until):
        rule = update_rule("mu", self._settings)
        return advance_mu(
            data, state, penalties, self._free, self._floor, self._tol, np.int32(until), **rule
        )


class _Extrapolated(_Told):
    def start(self, data, W, H, penalties):
        return start_extrapolated(data, W, H, penalties, self._floor, beta=self._settings.beta)

    def advance(self, data, state, penalties, until):
        rule = update_rule("extrapolated", self._settings)
        return advance_extrapolated(
            data,
            state,
            penalties,
            self._free,
            self._floor,
            self._tol,
            np.int32(until),
            self._last,
            np.asarray(bold_exponent(rule), self._floor.dtype),
            **rule,
        )


class _CoordinateDescent(_Told):
    def __init__(self, free, settings, dtype):
        super().__init__(free, settings, dtype)
        self._orders = Orders(settings, len(free))

    def start(self, data, W, H, penalties):
        return start_hals(data, W, H, penalties)

    def advance(self, data, state, penalties, until):
        orders = self._orders.upto(until)
        return advance_hals(data, state, penalties, self._free, orders, self._tol, np.int32(until))


class _ExtrapolatedHALS(_Told):
    def start(self, data, W, H, penalties):
        return start_extrapolated_hals(data, W, H, penalties)

    def advance(self, data, state, penalties, until):
        return advance_extrapolated_hals(
            data, state, penalties, self._free, self._tol, np.int32(until), self._last
        )


_SOLVERS: dict[str, Callable[..., Solver]] = {
    "mu": _Multiplicative,
    "extrapolated": _Extrapolated,
    "cd": _CoordinateDescent,
    "extrapolated hals": _ExtrapolatedHALS,
}
