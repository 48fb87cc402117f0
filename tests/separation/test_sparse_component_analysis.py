"""SparseComponentAnalysis: it finds the gains of voices; what its parameters do."""

import numpy as np
import pytest

from skbss.datasets import load_two_speakers
from skbss.metrics import si_sdr
from skbss.separation import SparseComponentAnalysis, UnmixingSeparator

GAINS = np.array([[1.0, 0.6], [0.5, 1.0], [-0.3, 0.8]])


@pytest.fixture(scope="module")
def voices():
    return load_two_speakers().sources[:, :48000]


def recording(voices, n_channels):
    return (GAINS[:n_channels] @ voices).T


def likeness(model, n_channels):
    """Of the directions that were found to the true ones, one each."""
    true = GAINS[:n_channels] / np.linalg.norm(GAINS[:n_channels], axis=0)
    cosines = abs(model.mixing_.T @ true)
    assert sorted(cosines.argmax(axis=0)) == [0, 1]
    return cosines.max(axis=0)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_channels", [2, 3])
def test_the_gains_of_voices_are_found(voices, n_channels, seed):
    X = recording(voices, n_channels)
    model = SparseComponentAnalysis(2, random_state=seed).fit(X)
    assert (likeness(model, n_channels) > 0.998).all()
    np.testing.assert_allclose(np.linalg.norm(model.mixing_, axis=0), 1)
    np.testing.assert_allclose(model.components_ @ model.mixing_, np.eye(2), atol=1e-9)
    estimates = model.transform(X).T
    assert (si_sdr(voices, estimates, permute=True) > 18).all()
    assert model.objectives_[-1] < model.objectives_[0]


def test_in_the_separator(voices):
    images = GAINS[:2].T[:, :, np.newaxis] * voices[:, np.newaxis]
    mixture = images.sum(axis=0)[np.newaxis]
    separator = UnmixingSeparator(SparseComponentAnalysis(), random_state=0)
    estimates = separator.fit_transform(mixture)
    np.testing.assert_allclose(estimates.sum(axis=1), mixture, atol=1e-9)
    assert separator.score(mixture, images[np.newaxis]) > 18
    with pytest.warns(UserWarning, match="only 1 are independent"):
        separator.fit(np.stack([mixture[0, 0], 2 * mixture[0, 0]])[np.newaxis])


def test_the_level_does_not_matter(voices):
    X = recording(voices, 2)
    settings = {"max_iter": 5, "n_init": 1, "random_state": 0}
    expected = SparseComponentAnalysis(**settings).fit(X)
    louder = SparseComponentAnalysis(**settings).fit(1e30 * X)
    np.testing.assert_allclose(louder.mixing_, expected.mixing_, rtol=1e-5)


def test_the_best_start_is_kept(voices):
    X = recording(voices, 2)
    rng = np.random.RandomState(0)
    settings = {"max_iter": 2, "learning_rate": 0.001}
    ends = [
        SparseComponentAnalysis(n_init=1, random_state=rng, **settings).fit(X).objectives_[-1]
        for _ in range(4)
    ]
    best = SparseComponentAnalysis(n_init=4, random_state=np.random.RandomState(0), **settings)
    assert best.fit(X).objectives_[-1] == pytest.approx(min(ends), rel=1e-6)
    assert max(ends) > 1.01 * min(ends)


@pytest.mark.parametrize(
    "parameter",
    [{"alpha": 0.1}, {"n_fft": 512}, {"decay": 0}, {"learning_rate": 0.01}, {"batch_size": 50}],
)
def test_every_parameter_has_a_say(voices, parameter):
    settings = {"max_iter": 3, "n_init": 1, "random_state": 0}
    X = recording(voices, 2)
    expected = SparseComponentAnalysis(**settings).fit(X).mixing_
    found = SparseComponentAnalysis(**settings, **parameter).fit(X).mixing_
    assert not np.allclose(found, expected, rtol=1e-6)


def test_silence_and_too_many_sources():
    model = SparseComponentAnalysis(max_iter=3).fit(np.zeros((2000, 2)))
    assert np.isfinite(model.components_).all()
    with pytest.raises(ValueError, match="n_components=3 must not exceed the 2 channels"):
        SparseComponentAnalysis(3).fit(np.ones((2000, 2)))
