"""Masks made from the true sources."""

import numpy as np
import pytest

from skbss import ISTFT, STFT
from skbss.separation import IdealBinaryMask, IdealRatioMask

FRONT_END = STFT(256)


def masked(mixture, masks):
    """The mixture under masks, by the transforms and nothing else."""
    X = FRONT_END.transform(mixture)
    return ISTFT(256, length=mixture.shape[-1]).transform(masks * X)


@pytest.fixture(scope="module")
def clip():
    # A whole number of hops, so that the frames are those of the transforms.
    sources = np.random.default_rng(0).laplace(size=(3, 3968)) ** 3
    return sources.sum(axis=0), sources


@pytest.mark.parametrize("exponent", [0.5, 1, 2, 3.5])
def test_ratio_mask_is_the_formula(clip, exponent):
    mixture, sources = clip
    V = np.abs(FRONT_END.transform(sources)) ** exponent
    estimates = IdealRatioMask(exponent, stft=FRONT_END).fit_transform(mixture, sources)
    np.testing.assert_allclose(estimates, masked(mixture, V / V.sum(axis=0)), atol=1e-9)


def test_binary_mask_is_the_formula(clip):
    mixture, sources = clip
    V = np.abs(FRONT_END.transform(sources))
    estimates = IdealBinaryMask(stft=FRONT_END).fit_transform(mixture, sources)
    np.testing.assert_allclose(estimates, masked(mixture, V.max(axis=0) == V), atol=1e-9)


def test_a_binary_mask_is_a_ratio_mask_of_infinite_exponent(clip):
    np.testing.assert_array_equal(
        IdealRatioMask(np.inf, stft=FRONT_END).fit_transform(*clip),
        IdealBinaryMask(stft=FRONT_END).fit_transform(*clip),
    )


def test_equal_sources_share_equally():
    x = np.random.default_rng(0).standard_normal(2000)
    for bound in (IdealBinaryMask(stft=FRONT_END), IdealRatioMask(stft=FRONT_END)):
        estimates = bound.fit_transform(2 * x, np.stack([x, x]))
        np.testing.assert_allclose(estimates, [x, x], atol=1e-12)


def test_a_source_alone_is_found_exactly():
    x = np.random.default_rng(0).standard_normal(2000)
    for bound in (IdealBinaryMask(stft=FRONT_END), IdealRatioMask(stft=FRONT_END)):
        np.testing.assert_allclose(bound.fit_transform(x, x[None]), x[None], atol=1e-12)


def test_every_channel_has_its_own_masks(sources):
    images = np.stack([sources[0], sources[0, ::-1]], axis=1)
    mixture = images.sum(axis=0)
    bound = IdealRatioMask(stft=FRONT_END)
    together = bound.fit_transform(mixture[None], images[None])[0]
    for channel in range(2):
        alone = bound.fit_transform(mixture[channel], images[:, channel])
        np.testing.assert_allclose(together[:, channel], alone, atol=1e-12)


@pytest.mark.parametrize(
    ("exponent", "error", "message"),
    [
        ("2", TypeError, "exponent must be an instance of float, got '2'"),
        (True, TypeError, "exponent must be an instance of float, got True"),
        (0, ValueError, r"exponent must be positive \(infinity for a binary mask\), got 0"),
        (np.nan, ValueError, "exponent must be positive"),
    ],
)
def test_wrong_exponents(clip, exponent, error, message):
    with pytest.raises(error, match=message):
        IdealRatioMask(exponent).fit(*clip)
