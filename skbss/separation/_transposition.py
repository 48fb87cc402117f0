"""Recordings played faster and slower, so that training sources sound at other pitches too."""

from collections.abc import Sequence
from numbers import Real

import jax
import numpy as np

from skbss._runtime.device import is_jax_array, precision

# Two octaves: beyond them little is left of a recording within the band.
_MOST = 24


def check_transpositions(transpositions):
    """Refuse what are no intervals.

    Parameters
    ----------
    transpositions : sequence of float or None
        In semitones.

    Returns
    -------
    semitones : tuple of float
        Empty for None.

    Raises
    ------
    TypeError, ValueError
        If it is no sequence of numbers between -24 and 24, or 0 is among them.
    """
    if transpositions is None:
        return ()
    allowed = "transpositions must be a sequence of semitones, as (-2, 2), or None"
    is_list = isinstance(transpositions, Sequence) and not isinstance(transpositions, str | bytes)
    if not (is_list or (isinstance(transpositions, np.ndarray) and transpositions.ndim == 1)):
        raise TypeError(f"{allowed}, got {transpositions!r}.")
    semitones = tuple(transpositions)
    for one in semitones:
        if isinstance(one, bool | np.bool_) or not isinstance(one, Real):
            raise TypeError(f"{allowed}, got {one!r} among them.")
        if not 0 < abs(float(one)) <= _MOST:
            raise ValueError(
                f"transpositions must lie between -{_MOST} and {_MOST} semitones and not be 0 "
                f"(sources are always learned as they are, too), got {one!r}."
            )
    return semitones


def with_transpositions(sources, semitones):
    """Isolated sources as they are, and transposed.

    Parameters
    ----------
    sources : list of arrays of shape (n_sources, [n_channels,] length)
        Isolated sources of every clip.
    semitones : tuple of float
        Intervals; positive is higher, and shorter.

    Returns
    -------
    sources : list of arrays
        Those given, then all of them for every interval, of the same kind and precision.
    origins : list of int
        Which of those given every one of them was.
    """
    sources = list(sources)
    played = [*enumerate(sources)]
    for interval in semitones:
        played += [(n, transposed(one, interval)) for n, one in enumerate(sources)]
    # Nothing may be left of a few samples.
    kept = [(n, one) for n, one in played if one.shape[-1]]
    return [one for _, one in kept], [n for n, _ in kept]


def transposed(sound, semitones):
    """A recording played faster or slower, as from a tape.

    Parameters
    ----------
    sound : array of shape (..., length)
        At any sample rate.
    semitones : float
        By how much higher it becomes.

    Returns
    -------
    sound : array of shape (..., round(length / 2 ** (semitones / 12)))
        At the same sample rate, without what would lie above the band.
    """
    import soxr

    samples = np.asarray(sound)
    by_time = np.ascontiguousarray(samples.reshape(-1, samples.shape[-1]).T)
    peak = np.abs(by_time).max(axis=0)
    peak[peak == 0] = 1
    # The filters would overflow at the highest levels.
    played = soxr.resample(by_time / peak, 2 ** (semitones / 12), 1.0) * peak
    played = played.T.reshape(*samples.shape[:-1], -1)
    if not is_jax_array(sound):
        return played
    with precision(sound.dtype):
        return jax.device_put(played, next(iter(sound.devices())))
