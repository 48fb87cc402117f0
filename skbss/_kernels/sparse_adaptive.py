"""Sparse adaptive decomposition: sparse codes of few frames at a time, then a step of the atoms.

It minimizes ``|X - S A|^2 + alpha * |S|_1`` over non-negative codes S and non-negative atoms A of
norm one.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

_CODING_STEPS = 10
_POWER_STEPS = 4
_FIRST_DECAY, _SECOND_DECAY, _EPSILON = 0.9, 0.999, 1e-8


class Adapting(NamedTuple):
    """Codes, atoms, and what Adam remembers of the atoms' gradients after `n_steps`."""

    S: Float[Array, "frames k"]
    A: Float[Array, "k freqs"]
    first: Float[Array, "k freqs"]
    second: Float[Array, "k freqs"]
    n_steps: Int[Array, ""]


class Rates(NamedTuple):
    """Strength of the sparsity; the step of the atoms in the beginning, and how it decays."""

    alpha: Float[Array, ""]
    learning_rate: Float[Array, ""]
    decay: Float[Array, ""]


class Quality(NamedTuple):
    """The squared error and the objective."""

    error: Float[Array, ""]
    objective: Float[Array, ""]


def unit_rows(
    A: Float[Array, "k freqs"], otherwise: Float[Array, "k freqs"]
) -> Float[Array, "k freqs"]:
    """Rows of norm one; where there is nothing, those of another matrix."""
    norms = jnp.linalg.norm(A, axis=1, keepdims=True)
    return jnp.where(norms > 0, A / jnp.where(norms > 0, norms, 1), otherwise)


def largest_eigenvalue(G: Float[Array, "k k"]) -> Float[Array, ""]:
    """A bound of that of a non-negative matrix with a positive diagonal, close after a few powers.

    L. Collatz, "Einschließungssatz für die charakteristischen Zahlen von Matrizen", Mathematische
    Zeitschrift 48, 1942.
    """
    v = jnp.ones(len(G), G.dtype)
    for _ in range(_POWER_STEPS):
        v = G @ v
        v = v / v.max()
    return (G @ v / v).max()


def sparse_codes(
    X: Float[Array, "frames freqs"],
    S: Float[Array, "frames k"],
    A: Float[Array, "k freqs"],
    alpha: Float[Array, ""],
    count: int = _CODING_STEPS,
) -> Float[Array, "frames k"]:
    """Proximal gradient steps with momentum from S.

    A. Beck and M. Teboulle, "A fast iterative shrinkage-thresholding algorithm for linear inverse
    problems", SIAM Journal on Imaging Sciences 2(1), 2009, eqs. 4.1 to 4.3.
    """
    gram, products = A @ A.T, X @ A.T
    step = 1 / (2 * largest_eigenvalue(gram))

    def improve(_, state):
        S, ahead, momentum = state
        slope = 2 * (ahead @ gram - products) + alpha
        new = jnp.maximum(ahead - step * slope, 0)
        following = (1 + jnp.sqrt(1 + 4 * momentum**2)) / 2
        return new, new + (momentum - 1) / following * (new - S), following

    return lax.fori_loop(0, count, improve, (S, S, jnp.ones((), S.dtype)))[0]


def adam_direction(
    gradient: Float[Array, "a b"],
    first: Float[Array, "a b"],
    second: Float[Array, "a b"],
    n_steps: Int[Array, ""],
) -> tuple[Float[Array, "a b"], Float[Array, "a b"], Float[Array, "a b"]]:
    """What a step goes against, and what is remembered of the gradients after `n_steps`.

    D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.
    """
    count = n_steps.astype(gradient.dtype)
    first = _FIRST_DECAY * first + (1 - _FIRST_DECAY) * gradient
    second = _SECOND_DECAY * second + (1 - _SECOND_DECAY) * gradient**2
    spread = jnp.sqrt(second / (1 - _SECOND_DECAY**count)) + _EPSILON
    return first / (1 - _FIRST_DECAY**count) / spread, first, second


def adapt_atoms(
    X: Float[Array, "frames freqs"],
    S: Float[Array, "frames k"],
    state: Adapting,
    rates: Rates,
    free: Bool[Array, " k"],
    n_frames: Float[Array, ""],
) -> Adapting:
    """A step of Adam down the mean gradient of some frames, to atoms of norm one."""
    gradient = 2 * S.T @ (S @ state.A - X) / n_frames
    n_steps = state.n_steps + 1
    direction, first, second = adam_direction(gradient, state.first, state.second, n_steps)
    rate = rates.learning_rate / (1 + rates.decay * state.n_steps)
    moved = unit_rows(jnp.maximum(state.A - rate * direction, 0), state.A)
    A = jnp.where(free[:, None], moved, state.A)
    return Adapting(state.S, A, first, second, n_steps)


@jax.jit
def adapt_for_an_epoch(
    X: Float[Array, "frames freqs"],
    state: Adapting,
    rates: Rates,
    free: Bool[Array, " k"],
    batches: Int[Array, "batches size"],
    n_frames: Int[Array, ""],
) -> tuple[Adapting, Quality]:
    """Go through batches of frames, given by their numbers, of which `n_frames` count.

    The others, which fill up the last batch and make up those that are not used, are zeros.
    """
    size = batches.shape[1]

    def adapt(i, state):
        batch = batches[i]
        S = sparse_codes(X[batch], state.S[batch], state.A, rates.alpha)
        count = jnp.minimum(size, n_frames - i * size).astype(X.dtype)
        state = adapt_atoms(X[batch], S, state, rates, free, count)
        return state._replace(S=state.S.at[batch].set(S))

    state = lax.fori_loop(0, -(-n_frames // size), adapt, state)
    error = jnp.square(X - state.S @ state.A).sum()
    return state, Quality(error, error + rates.alpha * state.S.sum())
