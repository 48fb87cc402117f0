"""Activations that are zero but in given intervals of time, or around given onsets."""

import reprlib

import numpy as np

from skbss.guidance._checked import (
    as_numbers,
    check_count,
    check_framing,
    check_instants,
    check_listed,
    check_not_negative,
    check_rate,
    is_listed,
    refuse_negative,
)
from skbss.guidance._frame_times import FrameTimes, times_of_frames


def interval_activations(
    intervals, n_frames, *, sample_rate, stft=None, onset_tolerance=0.05, offset_tolerance=0.1
):
    """Activations of one component, which are zero but in intervals in which it may sound.

    Parameters
    ----------
    intervals : array-like of shape (n_intervals, 2)
        Where each begins and ends, in seconds from the beginning of the clip, in any order; they
        may overlap. Empty for a component that never sounds.
    n_frames : int
        Number of frames of the spectrogram.
    sample_rate : float
        In Hz.
    stft : STFT, default=None
        Where the spectrogram comes from, ``STFT()`` by default.
    onset_tolerance, offset_tolerance : float, default=0.05, 0.1
        By how many seconds earlier a sound may begin, and later it may end. A frame hears what
        begins up to half its length after its middle.

    Returns
    -------
    W : ndarray of shape (n_frames, 1)
        1 in all frames whose middle lies in an interval, tolerances included, and in the frame
        nearest to the beginning of each; exact zeros elsewhere.

    Raises
    ------
    TypeError, ValueError
        If an interval ends before it begins, or begins before or after the clip, or a parameter
        is not allowed.

    See Also
    --------
    onset_activations : Around onsets, whose durations do not matter.
    note_activations : One component for every pitch of a note list.

    Notes
    -----
    Multiplicative updates leave zeros where they are: pass the result to ``fit_transform`` of a
    factorization with ``init="custom"``, whose `solver` is "mu", or "auto" with another
    `beta_loss` than 2.

    Examples
    --------
    Frames of 64 samples at 1000 Hz, 16 samples apart:

    >>> from skbss import STFT
    >>> from skbss.guidance import interval_activations
    >>> front_end = STFT(64, hop_length=16)
    >>> W = interval_activations(
    ...     [(0.032, 0.064)], 8, sample_rate=1000, stft=front_end,
    ...     onset_tolerance=0, offset_tolerance=0.016,
    ... )
    >>> W[:, 0]
    array([0., 0., 1., 1., 1., 1., 0., 0.])
    """
    times = checked_times(n_frames, stft, sample_rate)
    before = check_not_negative(onset_tolerance, "onset_tolerance")
    after = check_not_negative(offset_tolerance, "offset_tolerance")
    return active_in(check_intervals(intervals, "intervals"), times, before, after)[:, None]


def onset_activations(
    onsets,
    n_frames,
    *,
    sample_rate,
    stft=None,
    onset_tolerance=0.05,
    duration=0.0,
    decay=None,
):
    """Activations of components that begin to sound at known instants.

    Parameters
    ----------
    onsets : list of array-like of shape (n_onsets,)
        The onsets of every component, in seconds from the beginning of the clip, in any order. An
        empty list is for a component that never sounds.
    n_frames : int
        Number of frames of the spectrogram.
    sample_rate : float
        In Hz.
    stft : STFT, default=None
        Where the spectrogram comes from, ``STFT()`` by default.
    onset_tolerance : float, default=0.05
        By how many seconds earlier or later than noted a sound may begin.
    duration : float, default=0.0
        For how many seconds after its onset a component may sound on. 0 is for templates that last
        for several frames themselves, those of `skbss.ConvNMF`.
    decay : float, default=None
        In how many seconds after the onset the start falls to 1 / e; by default it does not fall.

    Returns
    -------
    W : ndarray of shape (n_frames, n_components)
        1 from `onset_tolerance` before an onset on, falling after it by `decay`, until
        ``onset_tolerance + duration`` after it, for frames whose middle lies there; where sounds
        overlap the larger value. The frame nearest to an onset always has one; all others hold
        exact zeros.

    Raises
    ------
    TypeError, ValueError
        If an onset lies before or after the clip, or a parameter is not allowed.

    See Also
    --------
    drum_components : Components to begin with, for drums.
    hit_components : Those of recorded hits.

    References
    ----------
    .. [1] P. López-Serrano, C. Dittmar, Y. Özer and M. Müller, "NMF Toolbox: music processing
       applications of nonnegative matrix factorization", DAFx 2019.

    Examples
    --------
    >>> from skbss import STFT
    >>> from skbss.guidance import onset_activations
    >>> W = onset_activations(
    ...     [[0.016, 0.08], []], 8, sample_rate=1000, stft=STFT(64, hop_length=16),
    ...     onset_tolerance=0, duration=0.02,
    ... )
    >>> W.T
    array([[0., 1., 1., 0., 0., 1., 1., 0.],
           [0., 0., 0., 0., 0., 0., 0., 0.]])
    """
    times = checked_times(n_frames, stft, sample_rate)
    tolerance = check_not_negative(onset_tolerance, "onset_tolerance")
    duration = check_not_negative(duration, "duration")
    if decay is not None:
        decay = check_not_negative(decay, "decay")
        if decay == 0:
            raise ValueError("decay must be positive, or None for none, got 0.")
    columns = [
        active_after(one, times, tolerance, duration, decay)
        for one in check_onset_lists(onsets, "onsets")
    ]
    return np.stack(columns, axis=1)


