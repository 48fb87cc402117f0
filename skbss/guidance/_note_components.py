"""Spectra that are zero but around the partials of a pitch."""

import numpy as np

from skbss.factorization._harmonic_patterns import frequency_of, stretched_partials
from skbss.frontend._framing import Framing
from skbss.guidance._checked import (
    as_numbers,
    check_count,
    check_framing,
    check_not_negative,
    check_rate,
)

# How much finer than its own bins the transform of a window is looked at.
_FINER = 32
_HIGHEST_MIDI_NUMBER = 127


def note_components(
    pitches,
    *,
    sample_rate,
    stft=None,
    pitch_tolerance=0.5,
    n_partials=None,
    rolloff=1.0,
    inharmonicity=0.0,
    template_length=None,
):
    r"""Components of pitches, which are zero but around their partials.

    Partial :math:`m` of the pitch :math:`p` lies at

    .. math:: f_m = m f_1 \sqrt{\frac{1 + B m^2}{1 + B}}, \qquad
              f_1 = 440\,\mathrm{Hz} \cdot 2^{(p - 69) / 12},

    where :math:`B` is `inharmonicity`. The component is :math:`m^{-r}` in the frequencies that lie
    within `pitch_tolerance` of :math:`f_m`, widened on both sides by half the main lobe of the
    window, where :math:`r` is `rolloff`.

    Parameters
    ----------
    pitches : array-like of shape (n_components,)
        MIDI pitches, 69 for 440 Hz; fractions are allowed.
    sample_rate : float
        In Hz.
    stft : STFT, default=None
        Where the spectrogram comes from, ``STFT()`` by default.
    pitch_tolerance : float, default=0.5
        By how many semitones a partial may be higher or lower. Partials whose tolerances overlap
        leave no zeros between them: from about number 17 on with half a semitone.
    n_partials : int, default=None
        How many partials there are; by default all below half the sample rate.
    rolloff : float, default=1.0
        How fast partials fall off with their number; 0 begins with equal ones.
    inharmonicity : float, default=0.0
        The coefficient :math:`B` of stiff strings: 1e-4 to 1e-3 for a piano.
    template_length : int, default=None
        Frames of a template, all alike, for `skbss.ConvNMF`; by default one spectrum a component.

    Returns
    -------
    H : ndarray of shape (n_components, [template_length,] n_freqs)
        Magnitudes, 1 at the first partial; where partials overlap the larger value. Exact zeros
        elsewhere.

    Raises
    ------
    TypeError, ValueError
        If a pitch has no partial below half the sample rate, or a parameter is not allowed.

    See Also
    --------
    note_activations : When they sound.

    Notes
    -----
    Start from the square for power spectra. Neighboring low pitches differ by less than the width
    of the main lobe unless frames are long: a semitone at 100 Hz is 6 Hz.

    References
    ----------
    .. [1] S. Ewert and M. Müller, "Using score-informed constraints for NMF-based source
       separation", ICASSP 2012.
    .. [2] H. Fletcher, E. D. Blackham and R. Stratton, "Quality of piano tones", Journal of the
       Acoustical Society of America 34(6), 1962 (inharmonicity).

    Examples
    --------
    >>> from skbss import STFT
    >>> from skbss.guidance import note_components
    >>> H = note_components([69, 81], sample_rate=8000, stft=STFT(512))
    >>> H.shape
    (2, 257)
    >>> [float(H[0, round(f * 512 / 8000)].round(3)) for f in (440, 660, 880, 1320)]
    [1.0, 0.0, 0.5, 0.333]
    """
    framing, sample_rate = check_framing(stft), check_rate(sample_rate)
    tolerance = check_not_negative(pitch_tolerance, "pitch_tolerance")
    rolloff = check_not_negative(rolloff, "rolloff")
    inharmonicity = check_not_negative(inharmonicity, "inharmonicity")
    if n_partials is not None:
        n_partials = check_count(n_partials, "n_partials")
    pitches = as_numbers(pitches, "pitches")
    if pitches.ndim != 1:
        raise ValueError(f"pitches must have the shape (n_components,), got {pitches.shape}.")
    check_pitches(pitches, sample_rate, "pitches")
    combs = [
        _comb(pitch, framing, sample_rate, tolerance, n_partials, rolloff, inharmonicity)
        for pitch in pitches
    ]
    H = np.array(combs).reshape(len(combs), framing.n_freqs)
    if template_length is None:
        return H
    length = check_count(template_length, "template_length")
    return np.repeat(H[:, None], length, axis=1)


def check_pitches(pitches, sample_rate: float, name: str) -> None:
    """Refuse pitches of which no partial can be heard.

    Parameters
    ----------
    pitches : ndarray of shape (n_pitches,)
        MIDI.
    sample_rate : float
        In Hz.
    name : str
        What the caller calls what holds them.
    """
    for pitch in pitches:
        with np.errstate(over="ignore"):
            first = frequency_of(pitch)
        if not 0 < first <= sample_rate / 2:
            # Above all MIDI numbers, what is meant is a frequency.
            hint = ""
            if pitch > _HIGHEST_MIDI_NUMBER:
                number = 69 + 12 * np.log2(pitch / 440)
                hint = f" A pitch is a MIDI number, not Hz: {pitch:g} Hz is {number:.4g}."
            raise ValueError(
                f"{name} holds the MIDI pitch {pitch:g}, which is at {first:g} Hz, but a sample "
                f"rate of {sample_rate:g} Hz holds frequencies up to {sample_rate / 2:g} Hz.{hint}"
            )


def _comb(pitch, framing, sample_rate, tolerance, n_partials, rolloff, inharmonicity):
    first = frequency_of(pitch)
    most = int(sample_rate / 2 / first)
    number = np.arange(1, 1 + (most if n_partials is None else min(most, n_partials)))
    partials = stretched_partials(first, number, inharmonicity)
    number, partials = number[partials <= sample_rate / 2], partials[partials <= sample_rate / 2]
    bin_width = sample_rate / framing.n_fft
    # Rounding must not decide about a bin that lies exactly on the edge.
    lobe, factor = (half_main_lobe(framing) + 1e-9) * bin_width, np.exp2(tolerance / 12)
    low, high = partials / factor - lobe, partials * factor + lobe
    frequencies = bin_width * np.arange(framing.n_freqs)
    comb = np.zeros(framing.n_freqs)
    # Where partials overlap, the lower one is the stronger, and has the last word.
    for m, start, stop in zip(number[::-1], low[::-1], high[::-1], strict=True):
        comb[(frequencies >= start) & (frequencies <= stop)] = float(m) ** -rolloff
    return comb


def half_main_lobe(framing: Framing) -> float:
    """From the peak of the transform of a window to its first minimum, in bins.

    Parameters
    ----------
    framing : Framing
        With the window.

    Returns
    -------
    width : float
        2 for Hann's window as long as the frame.
    """
    transform = np.abs(np.fft.rfft(framing.window, _FINER * framing.n_fft))
    # What is below this is rounding.
    transform = np.maximum(transform, 1e-12 * transform[0])
    rising = np.flatnonzero(np.diff(transform) >= 0)
    return float(rising[0] / _FINER) if rising.size else framing.n_fft / 2
