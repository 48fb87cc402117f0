"""Spectra of the partials of a pitch, band by band.

E. Vincent, N. Bertin and R. Badeau, "Adaptive harmonic spectral decomposition for multiple pitch
estimation", IEEE Transactions on Audio, Speech, and Language Processing 18(3), 2010.
"""

import numpy as np
from scipy.signal import get_window

# Partials reach this far, in bins of a window as long as the frame.
_REACH = 6
# How finely the transform of the window is tabulated, in points to a bin.
_POINTS = 128
_REFERENCE_PITCH, _REFERENCE_FREQUENCY = 69, 440.0


def frequency_of(pitch):
    """The fundamental frequency of MIDI pitches in Hz: 440 for 69, the tuning of A4.

    Parameters
    ----------
    pitch : float or array
        MIDI numbers.
    """
    return _REFERENCE_FREQUENCY * 2 ** ((np.asarray(pitch) - _REFERENCE_PITCH) / 12)


def stretched_partials(fundamental, numbers, inharmonicity):
    """Frequencies of the partials of a stiff string; the first is the fundamental.

    Parameters
    ----------
    fundamental : float
        In Hz.
    numbers : ndarray of int
        Which partials, from 1.
    inharmonicity : float
        How far they are stretched; 0 for multiples of the fundamental.

    Returns
    -------
    frequencies : ndarray
        In Hz.
    """
    stretch = np.sqrt((1 + inharmonicity * numbers**2) / (1 + inharmonicity))
    return numbers * fundamental * stretch


def harmonic_patterns(
    pitches, n_bands, *, inharmonicity, sample_rate, n_fft, window, win_length, exponent
):
    """Narrow-band parts of the spectra of pitches.

    Parameters
    ----------
    pitches : sequence of int
        MIDI numbers.
    n_bands : int
        Into how many bands, from the fundamental to half the sample rate, partials are put.
    inharmonicity : callable (pitch) -> float
        How far partials are stretched.
    sample_rate : float
        In Hz.
    n_fft : int
        Length of a frame.
    window : str, tuple, float, callable or array of shape (win_length,)
        As in `STFT`.
    win_length : int
        Length of the window.
    exponent : {1, 2}
        Whether spectra are magnitudes or powers.

    Returns
    -------
    patterns : ndarray of shape (n_pitches, n_bands, n_fft // 2 + 1)
        Non-negative. A partial has its peak 1 where it lies, divided among the bands.
    """
    n_bins, reach = n_fft // 2 + 1, -(-_REACH * n_fft // win_length)
    table = _shape_of_a_partial(window, win_length, n_fft, reach) ** exponent
    patterns = np.empty((len(pitches), n_bands, n_bins))
    for pattern, pitch in zip(patterns, pitches, strict=True):
        partials = _partials(frequency_of(pitch), inharmonicity(pitch), sample_rate / 2)
        places = (partials * n_fft / sample_rate)[:, None]
        bins = np.rint(places).astype(int) + np.arange(-reach, reach + 1)
        shapes = np.interp(_POINTS * np.abs(bins - places), np.arange(len(table)), table)
        shapes[(bins < 0) | (bins >= n_bins)] = 0
        bins = np.clip(bins, 0, n_bins - 1).ravel()
        for band, shares in enumerate(_shares_of_bands(partials, n_bands, sample_rate / 2).T):
            pattern[band] = np.bincount(bins, (shares[:, None] * shapes).ravel(), n_bins)
    return patterns


def _partials(fundamental, B, top):
    """Frequencies of the partials below `top`; the first is the fundamental."""
    numbers = np.arange(1, int(top / fundamental) + 2)
    partials = stretched_partials(fundamental, numbers, B)
    return partials[partials < top]


def _shares_of_bands(partials, n_bands, top):
    """How much of every partial is in every band: triangles, evenly spaced for the ear."""
    if n_bands == 1:
        return np.ones((len(partials), 1))
    centers = np.linspace(_erb_rate(partials[0]), _erb_rate(top), n_bands)
    spacing = centers[1] - centers[0]
    distance = np.abs(_erb_rate(partials)[:, None] - centers)
    return np.maximum(0, 1 - distance / spacing)


def _erb_rate(frequency):
    """How many equivalent rectangular bandwidths of hearing lie below a frequency."""
    return 21.4 * np.log10(1 + 0.00437 * frequency)


def _shape_of_a_partial(window, win_length, n_fft, reach):
    """What a sine looks like up to `reach` bins from its frequency; 1 where it is."""
    if callable(window):
        w = window(win_length)
    elif isinstance(window, str | tuple | float):
        w = get_window(window, win_length)
    else:
        w = window
    w = np.abs(np.fft.rfft(w, _POINTS * n_fft))
    # A bin is rounded to, so that some lie half a bin further.
    return np.append(w[: _POINTS * reach] / w[0], 0)
