"""A variational autoencoder of power spectra: what it is made of, and how it is trained.

S. Leglaive, L. Girin and R. Horaud, "A variance modeling framework based on variational
autoencoders for speech enhancement", MLSP 2018: bins are complex Gaussian, and the decoder says how
much power they have.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

# Powers are relative to their mean. A spectrum of zeros would be infinitely likely without noise.
_BACKGROUND = 1e-6
# Beyond these, exponentials would overflow in float32; spectra of sounds stay far from them.
_LARGEST_LOG = 30.0


class Autoencoder(NamedTuple):
    """What is trained: two networks of one hidden layer each."""

    encoder: Float[Array, "freqs hidden"]
    encoder_bias: Float[Array, " hidden"]
    mean: Float[Array, "hidden latent"]
    mean_bias: Float[Array, " latent"]
    log_variance: Float[Array, "hidden latent"]
    log_variance_bias: Float[Array, " latent"]
    decoder: Float[Array, "latent hidden"]
    decoder_bias: Float[Array, " hidden"]
    output: Float[Array, "hidden freqs"]
    output_bias: Float[Array, " freqs"]


class Standard(NamedTuple):
    """Of the logarithms of the training data: what the encoder subtracts, and divides by."""

    mean: Float[Array, " freqs"]
    scale: Float[Array, ""]


def log_powers(P: Float[Array, "rows freqs"]) -> Float[Array, "rows freqs"]:
    """Logarithms, finite for zeros too."""
    return jnp.log(P + _BACKGROUND)


def encode(
    weights: Autoencoder, standard: Standard, P: Float[Array, "rows freqs"]
) -> tuple[Float[Array, "rows latent"], Float[Array, "rows latent"]]:
    """Mean and logarithm of the variance of what a spectrum may stem from."""
    x = (log_powers(P) - standard.mean) / standard.scale
    hidden = jnp.tanh(x @ weights.encoder + weights.encoder_bias)
    log_variance = hidden @ weights.log_variance + weights.log_variance_bias
    log_variance = jnp.clip(log_variance, -_LARGEST_LOG, _LARGEST_LOG)
    return hidden @ weights.mean + weights.mean_bias, log_variance


def decode(weights: Autoencoder, z: Float[Array, "*rows latent"]) -> Float[Array, "*rows freqs"]:
    """Logarithm of the power that is expected."""
    hidden = jnp.tanh(z @ weights.decoder + weights.decoder_bias)
    return jnp.clip(hidden @ weights.output + weights.output_bias, -_LARGEST_LOG, _LARGEST_LOG)


def negative_elbo(
    weights: Autoencoder,
    standard: Standard,
    P: Float[Array, "rows freqs"],
    noise: Float[Array, "rows latent"],
) -> Float[Array, ""]:
    """The bound that training minimizes, as a mean over all bins; at least 0.

    The divergence of Itakura and Saito between spectra and what is decoded, and that of Kullback
    and Leibler between what is encoded and the standard normal distribution. The `noise` is a draw
    of the latter for every row.
    """
    mean, log_variance = encode(weights, standard, P)
    z = mean + jnp.exp(log_variance / 2) * noise
    log_ratio = log_powers(P) - decode(weights, z)
    divergence = jnp.exp(log_ratio) - log_ratio - 1
    prior = (jnp.square(mean) + jnp.exp(log_variance) - log_variance - 1) / 2
    return divergence.mean() + prior.sum() / divergence.size


def negative_elbo_of_rows(
    weights: Autoencoder,
    standard: Standard,
    P: Float[Array, "all freqs"],
    rows: Int[Array, " rows"],
    noise: Float[Array, "rows latent"],
) -> Float[Array, ""]:
    """The same for some of the rows."""
    return negative_elbo(weights, standard, P[rows], noise)
