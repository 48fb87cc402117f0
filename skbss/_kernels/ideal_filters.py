"""Filters made from the true sources: what masks and Wiener filters can reach at best."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Int

from skbss._kernels.masks import soft_masks
from skbss._kernels.stft import (
    first_spectra,
    frame_spectra,
    overlapped_under_masks,
    overlapped_waveform,
)


@partial(jax.jit, static_argnames="hop_length")
def ideally_masked_waveforms(
    x: Float[Array, "*lead samples"],
    sources: Float[Array, "sources *lead samples"],
    exponent: Float[Array, ""],
    window: Float[Array, " n_fft"],
    n_frames: Int[Array, ""],
    *,
    hop_length: int,
) -> Float[Array, "sources *lead samples"]:
    """The mixture under the soft masks of the true sources; not yet divided by the windows.

    Only the first `n_frames` frames count: the others fill up the shape.
    """
    X = first_spectra(x, window, n_frames, hop_length=hop_length)
    S = frame_spectra(sources, window, hop_length=hop_length)
    masks = soft_masks(jnp.abs(S), exponent)
    return overlapped_under_masks(X, masks, window, hop_length=hop_length)


@partial(jax.jit, static_argnames="hop_length")
def spatial_moments(
    sources: Float[Array, "sources channels samples"],
    window: Float[Array, " n_fft"],
    n_frames: Int[Array, ""],
    *,
    hop_length: int,
) -> Complex[Array, "sources freqs channels channels"]:
    """Sum of ``s s^H`` over the frames of every source."""
    S = first_spectra(sources, window, n_frames, hop_length=hop_length)
    return jnp.einsum("jatf,jbtf->jfab", S, S.conj(), precision="highest")


@partial(jax.jit, static_argnames="hop_length")
def wiener_waveforms(
    x: Float[Array, "channels samples"],
    sources: Float[Array, "sources channels samples"],
    R: Complex[Array, "sources freqs channels channels"],
    window: Float[Array, " n_fft"],
    n_frames: Int[Array, ""],
    *,
    hop_length: int,
) -> Float[Array, "sources channels samples"]:
    """The mixture through the Wiener filters ``v_j R_j (sum_i v_i R_i)^-1`` of the true powers.

    N. Q. K. Duong, E. Vincent and R. Gribonval, "Under-determined reverberant audio source
    separation using a full-rank spatial covariance model", IEEE TASLP 18(7), 2010. Where
    no source sounds, all have an equal share. Not yet divided by the windows.
    """
    X = first_spectra(x, window, n_frames, hop_length=hop_length)
    S = frame_spectra(sources, window, hop_length=hop_length)
    # Relative to the largest in the bin no power can vanish in all sources at once.
    peak = jnp.abs(S).max(axis=(0, 1))
    heard = peak > 0
    S = S / jnp.where(heard, peak, 1)
    v = jnp.where(heard, jnp.mean(jnp.square(S.real) + jnp.square(S.imag), axis=1), 1)
    share = v / v.sum(axis=0)
    total = jnp.einsum("jtf,jfab->tfab", share.astype(R.dtype), R, precision="highest")
    y = jnp.linalg.solve(total, jnp.moveaxis(X, 0, -1)[..., None])[..., 0]
    Y = share[:, None] * jnp.einsum("jfab,tfb->jatf", R, y, precision="highest")
    # The inverse of a nearly singular matrix is inexact: what it took away is given back.
    Y = jnp.where(heard, Y + share[:, None] * (X - Y.sum(axis=0)), share[:, None] * X)
    return jax.lax.map(lambda image: overlapped_waveform(image, window, hop_length=hop_length), Y)
