"""BSS Eval gives the numbers of mir_eval and of fast_bss_eval."""

from contextlib import contextmanager
from functools import partial

import fast_bss_eval
import mir_eval.separation
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from skbss.metrics import bss_eval, bss_eval_images

# mir_eval announces the end of this module in every call.
pytestmark = pytest.mark.filterwarnings("ignore:mir_eval:FutureWarning")

KINDS = ["noise", "harmonic", "colored", "delayed"]


@contextmanager
def filters_of(n_taps):
    """mir_eval with filters of another length than 512 taps, the only one it offers."""
    original = mir_eval.separation._bss_decomp_mtifilt
    shorter = partial(original, flen=n_taps)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            mir_eval.separation, "_bss_decomp_mtifilt", lambda s, s_hat, j, _: shorter(s, s_hat, j)
        )
        yield


def sources(kind, n_sources, length, rng):
    noise = rng.standard_normal((n_sources, length))
    if kind == "harmonic":
        pitch = rng.uniform(0.01, 0.1, (n_sources, 1, 1)) * np.arange(1, 5)[:, np.newaxis]
        phase = rng.uniform(0, 2 * np.pi, (n_sources, 4, 1))
        return np.sin(2 * np.pi * pitch * np.arange(length) + phase).sum(axis=1) + 1e-2 * noise
    if kind == "colored":
        return lfilter([1], [1, -0.9], noise)
    if kind == "delayed":
        return noise + [0.8 * np.roll(noise[0], 3 * j) for j in range(1, n_sources + 1)]
    return noise


def separated(s, rng, leakage, artifacts_db, delay):
    mixing = np.eye(len(s)) + leakage * rng.standard_normal((len(s), len(s)))
    mixtures = np.roll(mixing @ s, delay, axis=-1)
    noise = rng.standard_normal(s.shape) * np.abs(mixtures).max()
    return mixtures + 10 ** (artifacts_db / 20) * noise


def assert_same(found, expected):
    """To a millionth of a dB, up to 100 dB."""
    found, expected = np.asarray(found), np.asarray(expected)
    high = expected > 100
    assert (found[high] > 99.99).all()
    np.testing.assert_allclose(found[~high], expected[~high], rtol=0, atol=1e-6)


@settings(deadline=None, max_examples=50)
@given(
    kind=st.sampled_from(KINDS),
    n_sources=st.integers(1, 4),
    length=st.integers(500, 1500),
    n_taps=st.sampled_from([1, 10, 60]),
    leakage=st.sampled_from([1e-4, 0.1, 0.5]),
    artifacts_db=st.sampled_from([-90, -60, -20, 0]),
    delay=st.sampled_from([-2, 0, 5]),
    seed=st.integers(0, 2**16),
)
def test_same_as_mir_eval(kind, n_sources, length, n_taps, leakage, artifacts_db, delay, seed):
    rng = np.random.default_rng(seed)
    s = sources(kind, n_sources, length, rng)
    s_hat = rng.permutation(separated(s, rng, leakage, artifacts_db, delay))
    with filters_of(n_taps):
        *expected, permutation = mir_eval.separation.bss_eval_sources(s, s_hat)
    scores = bss_eval(s, s_hat, filter_length=n_taps)
    np.testing.assert_array_equal(scores.permutation, permutation)
    assert_same([scores.sdr, scores.sir, scores.sar], expected)


@pytest.mark.parametrize(("kind", "n_sources"), [*((kind, 2) for kind in KINDS), ("noise", 3)])
def test_same_as_mir_eval_with_512_taps(kind, n_sources):
    rng = np.random.default_rng(0)
    s = sources(kind, n_sources, 4000, rng)
    s_hat = separated(s, rng, 0.2, -20, 0)[::-1]
    *expected, permutation = mir_eval.separation.bss_eval_sources(s, s_hat)
    scores = bss_eval(s, s_hat)
    np.testing.assert_array_equal(scores.permutation, permutation)
    assert_same([scores.sdr, scores.sir, scores.sar], expected)


@pytest.mark.parametrize("n_taps", [10, 512])
@pytest.mark.parametrize("kind", KINDS)
def test_same_as_fast_bss_eval(kind, n_taps):
    rng = np.random.default_rng(0)
    s = sources(kind, 3, 5000, rng)
    s_hat = separated(s, rng, 0.2, -20, 0)[::-1]
    *expected, permutation = fast_bss_eval.bss_eval_sources(s, s_hat, filter_length=n_taps)
    scores = bss_eval(s, s_hat, filter_length=n_taps)
    np.testing.assert_array_equal(scores.permutation, permutation)
    assert_same([scores.sdr, scores.sir, scores.sar], expected)


@pytest.mark.parametrize("hop", [300, 700])
def test_frames_of_sources(hop):
    rng = np.random.default_rng(0)
    s = sources("colored", 2, 2500, rng)
    s_hat = separated(s, rng, 0.2, -20, 0)
    s[1, 1400:2200] = 0
    with filters_of(40):
        *expected, _ = mir_eval.separation.bss_eval_sources_framewise(s, s_hat, 700, hop)
    with pytest.warns(UserWarning, match=r"In 1 frame\(s\) a reference or an estimate is silent"):
        scores = bss_eval(s, s_hat, filter_length=40, permute=False, window=700, hop=hop)
    assert_same([scores.sdr, scores.sir, scores.sar], expected)


@pytest.mark.parametrize(("n_channels", "permute"), [(1, True), (2, False)])
def test_images(n_channels, permute):
    rng = np.random.default_rng(0)
    s = sources("colored", 2 * n_channels, 3000, rng)
    s_hat = separated(s, rng, 0.2, -20, 0).reshape(2, n_channels, -1)
    s = s.reshape(s_hat.shape)
    if permute:
        s_hat = s_hat[::-1]
    *expected, permutation = mir_eval.separation.bss_eval_images(
        s.swapaxes(1, 2), s_hat.swapaxes(1, 2), compute_permutation=permute
    )
    scores = bss_eval_images(s, s_hat, permute=permute)
    np.testing.assert_array_equal(scores.permutation, permutation)
    assert_same([scores.sdr, scores.isr, scores.sir, scores.sar], expected)
