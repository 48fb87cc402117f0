"""Sparse complex sources in channels that mix them by gains alone.

It minimizes ``|Z - M S|^2 + alpha * |S|_1`` over complex sources S and a real mixing matrix M with
columns of norm one, a few frames at a time.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Complex, Float, Int

from skbss._kernels.sparse_adaptive import Rates, adam_direction

_CODING_STEPS = 10


class AdaptingMixing(NamedTuple):
    """Sources, the mixing matrix, and what Adam remembers of its gradients after `n_steps`."""

    S: Complex[Array, "batches sources bins"]
    M: Float[Array, "channels sources"]
    first: Float[Array, "channels sources"]
    second: Float[Array, "channels sources"]
    n_steps: Int[Array, ""]


def shrunk(
    S: Complex[Array, "sources bins"], threshold: Float[Array, ""]
) -> Complex[Array, "sources bins"]:
    """Numbers whose modulus is less by a threshold, and zero where it is smaller."""
    modulus = jnp.abs(S)
    left = jnp.maximum(modulus - threshold, 0)
    return S * (left / jnp.where(modulus > 0, modulus, 1))


def sparse_sources(
    Z: Complex[Array, "channels bins"],
    S: Complex[Array, "sources bins"],
    M: Float[Array, "channels sources"],
    alpha: Float[Array, ""],
    count: int = _CODING_STEPS,
) -> Complex[Array, "sources bins"]:
    """Proximal gradient steps with momentum from S.

    A. Beck and M. Teboulle, "A fast iterative shrinkage-thresholding algorithm for linear inverse
    problems", SIAM Journal on Imaging Sciences 2(1), 2009, eqs. 4.1 to 4.3.
    """
    gram, products = M.T @ M, M.T @ Z
    # The trace, which is the number of sources, bounds the largest eigenvalue.
    step = 1 / (2 * jnp.trace(gram))

    def improve(_, state):
        S, ahead, momentum = state
        new = shrunk(ahead - 2 * step * (gram @ ahead - products), alpha * step)
        following = (1 + jnp.sqrt(1 + 4 * momentum**2)) / 2
        return new, new + (momentum - 1) / following * (new - S), following

    return lax.fori_loop(0, count, improve, (S, S, jnp.ones((), M.dtype)))[0]


@jax.jit
def adapt_mixing_for_an_epoch(
    Z: Complex[Array, "batches channels bins"],
    state: AdaptingMixing,
    rates: Rates,
    order: Int[Array, " batches"],
    n_batches: Int[Array, ""],
) -> tuple[AdaptingMixing, Float[Array, ""]]:
    """Go through the first `n_batches` of an order; the state and the objective after it."""

    def adapt(i, state):
        z = Z[order[i]]
        S = sparse_sources(z, state.S[order[i]], state.M, rates.alpha)
        gradient = jnp.real(2 * (state.M @ S - z) @ S.conj().T)
        # Loud batches move the matrix as far as quiet ones.
        steepest = jnp.abs(gradient).max()
        gradient = gradient / jnp.where(steepest > 0, steepest, 1)
        n_steps = state.n_steps + 1
        direction, first, second = adam_direction(gradient, state.first, state.second, n_steps)
        rate = rates.learning_rate / (1 + rates.decay * state.n_steps)
        M = state.M - rate * direction
        M = M / jnp.linalg.norm(M, axis=0)
        return AdaptingMixing(state.S.at[order[i]].set(S), M, first, second, n_steps)

    state = lax.fori_loop(0, n_batches, adapt, state)
    error = jnp.square(jnp.abs(Z - state.M @ state.S)).sum()
    return state, error + rates.alpha * jnp.abs(state.S).sum()
