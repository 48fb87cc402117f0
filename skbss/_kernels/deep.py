"""A chain of factorizations, each of the components of the one before, all at once."""

from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from skbss._kernels.dense_data import DenseData
from skbss._kernels.divergences import beta_divergence
from skbss._kernels.lambert import lambert_w_of_exp

# Kullback-Leibler's divergence is the one for which the components have a closed form.
_BETA = 1.0
# Of Newton's method: doubling of digits ends it long before.
_MOST_STEPS = 60


class Level(NamedTuple):
    """Activations and components of one factorization.

    Its data are the components of the level before; those of the first level are the rows.
    """

    W: Float[Array, "*rows k"]
    H: Float[Array, "k freqs"]


Levels = tuple[Level, ...]


def components_between(
    b: Float[Array, "k freqs"],
    a: Float[Array, "k #freqs"],
    model: Float[Array, "k freqs"],
    pull: Float[Array, ""],
) -> Float[Array, "k freqs"]:
    """The H with the lowest ``sum(a * H - b * log(H)) + pull * D(H | model)``, D that of KL.

    V. Leplat, L. T. K. Hien, A. Onwunta and N. Gillis, "Deep nonnegative matrix factorization with
    beta divergences", Neural Computation 36(11), 2024: every entry is the root of
    ``a - b / h + pull * log(h / model)``. Zeros of the model stay zeros; where `b` is zero, it is
    ``model * exp(-a / pull)``.
    """
    reached, known = b > 0, model > 0
    safe_b, safe_model = jnp.where(reached, b, 1), jnp.where(known, model, 1)
    slope = a / pull
    zeta = jnp.log(safe_b) - jnp.log(safe_model) - jnp.log(pull) + slope
    w = jnp.where(reached, lambert_w_of_exp(zeta), 0)
    # Two forms of the same: the first loses digits for large w, the second for small ones.
    near_model = safe_model * jnp.exp(jnp.minimum(w, 1) - slope)
    near_data = safe_b / (pull * jnp.where(w > 1, w, 1))
    return jnp.where(known, jnp.where(w > 1, near_data, near_model), 0)


def activations_of_mean_one(
    b: Float[Array, "*rows k"], a: Float[Array, "*rows k"], n_rows: Float[Array, ""]
) -> Float[Array, "*rows k"]:
    """The W with the lowest ``sum(a * W - b * log(W))`` of all whose columns add up to `n_rows`.

    It is ``b / (a + mu)``, zero where `b` is, with a number `mu` for every column. What that adds
    up to is a sum of hyperbolas in `mu`, and one divided by it is concave: the steps of Newton's
    method stay on the left of the root. A single one finds it where `a` has no slope in the rows.
    Columns where `b` has nothing are zero.
    """
    rows = tuple(range(b.ndim - 1))
    reached = b > 0
    least = jnp.where(reached, a, jnp.inf).min(axis=rows)
    above = jnp.where(reached, a - least, 1)
    share = b / n_rows
    # Where one row alone would add up to the total.
    left = jnp.where(reached, share - above, 0).max(axis=rows)
    some = reached.any(axis=rows)
    limits = jnp.finfo(b.dtype)
    start = jnp.where(some, jnp.maximum(left, limits.tiny), 1)

    def mean(mu):
        return (share / (above + mu)).sum(axis=rows)

    def still_more(state):
        _, reached_mean, n_steps = state
        return (n_steps < _MOST_STEPS) & (reached_mean > 1 + 16 * limits.eps).any()

    def step(state):
        mu, reached_mean, n_steps = state
        # Relative to mu: squares of the smallest vanish.
        slope = (share / (above + mu) * (mu / (above + mu))).sum(axis=rows)
        ahead = (reached_mean - 1) * reached_mean / jnp.where(slope > 0, slope, 1)
        mu = mu + mu * jnp.maximum(ahead, 0)
        return mu, mean(mu), n_steps + 1

    mu, reached_mean, _ = lax.while_loop(still_more, step, (start, mean(start), 0))
    return b / (above + mu) / jnp.where(some, reached_mean, 1)


@jax.jit
def iterate_deep(
    data,
    levels: Levels,
    n_rows: Float[Array, " levels"],
    weights: Float[Array, " levels"],
    floor: Float[Array, ""],
    count: Int[Array, ""],
) -> Levels:
    """Sweep over the activations and components of every level, from the first on, `count` times.

    Activations of every level have mean one: else the divergence of a deeper level would fall as
    its data shrinks. Every step brings one factor to the minimum of what bounds the objective, of
    those that are allowed. `n_rows` says how many rows every level has, without those that fill up.
    """
    last = len(levels) - 1

    def sweep(_, levels):
        moved: list[Level] = []
        for depth, (W, H) in enumerate(levels):
            own = DenseData(moved[-1].H, None) if moved else data
            b, a = _asked_of_activations(own, W, H, floor)
            W = activations_of_mean_one(b, a, n_rows[depth])
            b, a = _asked_of_components(own, W, H, floor)
            if depth == last:
                H = jnp.where(a > 0, b / jnp.where(a > 0, a, 1), 0)
            else:
                following = levels[depth + 1]
                pull = weights[depth + 1] / weights[depth]
                model = following.W @ following.H
                # What fills up is zero in both.
                used = (H > 0) | (model > 0)
                H = jnp.where(used, components_between(b, a, model + floor, pull), 0)
            moved.append(Level(W, H))
        return tuple(moved)

    return lax.fori_loop(0, count, sweep, levels)


def _asked_of_activations(data, W, H, floor):
    """The b and a of the bound ``a * W - b * log(W)`` of their divergence."""

    def parts(block, rows):
        W, _ = rows
        pulling, resisting = block.activation_parts(W, H, _BETA, floor)
        # Where b vanished next to a, it is the total of a column that says how much is left for W.
        least = jnp.finfo(W.dtype).tiny / jnp.finfo(W.dtype).eps
        b = jnp.where(W > 0, jnp.maximum(W * pulling, least), 0)
        return (b, jnp.broadcast_to(resisting, W.shape)), ()

    return data.sweep(parts, (W, jnp.zeros_like(W)))[0]


def _asked_of_components(data, W, H, floor):
    def parts(block, W):
        return W, block.component_parts(W, H, _BETA, floor)

    _, (pulling, resisting) = data.sweep(parts, W)
    return H * pulling, resisting


@jax.jit
def deeper_divergences(levels: Levels, floor: Float[Array, ""]) -> Float[Array, " deeper"]:
    """The divergences of all levels but the first, of which there must be some."""
    pairs = pairwise(levels)
    return jnp.stack([beta_divergence(X, W @ H + floor, _BETA).sum() for (_, X), (W, H) in pairs])
