"""What a solver does: by its name, for a divergence and a penalty."""

from typing import Any, NamedTuple

import jax
import numpy as np
from sklearn.utils import check_random_state

from skbss._kernels.multiplicative import StepRule, StepRules, mm_exponent
from skbss._runtime.device import for_kernels

# How often the objective is looked at, which costs half an iteration.
CHECK_EVERY = 10

# The exponents of the longest steps that momentum usually survives, for beta from 0 to 2.
_BOLD_BETAS, _BOLD_EXPONENTS = (0.0, 0.5, 1.0, 2.0), (0.8, 0.9, 1.3, 1.0)
# How much of what its momentum says such a step goes ahead.
_BOLD_REACH = 1.6


class Settings(NamedTuple):
    """What every solver is told."""

    beta: float
    penalty: Any
    floor: float
    tol: float
    max_iter: int
    shuffle: bool
    random_state: Any
    n_components: int


def choose_solver(solver, beta, *, weighted):
    """What "auto" stands for: coordinate descent with momentum where it applies, else updates."""
    if solver != "auto":
        return solver
    return "extrapolated hals" if beta == 2 and not weighted else "extrapolated"


def keeps_zeros(solver):
    """Whether a solver of both factors, by its name, leaves exact zeros where they are.

    Multiplicative updates do; coordinate descent moves an entry by a sum.
    """
    return solver not in ("cd", "extrapolated hals")


def choose_rows_solver(solver, beta, *, weighted):
    """What finds activations with the components held."""
    if solver != "auto":
        return solver
    return "cd" if beta == 2 and not weighted else "extrapolated"


def step_rule(solver, beta, *, quadratic):
    """How multiplicative updates move a factor whose prices are `quadratic` or not."""
    exponent = mm_exponent(beta, quadratic=quadratic)
    if solver == "majorize-minimize" and beta == 1:
        # The minimum itself is known.
        exponent = 1.0
    if solver == "extrapolated" and (beta == 1 or (not quadratic and 0 <= beta <= 2)):
        # Twice as fast for beta < 1 or with quadratic prices, and still never up.
        exponent = 1.0
    return StepRule(beta, exponent, quadratic)


def step_rules(solver, beta, penalty, *, learns=True):
    """How multiplicative updates move both factors, or the activations alone."""
    each = (step_rule(solver, beta, quadratic=quadratic) for quadratic in penalty.are_quadratic())
    W, H = each
    return StepRules(W, H, learns)


def choose_paces(rules, bold, cautious, dtype):
    """The reach of steps with momentum, and the exponents of both factors."""
    paces = [choose_pace(rule, bold, cautious, dtype) for rule in (rules.W, rules.H)]
    return paces[0][0], np.stack([exponent for _, exponent in paces])


def choose_pace(rule, bold, cautious, dtype):
    """How far steps with momentum go: the reach and the exponent.

    Parameters
    ----------
    rule : StepRule
        From `step_rule`.
    bold : bool or bool array
        Until the objective rose for the first time.
    cautious : bool or bool array
        After it rose, until the next look at it: without momentum it can not rise.
    dtype : dtype
        Of the result.

    Returns
    -------
    reach, exponent : arrays
        Of the shape of `bold`.
    """
    beta, longest = rule.beta, rule.exponent
    if 0 <= beta <= 2 and (beta == 1 or not rule.quadratic):
        longest = np.interp(beta, _BOLD_BETAS, _BOLD_EXPONENTS)
    reach = np.where(cautious, 0, np.where(bold, _BOLD_REACH, 1))
    return reach.astype(dtype), np.where(bold, longest, rule.exponent).astype(dtype)


def bounded(penalty, dtype):
    """A penalty, or prices, with numbers that the kernels can be given."""
    # Relative to data near the smallest numbers a penalty can exceed the largest: it wins anyhow.
    most = np.sqrt(float(np.finfo(dtype).max))
    return jax.tree.map(lambda number: for_kernels(np.minimum(number, most), dtype), penalty)


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
