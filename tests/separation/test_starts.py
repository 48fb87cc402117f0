"""Separators whose dictionaries do not start at random."""

import numpy as np
import pytest

from skbss import STFT, BetaNMF, Separator
from skbss.metrics import si_sdr


# Shapes are those of the other tests of Separator, whose programs are then compiled already.
@pytest.fixture(scope="module")
def sources():
    """Six clips of three sources: a low and a high melody, and clicks of noise."""
    rng = np.random.default_rng(0)
    time = np.arange(4000) / 8000
    clips = []
    for _ in range(6):
        pitches = (rng.choice(choice, 8) for choice in ([200, 250, 300], [1500, 1800, 2100]))
        low, high = (np.sin(2 * np.pi * np.repeat(pitch, 500) * time) for pitch in pitches)
        clips.append([low, high, rng.standard_normal(4000) * (np.arange(4000) % 1000 < 200)])
    return np.array(clips)


def test_dictionaries_that_start_at_singular_vectors(sources):
    mixtures = sources.sum(axis=1)
    factorizer = BetaNMF(4, init="nndsvda", beta_loss="kullback-leibler", tol=1e-2)
    fitted = Separator(factorizer, stft=STFT(256), random_state=0).fit(mixtures[:3], sources[:3])
    assert (fitted.components_ > 0).all()  # what began as zero could never have become more
    estimates = fitted.transform(mixtures[3:])
    np.testing.assert_allclose(estimates.sum(axis=1), mixtures[3:], atol=1e-12)
    assert si_sdr(sources[3:], estimates).mean() > 10
