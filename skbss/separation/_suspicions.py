"""Warnings of input that is allowed, but hardly meant."""

import numbers

import numpy as np

from skbss._runtime.warning import warn


def warn_if_too_short(n_frames, factorizer, n_known):
    """Warn if there are fewer frames than atoms to learn from them.

    Parameters
    ----------
    n_frames : int
        Of all clips and channels.
    factorizer : estimator
        With as many atoms as its `n_components`.
    n_known : int
        How many of them are known already.
    """
    n_components = getattr(factorizer, "n_components", None)
    if not isinstance(n_components, numbers.Integral):
        return
    n_atoms, template_length = n_components - n_known, getattr(factorizer, "template_length", 1)
    if n_frames < n_atoms * template_length:
        of_frames = f" of {template_length} frames" if template_length > 1 else ""
        warn(
            f"There are {n_atoms} atoms{of_frames} to learn from {n_frames} frames, which "
            "says nothing about sources: give longer recordings, a shorter hop_length, or fewer "
            "n_components."
        )


def warn_if_too_few_atoms(n_atoms, n_free):
    """Warn if mixtures left fewer atoms to learn than there are unknown sources.

    Parameters
    ----------
    n_atoms : int
        How many sound, beside those of the known sources.
    n_free : int
        Number of unknown sources.
    """
    if n_atoms < n_free:
        warn(
            f"Beside the atoms of the known sources, the factorizer found {n_atoms} in the "
            f"mixtures, for {n_free} unknown sources: {n_free - n_atoms} of these will be silent. "
            "Perhaps y holds all that is heard; if not, a factorizer that leaves out fewer atoms "
            "finds more, such as BetaNMF, ARDNMF with a smaller dispersion, or GrowingNMF with a "
            "smaller min_gain."
        )


def warn_if_silent(example, whose):
    """Warn if a source is to be learned from recordings of it in which nothing is heard.

    Parameters
    ----------
    example : list of arrays of shape ([n_channels,] length)
        Recordings of the source alone.
    whose : str
        What users call its guide.
    """
    if not any(bool((x != 0).any()) for x in example):
        warn(
            f"{whose}.example is silent: nothing can be learned from it, and its source will be "
            "silent. Give a recording in which it is heard, or leave the example out; for a source "
            "that does not sound, say notes=[]."
        )


def warn_if_channels_are_clips(clips, sources):
    """One clip of several channels has, without its clip axis, the shape of as many clips.

    Parameters
    ----------
    clips : Clips
        Mixtures.
    sources : list of arrays of shape (n_sources, [n_channels,] length)
        Isolated sources of every clip.
    """
    mixtures = clips.each()
    if clips.layout != "stack" or mixtures[0].ndim > 1 or len(mixtures) != len(sources[0]):
        return
    X, y = np.asarray(clips.arrays[0]), np.stack([np.asarray(one) for one in sources])
    if np.allclose(X, y.sum(axis=0)) and not np.allclose(X, y.sum(axis=1)):
        warn(
            f"X of shape {X.shape} is taken for {len(X)} clips, but it is y.sum(axis=0), as if it "
            f"were one clip of {len(X)} channels: pass X[np.newaxis] and y[np.newaxis] then."
        )


def warn_if_too_short_to_unmix(clips, n_fft):
    """Warn if there are hardly more frames than what is to be learned of every frequency.

    Parameters
    ----------
    clips : list of arrays of shape (n_channels, length)
        Mixtures.
    n_fft : int
        Samples of a frame.
    """
    n_samples, n_channels = sum(x.shape[-1] for x in clips), len(clips[0])
    if n_samples < n_channels * n_fft:
        warn(
            f"{n_samples} samples are {n_samples / n_fft:.1f} frames of n_fft={n_fft}, too few to "
            f"learn how {n_channels} channels are unmixed: give longer recordings, or a smaller "
            "n_fft."
        )
