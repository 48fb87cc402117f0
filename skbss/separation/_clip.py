"""One clip on its way through analysis, masks and synthesis, in bounded memory."""

from functools import partial

import jax.numpy as jnp
import numpy as np

from skbss._kernels.masks import masked_waveforms
from skbss._kernels.stft import frame_spectra, overlapped_waveform
from skbss._runtime.blocks import filled_up
from skbss._runtime.device import is_jax_array, movable
from skbss.frontend._framing import Framing
from skbss.frontend._transforms import analyze, power_of_magnitude
from skbss.masking._level import level_of
from skbss.separation._cover import Cover


def spectrogram_rows(x, framing: Framing, *, exponent, level):
    """The spectrogram of a clip at unit level.

    Parameters
    ----------
    x : array of shape ([n_channels,] length)
        Waveforms.
    framing : Framing
        The frames.
    exponent : float
        Of the magnitude.
    level : float
        What the waveforms are divided by.

    Returns
    -------
    V : array of shape (n_channels * n_frames, n_freqs)
        The frames of all channels, one channel below the other.
    """
    return _rows_of(x, framing, power_of_magnitude(exponent), level)


def mixture_and_sources(x, sources, framing: Framing):
    """The spectra of a mixture and of its sources, at unit level of the mixture.

    Parameters
    ----------
    x : array of shape ([n_channels,] length)
        The mixture.
    sources : array of shape (n_sources, [n_channels,] length)
        Isolated.
    framing : Framing
        The frames.

    Returns
    -------
    X : complex array of shape (n_channels * n_frames, n_freqs)
        Of the mixture, one channel below the other.
    X_sources : complex array of shape (n_channels * n_frames, n_sources, n_freqs)
        Of the sources.
    """
    level = level_of(x)
    X = _rows_of(x, framing, _as_it_is, level)
    each = [_rows_of(one, framing, _as_it_is, level) for one in sources]
    return X, (jnp if is_jax_array(X) else np).stack(each, axis=1)


def _rows_of(x, framing, output, level):
    cover = Cover(x.shape[-1], framing)
    scale = 1 / np.linalg.norm(framing.window)
    # Python's float leaves the precision of the array as it is.
    samples = cover.padded(x / level) * float(scale)
    spectra = analyze(samples, cover.framing, output)
    return spectra.reshape(-1, spectra.shape[-1])


def _as_it_is(spectra):
    return spectra


