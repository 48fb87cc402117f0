"""Properties of analysis, masks and separation, on drawn signals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skbss import ISTFT, STFT, BetaNMF, Separator, WienerMask
from skbss._kernels.masks import soft_masks
from skbss._runtime.device import precision

samples = st.floats(-1, 1, width=32)
# Few lengths and settings: every new one compiles a program.
framings = st.sampled_from(
    [
        {"n_fft": 64},
        {"n_fft": 64, "hop_length": 20, "window": "hamming"},
        {"n_fft": 63, "win_length": 40, "pad_mode": "reflect"},
        {"n_fft": 128, "hop_length": 64, "window": "cosine"},
    ]
)
SLOW = settings(deadline=None, max_examples=10)


@settings(deadline=None)
@given(x=hnp.arrays(np.float64, st.integers(1, 400), elements=samples), framing=framings)
def test_analysis_and_synthesis_are_inverse(x, framing):
    # A whole number of hops: otherwise rounding errors grow at the fading end of the last window.
    hop = framing.get("hop_length", framing.get("win_length", framing["n_fft"]) // 4)
    x = np.pad(x, (0, -len(x) % hop))
    y = ISTFT(length=len(x), **framing).fit_transform(STFT(**framing).fit_transform(x))
    np.testing.assert_allclose(y, x, rtol=0, atol=1e-11)
    single = x.astype(np.float32)
    y = ISTFT(length=len(x), **framing).fit_transform(STFT(**framing).fit_transform(single))
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, single, rtol=0, atol=3e-6)


@settings(deadline=None)
@given(
    x=hnp.arrays(np.float64, (2, 200), elements=samples),
    level=st.floats(-6, 6),
    framing=framings,
)
def test_analysis_is_linear(x, level, framing):
    stft = STFT(**framing)
    X = stft.transform(x)
    scale = np.abs(X).max()
    np.testing.assert_allclose(stft.transform(x.sum(axis=0)), X.sum(axis=0), atol=1e-12)
    np.testing.assert_allclose(
        stft.transform(10**level * x) / 10**level, X, rtol=0, atol=1e-12 * scale
    )


@settings(deadline=None)
@given(
    V=hnp.arrays(
        np.float64,
        (3, 4, 5),
        elements=st.one_of(st.just(0.0), st.floats(1e-30, 1e30), st.floats(0, 1)),
    ),
    exponent=st.one_of(st.floats(0.1, 20), st.just(np.inf), st.just(1e30)),
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_masks_share_every_bin(V, exponent, dtype):
    V = V.astype(dtype)
    with precision(dtype):
        masks = np.asarray(soft_masks(V, np.asarray(exponent, dtype)))
    assert masks.dtype == dtype
    assert (masks >= 0).all()
    assert (masks <= 1).all()
    np.testing.assert_allclose(masks.sum(axis=0), 1, rtol=8 * np.finfo(dtype).eps)
    silent = np.broadcast_to((V == 0).all(axis=0), V.shape)
    np.testing.assert_allclose(masks[silent], 1 / 3, rtol=1e-6)
    assert (np.diff(np.take_along_axis(masks, V.argsort(axis=0), 0), axis=0) >= -1e-6).all()


def recording(dtype):
    rng = np.random.default_rng(0)
    time = np.arange(1500) / 8000
    x = np.sin(2 * np.pi * 440 * time) + rng.standard_normal(1500) * (time > 0.1)
    x[300:600] = 0
    return x.astype(dtype)


@pytest.mark.parametrize("beta_loss", [0, 1, 2])
@SLOW
@given(level=st.floats(-6, 6))
def test_the_level_of_a_recording_does_not_matter(beta_loss, level):
    x, gain = recording(np.float64), 10**level
    separator = Separator(
        BetaNMF(4, beta_loss=beta_loss, tol=1e-2), stft=STFT(64), n_sources=2, random_state=0
    )
    expected = separator.fit_transform(x)
    estimates = separator.fit_transform(gain * x)
    np.testing.assert_allclose(estimates / gain, expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(separator.transform(x), expected, rtol=0, atol=1e-6)
    mask = WienerMask(separator.factorizer, 2, random_state=0)
    X = STFT(64).transform(x)
    np.testing.assert_allclose(
        mask.fit_transform(gain * X) / gain, mask.fit_transform(X), rtol=0, atol=1e-6
    )


@SLOW
@given(
    x=hnp.arrays(np.float32, (2, 500), elements=samples, fill=st.just(0.0)),
    level=st.sampled_from([1e-6, 1.0, 1e6]),
)
def test_sources_add_up_to_the_mixture(x, level):
    separator = Separator(
        BetaNMF(4, beta_loss=1, tol=1e-2), stft=STFT(64), n_sources=2, random_state=0
    )
    x = np.float32(level) * x
    estimates = separator.fit_transform(x)
    assert np.isfinite(estimates).all()
    np.testing.assert_allclose(estimates.sum(axis=1), x, rtol=0, atol=2e-6 * level)
    assert not estimates.swapaxes(0, 1)[:, ~x.any(axis=1)].any()
