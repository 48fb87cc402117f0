"""How a signal is cut into frames: the settings that analysis and synthesis share."""

import numbers
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy.signal import get_window
from sklearn.utils import check_scalar

PadMode = Literal["constant", "edge", "linear_ramp", "reflect", "symmetric"]
PAD_MODES = get_args(PadMode)


@dataclass(frozen=True, eq=False)
class Framing:
    """Length, distance and window of the frames, and what they see beyond both ends.

    Attributes
    ----------
    n_fft, hop_length : int
        Length of a frame and distance between frames, in samples.
    window : ndarray of shape (n_fft,)
        float64, zeros on both sides where the window is shorter than the frame.
    margin : int
        Samples made up before the first and after the last one.
    pad_mode : str
        How they are made up.
    """

    n_fft: int
    hop_length: int
    window: np.ndarray
    margin: int
    pad_mode: PadMode

    @property
    def n_freqs(self) -> int:
        """Number of frequencies of a spectrum."""
        return self.n_fft // 2 + 1

    def n_frames(self, length: int) -> int:
        """Number of frames of a signal."""
        return 1 + (length + 2 * self.margin - self.n_fft) // self.hop_length

    def span(self, n_frames: int) -> int:
        """Number of samples that so many frames cover."""
        return (n_frames - 1) * self.hop_length + self.n_fft

    def natural_length(self, n_frames: int) -> int:
        """Number of samples between the margins: all that is known without the signal's length."""
        return max(0, self.span(n_frames) - 2 * self.margin)

    def window_power(self, n_frames: int, dtype: np.dtype) -> np.ndarray:
        """Sum of the squared windows of all frames at every sample that they cover."""
        n_hops = -(-self.n_fft // self.hop_length)
        squares = np.zeros(n_hops * self.hop_length)
        squares[: self.n_fft] = self.window**2
        power = np.zeros((n_frames + n_hops - 1, self.hop_length), dtype)
        for n, hop in enumerate(squares.reshape(n_hops, self.hop_length).astype(dtype)):
            power[n : n + n_frames] += hop
        return power.ravel()[: self.span(n_frames)]

    def check_length(self, length: int) -> None:
        """Refuse a signal too short for a single frame."""
        if self.n_frames(length) < 1:
            raise ValueError(
                f"A signal of {length} samples is too short for a frame of n_fft={self.n_fft} "
                "without center=True: shorten n_fft, or pad the signal."
            )

    def check_invertible(self) -> None:
        """Refuse frames from which the signal can not be had back.

        Raises
        ------
        ValueError
            If the windows leave samples unseen, which scipy calls a violation of NOLA.
        """
        remainder = -self.n_fft % self.hop_length
        folded = np.append(self.window**2, np.zeros(remainder)).reshape(-1, self.hop_length)
        if folded.sum(axis=0).min() < 1e-10:
            raise ValueError(
                f"With n_fft={self.n_fft}, hop_length={self.hop_length} and a window of "
                f"{np.count_nonzero(self.window)} nonzero samples some samples lie in no frame, so "
                "the transform has no inverse: use a hop_length of at most half the window."
            )


def resolve_framing(estimator) -> Framing:
    """Check the parameters that STFT and ISTFT share and fill in what they leave open.

    Parameters
    ----------
    estimator : STFT or ISTFT
        With librosa's parameters.

    Returns
    -------
    framing : Framing

    Raises
    ------
    TypeError, ValueError
        For what is not allowed.
    """
    n_fft = _positive_integer(estimator.n_fft, "n_fft")
    win_length = n_fft
    if estimator.win_length is not None:
        win_length = _positive_integer(estimator.win_length, "win_length")
    if win_length > n_fft:
        raise ValueError(
            f"win_length={win_length} must not exceed n_fft={n_fft}: a frame holds a whole window."
        )
    hop_length = max(1, win_length // 4)
    if estimator.hop_length is not None:
        hop_length = _positive_integer(estimator.hop_length, "hop_length")
    if estimator.pad_mode not in PAD_MODES:
        raise ValueError(
            f"pad_mode must be one of {', '.join(map(repr, PAD_MODES))}, got "
            f"{estimator.pad_mode!r}."
        )
    window = np.zeros(n_fft)
    before = (n_fft - win_length) // 2
    window[before : before + win_length] = _window(estimator.window, win_length)
    if not isinstance(estimator.center, bool | np.bool_):
        raise TypeError(f"center must be True or False, got {estimator.center!r}.")
    margin = n_fft // 2 if estimator.center else 0
    return Framing(n_fft, hop_length, window, margin, estimator.pad_mode)


def _positive_integer(value, name):
    if isinstance(value, bool):
        raise TypeError(f"{name} must be an instance of int, not bool.")
    return int(check_scalar(value, name, numbers.Integral, min_val=1))


def _window(window, length):
    if callable(window):
        values = np.asarray(window(length))
    elif isinstance(window, str | tuple) or np.isscalar(window):
        try:
            values = get_window(window, length, fftbins=True)
        except ValueError as error:
            raise ValueError(
                f"window must be one that scipy.signal.get_window knows, a function of the "
                f"length, or an array, got {window!r}: {error}"
            ) from error
    else:
        values = np.asarray(window)
    if np.iscomplexobj(values):
        raise TypeError("window must be real, got complex values.")
    values = values.astype(float)
    if values.shape != (length,):
        raise ValueError(
            f"window must have the shape ({length},), as win_length says, got {values.shape}."
        )
    if not np.isfinite(values).all():
        raise ValueError("window contains NaN or infinity.")
    return values
