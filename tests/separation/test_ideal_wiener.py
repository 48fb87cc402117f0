"""Multichannel Wiener filters made from the true sources."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.signal import fftconvolve

from skbss import ISTFT, STFT
from skbss.metrics import si_sdr
from skbss.separation import IdealRatioMask, IdealWienerFilter

FRONT_END = STFT(256)


def score(bound, images):
    return bound.fit_transform(images.sum(axis=0)[None], images[None])[0]


@pytest.fixture(scope="module")
def room(sources):
    """Three sources at two microphones, each by an echo of its own."""
    rng = np.random.default_rng(0)
    echoes = rng.standard_normal((3, 2, 200)) * np.exp(-np.arange(200) / 30)
    return fftconvolve(sources[0, :, None], echoes, axes=-1)[..., :3968]


def test_one_channel_is_the_ratio_mask_of_powers(sources):
    y = sources[:2]
    filtered = IdealWienerFilter(stft=FRONT_END).fit_transform(y.sum(axis=1), y)
    masked = IdealRatioMask(2, stft=FRONT_END).fit_transform(y.sum(axis=1), y)
    np.testing.assert_allclose(filtered, masked, atol=1e-11)
    single = y.astype(np.float32)
    np.testing.assert_allclose(
        IdealWienerFilter(stft=FRONT_END).fit_transform(single.sum(axis=1), single),
        IdealRatioMask(2, stft=FRONT_END).fit_transform(single.sum(axis=1), single),
        atol=1e-5,
    )


def test_filter_is_the_formula(room):
    mixture = room.sum(axis=0)
    S = FRONT_END.transform(room.reshape(6, -1)).reshape(3, 2, -1, 129)
    v = np.mean(np.abs(S) ** 2, axis=1)
    R = np.einsum("jatf,jbtf->jfab", S, S.conj()) / v.sum(axis=1)[..., None, None]
    C = np.einsum("jtf,jfab->jtfab", v, R)
    X = np.moveaxis(FRONT_END.transform(mixture), 0, -1)[..., None]
    Y = (C @ np.linalg.solve(C.sum(axis=0), X))[..., 0]
    expected = ISTFT(256, length=3968).transform(np.moveaxis(Y, -1, 1))
    np.testing.assert_allclose(score(IdealWienerFilter(stft=FRONT_END), room), expected, atol=1e-6)


def test_an_instantaneous_mixture_is_undone(sources):
    gains = np.array([[1.0, 0.2], [0.1, 1.0]])
    images = sources[0, :2, None] * gains[:, :, None]
    estimates = score(IdealWienerFilter(stft=FRONT_END), images)
    assert si_sdr(images, estimates).min() > 80
    single = images.astype(np.float32)
    assert si_sdr(single, score(IdealWienerFilter(stft=FRONT_END), single)).min() > 40


def test_it_beats_masks_of_single_channels(room):
    filtered = score(IdealWienerFilter(stft=FRONT_END), room)
    masked = score(IdealRatioMask(stft=FRONT_END), room)
    assert si_sdr(room, filtered).mean() > si_sdr(room, masked).mean() + 3


def test_a_silent_channel_stays_silent(room):
    images = room.copy()
    images[:, 1] = 0
    estimates = score(IdealWienerFilter(stft=FRONT_END), images)
    np.testing.assert_allclose(estimates[:, 1], 0, atol=1e-12)
    masked = IdealRatioMask(stft=FRONT_END).fit_transform(images[:, 0].sum(axis=0), images[:, 0])
    np.testing.assert_allclose(estimates[:, 0], masked, atol=1e-6)


def test_equal_channels(room):
    images = np.repeat(room[:, :1], 3, axis=1)
    estimates = score(IdealWienerFilter(stft=FRONT_END), images)
    masked = IdealRatioMask(stft=FRONT_END).fit_transform(room[:, 0].sum(axis=0), room[:, 0])
    np.testing.assert_allclose(estimates, np.repeat(masked[:, None], 3, axis=1), atol=1e-6)


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray])
def test_a_mixture_that_the_sources_do_not_explain_is_shared_all_the_same(convert):
    rng = np.random.default_rng(0)
    gains = np.array([[1.0, 0.3, 0.5], [0.5, 1.0, 0.5]])
    images = (rng.standard_normal((2, 1, 3000)) * gains[:, :, None]).astype(np.float32)
    mixture = rng.standard_normal((3, 3000)).astype(np.float32)
    bound = IdealWienerFilter(stft=FRONT_END)
    estimates = bound.fit_transform(convert(mixture)[None], convert(images)[None])[0]
    np.testing.assert_allclose(estimates.sum(axis=0), mixture, atol=1e-5)
    assert np.abs(estimates).max() < 20 * np.abs(mixture).max()