def checked_times(n_frames, stft, sample_rate) -> FrameTimes:
    """The times of the frames of a spectrogram.

    Parameters
    ----------
    n_frames : int
        How many there are.
    stft : STFT or None
        Where it comes from.
    sample_rate : float
        In Hz.

    Returns
    -------
    times : FrameTimes
    """
    n_frames = check_count(n_frames, "n_frames")
    return times_of_frames(n_frames, check_framing(stft), check_rate(sample_rate))


def check_intervals(intervals, name) -> np.ndarray:
    """Refuse what is no list of intervals.

    Parameters
    ----------
    intervals : array-like of shape (n_intervals, 2)
        In seconds.
    name : str
        What the caller calls them.

    Returns
    -------
    intervals : ndarray of shape (n_intervals, 2)
    """
    intervals = as_numbers(intervals, name)
    if not intervals.size:
        return np.zeros((0, 2))
    if intervals.ndim != 2 or intervals.shape[1] != 2:
        raise ValueError(
            f"{name} must have the shape (n_intervals, 2), begin and end in seconds, got "
            f"{intervals.shape}."
        )
    refuse_negative(intervals[:, 0], name)
    if (intervals[:, 1] < intervals[:, 0]).any():
        start, stop = intervals[intervals[:, 1] < intervals[:, 0]][0]
        raise ValueError(f"{name} holds one that ends at {stop:g} s, before it begins ({start:g}).")
    return intervals


def check_onset_lists(onsets, name) -> list[np.ndarray]:
    """Refuse what is no list of onsets for every component.

    Parameters
    ----------
    onsets : list of array-like
        In seconds.
    name : str
        What the caller calls them.

    Returns
    -------
    onsets : list of ndarray
    """
    wanted = "the onsets of every component, each a list itself, such as [[0.5, 1.5], [1]]"
    of_components = check_listed(onsets, name, wanted)
    if not all(map(is_listed, of_components)):
        raise ValueError(f"{name} must be a list of {wanted}, got {reprlib.repr(onsets)}.")
    return [check_instants(one, f"{name}[{k}]") for k, one in enumerate(of_components)]


def active_in(intervals, times: FrameTimes, before: float, after: float) -> np.ndarray:
    """1 in the frames of intervals and their tolerances, zeros elsewhere.

    Parameters
    ----------
    intervals : ndarray of shape (n_intervals, 2)
        In seconds.
    times : FrameTimes
        The frames.
    before, after : float
        Tolerances in seconds.

    Returns
    -------
    activation : ndarray of shape (n_frames,)
    """
    times.refuse_later(intervals[:, 0], "intervals")
    activation = np.zeros(len(times.centers))
    for start, stop in intervals:
        activation[times.within(start - before, stop + after)] = 1
        activation[times.nearest(start)] = 1
    return activation


def active_after(onsets, times: FrameTimes, tolerance, duration, decay=None) -> np.ndarray:
    """Values above zero in the frames around and after onsets, zeros elsewhere.

    Parameters
    ----------
    onsets : ndarray of shape (n_onsets,)
        In seconds.
    times : FrameTimes
        The frames.
    tolerance, duration : float
        In seconds.
    decay : float or None
        In seconds.

    Returns
    -------
    activation : ndarray of shape (n_frames,)
    """
    times.refuse_later(onsets, "onsets")
    activation = np.zeros(len(times.centers))
    for onset in onsets:
        there = times.within(onset - tolerance, onset + tolerance + duration)
        there[times.nearest(onset)] = True
        value = np.ones(len(there))
        if decay is not None:
            # An exponential that underflowed would lock what may sound.
            fallen = np.exp(-np.maximum(times.centers - onset, 0) / decay)
            value = np.maximum(fallen, np.finfo(np.float32).eps)
        activation[there] = np.maximum(activation, value)[there]
    return activation
