"""Soft masks: what share of every time-frequency bin belongs to which source."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Complex, Float, Int

from skbss._kernels.stft import first_spectra, overlapped_under_masks, overlapped_waveform


@jax.jit
def source_models(
    W: Float[Array, "*lead frames k"],
    H: Float[Array, "k freqs"],
    atoms: Int[Array, "sources most"],
) -> Float[Array, "sources *lead frames freqs"]:
    """Model spectrogram of every source: the sum of its atoms.

    ``atoms[j]`` lists the atoms of source j, filled up with the index k, which stands for none.
    """
    W = jnp.pad(W, [(0, 0)] * (W.ndim - 1) + [(0, 1)])
    H = jnp.pad(H, [(0, 1), (0, 0)])
    return jax.vmap(lambda own: jnp.matmul(W[..., own], H[own], precision="highest"))(atoms)


@jax.jit
def soft_masks(
    V: Float[Array, "sources *bins"], exponent: Float[Array, ""]
) -> Float[Array, "sources *bins"]:
    """Share of every source in every bin: ``V_j**exponent / sum_i V_i**exponent``.

    Where all models are zero the bin is shared equally. An infinite exponent gives each bin to
    the largest model. A. Liutkus and R. Badeau, "Generalized Wiener filtering with fractional
    power spectrograms", ICASSP 2015, eq. 7.
    """
    # Relative to the largest model no power can overflow, or vanish in all sources at once.
    largest = V.max(axis=0)
    heard = largest > 0
    # Exactly 1 for the largest, which the quotient is only up to rounding: no exponent takes all.
    is_largest = largest == V
    relative = jnp.where(is_largest, 1, V / jnp.where(heard, largest, 1))
    # The gradient of a power at 0 is infinite: the branch not taken must not compute it.
    lesser = (relative > 0) & ~is_largest
    power = jnp.where(lesser, relative, 0.5) ** exponent
    share = jnp.where(is_largest, 1, jnp.where(lesser, power, 0)).astype(V.dtype)
    return share / share.sum(axis=0)


@jax.jit
def masks_with_known(
    V: Float[Array, "sources *bins"],
    known: Float[Array, "sources *bins"],
    exponent: Float[Array, ""],
) -> Float[Array, "sources *bins"]:
    """Soft masks that leave known shares as they are, and deal out the rest among the others.

    A share that is not known is negative. Where the models of all others are zero they have equal
    parts of the rest. Known shares must not exceed 1, and be 1 in all where all are known.
    """
    is_known = known >= 0
    rest = 1 - jnp.where(is_known, known, 0).sum(axis=0)
    masks = jnp.where(is_known, 0, soft_masks(jnp.where(is_known, 0, V), exponent))
    total = masks.sum(axis=0)
    masks = masks / jnp.where(total > 0, total, 1) * jnp.maximum(rest, 0)
    masks = jnp.where(is_known, known, masks)
    # Shares may have been rounded to less than this precision.
    total = masks.sum(axis=0)
    return masks / jnp.where(total > 0, total, 1)


@jax.jit
def masked_spectra(
    X: Complex[Array, "*lead frames freqs"],
    W: Float[Array, "*lead frames k"],
    H: Float[Array, "k freqs"],
    atoms: Int[Array, "sources most"],
    exponent: Float[Array, ""],
) -> Complex[Array, "sources *lead frames freqs"]:
    """The STFT of every source: the mixture's, filtered by the sources' soft masks."""
    return soft_masks(source_models(W, H, atoms), exponent) * X


@partial(jax.jit, static_argnames="hop_length")
def masked_waveforms(
    x: Float[Array, "*lead samples"],
    W: Float[Array, "*lead frames k"],
    H: Float[Array, "k freqs"],
    atoms: Int[Array, "sources most"],
    exponent: Float[Array, ""],
    window: Float[Array, " n_fft"],
    n_frames: Int[Array, ""],
    known: Float[Array, "sources *lead frames freqs"] | None = None,
    *,
    hop_length: int,
) -> Float[Array, "sources *lead samples"]:
    """Analysis, masks and overlap-add in one; not yet divided by the windows.

    Only the first `n_frames` frames count: the others fill up the shape. Shares that are `known`
    are not those of the models; the others are negative there.
    """
    X = first_spectra(x, window, n_frames, hop_length=hop_length)
    V = source_models(W, H, atoms)
    masks = soft_masks(V, exponent) if known is None else masks_with_known(V, known, exponent)
    return overlapped_under_masks(X, masks, window, hop_length=hop_length)


@partial(jax.jit, static_argnames="hop_length")
def post_filtered_waveforms(
    images: Float[Array, "sources channels samples"],
    W: Float[Array, "sources channels frames k"],
    H: Float[Array, "sources k freqs"],
    exponent: Float[Array, ""],
    window: Float[Array, " n_fft"],
    n_frames: Int[Array, ""],
    *,
    hop_length: int,
) -> Float[Array, "sources channels samples"]:
    """Every source under the soft mask of its own model; not yet divided by the windows.

    Only the first `n_frames` frames count: the others fill up the shape.
    """
    S = first_spectra(images, window, n_frames, hop_length=hop_length)
    V = jnp.einsum("jctk,jkf->jctf", W, H, precision="highest")
    masked = soft_masks(V, exponent) * S
    return lax.map(lambda one: overlapped_waveform(one, window, hop_length=hop_length), masked)
