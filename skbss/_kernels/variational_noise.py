"""Noise of low rank beside a source that a variational autoencoder describes.

S. Leglaive, L. Girin and R. Horaud, "A variance modeling framework based on variational
autoencoders for speech enhancement", MLSP 2018: expectation by a Markov chain, and
multiplicative updates that majorize and minimize what is left.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key

from skbss._kernels.variational import Autoencoder, Standard, decode, encode

# Of a bin where neither model has any power, relative to the mean; it counts as noise.
FLOOR = 1e-8


class Chain(NamedTuple):
    """Where the chain is, how likely that is, and how many steps were accepted."""

    z: Float[Array, "rows latent"]
    log_density: Float[Array, " rows"]
    n_accepted: Int[Array, " rows"]


class Mixed(NamedTuple):
    """A model of a mixture: the chain's last draw, gains of the source, and the noise ``W H``."""

    z: Float[Array, "rows latent"]
    gain: Float[Array, " rows"]
    W: Float[Array, "rows k"]
    H: Float[Array, "k freqs"]


@jax.jit
def begin(
    weights: Autoencoder,
    standard: Standard,
    P: Float[Array, "rows freqs"],
    sounds: Bool[Array, " rows"],
    W: Float[Array, "rows k"],
    H: Float[Array, "k freqs"],
) -> Mixed:
    """Before the first iteration. Rows without a sound have no power, and influence no other."""
    gain = sounds.astype(P.dtype)
    return Mixed(encode(weights, standard, P)[0], gain, gain[:, None] * W, H)


def metropolis(
    log_density: Callable[[Float[Array, "rows latent"]], Float[Array, " rows"]],
    z: Float[Array, "rows latent"],
    key: Key[Array, ""],
    step: Float[Array, ""],
    burn_in: Int[Array, ""],
    n_samples: int,
) -> tuple[Float[Array, "samples rows latent"], Int[Array, " rows"]]:
    """Draws from a density for every row, and how many steps of it were accepted.

    A random walk of Gaussian steps; the first `burn_in` are left out.
    """

    def walk(index, chain):
        ahead, luck = jax.random.split(jax.random.fold_in(key, index))
        there = chain.z + step * jax.random.normal(ahead, z.shape, z.dtype)
        found = log_density(there)
        # Where the density overflowed to NaN, the comparison says no.
        accepted = jnp.log(jax.random.uniform(luck, found.shape, z.dtype)) < (
            found - chain.log_density
        )
        return Chain(
            jnp.where(accepted[:, None], there, chain.z),
            jnp.where(accepted, found, chain.log_density),
            chain.n_accepted + accepted,
        )

    def walk_and_tell(chain, index):
        chain = walk(index, chain)
        return chain, chain.z

    chain = Chain(z, log_density(z), jnp.zeros(len(z), jnp.int32))
    chain = lax.fori_loop(0, burn_in, walk, chain)
    indices = burn_in + jnp.arange(n_samples, dtype=burn_in.dtype)
    chain, samples = lax.scan(walk_and_tell, chain, indices)
    return samples, chain.n_accepted


def log_posterior(
    weights: Autoencoder,
    P: Float[Array, "rows freqs"],
    mixed: Mixed,
    z: Float[Array, "rows latent"],
) -> Float[Array, " rows"]:
    """Of what the source stems from, given the mixture, up to a constant."""
    V = mixed.gain[:, None] * jnp.exp(decode(weights, z)) + (mixed.W @ mixed.H + FLOOR)
    return -(jnp.log(V) + P / V).sum(axis=1) - jnp.square(z).sum(axis=1) / 2


def expectation(weights, P, mixed, key, step, burn_in, n_samples):
    """The powers of the source in draws from its posterior, and the last draw."""
    density = partial(log_posterior, weights, P, mixed)
    samples, _ = metropolis(density, mixed.z, key, step, burn_in, n_samples)
    return lax.map(lambda z: jnp.exp(decode(weights, z)), samples), samples[-1]


def maximization(
    P: Float[Array, "rows freqs"], S: Float[Array, "samples rows freqs"], mixed: Mixed
) -> Mixed:
    """Noise and gains that explain the mixture better, with the powers S of the source.

    Square roots make the updates majorize and minimize the mean over the draws.
    """
    _, gain, W, H = mixed
    positive, negative = _parts(P, S, gain, W @ H)
    W = W * _root_of_ratio(negative @ H.T, positive @ H.T)
    positive, negative = _parts(P, S, gain, W @ H)
    H = H * _root_of_ratio(W.T @ negative, W.T @ positive)
    N = W @ H

    def add(sums, S):
        V = gain[:, None] * S + (N + FLOOR)
        return (sums[0] + (S / V).sum(axis=1), sums[1] + (S / V * (P / V)).sum(axis=1)), None

    zeros = jnp.zeros_like(gain)
    (positive, negative), _ = lax.scan(add, (zeros, zeros), S)
    return mixed._replace(gain=gain * _root_of_ratio(negative, positive), W=W, H=H)


def _parts(P, S, gain, N):
    """The positive and the negative part of the gradient by the power of the noise."""

    def add(sums, S):
        V = gain[:, None] * S + (N + FLOOR)
        return (sums[0] + 1 / V, sums[1] + P / V / V), None

    zeros = jnp.zeros_like(P)
    return lax.scan(add, (zeros, zeros), S)[0]


def _root_of_ratio(negative, positive):
    # Nothing depends on the activations of a component of zeros.
    matters = positive > 0
    return jnp.sqrt(jnp.where(matters, negative / jnp.where(matters, positive, 1), 1))


def misfit(
    P: Float[Array, "rows freqs"], S: Float[Array, "samples rows freqs"], mixed: Mixed
) -> Float[Array, ""]:
    """What `maximization` lowers: the mean over the draws of minus the log-likelihood."""
    N = mixed.W @ mixed.H + FLOOR
    V = mixed.gain[:, None] * S + N
    return (jnp.log(V) + P / V).sum() / len(S)


@partial(jax.jit, static_argnames="n_samples")
def em_step(
    weights: Autoencoder,
    P: Float[Array, "rows freqs"],
    mixed: Mixed,
    key: Key[Array, ""],
    step: Float[Array, ""],
    burn_in: Int[Array, ""],
    *,
    n_samples: int,
) -> Mixed:
    """One iteration of expectation and maximization."""
    S, z = expectation(weights, P, mixed, key, step, burn_in, n_samples)
    return maximization(P, S, mixed._replace(z=z))


@partial(jax.jit, static_argnames="n_samples")
def share_of_source(
    weights: Autoencoder,
    P: Float[Array, "rows freqs"],
    mixed: Mixed,
    key: Key[Array, ""],
    step: Float[Array, ""],
    burn_in: Int[Array, ""],
    *,
    n_samples: int,
) -> Float[Array, "rows freqs"]:
    """The Wiener filter of the source: its mean over draws."""
    S, _ = expectation(weights, P, mixed, key, step, burn_in, n_samples)
    N = mixed.W @ mixed.H + FLOOR

    def add(total, S):
        S = mixed.gain[:, None] * S
        return total + S / (S + N), None

    total, _ = lax.scan(add, jnp.zeros_like(P), S)
    # Sums of rounded shares may exceed 1 by a bit.
    return jnp.minimum(total / n_samples, 1)
