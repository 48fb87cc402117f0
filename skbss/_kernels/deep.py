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

    Activations of every level end with mean one: else the divergence of a deeper level would fall
    as its data shrinks. `n_rows` says how many rows every level has, without those that fill up.
    """
    last = len(levels) - 1

    def sweep(_, levels):
        moved: list[Level] = []
        for depth, (W, H) in enumerate(levels):
            own = DenseData(moved[-1].H, None) if moved else data
            W, H, b, a = _half_sweep(own, W, H, n_rows[depth], floor)
            if depth == last:
                H = jnp.where(a > 0, b / jnp.where(a > 0, a, 1), 0)
            else:
                following = levels[depth + 1]
                pull = weights[depth + 1] / weights[depth]
                H = components_between(b, a, following.W @ following.H, pull)
            moved.append(Level(W, H))
        return tuple(moved)

    return lax.fori_loop(0, count, sweep, levels)


def _half_sweep(data, W, H, n_rows, floor):
    """Activations after an update, of mean one; and what their divergence asks of H."""

    def update(block, W):
        above, below = block.activation_parts(W, H, _BETA, floor)
        W = W * jnp.where(below > 0, above / jnp.where(below > 0, below, 1), 0)
        # The model does not change by what normalizes W.
        return W, (block.component_parts(W, H, _BETA, floor), W.sum(axis=0))

    W, ((pulling, resisting), totals) = data.sweep(update, W)
    mean = jnp.where(totals > 0, totals / n_rows, 1)
    return W / mean, H * mean[:, None], H * pulling, resisting / mean[:, None]


@jax.jit
def deeper_divergences(levels: Levels, floor: Float[Array, ""]) -> Float[Array, " deeper"]:
    """The divergences of all levels but the first, of which there must be some."""
    pairs = pairwise(levels)
    return jnp.stack([beta_divergence(X, W @ H + floor, _BETA).sum() for (_, X), (W, H) in pairs])
