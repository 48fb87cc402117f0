"""Sounds that are bad in a known way, between which listeners place the others."""

import math

import numpy as np
from scipy.signal import fftconvolve, firwin, istft, kaiserord, stft

from skbss.evaluation._loudness import loudness

# Cut-off frequencies in Hz.
LOW_PASSES = {"low_pass_3500": 3_500.0, "low_pass_7000": 7_000.0}
ANCHORS = (*LOW_PASSES, "mixture", "musical_noise")

_TRANSITION = 8 / 7  # where the stop band begins, in cut-off frequencies
_ATTENUATION_DB = 60.0
_LOST_SHARE = 0.99
_FRAME_SECONDS = 0.046


def usual_anchors(kind, scales, sample_rate, *, has_mixtures):
    """The anchors that the literature asks for, as far as they can be heard to be such.

    Parameters
    ----------
    kind : {"mushra", "mos"}
        Of the test.
    scales : sequence of str
        What listeners are asked.
    sample_rate : float
        In Hz.
    has_mixtures : bool
        Whether the recordings before separation are there.

    Returns
    -------
    anchors : tuple of str
        In the order of `ANCHORS`.
    """
    wanted = {"low_pass_3500"} | ({"low_pass_7000"} if kind == "mushra" else set())
    # A recording that hardly goes beyond the cut-off frequency is not changed by the filter.
    anchors = {name for name in wanted if sample_rate >= 3 * LOW_PASSES[name]}
    if has_mixtures:
        anchors.add("mixture")
    if "artifacts" in scales or not anchors:
        anchors.add("musical_noise")
    return tuple(name for name in ANCHORS if name in anchors)


def check_anchors(anchors, sample_rate, *, has_mixtures):
    """Anchors in the order of `ANCHORS`, refused where they can not be made.

    Parameters
    ----------
    anchors : sequence of str
        As the caller gave them.
    sample_rate : float
        In Hz.
    has_mixtures : bool
        Whether the recordings before separation are there.
    """
    if isinstance(anchors, str):
        raise TypeError(f"anchors must be a sequence of str, got the str {anchors!r}.")
    anchors = tuple(anchors)
    for name in anchors:
        if name not in ANCHORS:
            raise ValueError(f"anchors must be among {', '.join(ANCHORS)}; got {name!r}.")
        lowest = 2 * _TRANSITION * LOW_PASSES.get(name, 0)
        if sample_rate <= lowest:
            raise ValueError(
                f"The anchor {name!r} needs a sample_rate above {lowest:g} Hz, got "
                f"{sample_rate:g}: choose others, such as anchors=('musical_noise',)."
            )
    if "mixture" in anchors and not has_mixtures:
        raise ValueError("The anchor 'mixture' needs mixtures, which are not given.")
    return tuple(name for name in ANCHORS if name in anchors)


def make_anchor(name, reference, mixture, sample_rate, rng):
    """One anchor of one item.

    Parameters
    ----------
    name : str
        One of `ANCHORS`.
    reference : ndarray of shape (n_channels, length)
        The true source.
    mixture : ndarray of shape (n_channels, length) or None
        What it was separated from.
    sample_rate : float
        In Hz.
    rng : numpy.random.Generator
        For what is drawn.

    Returns
    -------
    anchor : ndarray of shape (n_channels, length)
    """
    if name == "mixture":
        return mixture
    if name == "musical_noise":
        return _with_musical_noise(reference, sample_rate, rng)
    return _low_pass(reference, LOW_PASSES[name], sample_rate)


def _low_pass(sound, cutoff, sample_rate):
    # Within the mask of ITU-R BS.1534-3, section 5.1: ripple of 0.1 dB up to 3.5 kHz, -25 dB at
    # 4 kHz and -50 dB at 4.5 kHz; the same proportions at other cut-off frequencies.
    width = cutoff * (_TRANSITION - 1)
    n_taps, beta = kaiserord(_ATTENUATION_DB, width / (sample_rate / 2))
    n_taps |= 1  # a whole number of samples late, which is made good below
    taps = firwin(n_taps, cutoff + width / 2, window=("kaiser", beta), fs=sample_rate)
    delay = n_taps // 2
    return fftconvolve(sound, taps[np.newaxis], axes=-1)[:, delay : delay + sound.shape[-1]]


def _with_musical_noise(sound, sample_rate, rng):
    """The artifacts anchor of Emiya et al. 2011, section II-B."""
    length = sound.shape[-1]
    frame = min(2 * math.ceil(_FRAME_SECONDS * sample_rate / 2), length)
    analysis = {"nperseg": frame, "noverlap": frame // 2, "window": "cosine"}
    spectra = stft(sound, **analysis)[2]
    kept = rng.random(spectra.shape[-2:]) >= _LOST_SHARE
    _, noise = istft(spectra * kept, **analysis)
    noise = noise[:, :length]
    missing = length - noise.shape[-1]
    noise = np.pad(noise, [(0, 0), (0, max(missing, 0))])
    level = loudness(noise, sample_rate)
    if level == -np.inf:
        return sound
    return sound + 10 ** ((loudness(sound, sample_rate) - level) / 20) * noise
