"""Attacks that lose their edge."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import istft, stft

from skbss.metrics import transient_smearing

RATE = 8000


def strokes(quiet=1e-3):
    """Four strokes that decay, over noise that goes on."""
    rng = np.random.default_rng(0)
    since = np.arange(4 * 2000) % 2000 - 800
    envelope = np.where(since >= 0, np.exp(-since / 400), 0)
    return rng.standard_normal(8000) * envelope + quiet * rng.standard_normal(8000)


@pytest.mark.parametrize("level", [-20, -30, -40])
def test_a_known_pre_echo(level):
    """Noise of a known level relative to the attack, 20 ms before it."""
    attack = np.where(np.arange(4000) < 2000, 0, 1.0)
    before = (np.arange(4000) >= 1840) & (np.arange(4000) < 2000)
    echo = np.where(before, 10 ** (level / 20), 0)
    np.testing.assert_allclose(
        transient_smearing([attack], [attack + echo], RATE), [60 + level], atol=0.1
    )


def test_longer_frames_smear_more():
    s = strokes()
    noise = np.random.default_rng(1).standard_normal(8000)
    smearing = []
    for n_fft in (64, 256, 1024):
        S, N = (stft(x, nperseg=n_fft)[2] for x in (s, noise))
        mask = np.abs(S) / (np.abs(S) + 0.1 * np.abs(N))
        s_hat = istft(mask * stft(s + 0.1 * noise, nperseg=n_fft)[2], nperseg=n_fft)[1][:8000]
        smearing.append(transient_smearing([s], [s_hat], RATE)[0])
    assert 0 < smearing[0] < smearing[1] < smearing[2]


def test_sharper_attacks_are_negative():
    s = strokes(quiet=3e-2)
    s_hat = np.where(np.arange(8000) % 2000 >= 800, s, 0.1 * s)
    assert transient_smearing([s], [s_hat], RATE)[0] < -10


@settings(deadline=None)
@given(gain=st.floats(-6, 6), sign=st.sampled_from([-1, 1]))
def test_gains_do_not_matter(gain, sign):
    s = strokes()
    s_hat = s + 0.01 * np.random.default_rng(2).standard_normal(8000)
    np.testing.assert_allclose(
        transient_smearing([s], [sign * 10**gain * s_hat], RATE),
        transient_smearing([s], [s_hat], RATE),
        rtol=1e-6,
    )


def test_what_an_onset_is():
    noise = np.random.default_rng(0).standard_normal(8000)
    step = np.where(np.arange(8000) < 4000, 10 ** (-8 / 20), 1) * noise
    for steady in (noise, step):
        with pytest.warns(UserWarning, match="the reference has no onset of 10 dB"):
            smearing = transient_smearing([steady], [noise], RATE)
        np.testing.assert_array_equal(smearing, [np.nan])
    np.testing.assert_allclose(
        transient_smearing([step], [noise], RATE, smallest_rise=5), [8], atol=1.5
    )


def test_a_lost_attack_is_a_finite_number():
    s = strokes()
    s_hat = np.where(np.arange(8000) < 4000, s, 0)
    assert 15 < transient_smearing([s], [s_hat], RATE)[0] < 60


def test_a_clip_shorter_than_both_windows_has_no_onset():
    s = np.ones((1, 100))
    with pytest.warns(UserWarning, match="no onset"):
        transient_smearing(s, s, RATE)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"window": 0}, ValueError, "window must be positive"),
        ({"smallest_rise": -3}, ValueError, "smallest_rise must be positive"),
        ({"sample_rate": None}, TypeError, "sample_rate must be a number"),
    ],
)
def test_errors(options, error, message):
    with pytest.raises(error, match=message):
        transient_smearing([strokes()], [strokes()], **{"sample_rate": RATE, **options})
