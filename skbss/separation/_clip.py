"""One clip on its way through analysis, masks and synthesis, in bounded memory."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np

from skbss._kernels.masks import masked_waveforms
from skbss._runtime.blocks import blocks_of_rows, filled_up
from skbss._runtime.device import is_jax_array, movable, precision
from skbss.frontend._framing import Framing
from skbss.frontend._transforms import (
    add_block,
    analyze,
    divided_by_windows,
    magnitude,
    power,
    samples_of_block,
)
from skbss.masking._level import level_of


def spectrogram_rows(x, framing: Framing, *, exponent, level):
    """The spectrogram of a clip at unit level.

    Parameters
    ----------
    x : array of shape ([n_channels,] length)
        Waveforms.
    framing : Framing
        The frames.
    exponent : {1, 2}
        Magnitude or power.
    level : float
        What the waveforms are divided by.

    Returns
    -------
    V : array of shape (n_channels * n_frames, n_freqs)
        The frames of all channels, one channel below the other.
    """
    padded, inner, _ = _covered(x / level, framing)
    scale = 1 / np.linalg.norm(framing.window)
    output = magnitude if exponent == 1 else power
    # Python's float leaves the precision of the array as it is.
    V = analyze(padded * float(scale), inner, output)
    return V.reshape(-1, V.shape[-1])


def frames_of_sources(sources, framing: Framing, *, exponent):
    """The spectrogram of every source over all clips, whose sources share one level each.

    Parameters
    ----------
    sources : list of arrays of shape (n_sources, [n_channels,] length)
        Isolated sources of every clip.
    framing : Framing
        The frames.
    exponent : {1, 2}
        Magnitude or power.

    Yields
    ------
    V : array of shape (n_frames, n_freqs)
        The frames of all clips and channels.
    """
    levels = [level_of(one) for one in sources]
    xp = jnp if is_jax_array(sources[0]) else np
    for source in range(len(sources[0])):
        rows = (
            spectrogram_rows(one[source], framing, exponent=exponent, level=level)
            for one, level in zip(sources, levels, strict=True)
        )
        yield xp.concatenate(list(rows))


def separate(x, W, H, atoms, *, exponent, framing: Framing):
    """The sources of a clip.

    Parameters
    ----------
    x : array of shape ([n_channels,] length)
        Waveforms of the mixture.
    W : array of shape (n_channels * n_frames, n_components)
        Activations of the rows of `spectrogram_rows`.
    H : array of shape (n_components, n_freqs)
        Spectra of the atoms.
    atoms : ndarray of shape (n_sources, most)
        The atoms of every source.
    exponent : float
        Of the models, in the mask.
    framing : Framing
        The frames.

    Returns
    -------
    sources : array of shape (n_sources, [n_channels,] length)
        They add up to `x`. Computed block by block of frames on the host's arrays.
    """
    length, n_sources = x.shape[-1], len(atoms)
    level = level_of(x)
    padded, inner, before = _covered(x / level, framing)
    n_frames = inner.n_frames(padded.shape[-1])
    W = W.reshape(*x.shape[:-1], n_frames, len(H))
    window_power = inner.window_power(n_frames, np.dtype(x.dtype))
    window = framing.window.astype(x.dtype)
    hop_length = framing.hop_length
    if is_jax_array(x):
        total = masked_waveforms(
            padded,
            jnp.asarray(W, x.dtype),
            jnp.asarray(movable(H, x), x.dtype),
            atoms,
            jnp.asarray(exponent, x.dtype),
            window,
            jnp.asarray(n_frames),
            hop_length=hop_length,
        )
        part = slice(before, before + length)
        return total[..., part] / window_power[part] * level
    H, exponent = np.asarray(H, x.dtype), np.asarray(exponent, x.dtype)
    synthesis = replace(inner, margin=before)
    sources = np.empty((n_sources, *x.shape), x.dtype)
    with precision(x.dtype):
        for index in np.ndindex(x.shape[:-1]):
            total = np.zeros((n_sources, inner.span(n_frames)), x.dtype)
            for start, stop, size in blocks_of_rows(n_frames, n_sources * framing.n_fft):
                block = masked_waveforms(
                    samples_of_block(padded[index], inner, start, size),
                    filled_up(np.asarray(W[index][start:stop], x.dtype), size),
                    H,
                    atoms,
                    exponent,
                    window,
                    np.asarray(stop - start),
                    hop_length=hop_length,
                )
                add_block(total, np.asarray(block), inner, start)
            sources[(slice(None), *index)] = divided_by_windows(
                total, window_power, synthesis, length
            )
    sources *= level
    return sources


def _covered(x, framing):
    """The clip with made-up samples around it, such that every sample lies well inside frames."""
    xp = jnp if is_jax_array(x) else np
    around = [(0, 0)] * (x.ndim - 1)
    # Whole hops: the last samples would else lie under the fading end of a window only.
    x = xp.pad(x, [*around, (0, -x.shape[-1] % framing.hop_length)])
    before, mode = framing.margin, framing.pad_mode
    if before == 0:
        before, mode = framing.n_fft, "constant"
    padded = xp.pad(x, [*around, (before, before)], mode=mode)
    return padded, replace(framing, margin=0, pad_mode="constant"), before
