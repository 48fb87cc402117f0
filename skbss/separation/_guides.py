"""What is known about the sources of clips, checked and brought to the frames of the clips."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from skbss._runtime.waveforms import Clips, check_waveforms
from skbss.frontend._framing import Framing
from skbss.guidance import Guide
from skbss.guidance._checked import (
    check_count,
    check_instants,
    check_not_negative,
    check_rate,
    is_listed,
)
from skbss.guidance._frame_times import FrameTimes, times_from
from skbss.guidance._intervals import (
    active_after,
    active_in,
    check_intervals,
    check_onset_lists,
)
from skbss.guidance._note_activations import check_notes, played
from skbss.guidance._note_components import check_pitches
from skbss.guidance._paint import check_paint, completed_shares, silent_frames
from skbss.separation._cover import Cover


@dataclass(frozen=True)
class Tolerances:
    """How exactly times are taken, in seconds.

    Attributes
    ----------
    onset, offset : float
        By how much earlier something may begin, and later it may end.
    duration : float
        For how long components sound on after onsets.
    """

    onset: float
    offset: float
    duration: float


@dataclass(frozen=True, eq=False)
class SourceMarks:
    """When a source sounds in a clip; None where nothing is known.

    Attributes
    ----------
    whose : str
        What users call its guide, for messages.
    notes : ndarray of shape (n_notes, 4) or None
    onsets : list of ndarray or None
        One for all components, or one for each.
    each : bool
        Which of these.
    active : ndarray of shape (n_intervals, 2) or None
    example : list of arrays of shape ([n_channels,] length), or None
        Recordings of the source alone.
    """

    whose: str
    notes: np.ndarray | None
    onsets: list[np.ndarray] | None
    each: bool
    active: np.ndarray | None
    example: list[Any] | None


@dataclass(frozen=True, eq=False)
class ClipMarks:
    """What is known about all sources of a clip, in the frames that cover it.

    Attributes
    ----------
    guides : list of Guide
        As they were given.
    marks : list of SourceMarks
        The same, checked.
    times : FrameTimes
        The frames; None where nothing is given in seconds.
    shares : ndarray of shape (n_sources, n_frames, n_freqs) or None
        NaN where not known; None if nothing was painted.
    n_frames : int
        How many frames there are.
    """

    guides: list[Guide]
    marks: list[SourceMarks]
    times: FrameTimes | None
    shares: np.ndarray | None
    n_frames: int

    def activations(self, source, n_components, pitches, tolerances: Tolerances) -> np.ndarray:
        """Where the components of a source start: exact zeros where it is silent.

        Parameters
        ----------
        source : int
            Which one.
        n_components : int
            How many components it has.
        pitches : ndarray of shape (n_components,) or None
            Theirs, if they have some.
        tolerances : Tolerances

        Returns
        -------
        W : ndarray of shape (n_frames, n_components)
        """
        marks, times = self.marks[source], self.times
        W = np.ones((self.n_frames, n_components))
        if marks.notes is not None and times is not None:
            notes = marks.notes
            if pitches is not None:
                name = f"{marks.whose}.notes"
                W = played(notes, pitches, times, tolerances.onset, tolerances.offset, name)
            else:
                spans = np.column_stack([notes[:, 0], notes[:, 0] + notes[:, 1]])
                W *= active_in(spans, times, tolerances.onset, tolerances.offset)[:, None]
        if marks.onsets is not None and times is not None:
            columns = [
                active_after(one, times, tolerances.onset, tolerances.duration)
                for one in marks.onsets
            ]
            if len(columns) not in (1, n_components):
                raise ValueError(
                    f"{marks.whose}.onsets are those of {len(columns)} components, but the source "
                    f"has {n_components}: give a list for each, or one list for all."
                )
            W *= np.stack(columns, axis=1)
        if marks.active is not None and times is not None:
            W *= active_in(marks.active, times, tolerances.onset, tolerances.offset)[:, None]
        if self.shares is not None:
            W[silent_frames(self.shares[source])] = 0
        return W


def check_guides(guides, clips: Clips, framing: Framing, sample_rate, names=None):
    """Refuse what guides nothing, and say where it points to.

    Parameters
    ----------
    guides : mapping or sequence of Guide, or sequence of such
        As `GuidedSeparator` describes them.
    clips : Clips
        The mixtures.
    framing : Framing
        The frames.
    sample_rate : float or None
        In Hz.
    names : list of str, optional
        That the sources must have, in this order; by default those in the first clip.

    Returns
    -------
    names : list of str
        Of the sources.
    of_clips : list of ClipMarks
        Of every clip.
    """
    mixtures = clips.each()
    if guides is None:
        raise ValueError(
            "guides are missing: pass what is known about every source, such as "
            "guides={'piano': Guide(notes=[(0.1, 0.5, 60)]), 'rest': Guide()}. A Separator does "
            "without."
        )
    if clips.layout == "one":
        per_clip = [guides]
    elif not isinstance(guides, list | tuple) or any(isinstance(one, Guide) for one in guides):
        raise TypeError(
            f"X holds {len(mixtures)} clips: pass a list with the guides of every clip, a mapping "
            "or a list of Guide each."
        )
    else:
        per_clip = list(guides)
    if len(per_clip) != len(mixtures):
        raise ValueError(
            f"guides are given for {len(per_clip)} clips, but there are {len(mixtures)} in X."
        )
    listed = []
    for position, one in enumerate(per_clip):
        label = "guides" if clips.layout == "one" else f"guides[{position}]"
        own_names, own, whose = _listed(one, names, label)
        if names is not None and len(own) != len(names):
            raise ValueError(
                f"{label} holds {len(own)} sources, but there must be {len(names)}: {names}."
            )
        names = own_names
        listed.append((own, whose))
    return names, [
        _marks_of_clip(own, whose, x.shape[-1], framing, sample_rate)
        for (own, whose), x in zip(listed, mixtures, strict=True)
    ]


def refuse_guides_as_y(y) -> None:
    """Refuse guides in the place of what is not used.

    Parameters
    ----------
    y : object
        The second argument of ``fit``.
    """
    several = isinstance(y, list | tuple) and any(map(_holds_guides, y))
    if isinstance(y, Guide) or _holds_guides(y) or several:
        raise TypeError(
            "The guides were passed as y, which is not used: pass them by name, as in "
            "fit(X, guides=guides)."
        )


def _listed(guides, names, label):
    """The names of the sources, their guides in that order, and where users find these."""
    if isinstance(guides, Mapping):
        twice = [key for key in guides if not isinstance(key, str) and str(key) in guides]
        if twice:
            raise ValueError(
                f"{label} has the sources {twice[0]!r} and {str(twice[0])!r}, which would have one "
                "name: give every source a name of its own."
            )
        if names is not None and set(map(str, guides)) != set(names):
            raise ValueError(f"{label} must have the sources {names}, got {list(guides)}.")
        by_name = {str(name): guide for name, guide in guides.items()}
        names = list(by_name) if names is None else names
        guides = [by_name[name] for name in names]
        whose = [f"{label}[{name!r}]" for name in names]
    elif isinstance(guides, list | tuple):
        guides = list(guides)
        names = [str(j) for j in range(len(guides))] if names is None else names
        whose = [f"{label}[{j}]" for j in range(len(guides))]
    else:
        raise TypeError(f"{label} must be a mapping or a list of Guide, got {guides!r}.")
    if not guides:
        raise ValueError(
            f"{label} holds no source: add a Guide for each, Guide() where nothing is known of it."
        )
    for where, guide in zip(whose, guides, strict=True):
        if label == "guides" and _holds_guides(guide):
            raise TypeError(
                "guides are those of several clips, but X is one: pass guides[0], or a list of "
                "clips."
            )
        if not isinstance(guide, Guide):
            raise TypeError(f"{where} must be a Guide, got {guide!r}.")
    return names, guides, whose


def _holds_guides(one):
    held = one.values() if isinstance(one, Mapping) else one
    return isinstance(one, Mapping | list | tuple) and any(isinstance(g, Guide) for g in held)


def _marks_of_clip(guides, whose, length, framing, sample_rate):
    cover = Cover(length, framing)
    timed = [g for g in guides if not (g.notes is None and g.onsets is None and g.active is None)]
    times = None
    if timed:
        if sample_rate is None:
            raise ValueError("Guides with times in seconds need the sample_rate: set it.")
        times = times_from(
            cover.first_middle, cover.n_frames, framing, check_rate(sample_rate), length
        )
    marks = [_marks_of_source(*one, times, sample_rate) for one in zip(guides, whose, strict=True)]
    shares = _shares(guides, whose, length, framing, cover)
    return ClipMarks(guides, marks, times, shares, cover.n_frames)


def _marks_of_source(guide, whose, times, sample_rate):
    if guide.n_components is not None:
        check_count(guide.n_components, f"{whose}.n_components")
    if not isinstance(guide.hold, bool | np.bool_):
        raise TypeError(f"{whose}.hold must be True or False, got {guide.hold!r}.")
    for one, other in (("components", "example"), ("notes", "onsets")):
        if getattr(guide, one) is not None and getattr(guide, other) is not None:
            raise ValueError(f"{whose} has both {one} and {other}: only one of them can count.")
    notes = onsets = active = example = None
    if guide.notes is not None:
        notes = check_notes(guide.notes, f"{whose}.notes")
        times.refuse_later(notes[:, 0], f"{whose}.notes")
        if guide.components is None and guide.example is None:
            check_pitches(notes[:, 2], float(sample_rate), f"{whose}.notes")
    each = False
    if guide.onsets is not None:
        each = is_listed(guide.onsets) and any(map(is_listed, guide.onsets))
        if each:
            onsets = check_onset_lists(guide.onsets, f"{whose}.onsets")
        else:
            onsets = [check_instants(guide.onsets, f"{whose}.onsets")]
        times.refuse_later(np.concatenate(onsets), f"{whose}.onsets")
    if guide.active is not None:
        active = check_intervals(guide.active, f"{whose}.active")
        times.refuse_later(active[:, 0], f"{whose}.active")
    if guide.example is not None:
        example = check_waveforms(guide.example, name=f"{whose}.example").each()
    return SourceMarks(whose, notes, onsets, each, active, example)


def _shares(guides, whose, length, framing, cover):
    """What was painted, in the frames that cover the clip."""
    if all(guide.paint is None for guide in guides):
        return None
    n_frames = framing.n_frames(length)
    paints = [
        None
        if guide.paint is None
        else check_paint(guide.paint, (n_frames, framing.n_freqs), f"{where}.paint")
        for guide, where in zip(guides, whose, strict=True)
    ]
    # Frames that the front end does not have lie before or after all that it has.
    later = cover.first_middle - (framing.n_fft // 2 - framing.margin)
    samples = later + framing.hop_length * np.arange(cover.n_frames)
    nearest = np.clip(np.rint(samples / framing.hop_length).astype(int), 0, n_frames - 1)
    return completed_shares([None if one is None else one[nearest] for one in paints])


def check_tolerances(onset_tolerance, offset_tolerance, onset_duration, *, single) -> Tolerances:
    """Refuse what is no tolerance, and fill in what is left open.

    Parameters
    ----------
    onset_tolerance, offset_tolerance : float
        In seconds.
    onset_duration : float or None
        In seconds.
    single : bool
        Whether components last for a single frame.

    Returns
    -------
    tolerances : Tolerances
    """
    if onset_duration is None:
        onset_duration = 0.3 if single else 0.0
    return Tolerances(
        check_not_negative(onset_tolerance, "onset_tolerance"),
        check_not_negative(offset_tolerance, "offset_tolerance"),
        check_not_negative(onset_duration, "onset_duration"),
    )
