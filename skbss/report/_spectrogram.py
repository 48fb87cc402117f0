"""Spectrograms for the eye: a fixed number of pixels whatever the length of the recording."""

import base64
import io
from itertools import pairwise
from typing import Any

import numpy as np

RANGE_DB = 80.0
LOWEST_HZ = 40.0
_CORNER_HZ = 1000 / 4.37
_FRAMES_PER_BLOCK = 512


def erb_scale(frequency_hz):
    """Position on the ear's own axis, up to a factor: critical bands are equally wide on it.

    The rate of equivalent rectangular bandwidths of B. Glasberg and B. Moore, "Derivation of
    auditory filter shapes from notched-noise data", Hearing Research 47, 1990.
    """
    return np.log1p(np.asarray(frequency_hz, dtype=float) / _CORNER_HZ)


def erb_rows(n_rows: int, sample_rate: float) -> np.ndarray:
    """Edges in Hz, shape (n_rows + 1,), of rows that are equally high to the ear."""
    top = sample_rate / 2
    bottom = min(LOWEST_HZ, top / 4)
    return _CORNER_HZ * np.expm1(np.linspace(erb_scale(bottom), erb_scale(top), n_rows + 1))


def pool_frequencies(spectra: np.ndarray, edges: np.ndarray, sample_rate: float) -> np.ndarray:
    """Largest value within each row; between the bins where a row is narrower than one.

    Parameters
    ----------
    spectra : array of shape (n_spectra, n_freqs)
        Any non-negative spectra over 0 Hz to half the sample rate.
    edges : array of shape (n_rows + 1,)
        Edges of the rows in Hz.
    sample_rate : float
        In Hz.

    Returns
    -------
    array of shape (n_spectra, n_rows)
    """
    n_freqs = spectra.shape[-1]
    position = edges * (2 * (n_freqs - 1) / sample_rate)
    rows = np.empty((len(spectra), len(edges) - 1), dtype=spectra.dtype)
    for row, (low, high) in enumerate(pairwise(position)):
        first, last = int(np.ceil(low)), min(int(np.floor(high)), n_freqs - 1)
        if first <= last:
            rows[:, row] = spectra[:, first : last + 1].max(axis=1)
        else:
            share = (low + high) / 2 - last
            upper = min(last + 1, n_freqs - 1)
            rows[:, row] = (1 - share) * spectra[:, last] + share * spectra[:, upper]
    return rows


def display_power(
    waveform: Any,
    sample_rate: float,
    *,
    gain: float = 1.0,
    n_columns: int = 900,
    n_rows: int = 180,
) -> np.ndarray:
    """Power spectrogram of a recording, reduced to the pixels of a picture.

    Every sample counts: a column holds the mean power of all frames that fall into it, a row the
    strongest bin that falls into it. Memory does not grow with the length.

    Parameters
    ----------
    waveform : array of shape (n_channels, length), or RecordedWaveform
        The recording; its channels are shown as their mean power.
    sample_rate : float
        In Hz.
    gain : float
        Factor for the waveform; keeps the power of very loud or quiet recordings representable.
    n_columns, n_rows : int
        Size of the picture at most; a short recording has fewer columns.

    Returns
    -------
    array of shape (n_rows, n_columns)
        Power, the lowest frequency first.
    """
    n_fft = max(64, 2 ** round(np.log2(max(0.046 * sample_rate, 2.0))))
    length = waveform.shape[-1]
    hop = max(1, min(n_fft // 4, length // n_columns))
    n_frames = 1 + length // hop
    column_of_frame = np.arange(n_frames) * n_columns // n_frames
    if n_frames < n_columns:
        column_of_frame = np.arange(n_frames)
    n_columns = int(column_of_frame[-1]) + 1
    edges = erb_rows(n_rows, sample_rate)
    window = np.hanning(n_fft + 1)[:-1].astype(np.float32)
    picture = np.zeros((n_columns, n_rows))
    for start in range(0, n_frames, _FRAMES_PER_BLOCK):
        stop = min(start + _FRAMES_PER_BLOCK, n_frames)
        first = start * hop - n_fft // 2
        last = (stop - 1) * hop + n_fft // 2
        block = waveform[:, max(first, 0) : min(last, length)]
        block = np.pad(gain * block, [(0, 0), (max(-first, 0), max(last - length, 0))])
        frames = np.lib.stride_tricks.sliding_window_view(block, n_fft, axis=-1)[:, ::hop]
        power = (np.abs(np.fft.rfft(frames * window, axis=-1)) ** 2).mean(axis=0)
        np.add.at(picture, column_of_frame[start:stop], pool_frequencies(power, edges, sample_rate))
    picture /= np.bincount(column_of_frame, minlength=n_columns)[:, np.newaxis]
    return picture.T


def png_data_uri(power: np.ndarray, *, loudest: float) -> str:
    """Picture of a power spectrogram as a ``data:`` URI, `RANGE_DB` below `loudest` in black.

    Parameters
    ----------
    power : array of shape (n_rows, n_columns)
        The lowest frequency first.
    loudest : float
        Power shown as the brightest color; 0 for a silent recording.
    """
    from matplotlib import colormaps

    if loudest > 0:
        floor = loudest * 10 ** (-RANGE_DB / 10)
        level = 1 + 10 * np.log10(np.maximum(power, floor) / loudest) / RANGE_DB
    else:
        level = np.zeros_like(power)
    levels = np.round(255 * np.clip(level, 0, 1)).astype(np.uint8)
    return picture_data_uri(levels, colormaps["magma"](np.arange(256), bytes=True)[:, :3])


def picture_data_uri(
    levels: np.ndarray, colors: np.ndarray, *, opacity: np.ndarray | None = None
) -> str:
    """Picture of levels as a ``data:`` URI.

    Parameters
    ----------
    levels : array of shape (n_rows, n_columns), uint8
        The lowest frequency first.
    colors : array of shape (256, 3), uint8
        Red, green and blue of every level.
    opacity : array of shape (256,), uint8, optional
        How little of the page shines through every level; by default nothing does.
    """
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(levels[::-1]))
    image.putpalette(np.ascontiguousarray(colors).tobytes())
    options = {} if opacity is None else {"transparency": opacity.tobytes()}
    stream = io.BytesIO()
    image.save(stream, format="PNG", optimize=True, **options)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
