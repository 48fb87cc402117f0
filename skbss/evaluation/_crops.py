"""Pieces of recordings that mixtures are made of."""

import numpy as np

# A crop this far below its recording in power is a pause, which would be amplified to the others.
_PAUSE = 1e-4


def energies(images):
    """Of every source in the first channel.

    Parameters
    ----------
    images : ndarray of shape (n_sources, [n_channels,] length)
        Waveforms.

    Returns
    -------
    energies : ndarray of shape (n_sources,)
    """
    heard = images if images.ndim == 2 else images[:, 0]
    return np.square(heard).sum(axis=-1)


def repeated(waveform, length, rng):
    """At least `length` samples, from a random place on where the waveform has to be repeated.

    Parameters
    ----------
    waveform : ndarray of shape (any,)
        A recording.
    length : int
        Samples wanted.
    rng : numpy.random.Generator
        Draws the place.

    Returns
    -------
    waveform : ndarray
    """
    if len(waveform) >= length:
        return waveform
    return np.take(waveform, rng.integers(len(waveform)) + np.arange(length), mode="wrap")


def crop(waveform, length, rng):
    """`length` samples that are no pause; what a shorter waveform lacks is silence.

    Parameters
    ----------
    waveform : ndarray of shape (any,)
        A recording that is not silent.
    length : int or None
        Samples wanted; None for all.
    rng : numpy.random.Generator
        Draws the place.

    Returns
    -------
    waveform : ndarray of shape (length,)
    """
    if length is None or len(waveform) == length:
        return waveform
    if len(waveform) < length:
        return np.pad(waveform, (0, length - len(waveform)))
    scaled = waveform / np.abs(waveform).max()
    energy = np.concatenate([[0.0], np.cumsum(np.square(scaled))])
    inside = energy[length:] - energy[:-length]
    least = _PAUSE * energy[-1] * length / len(waveform)
    start = rng.choice(np.flatnonzero(inside >= least))
    return waveform[start : start + length]
