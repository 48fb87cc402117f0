"""Systems and tasks small enough to be run hundreds of times."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin

from skbss.evaluation import Task


class Noisy(TransformerMixin, BaseEstimator):
    """Splits a mixture of two bands in half, and adds noise of its own."""

    def __init__(self, noise=0.1, random_state=None, n_sources=None):
        self.noise = noise
        self.random_state = random_state
        self.n_sources = n_sources

    def fit(self, X, y=None):
        self.n_sources_ = self.n_sources
        return self

    def transform(self, X):
        spectrum = np.fft.rfft(X)
        low = spectrum * (np.arange(len(spectrum)) < len(spectrum) // 2)
        sources = np.fft.irfft(np.stack([low, spectrum - low]), X.shape[-1])
        rng = np.random.default_rng(self.random_state)
        return sources + self.noise * rng.standard_normal(sources.shape)


class Broken(Noisy):
    """Fails on what is short."""

    def fit(self, X, y=None):
        if len(X) < 900:
            raise RuntimeError("too <short>")
        return self


def two_bands(name="two bands", length=1000, seed=0, **options):
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal(length))
    low = spectrum * (np.arange(len(spectrum)) < len(spectrum) // 2)
    sources = np.fft.irfft(np.stack([low, spectrum - low]), length)
    return Task(name, sources.sum(axis=0), sources, 8000, **options)


@pytest.fixture
def task():
    return two_bands()


@pytest.fixture
def tasks():
    return [two_bands(f"task {k}", 800 + 100 * k, k) for k in range(3)]
