"""The signal-to-noise ratio and the mean squared error."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_squared_error

from skbss.metrics import mse, snr


@pytest.fixture
def signals():
    rng = np.random.default_rng(0)
    references = rng.standard_normal((4, 3, 200))
    return references, references + 0.1 * rng.standard_normal((4, 3, 200))


def test_errors_are_those_of_scikit_learn(signals):
    s, s_hat = signals
    expected = mean_squared_error(
        s.reshape(12, -1).T, s_hat.reshape(12, -1).T, multioutput="raw_values"
    )
    np.testing.assert_allclose(mse(s, s_hat).ravel(), expected)


def test_ratio_and_error_say_the_same(signals):
    s, s_hat = signals
    power = np.square(s).mean(axis=-1)
    np.testing.assert_allclose(snr(s, s_hat), 10 * np.log10(power / mse(s, s_hat)))


@settings(deadline=None)
@given(level=st.floats(-150, 150), gain=st.floats(0.1, 0.9))
def test_a_gain_matters_and_a_common_level_does_not(level, gain):
    s = np.random.default_rng(0).standard_normal((2, 50))
    np.testing.assert_allclose(
        snr(10**level * s, gain * 10**level * s), [-20 * np.log10(1 - gain)] * 2
    )
    np.testing.assert_allclose(
        mse(10**level * s, gain * 10**level * s),
        10**level * (10**level * np.square((1 - gain) * s).mean(axis=-1)),
    )


def test_limits(signals):
    s = signals[0][0]
    np.testing.assert_array_equal(snr(s, s), [np.inf] * 3)
    np.testing.assert_array_equal(mse(s, s), [0] * 3)
    np.testing.assert_allclose(snr(s, 0 * s), [0] * 3, atol=1e-12)
    np.testing.assert_array_equal(mse([[1e200]], [[-1e200]]), [np.inf])
    np.testing.assert_array_equal(mse([[0.0, 0.0]], [[0.0, 0.0]]), [0])


def test_a_silent_reference_has_no_ratio(signals):
    references, estimates = (array[0].copy() for array in signals)
    references[1] = 0
    with pytest.warns(UserWarning, match=r"1 reference\(s\) are silent: their SNR is NaN"):
        ratios = snr(references, estimates)
    np.testing.assert_array_equal(np.isnan(ratios), [False, True, False])
    with pytest.raises(ValueError, match=r"references\[1\] is silent"):
        snr(references, estimates, on_silent="raise")


@pytest.mark.parametrize("metric", [snr, mse])
def test_lengths(signals, metric):
    s, s_hat = signals
    with pytest.raises(ValueError, match="do not belong together"):
        metric(s, s_hat[..., 1:])
    np.testing.assert_array_equal(
        metric(s, s_hat[..., :-1], align="trim"), metric(s[..., :-1], s_hat[..., :-1])
    )
    with pytest.raises(ValueError, match="Input estimates contains NaN"):
        metric(s, np.full_like(s, np.nan))
