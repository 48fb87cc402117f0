"""PESQ: the package, its limits, and a package that is missing."""

import sys

import numpy as np
import pytest

from skbss.datasets import load_two_speakers
from skbss.metrics import pesq


@pytest.fixture
def package():
    return pytest.importorskip("pesq")


@pytest.fixture(scope="module")
def speech():
    """Two speakers, 3 s at 16 kHz, and estimates with some of the other one."""
    soxr = pytest.importorskip("soxr")
    clip = load_two_speakers()
    sources = np.stack([soxr.resample(s, clip.sample_rate, 16000) for s in clip.sources])
    sources = sources[:, :48000]
    return sources, sources + 0.1 * sources[::-1]


@pytest.mark.parametrize(("variant", "sample_rate"), [("wb", 16000), ("nb", 16000), ("nb", 8000)])
def test_same_as_the_package(package, speech, variant, sample_rate):
    s, s_hat = (signals[:, :: 16000 // sample_rate] for signals in speech)
    expected = [package.pesq(sample_rate, *pair, variant) for pair in zip(s, s_hat, strict=True)]
    scores = pesq(s, s_hat, sample_rate, variant=variant)
    np.testing.assert_allclose(scores, expected, atol=1e-3)
    assert (scores > 1.5).all()
    assert (scores < 4.5).all()


def test_other_rates_only_when_told_to(package, speech):
    s, s_hat = speech
    with pytest.raises(ValueError, match=r"must be 16000 Hz .* got 22050: pass resample=True"):
        pesq(s, s_hat, 22050)
    with pytest.raises(ValueError, match="must be 16000 Hz for variant='wb', got 8000"):
        pesq(s, s_hat, 8000)
    with pytest.raises(ValueError, match="must be 8000 or 16000 Hz for variant='nb', got 44100"):
        pesq(s, s_hat, 44100, variant="nb")
    import soxr

    at_44100 = [soxr.resample(signals.T, 16000, 44100).T for signals in speech]
    for variant in ("wb", "nb"):
        np.testing.assert_allclose(
            pesq(*at_44100, 44100, variant=variant, resample=True),
            pesq(s, s_hat, 16000, variant=variant),
            atol=0.05,
        )


def test_narrowband_below_16_khz_is_at_8_khz(package, speech):
    import soxr

    at_8000, at_11025 = (
        [soxr.resample(signals.T, 16000, rate).T for signals in speech] for rate in (8000, 11025)
    )
    np.testing.assert_allclose(
        pesq(*at_11025, 11025, variant="nb", resample=True),
        pesq(*at_8000, 8000, variant="nb"),
        atol=0.05,
    )


def test_long_signals_are_scored_in_parts(package, speech):
    """In one piece they crash the interpreter."""
    s, s_hat = (np.tile(signals[:1], 20) for signals in speech)
    parts = [
        pesq(*pair, 16000)[0]
        for pair in zip(np.split(s, 3, axis=1), np.split(s_hat, 3, axis=1), strict=True)
    ]
    np.testing.assert_allclose(pesq(s, s_hat, 16000), [np.mean(parts)])


def test_parts_without_an_utterance_do_not_count(package, speech):
    s, s_hat = (signals[:1] for signals in speech)
    pause = np.zeros((1, 30 * 16000 - s.shape[1]))
    together = pesq(np.hstack([s, pause]), np.hstack([s_hat, pause]), 16000)
    cut = slice(15 * 16000)
    alone = pesq(np.hstack([s, pause])[:, cut], np.hstack([s_hat, pause])[:, cut], 16000)
    np.testing.assert_array_equal(together, alone)


def test_what_the_package_refuses_is_nan(package, speech):
    rumble = np.sin(2 * np.pi * 20 * np.arange(16000) / 16000)
    s = np.stack([rumble, speech[0][0, 16000:32000]])
    with pytest.warns(UserWarning, match="refuses the signals .No utterances detected"):
        scores = pesq(s, s, 16000)
    np.testing.assert_allclose(scores, [np.nan, 4.64], atol=0.01)
    with pytest.warns(UserWarning, match="PESQ of 2 .* needs at least 1/4 s"):
        scores = pesq(s[:, :3999], s[:, :3999], 16000)
    np.testing.assert_array_equal(scores, [np.nan] * 2)


def test_errors(package, speech):
    with pytest.raises(ValueError, match="variant must be 'wb' or 'nb', got 'mb'"):
        pesq(*speech, 16000, variant="mb")
    with pytest.raises(TypeError, match="sample_rate must be a number"):
        pesq(*speech, None)


def test_a_missing_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "pesq", None)
    with pytest.raises(ImportError, match=r'PESQ needs .* pip install "skbss\[perceptual\]"'):
        pesq(np.ones((1, 8000)), np.ones((1, 8000)), 16000)
