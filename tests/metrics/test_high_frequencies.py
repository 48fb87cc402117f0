"""High-frequency loss: known losses, cutoffs, nothing to lose."""

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from skbss.metrics import high_frequency_loss


@pytest.fixture
def tones():
    time = np.arange(16000) / 16000
    return np.hanning(16000) * np.sin(2 * np.pi * np.array([[1000], [3000], [6000]]) * time)


@pytest.mark.parametrize("gain", [1, 0.5, -0.1, 2])
def test_a_known_loss(tones, gain):
    low, _, high = tones
    loss = high_frequency_loss([low + high], [low + gain * high], 16000)
    np.testing.assert_allclose(loss, [-20 * np.log10(abs(gain))], atol=0.01)


def test_the_cutoff_decides(tones):
    s, s_hat = [tones.sum(axis=0)], [tones[[0, 2]].sum(axis=0)]
    np.testing.assert_allclose(high_frequency_loss(s, s_hat, 16000), [0], atol=1e-3)
    np.testing.assert_allclose(high_frequency_loss(s, s_hat, 16000, cutoff=2000), [3], atol=0.1)


def test_a_filter_that_sdr_does_not_see():
    s = np.random.default_rng(0).standard_normal((1, 16000))
    muffled = sosfiltfilt(butter(8, 2000, fs=16000, output="sos"), s)
    assert high_frequency_loss(s, muffled, 16000)[0] > 40
    assert high_frequency_loss(muffled + 1e-2 * s, s, 16000)[0] < -30


def test_no_loss_is_larger_than_100_db(tones):
    low, _, high = tones
    np.testing.assert_allclose(
        high_frequency_loss([low + high], [1e-30 * (low + high)], 16000), [97], atol=0.1
    )


def test_nothing_to_lose(tones):
    with pytest.warns(UserWarning, match="no energy above 4000 Hz"):
        losses = high_frequency_loss(tones[[0, 2]], tones[[2, 2]], 16000)
    np.testing.assert_array_equal(losses, [np.nan, 0])


@pytest.mark.parametrize(
    ("cutoff", "error", "message"),
    [
        (8000, ValueError, "cutoff=8000 Hz must be below half the sample_rate=16000 Hz"),
        (0, ValueError, "cutoff must be positive"),
        ("high", TypeError, "cutoff must be a number"),
    ],
)
def test_errors(tones, cutoff, error, message):
    with pytest.raises(error, match=message):
        high_frequency_loss(tones, tones, 16000, cutoff=cutoff)
