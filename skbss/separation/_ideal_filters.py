"""One clip through filters made from its true sources, in bounded memory."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from skbss._kernels.ideal_filters import (
    ideally_masked_waveforms,
    spatial_moments,
    wiener_waveforms,
)
from skbss._runtime.device import is_jax_array, precision
from skbss.frontend._framing import Framing
from skbss.masking._level import level_of
from skbss.separation._cover import Cover

# How much of its power a source sends in all directions alike, at single and double precision:
# so little that nobody hears it, and enough for an inverse of the sum of the covariances.
_DIFFUSE = {4: 1e-6, 8: 1e-10}


def ideally_masked(x, sources, *, exponent, framing: Framing):
    """The sources of a clip by the masks of the true ones, each channel by its own.

    Parameters
    ----------
    x : array of shape ([n_channels,] length)
        Waveforms of the mixture.
    sources : array of shape (n_sources, [n_channels,] length)
        The true sources.
    exponent : float
        Of the magnitudes, in the mask.
    framing : Framing
        The frames.

    Returns
    -------
    estimates : array of shape (n_sources, [n_channels,] length)
        They add up to `x`.
    """
    cover, level, window = Cover(x.shape[-1], framing), level_of(x), framing.window.astype(x.dtype)
    padded = cover.padded(_together(x / level, sources))
    exponent = (jnp if is_jax_array(x) else np).asarray(exponent, x.dtype)

    def waveforms_of(block):
        return ideally_masked_waveforms(
            block.samples[0],
            block.samples[1:],
            exponent,
            window,
            block.n_frames,
            hop_length=framing.hop_length,
        )

    return cover.synthesized(waveforms_of, padded, _values_per_frame(padded, framing)) * level


def ideally_filtered(x, sources, *, framing: Framing):
    """The sources of a clip by the Wiener filters of the true ones.

    Parameters
    ----------
    x : array of shape (n_channels, length)
        Waveforms of the mixture.
    sources : array of shape (n_sources, n_channels, length)
        The true sources.
    framing : Framing
        The frames.

    Returns
    -------
    estimates : array of shape (n_sources, n_channels, length)
        They add up to `x`.
    """
    cover, level, window = Cover(x.shape[-1], framing), level_of(x), framing.window.astype(x.dtype)
    padded = cover.padded(_together(x / level, sources))
    values = _values_per_frame(padded, framing) * len(x)
    R = _spatial_covariances(cover, padded[1:], values, window)

    def waveforms_of(block):
        return wiener_waveforms(
            block.samples[0],
            block.samples[1:],
            R,
            window,
            block.n_frames,
            hop_length=framing.hop_length,
        )

    return cover.synthesized(waveforms_of, padded, values) * level


def _spatial_covariances(cover, padded, values_per_frame, window):
    """Of every source at every frequency, of mean power 1 over the channels."""
    hop_length, dtype = cover.framing.hop_length, np.dtype(padded.dtype)
    moments: Any = 0
    with precision(dtype):
        for block in cover.blocks(padded, values_per_frame):
            some = spatial_moments(block.samples, window, block.n_frames, hop_length=hop_length)
            moments = moments + (some if is_jax_array(padded) else np.asarray(some))
    xp = jnp if is_jax_array(padded) else np
    n_channels = moments.shape[-1]
    mean_power = xp.trace(moments, axis1=-2, axis2=-1).real[..., None, None] / n_channels
    everywhere = xp.eye(n_channels, dtype=dtype)
    heard = mean_power > 0
    R = xp.where(heard, moments / xp.where(heard, mean_power, 1), everywhere)
    diffuse = _DIFFUSE[dtype.itemsize]
    return (R + diffuse * everywhere) / (1 + diffuse)


def _together(x, sources):
    """The mixture above its sources, all sources at one level."""
    xp = jnp if is_jax_array(x) else np
    return xp.concatenate([x[None], sources / level_of(sources)])


def _values_per_frame(padded, framing):
    return padded[..., 0].size * framing.n_fft
