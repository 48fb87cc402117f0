"""How long frames are where nobody says."""

import math

_SECONDS = 0.046


def usual_n_fft(sample_rate):
    """The power of two that is nearest to 46 ms, on a scale of ratios.

    512 samples at 8 kHz, 1024 at 16 and 22.05 kHz, 2048 at 44.1 and 48 kHz: between those that
    resolve notes and those that resolve drums.

    Parameters
    ----------
    sample_rate : float
        In Hz.

    Returns
    -------
    n_fft : int
        At least 16.
    """
    return max(16, 2 ** round(math.log2(_SECONDS * sample_rate)))
