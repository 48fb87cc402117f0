"""The programs that the public interface is made for, as a user types them."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skbss import ISTFT, STFT, BetaNMF, Separator, WienerMask
from skbss import BetaNMF as NMF  # noqa: N814
from skbss.datasets import load_piano_notes

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of iterations:sklearn.exceptions.ConvergenceWarning"
)


@pytest.fixture(scope="module")
def mixture():
    return load_piano_notes().mixture[:66150]


def test_the_drop_in():
    X = np.random.default_rng(0).random((30, 20))
    W = NMF(
        n_components=10,
        solver="mu",
        beta_loss="kullback-leibler",
        init="nndsvda",
        random_state=0,
    ).fit_transform(X)
    assert W.shape == (30, 10)


def test_the_pipeline(mixture):
    stft = {"n_fft": 512, "hop_length": 128, "window": "hamming"}
    pipe = make_pipeline(
        STFT(**stft),
        WienerMask(BetaNMF(3, beta_loss="kullback-leibler", random_state=0)),
        ISTFT(length=mixture.shape[-1], **stft),
    )
    sources = pipe.fit_transform(mixture)
    assert sources.shape == (3, len(mixture))
    np.testing.assert_allclose(sources.sum(axis=0), mixture, atol=1e-6)


def test_the_blind_separator(mixture):
    blind = Separator(BetaNMF(24, beta_loss="itakura-saito"), n_sources=2).fit_transform(mixture)
    assert blind.shape == (2, len(mixture))


def test_the_trained_and_tuned_separator():
    clip = load_piano_notes()
    references = np.stack([clip.sources[:, n : n + 8192] for n in (22050, 51000, 88200)])
    mixtures = references.sum(axis=1)
    separator = Separator(BetaNMF(40), stft=STFT(n_fft=1024))
    separator.fit(mixtures, references)
    assert separator.transform(mixtures).shape == references.shape
    grid = {"factorizer__n_components": [20, 40], "stft__n_fft": [512, 1024]}
    search = GridSearchCV(separator, grid, cv=3)
    search.fit(mixtures, references)
    assert set(search.best_params_) == set(grid)
