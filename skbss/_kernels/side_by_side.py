"""The same updates of the activations of many recordings at once, each by itself.

The components are held, and the same for all. Every other array has one axis more, the first,
which counts recordings.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from skbss._kernels.extrapolated import Moving, iterate_extrapolated
from skbss._kernels.multiplicative import StepRules, iterate_mu
from skbss._kernels.penalties import Objective, Penalty, objective

_MOVING = Moving(0, None, 0, None, 0)


def at_rest(W: Float[Array, "recordings frames k"], H: Float[Array, "*taps k freqs"]) -> Moving:
    """Activations without momentum."""
    return Moving(W, H, W, H, jnp.ones(len(W), W.dtype))


@partial(jax.jit, static_argnames=("rules", "has_momentum"))
def iterate_each(
    data: Any,
    factors: Moving,
    penalty: Penalty,
    floor: Float[Array, ""],
    reach: Float[Array, " recordings"],
    exponents: Float[Array, "recordings 2"],
    count: Int[Array, ""],
    *,
    rules: StepRules,
    has_momentum: bool,
) -> Moving:
    """Sweep over the activations of all recordings `count` times."""
    free = jnp.zeros(factors.H.shape[-2], bool)
    if has_momentum:
        iterate = partial(iterate_extrapolated, rules=rules)
        each = jax.vmap(iterate, (0, _MOVING, 0, None, None, 0, 0, None), _MOVING)
        return each(data, factors, penalty, free, floor, reach, exponents, count)
    iterate = partial(iterate_mu, rules=rules)
    each = jax.vmap(iterate, (0, 0, None, 0, None, None, None), (0, None))
    W, _ = each(data, factors.W, factors.H, penalty, free, floor, count)
    return factors._replace(W=W)


@partial(jax.jit, static_argnames="beta")
def objective_each(
    data: Any,
    W: Float[Array, "recordings frames k"],
    H: Float[Array, "*taps k freqs"],
    penalty: Penalty,
    floor: Float[Array, ""],
    *,
    beta: float,
) -> Objective:
    """Divergence and penalty of every recording."""
    each = jax.vmap(partial(objective, beta=beta), (0, 0, None, 0, None))
    return each(data, W, H, penalty, floor)


@jax.jit
def looked_at_each(
    factors: Moving,
    best: Float[Array, "recordings frames k"],
    is_better: Bool[Array, " recordings"],
    goes_back: Bool[Array, " recordings"],
) -> tuple[Moving, Float[Array, "recordings frames k"]]:
    """After a look: the factors to go on with, back where they were best, and the best."""
    back = goes_back[:, None, None]
    best = jnp.where(is_better[:, None, None], factors.W, best)
    return factors._replace(
        W=jnp.where(back, best, factors.W),
        before_W=jnp.where(back, best, factors.before_W),
        momentum=jnp.where(goes_back, 1, factors.momentum),
    ), best
