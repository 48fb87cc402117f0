"""The channels of recordings, between which a separator unmixes."""

import numpy as np

from skbss._runtime.waveforms import Clips, check_waveforms
from skbss.masking._level import level_of


def check_recordings(X):
    """Clips of channels; an array of two axes is one clip.

    Parameters
    ----------
    X : array of shape (n_channels, length) or (n_clips, n_channels, length), or list
        Waveforms; a list holds clips.

    Returns
    -------
    clips : Clips
    """
    clips = check_waveforms(X)
    is_list = isinstance(X, list | tuple)
    if not is_list and clips.layout == "stack" and clips.arrays[0].ndim == 2:
        return Clips(clips.arrays, "one")
    return clips


def count_channels(clips):
    """How many channels all clips have.

    Parameters
    ----------
    clips : list of arrays of shape ([n_channels,] length)
        Waveforms.

    Returns
    -------
    n_channels : int

    Raises
    ------
    ValueError
        If some clips have more than others.
    """
    counts = sorted({len(x) if x.ndim > 1 else 1 for x in clips})
    if len(counts) > 1:
        raise ValueError(f"All clips of X must have as many channels, got {counts}.")
    return counts[0]


def check_same_channels(clips, estimator):
    """Refuse clips of another number of channels than those of ``fit``.

    Parameters
    ----------
    clips : list of arrays of shape ([n_channels,] length)
        Waveforms.
    estimator : estimator
        With `n_channels_`.
    """
    n_channels = count_channels(clips)
    if n_channels != estimator.n_channels_:
        raise ValueError(
            f"X has {n_channels} channels, but {type(estimator).__name__} was fitted to "
            f"{estimator.n_channels_}."
        )


def centered(x):
    """The channels of a clip at unit level, without their means.

    Parameters
    ----------
    x : array of shape (n_channels, length)
        Waveforms.

    Returns
    -------
    channels : ndarray of shape (n_channels, length)
        float64.
    """
    rounding = 64 * np.finfo(x.dtype).eps
    x = np.asarray(x, float) / level_of(x)
    centered = x - x.mean(axis=1, keepdims=True)
    peak, rest = (np.abs(one).max(axis=1, keepdims=True) for one in (x, centered))
    # What rounding leaves of a constant is silence.
    return np.where(rest > rounding * peak, centered, 0)
