"""Components that share no feature: with one factor held, the best other one is known.

A feature f of component k has the model ``h w_n``, and the slope of its divergence

    sum_n m_n d(x_n | h w_n)   is   h**(beta - 2) (h B - A),
    A = sum_n m_n x_n w_n**(beta - 1),   B = sum_n m_n w_n**beta,

below zero before ``h = A / B`` and above it afterwards, whatever beta is: that is the minimum, of
``(sum_n m_n x_n**beta - A**beta B**(1 - beta)) / (beta (beta - 1))``. Comparing it among the
components says to which of them the feature belongs. In a row, w is a minimum of the same kind,
over the features of its component.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from skbss._kernels.divergences import beta_divergence, power
from skbss._kernels.entries import count_up


class Disjoint(NamedTuple):
    """Both factors: every feature has one positive entry in H, or none if it is silent.

    Every entry of W is positive: also where a component has no features, which its activations
    may still win.
    """

    W: Float[Array, "*rows k"]
    H: Float[Array, "k freqs"]


class Bounds(NamedTuple):
    """What X was raised to, or is not heard below, and the least activation."""

    silence: Float[Array, ""]
    activation: Float[Array, ""]


@partial(jax.jit, static_argnames="beta")
def first_components(
    data, W: Float[Array, "*rows k"], free: Bool[Array, " k"], bounds: Bounds, *, beta: float
) -> Disjoint:
    """The best components for activations that are given, at whatever level.

    Rows of zeros in W are rows that fill up.
    """

    def of_block(block, W):
        return W, (W.sum(axis=0), _real(W).sum())

    _, (total, n_rows) = data.sweep(of_block, W)
    mean = jnp.where(total > 0, total / n_rows, 1)

    def raised(block, W):
        return _real(W) * jnp.maximum(W / mean, bounds.activation), ()

    W, _ = data.sweep(raised, W)
    n_features = data.X.shape[-1]
    nothing = jnp.zeros((len(free), n_features), W.dtype)
    H, _, _ = _best_components(data, W, nothing, free, bounds, beta)
    return Disjoint(W, H)


@partial(jax.jit, static_argnames="beta")
def iterate_disjoint(
    data,
    factors: Disjoint,
    free: Bool[Array, " k"],
    bounds: Bounds,
    n_iter: Int[Array, ""],
    *,
    beta: float,
) -> Disjoint:
    """Find the best components, then the best activations, `n_iter` times.

    A component that was left without features gets the activations of the feature that is
    explained worst, which costs nothing and is won over in the next iteration.
    """

    def iterate(_, factors):
        H, costs, means = _best_components(data, factors.W, factors.H, free, bounds, beta)
        empty = free & ~(H > 0).any(axis=1)
        turn = jnp.cumsum(empty) - 1
        worst = jnp.argsort(-costs)[jnp.clip(turn, 0, costs.size - 1)]
        seeded = empty & (turn < costs.size) & (costs[worst] > 0)
        level = means[worst]

        def of_block(block, W):
            seeds = block.X[:, worst] / level
            if block.weights is not None:
                seeds = jnp.where(block.weights[:, worst] > 0, seeds, 1)
            found = jnp.where(seeded, seeds, _activations_of(block, W, H, beta))
            return _real(W) * jnp.maximum(found, bounds.activation), ()

        W, _ = data.sweep(of_block, factors.W)
        return Disjoint(W, H)

    return count_up(n_iter, iterate, factors)


@partial(jax.jit, static_argnames="beta")
def disjoint_objective(data, factors: Disjoint, *, beta: float) -> Float[Array, ""]:
    """The divergence, over the features that some component has."""

    def of_block(block, W):
        return W, _costs(block, W, factors.H, beta)

    return data.sweep(of_block, factors.W)[1].sum()


@partial(jax.jit, static_argnames="beta")
def best_activations(
    data, W: Float[Array, "*rows k"], H: Float[Array, "k freqs"], *, beta: float
) -> Float[Array, "*rows k"]:
    """The best activations of components; those in W where nothing of a component is observed."""

    def of_block(block, W):
        return _real(W) * _activations_of(block, W, H, beta), ()

    return data.sweep(of_block, W)[0]


@jax.jit
def heard_activations(
    data, W: Float[Array, "*rows k"], H: Float[Array, "k freqs"], bounds: Bounds
) -> Float[Array, "*rows k"]:
    """Activations, but zeros where all features of a component are silent or not observed."""
    belongs = (H > 0).astype(H.dtype)

    def of_block(block, W):
        heard = (bounds.silence < block.X).astype(W.dtype)
        if block.weights is not None:
            heard = jnp.where(block.weights > 0, heard, 0)
        return jnp.where(heard @ belongs.T > 0, W, 0), ()

    return data.sweep(of_block, W)[0]


def _real(W):
    """1 for rows of data, 0 for those that fill up."""
    return (W > 0).any(axis=1, keepdims=True).astype(W.dtype)


def _best_components(data, W, H, free, bounds, beta):
    """The best H for W, what every feature costs then, and the means of the features.

    H says to which component every feature belonged. It stays there unless another one is better
    by more than rounding, which costs that are close to zero would not survive in closed form.
    """

    def sums(block, rows):
        real = _real(rows)
        W = jnp.where(real > 0, rows, 1)
        X, m = real * block.X, real
        if block.weights is not None:
            X, m = block.weights * X, block.weights * real
        A = power(W, beta - 1).T @ X
        B = power(W, beta).T @ m
        extra = jnp.log(W).T @ (X if beta == 1 else m) if beta in (0, 1) else ()
        heard = jnp.where((bounds.silence < block.X) & (m > 0), 1, 0).sum(axis=0)
        count = jnp.broadcast_to(m, X.shape).sum(axis=0)
        return rows, (A, B, extra, heard, X.sum(axis=0), count)

    _, (A, B, extra, heard, mass, count) = data.sweep(sums, W)
    best = A / jnp.where(B > 0, B, 1)
    logs = jnp.log(jnp.where(best > 0, best, 1))
    if beta == 1:
        gain = A * logs + extra
    elif beta == 0:
        gain = -(B * logs + extra)
    else:
        # Of A**beta B**(1 - beta) itself the smallest and largest do not fit into float32.
        sign = 1 if beta * (beta - 1) > 0 else -1
        gain = sign * (beta * logs + jnp.log(jnp.where(B > 0, B, 1)))
    gain = jnp.where(free[:, None] & (best > 0), gain, -jnp.inf)
    chosen = jnp.arange(len(free))[:, None] == jnp.argmax(gain, axis=0)[None, :]
    heard = heard > 0
    other = jnp.where(chosen & heard, best, 0)
    same = jnp.where((H > 0) & heard, best, 0)

    def costs(block, W):
        return W, (_costs(block, W, other, beta), _costs(block, W, same, beta))

    _, (cost, cost_of_same) = data.sweep(costs, W)
    cost_of_same = jnp.where((same > 0).any(axis=0), cost_of_same, jnp.inf)
    moves = heard & ~(cost_of_same <= cost)
    means = jnp.where(mass > 0, mass / jnp.where(count > 0, count, 1), 1)
    found = jnp.where(moves, other, same)
    return found, jnp.where(heard, jnp.where(moves, cost, cost_of_same), 0), means


def _costs(block, W, H, beta):
    """What every feature costs that some component has."""
    tiny = jnp.finfo(W.dtype).tiny
    belongs = (H > 0).any(axis=0) & (_real(W) > 0)
    divergence = beta_divergence(
        jnp.where(belongs, block.X, 1), jnp.where(belongs, jnp.maximum(W @ H, tiny), 1), beta
    )
    if block.weights is not None:
        divergence = block.weights * divergence
    return jnp.where(belongs, divergence, 0).sum(axis=0)


def _activations_of(block, W, H, beta):
    """The best activations, and those in W where there is nothing to go by."""
    peak = jnp.where((H > 0).any(axis=1, keepdims=True), H.max(axis=1, keepdims=True), 1)
    share = jnp.where(H > 0, H / peak, 1)
    left = jnp.where(H > 0, power(share, beta - 1), 0)
    right = jnp.where(H > 0, power(share, beta), 0)
    X = block.X if block.weights is None else block.weights * block.X
    total = right.sum(axis=1)[None, :] if block.weights is None else block.weights @ right.T
    found = (X @ left.T) / jnp.where(total > 0, total, 1) / peak[:, 0][None, :]
    return jnp.where(total > 0, found, W)
