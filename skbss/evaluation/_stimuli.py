"""The sounds of a listening test, made equally loud."""

import math
import warnings
from dataclasses import dataclass

import numpy as np

from skbss.evaluation._anchors import make_anchor
from skbss.evaluation._loudness import loudness
from skbss.report._players import PreviewPlan, audio_data_uris

REFERENCE = "reference"
_PEAK = 0.98
_FULL_SCALE = 2.0**15
_SLOWEST, _FASTEST = 8_000, 48_000  # sample rates that every browser plays
# What lies this far below the reference, in dB, can not be heard beside it.
_INAUDIBLE = -100.0


@dataclass(frozen=True)
class Stimulus:
    """One sound that is rated, or that raters compare with.

    Attributes
    ----------
    item : int
        Position of the item.
    system : str
        Who made it: a system, an anchor, or the reference.
    role : {"system", "anchor", "reference"}
        Which of these.
    is_open : bool
        Whether raters are told what they hear.
    sound : ndarray of shape (n_channels, length)
        At the sample rate and with the channels of the page.
    gain_db : float
        By which it was made as loud as the others; minus infinity for silence.
    """

    item: int
    system: str
    role: str
    is_open: bool
    sound: np.ndarray
    gain_db: float


def played_format(sample_rate, n_channels):
    """Sample rate and number of channels in which the page plays.

    Parameters
    ----------
    sample_rate : float
        Of the recordings, in Hz.
    n_channels : int
        Of the recordings.

    Returns
    -------
    sample_rate, n_channels : int
    """
    rate = int(np.clip(round(sample_rate), _SLOWEST, _FASTEST))
    return rate, n_channels if n_channels <= 2 else 1


def make_stimuli(
    references, estimates, mixtures, anchors, sample_rate, rng, *, item_names, stacklevel
):
    """All sounds of a test: equally loud, as loud together as they can be without clipping.

    Parameters
    ----------
    references : list of ndarray of shape (n_channels, length)
        One per item.
    estimates : mapping of str to list of ndarray
        Those of every system, likewise.
    mixtures : list of ndarray or None
        Likewise.
    anchors : sequence of str
        What to make for every item.
    sample_rate : float
        In Hz.
    rng : numpy.random.Generator
        For anchors and dither.
    item_names : sequence of str
        For messages.
    stacklevel : int
        Of warnings.

    Returns
    -------
    stimuli : list of Stimulus
        By item: what is rated, the systems first, then what is open.

    Raises
    ------
    ValueError
        If a reference is silent.
    """
    raw = []
    for item, reference in enumerate(references):
        mixture = None if mixtures is None else mixtures[item]
        for system, sounds in estimates.items():
            raw.append((item, system, "system", False, sounds[item]))
        raw.append((item, REFERENCE, "reference", False, reference))
        for anchor in anchors:
            sound = make_anchor(anchor, reference, mixture, sample_rate, rng)
            raw.append((item, anchor, "anchor", False, sound))
        raw.append((item, REFERENCE, "reference", True, reference))
        if mixture is not None:
            raw.append((item, "mixture", "anchor", True, mixture))
    sounds = [_as_played(sound, sample_rate) for *_, sound in raw]
    rate, _ = played_format(sample_rate, len(references[0]))
    levels = [loudness(sound, rate) for sound in sounds]
    reference_levels = {
        item: level
        for (item, _, role, _, _), level in zip(raw, levels, strict=True)
        if role == "reference"
    }
    gains = []
    for (item, system, _, is_open, _), level in zip(raw, levels, strict=True):
        if reference_levels[item] == -math.inf:
            raise ValueError(f"references[{item_names[item]!r}] is silent: leave the item out.")
        if level > reference_levels[item] + _INAUDIBLE:
            gains.append(-level)
            continue
        gains.append(-math.inf)
        if not is_open:
            warnings.warn(
                f"{system!r} is silent in item {item_names[item]!r}: listeners will hear nothing.",
                UserWarning,
                stacklevel=stacklevel,
            )
    peaks = [_peak_db(sound) + gain for sound, gain in zip(sounds, gains, strict=True)]
    common = 20 * math.log10(_PEAK) - max(peaks)
    return [
        Stimulus(
            item,
            system,
            role,
            is_open,
            _dithered(sound, gain + common, rng),
            round(gain + common, 2),
        )
        for (item, system, role, is_open, _), sound, gain in zip(raw, sounds, gains, strict=True)
    ]


def encode(stimuli, sample_rate):
    """The sounds as lossless ``data:`` URIs.

    Parameters
    ----------
    stimuli : sequence of Stimulus
        All of one number of channels.
    sample_rate : int
        That of their sounds, in Hz.

    Returns
    -------
    uris : list of str
    """
    n_channels = len(stimuli[0].sound)
    plan = PreviewPlan("FLAC", sample_rate, n_channels, None, gain=1.0)
    return audio_data_uris([stimulus.sound for stimulus in stimuli], sample_rate, plan)


def _as_played(sound, sample_rate):
    import soxr

    rate, n_channels = played_format(sample_rate, len(sound))
    if n_channels != len(sound):
        sound = sound.mean(axis=0, keepdims=True)
    if rate != sample_rate:
        sound = soxr.resample(sound.T, sample_rate, rate).T
    return sound


def _peak_db(sound):
    peak = float(np.abs(sound).max())
    return 20 * math.log10(peak) if peak > 0 else -math.inf


def _dithered(sound, gain_db, rng):
    """Ready to be rounded to 16 bits.

    Triangular noise of one step makes the rounding error independent of the sound. It also makes
    the bytes of the hidden reference differ from those of the open one.
    """
    noise = (rng.random(sound.shape) - rng.random(sound.shape)) / _FULL_SCALE
    gain = 0.0 if gain_db == -math.inf else 10 ** (gain_db / 20)
    return gain * sound + noise
