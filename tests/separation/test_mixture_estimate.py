"""The mixture as the estimate of every source."""

import numpy as np

from skbss.metrics import si_sdr
from skbss.separation import MixtureAsEstimate


def test_every_estimate_is_the_mixture_itself(sources):
    mixtures = sources.sum(axis=1)
    estimates = MixtureAsEstimate().fit_transform(mixtures, sources)
    np.testing.assert_array_equal(estimates, np.repeat(mixtures[:, None], 3, axis=1))
    expected = si_sdr(sources, estimates).mean()
    fitted = MixtureAsEstimate().fit(mixtures, sources)
    np.testing.assert_allclose(fitted.score(mixtures, sources), expected)


def test_estimates_are_copies(sources):
    mixture = sources[0].sum(axis=0)
    estimates = MixtureAsEstimate().fit_transform(mixture, sources[0])
    estimates[0] = 0
    assert mixture.any()
    assert estimates[1].any()
