"""The short-time Fourier transform and its inverse."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Complex, Float, Int


@partial(jax.jit, static_argnames="hop_length")
def frame_spectra(
    x: Float[Array, "*lead samples"], window: Float[Array, " n_fft"], *, hop_length: int
) -> Complex[Array, "*lead frames freqs"]:
    """Spectra of all frames that fit whole into the signal, phases relative to their start."""
    n_fft = window.shape[0]
    starts = hop_length * jnp.arange(1 + (x.shape[-1] - n_fft) // hop_length)
    return jnp.fft.rfft(x[..., starts[:, None] + jnp.arange(n_fft)] * window)


@partial(jax.jit, static_argnames="hop_length")
def overlap_add(
    frames: Float[Array, "*lead frames n_fft"], *, hop_length: int
) -> Float[Array, "*lead samples"]:
    """Sum of the frames, each a hop later than the one before."""
    *lead, n_frames, n_fft = frames.shape
    # By whole hops and in a fixed order: a scatter would add up in any order on a GPU.
    n_hops = -(-n_fft // hop_length)
    missing = n_hops * hop_length - n_fft
    frames = jnp.pad(frames, [(0, 0)] * (frames.ndim - 1) + [(0, missing)])
    frames = frames.reshape(*lead, n_frames, n_hops, hop_length)

    def add_hop(n, total):
        hop = lax.dynamic_index_in_dim(frames, n, axis=-2, keepdims=False)
        earlier = lax.dynamic_slice_in_dim(total, n, n_frames, axis=-2)
        return lax.dynamic_update_slice_in_dim(total, earlier + hop, n, axis=-2)

    total = jnp.zeros((*lead, n_frames + n_hops - 1, hop_length), frames.dtype)
    total = lax.fori_loop(0, n_hops, add_hop, total)
    return total.reshape(*lead, -1)[..., : (n_frames - 1) * hop_length + n_fft]


@partial(jax.jit, static_argnames="hop_length")
def overlapped_waveform(
    X: Complex[Array, "*lead frames freqs"], window: Float[Array, " n_fft"], *, hop_length: int
) -> Float[Array, "*lead samples"]:
    """The signal of every frame, windowed once more and added; not yet divided by the windows."""
    frames = jnp.fft.irfft(X, n=window.shape[0]) * window
    return overlap_add(frames, hop_length=hop_length)


@partial(jax.jit, static_argnames="hop_length")
def first_spectra(
    x: Float[Array, "*lead samples"],
    window: Float[Array, " n_fft"],
    n_frames: Int[Array, ""],
    *,
    hop_length: int,
) -> Complex[Array, "*lead frames freqs"]:
    """Spectra of the first `n_frames` frames, and zero for the others, which fill up the shape."""
    X = frame_spectra(x, window, hop_length=hop_length)
    return jnp.where(jnp.arange(X.shape[-2])[:, None] < n_frames, X, 0)


@partial(jax.jit, static_argnames="hop_length")
def overlapped_under_masks(
    X: Complex[Array, "*lead frames freqs"],
    masks: Float[Array, "sources *lead frames freqs"],
    window: Float[Array, " n_fft"],
    *,
    hop_length: int,
) -> Float[Array, "sources *lead samples"]:
    """The signal under every mask, one after another; not yet divided by the windows."""
    return lax.map(lambda mask: overlapped_waveform(mask * X, window, hop_length=hop_length), masks)


@partial(jax.jit, static_argnames=("hop_length", "margin", "pad_mode"))
def stft(
    x: Float[Array, "*lead samples"],
    window: Float[Array, " n_fft"],
    *,
    hop_length: int,
    margin: int,
    pad_mode: str,
) -> Complex[Array, "*lead frames freqs"]:
    """Spectra of the signal with `margin` more samples on both sides, made up as `pad_mode` says.

    D. Griffin and J. Lim, "Signal estimation from modified short-time Fourier transform",
    IEEE Trans. ASSP 32(2), 1984, eq. 1.
    """
    x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(margin, margin)], mode=pad_mode)
    return frame_spectra(x, window, hop_length=hop_length)


@partial(jax.jit, static_argnames=("hop_length", "margin", "length"))
def istft(
    X: Complex[Array, "*lead frames freqs"],
    window: Float[Array, " n_fft"],
    *,
    hop_length: int,
    margin: int,
    length: int,
) -> Float[Array, "*lead samples"]:
    """The signal whose STFT comes closest to X, `length` samples from sample `margin` on.

    D. Griffin and J. Lim, "Signal estimation from modified short-time Fourier transform",
    IEEE Trans. ASSP 32(2), 1984, eq. 6. What no window reaches is zero.
    """
    total = overlapped_waveform(X, window, hop_length=hop_length)
    power = jnp.broadcast_to(jnp.square(window), (X.shape[-2], window.shape[0]))
    power = overlap_add(power, hop_length=hop_length)
    reached = power > jnp.finfo(power.dtype).tiny
    x = total / jnp.where(reached, power, 1)
    missing = max(0, margin + length - x.shape[-1])
    x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, missing)])
    return x[..., margin : margin + length]