def lengths_of_rows(x, V):
    """The numbers of rows of the recordings in a spectrogram: every channel is one.

    Parameters
    ----------
    x : array of shape ([n_channels,] length)
        Waveforms.
    V : array of shape (n_channels * n_frames, n_freqs)
        From ``spectrogram_rows``.

    Returns
    -------
    lengths : list of int
    """
    n_channels = int(np.prod(x.shape[:-1]))
    return [len(V) // n_channels] * n_channels


def frames_of_sources(sources, framing: Framing, *, exponent):
    """The spectrogram of every source over all clips, whose sources share one level each.

    Parameters
    ----------
    sources : list of arrays of shape (n_sources, [n_channels,] length)
        Isolated sources of every clip.
    framing : Framing
        The frames.
    exponent : float
        Of the magnitude.

    Yields
    ------
    V : array of shape (n_frames, n_freqs)
        The frames of all clips and channels.
    lengths : list of int
        Numbers of rows of these recordings.
    """
    levels = [level_of(one) for one in sources]
    xp = jnp if is_jax_array(sources[0]) else np
    for source in range(len(sources[0])):
        rows = [
            spectrogram_rows(one[source], framing, exponent=exponent, level=level)
            for one, level in zip(sources, levels, strict=True)
        ]
        each = zip(sources, rows, strict=True)
        lengths = [length for one, V in each for length in lengths_of_rows(one[source], V)]
        yield xp.concatenate(rows), lengths


def separate(x, W, H, atoms, *, exponent, framing: Framing, known=None, level=None):
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
    known : ndarray of shape (n_sources, n_frames, n_freqs), optional
        Shares of the frames of the clip's cover that are not left to the models, the same for all
        channels; negative where they are.
    level : float, optional
        That of the recording that the clip is part of; by default its own.

    Returns
    -------
    sources : array of shape (n_sources, [n_channels,] length)
        They add up to `x`. Computed block by block of frames on the host's arrays.
    """
    cover, n_sources = Cover(x.shape[-1], framing), len(atoms)
    level = level_of(x) if level is None else level
    padded = cover.padded(x / level)
    xp = jnp if is_jax_array(x) else np
    W = W.reshape(*x.shape[:-1], cover.n_frames, len(H))
    H, exponent = xp.asarray(movable(H, x), x.dtype), xp.asarray(exponent, x.dtype)
    window = framing.window.astype(x.dtype)

    def waveforms_of(block, W):
        W = xp.asarray(W[..., block.start : block.stop, :], x.dtype)
        shares = _of_block(known, block, x)
        if not is_jax_array(x):
            W = filled_up(W, block.size)
        elif shares is not None:
            shares = jnp.broadcast_to(
                jnp.expand_dims(shares, tuple(range(1, x.ndim))),
                (n_sources, *x.shape[:-1], *shares.shape[1:]),
            )
        return masked_waveforms(
            block.samples,
            W,
            H,
            atoms,
            exponent,
            window,
            block.n_frames,
            shares,
            hop_length=framing.hop_length,
        )

    values = n_sources * framing.n_fft
    if is_jax_array(x):
        return cover.synthesized(partial(waveforms_of, W=W), padded, values) * level
    sources = np.empty((n_sources, *x.shape), x.dtype)
    for index in np.ndindex(x.shape[:-1]):
        sources[(slice(None), *index)] = cover.synthesized(
            partial(waveforms_of, W=W[index]), padded[index], values
        )
    sources *= level
    return sources


def separate_by_shares(x, shares, *, framing: Framing):
    """The sources of a clip whose shares are known.

    Parameters
    ----------
    x : array of shape ([n_channels,] length)
        Waveforms of the mixture.
    shares : array of shape (n_channels * n_frames, n_sources, n_freqs)
        Those of the rows of `spectrogram_rows`; they add up to 1.
    framing : Framing
        The frames.

    Returns
    -------
    sources : array of shape (n_sources, [n_channels,] length)
        They add up to `x`.
    """
    xp = jnp if is_jax_array(x) else np
    n_sources, n_freqs = shares.shape[1:]
    n_channels = int(np.prod(x.shape[:-1]))
    shares = xp.moveaxis(shares.reshape(n_channels, -1, n_sources, n_freqs), 2, 1)
    silent, atoms = np.zeros((1, n_freqs), x.dtype), np.zeros((n_sources, 1), np.int32)
    W = np.zeros((shares.shape[2], 1), x.dtype)
    sources = [
        separate(one, W, silent, atoms, exponent=1.0, framing=framing, known=known)
        for one, known in zip(x.reshape(n_channels, -1), shares, strict=True)
    ]
    return xp.stack(sources, axis=1).reshape(n_sources, *x.shape)


def separate_by_function(x, function, *, framing: Framing):
    """The sources of a clip, by whatever separates its spectra; to be traced by JAX.

    Parameters
    ----------
    x : JAX array of shape ([n_channels,] length)
        Waveforms of the mixture.
    function : callable
        From the spectra of the clip at unit level, of shape ([n_channels,] n_frames, n_freqs), to
        those of its sources, of shape ([n_channels,] n_frames, n_sources, n_freqs).
    framing : Framing
        The frames.

    Returns
    -------
    sources : JAX array of shape (n_sources, [n_channels,] length)
    """
    cover = Cover(x.shape[-1], framing)
    peak = abs(x).max()
    peak = jnp.where(peak > 0, peak, 1)
    power = jnp.square(x / peak).mean()
    level = peak * jnp.sqrt(jnp.where(power > 0, power, 1))
    window, norm = framing.window.astype(x.dtype), float(np.linalg.norm(framing.window))

    def waveforms_of(block):
        X = frame_spectra(block.samples, window, hop_length=framing.hop_length)
        sources = jnp.moveaxis(function(X / norm) * norm, -2, 0)
        return overlapped_waveform(sources, window, hop_length=framing.hop_length)

    return cover.synthesized(waveforms_of, cover.padded(x / level), 1) * level


def _of_block(known, block, x):
    """Known shares of the frames of a block, in the precision of `x`."""
    if known is None:
        return None
    part = known[:, block.start : block.stop].astype(x.dtype)
    if is_jax_array(x):
        return jnp.asarray(movable(part, x))
    return np.stack([filled_up(one, block.size) for one in part])
