"""Signals in frames: where they lie, which are silent, and the median of their scores."""

from dataclasses import replace
from numbers import Integral

import numpy as np

from skbss._runtime.warning import warn


def check_positive_integer(value, name):
    """Refuse what is no number of samples.

    Parameters
    ----------
    value : object
        What was given.
    name : str
        Of the parameter, for the message.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer number of samples, got {value!r}.")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}.")


def frames_of(length, window, hop):
    """Where the frames of a signal lie.

    Parameters
    ----------
    length : int
        Of the signal.
    window : int or None
        Length of a frame; None for a single one that holds everything, as does a window that is
        longer than the signal.
    hop : int or None
        From the start of a frame to that of the next; None for frames side by side.

    Returns
    -------
    frames : list of slice
        All that lie within the signal; samples behind the last are left out.
    """
    if window is None:
        if hop is not None:
            raise ValueError(f"hop={hop} needs a window: how many samples a frame has.")
        return [slice(0, length)]
    check_positive_integer(window, "window")
    hop = window if hop is None else hop
    check_positive_integer(hop, "hop")
    window = min(window, length)
    return [slice(start, start + window) for start in range(0, length - window + 1, hop)]


def check_frame_length(length, filter_length):
    """Refuse signals in which a filter of so many taps can explain anything.

    Parameters
    ----------
    length : int
        Of the signals from which filters are found.
    filter_length : int
        Taps of a filter.
    """
    if length < filter_length:
        raise ValueError(
            f"Filters of {filter_length} taps can not be found from {length} samples: give longer "
            "signals or frames, or a smaller filter_length."
        )
    if length < 4 * filter_length:
        warn(
            f"{length} samples are few for filters of {filter_length} taps: they explain a large "
            "part of any signal, so that the ratios are too high."
        )


def silent_frames(references, estimates, frames):
    """Frames in which a signal is silent.

    Parameters
    ----------
    references, estimates : ndarray of shape (n_signals, ..., length)
        None of them silent throughout.
    frames : list of slice
        The frames.

    Returns
    -------
    is_silent : ndarray of bool of shape (n_frames,)
        Where a reference or an estimate is zero in all its channels.
    """

    def any_silent(signals, frame):
        axes = tuple(range(1, signals.ndim))
        return not signals[..., frame].any(axis=axes).all()

    return np.array(
        [any_silent(references, frame) or any_silent(estimates, frame) for frame in frames]
    )


def median_over_frames(scores, names):
    """Scores with the median over frames in the place of frames.

    Parameters
    ----------
    scores : dataclass
        The scores; it has a permutation.
    names : sequence of str
        Its fields of shape (..., n_sources, n_frames).

    Returns
    -------
    scores : dataclass
        With fields of shape (..., n_sources): frames that are NaN are left out.
    """
    if getattr(scores, names[0]).ndim == scores.permutation.ndim:
        return scores
    return replace(scores, **{name: _known_median(getattr(scores, name)) for name in names})


def _known_median(values):
    """Without NaN, which is left where there is nothing else: it was told of when it arose."""
    known = ~np.isnan(values).all(axis=-1)
    medians = np.full(known.shape, np.nan)
    with np.errstate(invalid="ignore"):
        medians[known] = np.nanmedian(values[known], axis=-1)
    return medians
