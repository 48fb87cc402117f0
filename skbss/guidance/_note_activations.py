"""Activations that are zero where a score has no note."""

import reprlib

import numpy as np

from skbss.guidance._checked import as_numbers, check_not_negative, refuse_negative
from skbss.guidance._frame_times import FrameTimes
from skbss.guidance._intervals import checked_times

_LOUDEST = 127


def note_activations(
    notes,
    n_frames,
    *,
    sample_rate,
    stft=None,
    pitches=None,
    onset_tolerance=0.05,
    offset_tolerance=0.1,
):
    """Activations of one component for every pitch, which are zero where no note has it.

    Parameters
    ----------
    notes : array-like of shape (n_notes, 3) or (n_notes, 4)
        A row is a note, in any order: onset in seconds from the beginning of the clip, duration in
        seconds, MIDI pitch (69 is 440 Hz; fractions are allowed), and perhaps a MIDI velocity,
        above 0 and up to 127, to which the start is proportional.
    n_frames : int
        Number of frames of the spectrogram.
    sample_rate : float
        In Hz.
    stft : STFT, default=None
        Where the spectrogram comes from, ``STFT()`` by default.
    pitches : array-like of shape (n_components,), default=None
        The pitch of every component. By default they are those of the notes, each once, from low to
        high.
    onset_tolerance, offset_tolerance : float, default=0.05, 0.1
        By how many seconds earlier than noted a note may begin, and later it may end: scores are
        not exact, frames hear what begins up to half their length after their middle, and strings
        ring on.

    Returns
    -------
    W : ndarray of shape (n_frames, n_components)
        1, or ``velocity / 127``, in all frames whose middle lies in a note, tolerances included,
        and in the frame nearest to its onset; the larger value where notes of one pitch overlap.
        Exact zeros elsewhere.

    Raises
    ------
    TypeError, ValueError
        If a note begins before or after the clip, or its duration, pitch or velocity is not
        allowed, or `pitches` lacks its pitch. What lasts on after the end of the clip is cut.

    See Also
    --------
    note_components : The spectra to go with them.
    skbss.GuidedSeparator : Does all this, from waveforms to waveforms.

    Notes
    -----
    Multiplicative updates leave zeros where they are: pass the result to ``fit_transform`` of a
    factorization with ``init="custom"``, whose `solver` is "mu", or "auto" with another
    `beta_loss` than 2.

    References
    ----------
    .. [1] S. Ewert and M. Müller, "Using score-informed constraints for NMF-based source
       separation", ICASSP 2012.

    Examples
    --------
    Two pitches; frames are 16 ms apart, and the first is centered at 0:

    >>> from skbss import STFT
    >>> from skbss.guidance import note_activations
    >>> notes = [(0.064, 0.032, 72), (0, 0.032, 60), (0.08, 0.032, 60)]
    >>> W = note_activations(
    ...     notes, 8, sample_rate=1000, stft=STFT(64, hop_length=16),
    ...     onset_tolerance=0, offset_tolerance=0,
    ... )
    >>> W.T
    array([[1., 1., 1., 0., 0., 1., 1., 1.],
           [0., 0., 0., 0., 1., 1., 1., 0.]])
    """
    times = checked_times(n_frames, stft, sample_rate)
    before = check_not_negative(onset_tolerance, "onset_tolerance")
    after = check_not_negative(offset_tolerance, "offset_tolerance")
    notes = check_notes(notes, "notes")
    pitches = distinct_pitches(notes) if pitches is None else as_numbers(pitches, "pitches")
    if pitches.ndim != 1 or len(np.unique(pitches)) < len(pitches):
        raise ValueError(
            "pitches must have the shape (n_components,), every pitch once, got "
            f"{reprlib.repr(pitches.tolist())}."
        )
    return played(notes, pitches, times, before, after)


def check_notes(notes, name) -> np.ndarray:
    """Refuse what is no list of notes.

    Parameters
    ----------
    notes : array-like of shape (n_notes, 3) or (n_notes, 4)
        Onset, duration, pitch and perhaps velocity.
    name : str
        What the caller calls them.

    Returns
    -------
    notes : ndarray of shape (n_notes, 4)
        With a velocity of 127 where none is given.
    """
    notes = as_numbers(notes, name)
    if not notes.size:
        return np.zeros((0, 4))
    if notes.ndim != 2 or notes.shape[1] not in (3, 4):
        raise ValueError(
            f"{name} must have the shape (n_notes, 3) or (n_notes, 4): onset and duration in "
            f"seconds, MIDI pitch, velocity; got {notes.shape}."
        )
    refuse_negative(notes[:, 0], name)
    if notes[:, 1].min() < 0:
        raise ValueError(f"{name} holds the duration {notes[:, 1].min():g} s: it is negative.")
    if notes.shape[1] == 3:
        return np.column_stack([notes, np.full(len(notes), float(_LOUDEST))])
    velocities = notes[:, 3]
    if velocities.min() <= 0 or velocities.max() > _LOUDEST:
        raise ValueError(
            f"The velocities of {name}, its fourth column, must be above 0 and at most {_LOUDEST}, "
            f"got {velocities.min():g} to {velocities.max():g}."
        )
    return notes


def distinct_pitches(notes) -> np.ndarray:
    """The pitches of checked notes, each once, from low to high.

    Parameters
    ----------
    notes : ndarray of shape (n_notes, 4)
        From ``check_notes``.

    Returns
    -------
    pitches : ndarray of shape (n_pitches,)
    """
    return np.unique(notes[:, 2])


def played(
    notes, pitches, times: FrameTimes, before: float, after: float, name: str = "notes"
) -> np.ndarray:
    """Values above zero where a pitch is played, zeros elsewhere.

    Parameters
    ----------
    notes : ndarray of shape (n_notes, 4)
        From ``check_notes``.
    pitches : ndarray of shape (n_components,)
        That of every component.
    times : FrameTimes
        The frames.
    before, after : float
        Tolerances in seconds.
    name : str, default="notes"
        What the caller calls the notes.

    Returns
    -------
    W : ndarray of shape (n_frames, n_components)
    """
    times.refuse_later(notes[:, 0], name)
    missing = np.setdiff1d(notes[:, 2], pitches)
    if missing.size:
        known = ", ".join(f"{pitch:g}" for pitch in np.sort(pitches))
        raise ValueError(
            f"{name} holds the pitch {missing[0]:g}, of which there is no component: pitches must "
            f"be among [{known}]."
        )
    W = np.zeros((len(times.centers), len(pitches)))
    for onset, duration, pitch, velocity in notes:
        there = times.within(onset - before, onset + duration + after)
        there[times.nearest(onset)] = True
        column = W[:, int(np.flatnonzero(pitches == pitch)[0])]
        column[there] = np.maximum(column[there], velocity / _LOUDEST)
    return W
