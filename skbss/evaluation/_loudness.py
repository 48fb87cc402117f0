"""How loud a sound is to a listener."""

import numpy as np
from scipy.signal import sosfilt

_RATE = 48_000
# The two filters of ITU-R BS.1770-5, Annex 1, tables 1 and 2, at 48 kHz: the head, and less bass.
_HEAD = [1.53512485958697, -2.69169618940638, 1.19839281085285]
_HEAD += [1.0, -1.69065929318241, 0.73248077421585]
_LESS_BASS = [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621]
_K_WEIGHTING = np.array([_HEAD, _LESS_BASS])
_BLOCK, _STEP = 19_200, 4_800  # 400 ms, three quarters of which overlap
_ABSOLUTE_GATE, _RELATIVE_GATE = -70.0, -10.0
_OFFSET = -0.691


def loudness(waveform: np.ndarray, sample_rate: float) -> float:
    """Gated loudness of a sound by ITU-R BS.1770-5, Annex 1.

    Parameters
    ----------
    waveform : ndarray of shape (n_channels, length)
        One or two channels.
    sample_rate : float
        In Hz.

    Returns
    -------
    loudness : float
        In LKFS, that is, dB relative to full scale 1; minus infinity for silence. A sound shorter
        than the 0.4 s of a block is taken as one block. The absolute gate lies 70 dB below full
        scale when the sound's peak is there, so that a gain moves the result by just that gain.
    """
    import soxr

    peak = float(np.abs(waveform).max(initial=0))
    if peak == 0:
        return -np.inf
    sound = waveform.T.astype(np.float64) / peak
    if sample_rate != _RATE:
        sound = soxr.resample(sound, sample_rate, _RATE)
    power = np.square(sosfilt(_K_WEIGHTING, sound, axis=0)).sum(axis=1)
    block = min(_BLOCK, len(power))
    total = np.concatenate([[0.0], np.cumsum(power)])
    starts = np.arange(0, len(power) - block + 1, _STEP)
    blocks = np.maximum(total[starts + block] - total[starts], 0) / block
    heard = blocks[blocks > _power(_ABSOLUTE_GATE)]
    if not heard.size:
        return -np.inf
    heard = heard[heard > _power(_level(heard.mean()) + _RELATIVE_GATE)]
    return float(_level(heard.mean()) + 20 * np.log10(peak))


def _level(power):
    return _OFFSET + 10 * np.log10(power)


def _power(level):
    return 10 ** ((level - _OFFSET) / 10)
