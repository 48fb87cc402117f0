"""What is factorized: made of the recordings that come with skbss, or drawn from a seed."""

import functools
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from .comparison import QUICK

N_COMPONENTS = 4 if QUICK else 40

# Sample rate in Hz, seconds, n_fft, hop_length.
_ANALYSES = {"speech": (16000, 10, 512, 128), "music": (44100, 180, 2048, 512)}


class Problem(NamedTuple):
    """A matrix, the factors from which every library starts, and the divergence."""

    X: Any
    W: np.ndarray
    H: np.ndarray
    beta: float


@functools.lru_cache(maxsize=2)
def problem(workload, beta, seed=0) -> Problem:
    """The matrix of a workload, with the start of a seed.

    - "speech": 10 s of two people who talk at once, 1251 x 257.
    - "music": 3 minutes of a band and a piano, 15504 x 1025.
    - "text": counts of words on 60 topics, 10000 x 20000, of which 570 thousand are not zero.
    """
    X = documents() if workload == "text" else spectrogram(workload, "power" if beta == 0 else None)
    return Problem(X, *start(X, seed), beta)


def start(X, seed):
    """Random factors, scaled to the data."""
    rng = np.random.default_rng(seed)
    level = np.sqrt(X.mean() / N_COMPONENTS)
    W = level * np.abs(rng.standard_normal((X.shape[0], N_COMPONENTS))) + 1e-6
    H = level * np.abs(rng.standard_normal((N_COMPONENTS, X.shape[1]))) + 1e-6
    return W.astype(X.dtype), H.astype(X.dtype)


def spectrogram(workload, output=None):
    """Magnitudes, or powers, in float32 and without zeros."""
    sample_rate, duration, n_fft, hop_length = _ANALYSES[workload]
    length = 21 * hop_length if QUICK else duration * sample_rate
    waveform = speech(length) if workload == "speech" else music(length, sample_rate)
    X = magnitudes(waveform, n_fft, hop_length, output or "magnitude")
    return X[:21, :30] if QUICK else X


def magnitudes(waveform, n_fft, hop_length, output="magnitude"):
    from skbss import STFT

    waveform = 0.1 * waveform / waveform.std()
    stft = STFT(n_fft=n_fft, hop_length=hop_length, output=output)
    return np.maximum(stft.fit_transform(waveform.astype(np.float32)), np.float32(1e-6))


def speech(length):
    """Two people who talk at once, at 16 kHz."""
    from skbss.datasets import load_two_speakers

    clip = load_two_speakers()
    # From where they have begun to talk.
    return np.resize(np.concatenate([clip.mixture, clip.train_mixture])[8000:], length)


def music(length, sample_rate):
    """Three players at a time, each with one stem after the other, at changing speed and level."""
    from skbss.datasets import load_band, load_piano_notes

    band, piano = load_band(), load_piano_notes()
    stems = [*band.sources, *band.train_sources, *piano.sources]
    rng = np.random.default_rng(0)
    waveform = 1e-4 * rng.standard_normal(length)
    for _ in range(3):
        begin = 0
        while begin < length:
            stem = stems[rng.integers(len(stems))]
            semitones, decibels = rng.integers(-5, 13), rng.uniform(-20, 0)
            step = band.sample_rate / sample_rate * 2 ** (semitones / 12)
            at = np.arange(0, len(stem) - 1, step)[: length - begin]
            played = np.interp(at, np.arange(len(stem)), stem)
            waveform[begin : begin + len(at)] += 10 ** (decibels / 20) * played
            begin += len(at)
    return waveform


def documents():
    """Counts in CSR, with few frequent and many rare words; a document has a few topics."""
    n_samples, n_features, n_entries = (50, 80, 300) if QUICK else (10_000, 20_000, 604_000)
    n_topics = 4 if QUICK else 60
    rng = np.random.default_rng(0)
    share = 1 / (np.arange(n_features) + 30.0)
    words = (rng.gamma(0.05, size=(n_topics, n_features)) * share).cumsum(axis=1)
    topics = rng.gamma(0.1, size=(n_samples, n_topics)).cumsum(axis=1)
    rows = rng.integers(n_samples, size=n_entries)
    columns = np.empty(n_entries, int)
    topic = (rng.random((n_entries, 1)) > topics[rows] / topics[rows, -1:]).sum(axis=1)
    for number, preferences in enumerate(words):
        own = np.flatnonzero(topic == number)
        drawn = preferences[-1] * rng.random(len(own))
        columns[own] = np.searchsorted(preferences, drawn)
    counts = rng.geometric(0.6, size=n_entries).astype(np.float32)
    # Words that are drawn twice in a document are added up.
    return sp.coo_array((counts, (rows, columns)), shape=(n_samples, n_features)).tocsr()


def divergence(X, W, H, beta):
    """The loss, in float64 and by none of the libraries that are compared."""
    W, H = np.asarray(W, np.float64), np.asarray(H, np.float64)
    if sp.issparse(X):
        return _sparse_divergence(X.tocoo(), W, H, beta)
    total = 0.0
    # In blocks, which stay small in float64.
    for begin in range(0, len(X), 2048):
        x = X[begin : begin + 2048].astype(np.float64)
        y = np.maximum(W[begin : begin + 2048] @ H, 1e-9)
        if beta == 2:
            total += 0.5 * np.sum((x - y) ** 2)
        elif beta == 1:
            total += np.sum(x * np.log(x / y) - x + y)
        elif beta == 0:
            total += np.sum(x / y - np.log(x / y) - 1)
        else:
            powers = x**beta + (beta - 1) * y**beta - beta * x * y ** (beta - 1)
            total += np.sum(powers) / (beta * (beta - 1))
    return float(total)


def _sparse_divergence(X, W, H, beta):
    x, y = X.data.astype(np.float64), np.empty(X.nnz)
    for begin in range(0, X.nnz, 100_000):
        part = slice(begin, begin + 100_000)
        y[part] = np.einsum("nk,nk->n", W[X.row[part]], H.T[X.col[part]])
    if beta == 2:
        return float(0.5 * (x @ x - 2 * x @ y + np.sum((W.T @ W) * (H @ H.T))))
    if beta == 1:
        return float(x @ np.log(x / np.maximum(y, 1e-9)) - x.sum() + W.sum(0) @ H.sum(1))
    raise ValueError(f"The loss of sparse data is here for beta 1 and 2, not for {beta}.")
