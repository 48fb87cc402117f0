"""Masks on sources that are almost separated, from a factorization of each of them."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from skbss._kernels.masks import post_filtered_waveforms
from skbss._runtime.blocks import filled_up
from skbss._runtime.device import is_jax_array, movable
from skbss.frontend._framing import Framing
from skbss.masking._factorizer import (
    check_non_negative_model,
    frames_of_atoms,
    seeded_clone,
    spectrum_exponent,
    told_apart,
)
from skbss.masking._level import level_of
from skbss.separation._clip import lengths_of_rows, spectrogram_rows
from skbss.separation._cover import Cover


class PostFilter(NamedTuple):
    """Models of the sources.

    Attributes
    ----------
    factorizers : list of estimator
        One for each source, fitted.
    framing : Framing
        The frames.
    exponent : float
        Of the magnitudes that were factorized.
    """

    factorizers: list[Any]
    framing: Framing
    exponent: int


def learn_post_filter(factorizer, clips, framing: Framing, random_state) -> PostFilter:
    """Factorize every source.

    Parameters
    ----------
    factorizer : estimator
        Of a non-negative matrix.
    clips : list of arrays of shape (n_sources, n_channels, length)
        Sources as they were unmixed.
    framing : Framing
        The frames.
    random_state : RandomState
        Where seeds come from.

    Returns
    -------
    post_filter : PostFilter
    """
    exponent = spectrum_exponent("auto", factorizer)
    levels = [level_of(one) for one in clips]
    xp = jnp if is_jax_array(clips[0]) else np
    factorizers = []
    for source in range(len(clips[0])):
        rows, lengths = [], []
        for one, level in zip(clips, levels, strict=True):
            rows.append(spectrogram_rows(one[source], framing, exponent=exponent, level=level))
            lengths += lengths_of_rows(one[source], rows[-1])
        fitted = seeded_clone(factorizer, random_state)
        W = fitted.fit_transform(xp.concatenate(rows), **told_apart(fitted, lengths))
        check_non_negative_model(fitted, W)
        factorizers.append(fitted)
    return PostFilter(factorizers, framing, exponent)


def post_filtered(images, post_filter: PostFilter):
    """Take out of every source what the models say belongs to the others.

    Parameters
    ----------
    images : array of shape (n_sources, n_channels, length)
        Sources as they were unmixed.
    post_filter : PostFilter
        The models.

    Returns
    -------
    filtered : array of shape (n_sources, n_channels, length)
        Bin by bin no louder.
    """
    factorizers, framing, exponent = post_filter
    cover, level = Cover(images.shape[-1], framing), level_of(images)
    xp = jnp if is_jax_array(images) else np
    models = []
    for image, factorizer in zip(images, factorizers, strict=True):
        V = spectrogram_rows(image, framing, exponent=exponent, level=level)
        lengths = lengths_of_rows(image, V)
        W = factorizer.transform(V, **told_apart(factorizer, lengths))
        labels = np.zeros(len(factorizer.components_), int)
        models.append(frames_of_atoms(labels, W, factorizer.components_, lengths)[1:])
    dtype = images.dtype
    W = xp.stack([xp.asarray(W, dtype).reshape(images.shape[1], -1, len(H)) for W, H in models])
    H = xp.stack([xp.asarray(movable(H, images), dtype) for _, H in models])
    window, sharpness = framing.window.astype(dtype), np.asarray(1 / exponent, dtype)

    def waveforms_of(block):
        own = W[:, :, block.start : block.stop]
        if not is_jax_array(images):
            own = np.moveaxis(filled_up(np.moveaxis(own, 2, 0), block.size), 0, 2)
        return post_filtered_waveforms(
            block.samples, own, H, sharpness, window, block.n_frames, hop_length=framing.hop_length
        )

    values = images[..., 0].size * framing.n_fft
    return cover.synthesized(waveforms_of, cover.padded(images / level), values) * level
