"""What somebody knows about one source of one clip."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False, kw_only=True)
class Guide:
    """What is known about one source of one clip, for `skbss.GuidedSeparator`.

    All of it is optional, and can be combined. ``Guide()`` says that there is a source about which
    nothing is known: what is left when the others have their part.

    Parameters
    ----------
    notes : array-like of shape (n_notes, 3) or (n_notes, 4), default=None
        Its score, as in `note_activations`: onset and duration in seconds, MIDI pitch, perhaps
        velocity. It sounds nowhere else; unless its components are known otherwise, it has one for
        every pitch, around the partials of that. An empty list is for a source that is silent.
    onsets : array-like of shape (n_onsets,), or list of them, default=None
        When it begins to sound, in seconds. A list of lists is for a component each.
    active : array-like of shape (n_intervals, 2), default=None
        Where it may sound, as begin and end in seconds; it is silent elsewhere.
    example : array of shape (length,) or (n_channels, length), default=None
        A recording of it alone, of any length and level, from which its components are learned.
    components : array-like of shape (n_components, [template_length,] n_freqs), default=None
        Its components, or where they start, of whatever level: with `hold=False` exact zeros in
        them stay zeros, and all else is learned.
    paint : array-like of shape (n_frames, n_freqs), default=None
        Its share of every bin of the mixture's `STFT`, from 0 (it is not here) to 1 (nothing else
        is); NaN where that is not known. All channels have the same.
    n_components : int, default=None
        How many components it has, by default as many as the factorizer says. For sources whose
        notes, onsets or components do not say it.
    hold : bool, default=True
        Whether components that were given, or learned from an example, stay as they are. If not,
        the fit goes on from them, to what fits to the mixture and the example.

    See Also
    --------
    skbss.GuidedSeparator : Separates by guides.

    Examples
    --------
    >>> from skbss.guidance import Guide
    >>> guides = {
    ...     "piano": Guide(notes=[(0.1, 0.5, 60), (0.6, 0.5, 64)]),
    ...     "drums": Guide(onsets=[0.1, 0.35, 0.6], n_components=4),
    ...     "rest": Guide(),
    ... }
    """

    notes: Any = None
    onsets: Any = None
    active: Any = None
    example: Any = None
    components: Any = None
    paint: Any = None
    n_components: int | None = None
    hold: bool = True
