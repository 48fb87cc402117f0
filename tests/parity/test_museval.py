"""BSS Eval of images gives the numbers of museval: globally, in frames, with all its options."""

import warnings

import numpy as np
import pytest

from skbss.metrics import bss_eval, bss_eval_images

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import museval
except (ImportError, RuntimeError) as error:
    pytest.skip(
        f"museval can not be imported, perhaps for want of ffmpeg: {error}", allow_module_level=True
    )

TAPS = 40
FRAMES = [{}, {"window": 900}, {"window": 900, "hop": 350}]


def images(n_sources=3, n_channels=2, length=3000):
    rng = np.random.default_rng(0)
    s = rng.standard_normal((n_sources, n_channels, length))
    s_hat = 0.9 * s + 0.1 * np.roll(s, 3, axis=-1) + 0.2 * s[::-1] + 0.05 * s[:, ::-1]
    return s, s_hat + 0.1 * rng.standard_normal(s.shape)


def ratios(scores):
    return np.stack([scores.sdr, scores.isr, scores.sir, scores.sar])


def peer(references, estimates, window=np.inf, hop=None, permute=False, **options):
    """Ratios with an axis of frames, and the permutation."""
    *expected, permutation = museval.metrics.bss_eval(
        references.swapaxes(1, 2),
        estimates.swapaxes(1, 2),
        window=window,
        hop=window if hop is None else hop,
        filters_len=TAPS,
        compute_permutation=permute,
        **options,
    )
    return np.stack(expected), permutation


def assert_same(found, expected):
    np.testing.assert_allclose(
        found.reshape(expected.shape), expected, rtol=0, atol=1e-9, equal_nan=True
    )


@pytest.mark.parametrize("framewise_filters", [False, True])
@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("frames", FRAMES, ids=str)
def test_images(frames, n_channels, framewise_filters):
    s, s_hat = images(n_channels=n_channels)
    options = {**frames, "framewise_filters": framewise_filters}
    expected, _ = peer(s, s_hat, **options)
    assert_same(ratios(bss_eval_images(s, s_hat, filter_length=TAPS, **options)), expected)


@pytest.mark.parametrize("frames", FRAMES, ids=str)
def test_permutations(frames):
    s, s_hat = images()
    options = {**frames, "permute": True}
    expected, permutation = peer(s, s_hat[[1, 2, 0]], **options)
    scores = bss_eval_images(s, s_hat[[1, 2, 0]], filter_length=TAPS, **options)
    assert_same(ratios(scores), expected)
    np.testing.assert_array_equal(scores.permutation, permutation[:, 0])


def test_silent_frames():
    s, s_hat = images()
    s[1, :, 900:1800] = 0
    expected, _ = peer(s, s_hat, window=900)
    with pytest.warns(UserWarning, match=r"In 1 frame\(s\) a reference or an estimate is silent"):
        scores = bss_eval_images(s, s_hat, filter_length=TAPS, window=900)
    assert_same(ratios(scores), expected)
    assert np.isnan(expected).sum() == 4 * 3


def test_evaluate():
    """Its usual entry: filters of 512 taps."""
    s, s_hat = images(n_sources=2, n_channels=1, length=6000)
    expected = museval.evaluate(s.swapaxes(1, 2), s_hat.swapaxes(1, 2), win=2000, hop=2000)
    scores = bss_eval_images(s, s_hat, window=2000)
    assert_same(ratios(scores), np.stack(expected))
    track = museval.TrackStore("track")
    for name, *values in zip(("first", "second"), *expected, strict=True):
        keys = ("SDR", "ISR", "SIR", "SAR")
        track.add_target(name, {key: list(value) for key, value in zip(keys, values, strict=True)})
    # It rounds to five places.
    medians = track.df.groupby(["target", "metric"]).score.median()
    np.testing.assert_allclose(medians["first"]["SDR"], scores.median().sdr[0], atol=1e-5)


def test_sources():
    s, s_hat = images(n_channels=1)
    options = {"window": 900, "framewise_filters": True, "bsseval_sources_version": True}
    expected, _ = peer(s, s_hat, **options)
    scores = bss_eval(s[:, 0], s_hat[:, 0], filter_length=TAPS, permute=False, window=900)
    assert_same(np.stack([scores.sdr, scores.sir, scores.sar]), expected[[0, 2, 3]])
