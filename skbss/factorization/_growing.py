"""A warm start for large data: what a sample of the rows has to say costs a share of the time."""

import numpy as np

from skbss._kernels.frame_blocks import FrameBlocks
from skbss._kernels.growing import spread_activations
from skbss._kernels.sharded_blocks import ShardedBlocks
from skbss._runtime.device import for_kernels
from skbss._runtime.loop import run_loop
from skbss.factorization._rules import CHECK_EVERY, step_rules

# The parts of the data, and for how many iterations at most.
_LEVELS = ((1 / 16, 100), (1 / 4, 30))
# A part has no more to say when ten iterations lower its objective by less than this share.
_STALE = 0.01
# Sweeps over the activations of rows that come in, with the components held.
_SWEEPS = 10


def sample_levels(name, observed, max_iter):
    """The samples to begin with: how many blocks, for how many iterations at most.

    None for small or sparse data, for the plain solvers, and where `max_iter` is not enough.
    """
    in_blocks = isinstance(observed.data, FrameBlocks | ShardedBlocks)
    if not in_blocks or name not in ("extrapolated", "extrapolated hals"):
        return []
    used = observed.layout.used
    levels = [(max(1, round(used * share)), most) for share, most in _LEVELS]
    levels = [(blocks, most) for blocks, most in levels if blocks < used]
    most_work = sum(blocks * most for blocks, most in levels) / used
    return levels if max_iter >= most_work else []


def grown_start(solver, name, observed, state, penalty, settings, levels):
    """A state from which to go on with all rows, if a better one than the given is found.

    A sixteenth of the rows is fitted first, then a quarter. `n_iter` counts this work, in
    iterations over all rows.

    Parameters
    ----------
    solver : Solver
        What fits.
    name : str
        Of the solver.
    observed : Observations
        The data.
    state : solver state
        The beginning.
    penalty : Penalty
        On the device.
    settings : Settings
    levels : list of tuple
        From `sample_levels`, not empty.

    Returns
    -------
    state : solver state
    """
    data, layout = observed.data, observed.layout
    W, H, work, before = state.W, state.H, 0.0, 0
    exists = layout.holds_data
    beginning = state
    for used, most in [*levels, (layout.used, 0)]:
        part = data.first(for_kernels(used, np.int32))
        share = used / layout.used
        if before:
            W = spread_activations(
                part,
                W,
                H,
                layout.nearest_blocks(before),
                exists,
                for_kernels(before, np.int32),
                penalty,
                for_kernels(settings.floor, H.dtype),
                for_kernels(_SWEEPS, np.int32),
                rule=step_rules("extrapolated", settings.beta, settings.penalty).W,
                by_coordinates=name == "extrapolated hals",
            )
            work += _SWEEPS / 2 * (share - before / layout.used)
        own = penalty.of_share(share)
        state = solver.start(part, W, H, own)
        if most:
            state = _until_stale(solver, part, state, own, most)
            work += share * state.n_iter
        W, H, before = state.W, state.H, used
    if not state.loss < beginning.loss:
        state = beginning
    return state._replace(
        n_iter=min(round(work), settings.max_iter), first_loss=beginning.first_loss
    )


def _until_stale(solver, part, state, penalty, most):
    earlier = state.loss

    def stale(state, n_iter):
        nonlocal earlier
        if n_iter % CHECK_EVERY:
            return False
        is_stale = not state.loss < (1 - _STALE) * earlier
        earlier = state.loss
        return is_stale

    def advance(state, until):
        return solver.advance(part, state, penalty, until)

    return run_loop(advance, state, most, after=stale)
