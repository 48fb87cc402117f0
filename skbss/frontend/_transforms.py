"""The transforms on clips: block by block for arrays of the host, whole for those of JAX."""

from collections.abc import Callable

import jax
import numpy as np

from skbss._kernels import stft as kernels
from skbss._runtime.blocks import blocks_of_rows, filled_up
from skbss._runtime.device import is_jax_array, precision
from skbss.frontend._framing import Framing


def magnitude(X):
    """Absolute values."""
    return abs(X)


def power(X):
    """Squares of the absolute values."""
    return X.real**2 + X.imag**2


def power_of_magnitude(exponent: float) -> Callable:
    """What raises the absolute values to a power."""
    if exponent in (1, 2):
        return magnitude if exponent == 1 else power
    return lambda X: abs(X) ** exponent


def analyze(x, framing: Framing, output: Callable):
    """Apply `output` to the STFT of every signal.

    Parameters
    ----------
    x : array of shape (..., length)
        Real.
    framing : Framing
        The frames.
    output : callable
        Elementwise, on complex arrays of NumPy and of JAX.

    Returns
    -------
    spectra : array of shape (..., n_frames, n_freqs)
        A JAX array where `x` is one.
    """
    window = framing.window.astype(x.dtype)
    if is_jax_array(x):
        with jax.default_matmul_precision("highest"):
            return output(
                kernels.stft(
                    x,
                    window,
                    hop_length=framing.hop_length,
                    margin=framing.margin,
                    pad_mode=framing.pad_mode,
                )
            )
    n_frames = framing.n_frames(x.shape[-1])
    dtype = output(np.zeros(1, np.result_type(x.dtype, np.complex64))).dtype
    spectra = np.empty((*x.shape[:-1], n_frames, framing.n_freqs), dtype)
    with precision(x.dtype):
        for index in np.ndindex(x.shape[:-1]):
            padded = np.pad(x[index], framing.margin, mode=framing.pad_mode)
            for start, stop, size in blocks_of_rows(n_frames, framing.n_fft):
                block = kernels.frame_spectra(
                    samples_of_block(padded, framing, start, size),
                    window,
                    hop_length=framing.hop_length,
                )
                spectra[index][start:stop] = output(np.asarray(block)[: stop - start])
    return spectra


def synthesize(X, framing: Framing, length: int | None):
    """The signals whose STFTs come closest to X.

    Parameters
    ----------
    X : array of shape (..., n_frames, n_freqs)
        Complex.
    framing : Framing
        The frames.
    length : int or None
        Samples wanted; None for all between the margins.

    Returns
    -------
    x : array of shape (..., length)
        A JAX array where `X` is one.
    """
    n_frames = X.shape[-2]
    length = framing.natural_length(n_frames) if length is None else length
    dtype = np.dtype(np.float64 if X.dtype == np.complex128 else np.float32)
    window = framing.window.astype(dtype)
    if is_jax_array(X):
        return kernels.istft(
            X, window, hop_length=framing.hop_length, margin=framing.margin, length=length
        )
    x = np.zeros((*X.shape[:-2], length), dtype)
    window_power = framing.window_power(n_frames, dtype)
    with precision(dtype):
        for index in np.ndindex(X.shape[:-2]):
            total = np.zeros(framing.span(n_frames), dtype)
            for start, stop, size in blocks_of_rows(n_frames, framing.n_fft):
                block = filled_up(X[index][start:stop], size)
                added = kernels.overlapped_waveform(block, window, hop_length=framing.hop_length)
                add_block(total, np.asarray(added), framing, start)
            x[index] = divided_by_windows(total, window_power, framing, length)
    return x


def samples_of_block(padded: np.ndarray, framing: Framing, start: int, size: int) -> np.ndarray:
    """The samples under `size` frames from frame `start` on, with zeros beyond the end."""
    first = start * framing.hop_length
    return filled_up(padded[first : first + framing.span(size)], framing.span(size))


def add_block(total: np.ndarray, block: np.ndarray, framing: Framing, start: int) -> None:
    """Add the waveforms of a block that begins at frame `start`, in place."""
    first = start * framing.hop_length
    there = total[..., first : first + block.shape[-1]]
    there += block[..., : there.shape[-1]]


def divided_by_windows(
    total: np.ndarray, window_power: np.ndarray, framing: Framing, length: int
) -> np.ndarray:
    """`length` samples after the margin, divided in place; zeros where there are no more frames."""
    part = slice(framing.margin, framing.margin + length)
    total, window_power = total[..., part], window_power[part]
    reached = window_power > np.finfo(window_power.dtype).tiny
    signal = np.divide(total, window_power, out=total, where=reached)
    missing = length - signal.shape[-1]
    return np.pad(signal, [(0, 0)] * (signal.ndim - 1) + [(0, missing)])
