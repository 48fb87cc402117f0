"""Power spectra of signals that are compared, block by block."""

import math
import numbers
from dataclasses import dataclass

import numpy as np
from scipy.fft import rfft
from scipy.signal import get_window

from skbss.metrics._each_pair import NotMeasurableError

_FRAME_SECONDS = 0.032
_SAMPLES_PER_BLOCK = 2**20


@dataclass(frozen=True, eq=False)
class Analysis:
    """A short-time Fourier transform with frames centered at multiples of the hop.

    Attributes
    ----------
    sample_rate : float
        In Hz.
    n_fft, hop_length : int
        Length of a frame and distance between frames, in samples.
    window : ndarray of shape (n_fft,)
        Weights of the samples of a frame.
    """

    sample_rate: float
    n_fft: int
    hop_length: int
    window: np.ndarray

    @property
    def frequencies(self) -> np.ndarray:
        """Of a spectrum, in Hz."""
        return np.arange(self.n_fft // 2 + 1) * (self.sample_rate / self.n_fft)

    def n_frames(self, length: int) -> int:
        """Number of frames of a signal."""
        return 1 + length // self.hop_length

    def power_blocks(self, *signals, overlap=0):
        """Power spectra of a bounded number of frames at a time.

        Parameters
        ----------
        *signals : ndarray of shape (length,)
            All of the same length; zeros are assumed beyond both ends.
        overlap : int, default=0
            How many frames a block repeats of the one before.

        Yields
        ------
        powers : list of ndarray of shape (n_frames_of_block, n_fft // 2 + 1)
            One per signal.
        """
        n_frames = self.n_frames(len(signals[0]))
        step = max(16, _SAMPLES_PER_BLOCK // self.n_fft)
        padded = [np.pad(signal, self.n_fft // 2) for signal in signals]
        views = [
            np.lib.stride_tricks.sliding_window_view(signal, self.n_fft)[:: self.hop_length]
            for signal in padded
        ]
        for start in range(0, n_frames, step):
            block = slice(max(0, start - overlap), start + step)
            spectra = (rfft(view[block] * self.window) for view in views)
            yield [np.square(one.real) + np.square(one.imag) for one in spectra]

    def largest_power(self, reference) -> float:
        """Power of the strongest cell of a spectrogram, to which floors are relative."""
        largest = max(power.max() for (power,) in self.power_blocks(reference))
        if largest == 0:
            raise NotMeasurableError("no frame sees a sample of the reference")
        return largest


def check_analysis(sample_rate, n_fft, hop_length, window) -> Analysis:
    """Fill in and check the parameters of a transform.

    Parameters
    ----------
    sample_rate : float
        In Hz.
    n_fft : int or None
        Even, at least 16. By default the power of 2 closest to 32 ms.
    hop_length : int or None
        At most `n_fft`. By default a quarter of it.
    window : str, tuple or array
        As in `scipy.signal.get_window`.

    Returns
    -------
    analysis : Analysis

    Raises
    ------
    TypeError, ValueError
        For what is not allowed.
    """
    sample_rate = check_sample_rate(sample_rate)
    if n_fft is None:
        n_fft = max(16, 2 ** round(math.log2(_FRAME_SECONDS * sample_rate)))
    else:
        n_fft = check_whole(n_fft, "n_fft")
        if n_fft < 16 or n_fft % 2:
            raise ValueError(f"n_fft must be even and at least 16, got {n_fft}.")
    hop_length = n_fft // 4 if hop_length is None else check_whole(hop_length, "hop_length")
    if not 1 <= hop_length <= n_fft:
        raise ValueError(f"hop_length must be from 1 to n_fft={n_fft}, got {hop_length}.")
    if isinstance(window, str | tuple):
        weights = get_window(window, n_fft)
    else:
        weights = np.asarray(window, float)
        if weights.shape != (n_fft,):
            raise ValueError(
                f"window must hold n_fft={n_fft} weights, got an array of shape {weights.shape}."
            )
    return Analysis(sample_rate, n_fft, hop_length, weights)


def check_sample_rate(sample_rate) -> float:
    """Refuse what is no sample rate.

    Parameters
    ----------
    sample_rate : float
        In Hz.

    Returns
    -------
    sample_rate : float
    """
    return check_positive(sample_rate, "sample_rate")


def check_positive(value, name) -> float:
    """Refuse what is no positive number.

    Parameters
    ----------
    value : float
        Any parameter.
    name : str
        Of the parameter.

    Returns
    -------
    value : float
    """
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, got {value!r}.")
    number = float(value)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{name} must be positive and finite, got {value!r}.")
    return number


def check_whole(value, name) -> int:
    """Refuse what is no whole number.

    Parameters
    ----------
    value : int
        Any parameter.
    name : str
        Of the parameter.

    Returns
    -------
    value : int
    """
    if not isinstance(value, numbers.Integral) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, got {value!r}.")
    return int(value)
