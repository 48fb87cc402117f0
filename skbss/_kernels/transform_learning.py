"""A factorization of squared coefficients, and the orthogonal transform that they come from."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from skbss._kernels.dense_data import DenseData
from skbss._kernels.multiplicative import StepRules, iterate_mu
from skbss._kernels.orthogonal_transform import (
    Turning,
    coefficient_powers,
    misfit,
    turn,
)
from skbss._kernels.penalties import ElasticNet


class LearnedTransform(NamedTuple):
    """Both factors and the transform, after some iterations, and the misfit there."""

    W: Float[Array, "frames k"]
    H: Float[Array, "k m"]
    turning: Turning
    misfit: Float[Array, ""]


@partial(jax.jit, static_argnames=("rules", "learns_basis", "likelihood"))
def learn_transform(
    Y: Float[Array, "frames m"],
    least: Float[Array, "frames 1"],
    start: LearnedTransform,
    floor: Float[Array, ""],
    count: Int[Array, ""],
    *,
    rules: StepRules,
    learns_basis: bool,
    likelihood: bool,
) -> LearnedTransform:
    """Sweep over W, then H, then turn the transform, `count` times.

    Lowers the misfit of ``(Y basis')**2 + least`` from ``W H + floor``. A row of zeros in Y and W
    whose `least` is `floor` decides nothing. D. Fagot, H. Wendt and C. Févotte, "Nonnegative
    matrix factorization with transform learning", ICASSP 2018.
    """
    no_prices, all_free = ElasticNet(0.0, 0.0, 0.0, 0.0), jnp.ones(len(start.H), bool)

    def sweep(_, found):
        W, H, turning = found
        data = DenseData(coefficient_powers(Y, turning.basis, least), None)
        W, H = iterate_mu(data, W, H, no_prices, all_free, floor, 1, rules=rules)
        if learns_basis:
            turning = turn(Y, least, W @ H + floor, turning, likelihood=likelihood)
        return W, H, turning

    W, H, turning = lax.fori_loop(0, count, sweep, (start.W, start.H, start.turning))
    reached = misfit(Y, turning.basis, least, W @ H + floor, likelihood=likelihood)
    return LearnedTransform(W, H, turning, reached)
