"""When frames are, and which of them lie in an interval."""

from dataclasses import dataclass

import numpy as np

from skbss.frontend._framing import Framing

# Times of frames are products and quotients of rounded numbers; this share of a hop is the same.
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class FrameTimes:
    """The frames of a clip in time.

    Attributes
    ----------
    centers : ndarray of shape (n_frames,)
        Where the middle of every frame lies, in seconds.
    hop : float
        Seconds between frames.
    duration : float
        Of the clip, in seconds.
    """

    centers: np.ndarray
    hop: float
    duration: float

    def within(self, start: float, stop: float) -> np.ndarray:
        """Which frames have their middle in ``[start, stop]``, both ends included."""
        slack = _ROUNDING * self.hop
        return (self.centers >= start - slack) & (self.centers <= stop + slack)

    def nearest(self, instant: float) -> int:
        """The frame whose middle is nearest; of two, the earlier one."""
        return int(np.abs(self.centers - instant).argmin())

    def refuse_later(self, onsets: np.ndarray, name: str) -> None:
        """Refuse onsets after the end of the clip.

        Parameters
        ----------
        onsets : ndarray
            In seconds.
        name : str
            What the caller calls them.
        """
        if onsets.size and onsets.max() > self.duration + _ROUNDING * self.hop:
            raise ValueError(
                f"{name} holds the onset {onsets.max():g} s, but the clip ends at "
                f"{self.duration:g} s: times are in seconds from its beginning; leave out what "
                "lies beyond its end."
            )


def times_of_frames(n_frames: int, framing: Framing, sample_rate: float) -> FrameTimes:
    """The times of the frames of an `STFT`, of a clip as long as it can be for their number.

    Parameters
    ----------
    n_frames : int
        How many there are.
    framing : Framing
        The frames: frame t has its middle at sample ``t * hop_length`` if they are centered, and
        else ``n_fft // 2`` samples later.
    sample_rate : float
        In Hz.

    Returns
    -------
    times : FrameTimes
    """
    longest = framing.span(n_frames) - 2 * framing.margin + framing.hop_length - 1
    return times_from(
        framing.n_fft // 2 - framing.margin, n_frames, framing, sample_rate, max(longest, 1)
    )


def times_from(
    first: int, n_frames: int, framing: Framing, sample_rate: float, length: int
) -> FrameTimes:
    """The times of frames, the first of which has its middle at a given sample.

    Parameters
    ----------
    first : int
        The sample, counted from the beginning of the clip.
    n_frames : int
        How many frames there are.
    framing : Framing
        Their distance.
    sample_rate : float
        In Hz.
    length : int
        Samples of the clip.

    Returns
    -------
    times : FrameTimes
    """
    centers = (first + framing.hop_length * np.arange(n_frames)) / sample_rate
    return FrameTimes(centers, framing.hop_length / sample_rate, length / sample_rate)
