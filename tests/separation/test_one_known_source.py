"""Separator with a factorizer that knows one source, and finds the rest in every mixture."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.model_selection import cross_val_score

from skbss import STFT, VAENMF, Separator, WienerMask
from skbss.frontend import ISTFT


def separator(**parameters):
    network = VAENMF(
        2, n_latent=4, n_hidden=16, n_epochs=20, max_iter=10, burn_in=5, n_samples=4, step=0.3
    )
    return Separator(network, **{"stft": STFT(256), "random_state": 0, **parameters})


@pytest.fixture(scope="module")
def pairs(sources):
    return np.stack([sources[:, 0], sources[:, 1:].sum(axis=1)], axis=1)


@pytest.fixture(scope="module")
def mixtures(pairs):
    return pairs.sum(axis=1)


@pytest.fixture(scope="module")
def fitted(mixtures, pairs):
    return separator().fit(mixtures[:4], pairs[:4])


def test_estimates_add_up_to_mixtures_never_heard(fitted, mixtures, pairs):
    estimates = fitted.transform(mixtures[4:])
    assert estimates.shape == pairs[4:].shape
    np.testing.assert_allclose(estimates.sum(axis=1), mixtures[4:], atol=1e-12)
    assert (fitted.n_sources_, fitted.n_known_sources_) == (2, 1)
    assert fitted.components_ is fitted.atom_source_ is None
    np.testing.assert_array_equal(fitted.transform(np.zeros(4000)), 0)
    np.testing.assert_allclose(fitted.transform(mixtures[4]), estimates[0], atol=1e-12)
    louder = fitted.transform(4 * mixtures[4:])
    np.testing.assert_allclose(louder, 4 * estimates, rtol=1e-9, atol=1e-9)


def test_nothing_is_learned_of_the_rest(fitted, mixtures, pairs):
    alone = separator(n_sources=2).fit(mixtures[:4], pairs[:4, :1])
    expected = fitted.factorizer_.weights_
    for name, one in alone.factorizer_.weights_.items():
        np.testing.assert_allclose(one, expected[name], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(
        alone.fit_transform(mixtures[:2], pairs[:2, :1]).sum(axis=1), mixtures[:2], atol=1e-12
    )


def test_by_hand(mixtures, fitted):
    x = mixtures[4]
    front_end = {"n_fft": 256}
    X = STFT(**front_end).fit_transform(x)
    parts = fitted.factorizer_.predict(abs(X))
    spectra = parts * np.exp(1j * np.angle(X))[:, None]
    found = ISTFT(length=len(x), **front_end).fit_transform(np.moveaxis(spectra, 1, 0))
    np.testing.assert_allclose(found.sum(axis=0), x, atol=1e-9)


def test_channels_and_jax_arrays(fitted, mixtures, pairs):
    stereo = np.stack([mixtures[:2]] * 2, axis=1)
    estimates = fitted.transform(stereo)
    assert estimates.shape == (2, 2, 2, 4000)
    np.testing.assert_allclose(estimates[:, :, 0], estimates[:, :, 1], atol=1e-12)
    x = jnp.asarray(mixtures[0], jnp.float32)
    y = jnp.asarray(pairs[0], jnp.float32)
    on_device = separator().fit(x, y).transform(x)
    assert isinstance(on_device, jax.Array)
    np.testing.assert_allclose(on_device.sum(axis=0), x, atol=1e-5)


def test_cross_validation(mixtures, pairs):
    scores = cross_val_score(separator(), mixtures[:4], pairs[:4], cv=2)
    assert np.isfinite(scores).all()


def test_no_atoms_have_activations(fitted, mixtures):
    with pytest.raises(TypeError, match="VAENMF has no atoms"):
        fitted.activations(mixtures[0])
    with pytest.raises(TypeError, match="factorizer must be an estimator of a non-negative"):
        WienerMask(VAENMF()).fit(STFT(256).fit_transform(mixtures[0]))


@pytest.mark.parametrize(
    ("parameters", "n_given", "message"),
    [
        ({}, 0, "VAENMF is trained with isolated sources: pass them to fit as y"),
        ({}, 1, "n_sources=None must be 2, and y hold that source, or it and the rest; got 1"),
        ({}, 3, "must be 2, and y hold that source, or it and the rest; got 3"),
        ({"n_sources": 3}, 2, "n_sources=3 must be 2"),
        ({"mask_exponent": 2}, 2, "mask_exponent=2 must be 1"),
        ({"spectrum": "power"}, 2, "spectrum='power' must be 'magnitude'"),
    ],
)
def test_refusals(mixtures, sources, parameters, n_given, message):
    with pytest.raises(ValueError, match=message):
        separator(**parameters).fit(mixtures, sources[:, :n_given] if n_given else None)
