"""All levels of a hierarchy at once: sweeps to convergence through the one driver."""

import math
import time
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from skbss._kernels.deep import Level, Levels, deeper_divergences, iterate_deep
from skbss._kernels.penalties import ElasticNet
from skbss._runtime.device import for_kernels, is_jax_array
from skbss._runtime.loop import fetch, run_loop, wait_for
from skbss.factorization._divergence import joint_objective
from skbss.factorization._layered_base import Layer
from skbss.factorization._observations import Observations, floor_of
from skbss.factorization._rules import CHECK_EVERY, bounded

_BETA = 1.0
# A level that its start explains up to this share is taken to leave as much: no weight is infinite.
_LEAST_SHARE = 1e-8


class Swept(NamedTuple):
    """Levels, and their divergences and objective when last looked at."""

    levels: Levels
    divergences: Any
    objective: float
    n_iter: int
    done: bool


class DeepFit(NamedTuple):
    """Where the sweeps ended.

    `divergences` are those of the levels, and `weights` what they are multiplied by, in the units
    of the data; `losses` are the objectives at the start and at every look.
    """

    layers: list[Layer]
    divergences: Any
    weights: Any
    losses: list[float]
    n_iter: int
    converged: bool


class DeepLevels:
    """Minimizes ``sum(weights * divergences)``, where the start has the given shares of it.

    Parameters
    ----------
    observed : Observations
        The data.
    ranks : list of int
        Numbers of components.
    tol : float
        To end where ten sweeps lower the root of the objective by less than this share of its
        first value.
    max_iter : int
        Sweeps at most.
    total : float
        Weighted sum of the data, divided by their mean.
    dtype : dtype
        To compute in; the scope of its precision is the caller's.
    """

    def __init__(self, observed: Observations, ranks, *, tol, max_iter, total, dtype):
        self._data, self._layout = observed.data, observed.layout
        self._scale, self._dtype = observed.scale, dtype
        self._tol, self._max_iter, self._total = tol, max_iter, total
        self._floor = for_kernels(floor_of(dtype, _BETA), dtype)
        n_rows = [self._layout.n_rows, *ranks[:-1]]
        self._n_rows = for_kernels(n_rows, dtype)
        self._none = bounded(ElasticNet(0.0, 0.0, 0.0, 0.0), dtype)

    def solve(self, layers, shares, verbose=0, *, at_rest=False) -> DeepFit:
        """Sweep on from layers.

        Parameters
        ----------
        layers : list of Layer
            Of the data.
        shares : ndarray of shape (n_levels,)
            What every level adds to the objective in the beginning.
        verbose : int
            Whether to print the objective every ten sweeps.
        at_rest : bool
            Whether to leave the layers as they are.

        Returns
        -------
        fit : DeepFit
        """
        xp = jnp if is_jax_array(layers[0].components) else np
        levels = self._laid_out(layers)
        first = self._divergences(levels)
        weights = shares / np.maximum(first, _LEAST_SHARE * self._totals(levels))
        objective = float(weights @ first)
        started, losses = time.perf_counter(), [objective]
        root = math.sqrt(objective)

        def advance(state, until):
            levels = iterate_deep(
                self._data,
                state.levels,
                self._n_rows,
                # Only their ratios count there, and these fit.
                for_kernels(weights / weights.max(), self._dtype),
                self._floor,
                for_kernels(until - state.n_iter, np.int32),
            )
            if until % CHECK_EVERY and until != self._max_iter:
                wait_for(levels)
                return state._replace(levels=levels, n_iter=until)
            divergences = self._divergences(levels)
            objective = float(weights @ divergences)
            drop = math.sqrt(state.objective) - math.sqrt(max(objective, 0.0))
            settled = self._tol > 0 and not drop >= self._tol * root
            done = settled or not math.isfinite(objective)
            return Swept(levels, divergences, objective, until, done)

        def after(state, n_iter):
            if n_iter % CHECK_EVERY == 0 or n_iter == self._max_iter:
                losses.append(state.objective)
                if verbose:
                    seconds = time.perf_counter() - started
                    print(  # noqa: T201
                        f"Sweep {n_iter:02d} reached after {seconds:.3f} seconds, "
                        f"loss: {state.objective:f}"
                    )

        state = Swept(levels, first, objective, 0, at_rest or objective <= 0)
        state = run_loop(advance, state, self._max_iter, stride=CHECK_EVERY, after=after)
        with np.errstate(over="ignore", divide="ignore"):
            weights = weights / self._scale
        return DeepFit(
            self._gathered(state.levels, xp),
            state.divergences * self._scale,
            weights,
            losses,
            state.n_iter,
            state.done or self._tol == 0,
        )

    def _laid_out(self, layers):
        layout, dtype = self._layout, self._dtype
        missing = layout.width - layout.n_columns
        levels = []
        for depth, (W, H) in enumerate(layers):
            xp = jnp if is_jax_array(H) else np
            H = xp.asarray(H / self._scale, dtype)
            if not depth:
                levels.append(
                    Level(layout.lay_out(W, dtype, layout.rank), layout.lay_out_components(H))
                )
                continue
            filled_up = layout.rank - len(W) if depth == 1 else 0
            W = xp.pad(xp.asarray(W, dtype), [(0, filled_up), (0, 0)])
            levels.append(Level(jnp.asarray(W), jnp.asarray(xp.pad(H, [(0, 0), (0, missing)]))))
        return tuple(levels)

    def _gathered(self, levels, xp):
        layout = self._layout
        layers = []
        for depth, (W, H) in enumerate(levels):
            if not depth:
                W = layout.gather(W, layout.n_components, xp)
                H = layout.gather_components(H, xp)
            else:
                n_rows = layout.n_components if depth == 1 else len(W)
                W, H = xp.asarray(W)[:n_rows], xp.asarray(H)[:, : layout.n_columns]
            layers.append(Layer(W, H * xp.asarray(self._scale, self._dtype)))
        return layers

    def _divergences(self, levels):
        W, H = levels[0]
        first, _ = joint_objective(self._data, W, H, self._none, _BETA)
        divergences = np.full(len(levels), first)
        if len(levels) > 1:
            divergences[1:] = fetch(deeper_divergences(levels, self._floor))
        return np.maximum(0.0, divergences)

    def _totals(self, levels):
        """What the data of every level adds up to."""
        sums = [np.asarray(H, np.float64).sum() for _, H in levels[:-1]]
        return np.array([self._total, *sums])
