"""Separators whose dictionaries do not start at random."""

import numpy as np

from skbss import STFT, BetaNMF, Separator
from skbss.metrics import si_sdr


def test_dictionaries_that_start_at_singular_vectors(sources):
    mixtures = sources.sum(axis=1)
    factorizer = BetaNMF(4, init="nndsvda", beta_loss="kullback-leibler", tol=1e-2)
    fitted = Separator(factorizer, stft=STFT(256), random_state=0).fit(mixtures[:3], sources[:3])
    assert (fitted.components_ > 0).all()  # what began as zero could never have become more
    estimates = fitted.transform(mixtures[3:])
    np.testing.assert_allclose(estimates.sum(axis=1), mixtures[3:], atol=1e-12)
    assert si_sdr(sources[3:], estimates).mean() > 10
