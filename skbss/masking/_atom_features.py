"""What tells the atoms of one source from those of another: how they sound, and when."""

import numpy as np
from scipy.fft import dct
from scipy.ndimage import gaussian_filter1d

_N_MELS = 40
_N_MFCC = 13
# Few, so that the notes of one instrument share bands.
_N_TIMBRE_BANDS = 12
# Longer than notes and words, shorter than the parts of a piece.
_SECTION_SECONDS = 2.0
_LEAST_SECTIONS = 8


def timbres(H, *, exponent, sample_rate):
    """How every atom shares its magnitude among 12 mel bands, the loudness left out.

    Parameters
    ----------
    H : ndarray of shape (n_components, n_freqs)
        Spectra.
    exponent : float
        The power of the magnitude that they are.
    sample_rate : float
        In Hz.

    Returns
    -------
    timbres : ndarray of shape (n_components, 12)
        Roots of the shares: unit vectors, whose distances are Hellinger's. An atom of zeros has
        zeros.
    """
    return np.sqrt(_shares(_relative(H) ** (1 / exponent), _N_TIMBRE_BANDS, sample_rate))


def mel_cepstra(H, *, exponent, sample_rate):
    """Timbre of every atom: mel-frequency cepstral coefficients, the loudness left out.

    Parameters
    ----------
    H : ndarray of shape (n_components, n_freqs)
        Spectra.
    exponent : float
        The power of the magnitude that they are.
    sample_rate : float
        In Hz.

    Returns
    -------
    cepstra : ndarray of shape (n_components, 13)
        Coefficients 1 to 13. An atom of zeros has zeros.
    """
    shares = _shares(_relative(H) ** (2 / exponent), _N_MELS, sample_rate)
    sounds = shares.any(axis=1, keepdims=True)
    levels = np.log10(1e4 * np.where(sounds, shares, 1 / _N_MELS) + 1e-3)
    cepstra = dct(levels, type=2, norm="ortho", axis=1)
    return np.where(sounds, cepstra[:, 1 : _N_MFCC + 1], 0)


def rhythms(W):
    """When every atom sounds, frame by frame, the loudness left out.

    Parameters
    ----------
    W : ndarray of shape (n_frames, n_components)
        Activations.

    Returns
    -------
    rhythms : ndarray of shape (n_components, n_frames)
        Unit vectors, of which half the squared distance is one minus the correlation. A constant
        activation has zeros.
    """
    rhythm = np.subtract(W.T, W.mean(axis=0)[:, None], order="C")
    norm = np.linalg.norm(rhythm, axis=1, keepdims=True)
    rhythm /= np.where(norm > 0, norm, 1)
    return rhythm


def sections(W, lengths, *, n_frames, frame_rate):
    """In which parts of the recordings every atom sounds, the loudness left out.

    Parameters
    ----------
    W : ndarray of shape (n_frames, n_components)
        Activations.
    lengths : sequence of int
        Numbers of frames of the recordings that lie below each other.
    n_frames : int
        Of all clips, of which recordings may be channels.
    frame_rate : float
        Frames per second.

    Returns
    -------
    sections : ndarray of shape (n_components, n_times)
        Roots of the shares of an atom's activity around these times, blurred by two seconds or an
        eighth of all: unit vectors, whose distances are Hellinger's. A silent atom has zeros.
    """
    width = min(_SECTION_SECONDS * frame_rate, n_frames / _LEAST_SECTIONS)
    step = max(1, int(width / 2))
    recordings = np.split(W, np.cumsum(lengths)[:-1])
    # One atom at a time, of which a view would keep the whole: activations of hours take much
    # memory in float64.
    blurred = [
        [
            gaussian_filter1d(activity.astype(np.float64), width, mode="nearest")[::step].copy()
            for activity in one.T
        ]
        for one in recordings
    ]
    return np.sqrt(_fractions(np.concatenate(blurred, axis=1)))


def have_sections(n_frames, *, frame_rate):
    """Whether recordings last for so long that parts can be told from notes and words.

    Parameters
    ----------
    n_frames : int
        Of all clips.
    frame_rate : float
        Frames per second.

    Returns
    -------
    are_long : bool
    """
    return n_frames >= _LEAST_SECTIONS * _SECTION_SECONDS * frame_rate


def _relative(H):
    peak = H.max(axis=1, keepdims=True)
    return H / np.where(peak > 0, peak, 1)


def _shares(spectra, n_bands, sample_rate):
    return _fractions(spectra @ _mel_bands(spectra.shape[1], n_bands, sample_rate).T)


def _fractions(parts):
    total = parts.sum(axis=1, keepdims=True)
    return parts / np.where(total > 0, total, 1)


def _mel_bands(n_freqs, n_bands, sample_rate):
    # Triangles of unit area between the frequencies that lie evenly on the mel scale.
    top = np.log1p(sample_rate / 2 / 700)
    edges = 700 * np.expm1(np.linspace(0, top, n_bands + 2))[:, None]
    freqs = np.linspace(0, sample_rate / 2, n_freqs)
    low, center, high = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (freqs - low) / (center - low), (high - freqs) / (high - center)
    return np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)
