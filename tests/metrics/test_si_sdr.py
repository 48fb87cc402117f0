"""The scale-invariant ratio: peers, limits, permutations, errors."""

import fast_bss_eval
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skbss.metrics import best_permutation, si_sdr


@pytest.fixture
def signals():
    rng = np.random.default_rng(0)
    references = rng.standard_normal((4, 3, 2000))
    estimates = references + 0.4 * rng.standard_normal((4, 3, 2000)) + 0.2
    return references, estimates


@pytest.mark.parametrize("zero_mean", [False, True])
def test_same_as_fast_bss_eval(signals, zero_mean):
    references, estimates = signals
    expected = fast_bss_eval.numpy.si_sdr(references, estimates, zero_mean=zero_mean)
    np.testing.assert_allclose(
        si_sdr(references, estimates, zero_mean=zero_mean), expected, rtol=1e-10
    )


def test_permutations_too(signals):
    references, estimates = signals
    shuffled = estimates[:, [2, 0, 1]]
    ratios, order = fast_bss_eval.numpy.si_sdr(
        references, shuffled, zero_mean=True, return_perm=True
    )
    np.testing.assert_array_equal(best_permutation(references, shuffled), order)
    np.testing.assert_allclose(si_sdr(references, shuffled, permute=True), ratios, rtol=1e-10)
    np.testing.assert_allclose(si_sdr(references, estimates), ratios, rtol=1e-10)


def test_known_value():
    time = np.arange(1000) / 1000
    s, other = np.sin(2 * np.pi * 5 * time), np.cos(2 * np.pi * 5 * time)
    np.testing.assert_allclose(si_sdr(s[None], (s + 0.1 * other)[None]), [20])


@settings(deadline=None)
@given(level=st.floats(-200, 200), gain=st.floats(-6, 6), sign=st.sampled_from([-1, 1]))
def test_gains_and_sign_do_not_matter(level, gain, sign):
    rng = np.random.default_rng(0)
    s = rng.standard_normal((2, 500))
    s_hat = s + 0.3 * rng.standard_normal((2, 500))
    np.testing.assert_allclose(
        si_sdr(10**level * s, sign * 10**gain * s_hat), si_sdr(s, s_hat), rtol=1e-9
    )


def test_an_offset_does_not_matter_unless_wanted(signals):
    references, estimates = signals
    np.testing.assert_allclose(
        si_sdr(references + 3, estimates - 7), si_sdr(references, estimates), rtol=1e-9
    )
    assert (si_sdr(references + 3, estimates, zero_mean=False) < 0).any()


def test_limits(signals):
    s = signals[0][0]
    np.testing.assert_array_equal(si_sdr(s, -3.3 * s), [np.inf] * 3)
    np.testing.assert_array_equal(si_sdr([[1, -1, 0, 0]], [[0, 0, 1, -1]]), [-np.inf])
    np.testing.assert_array_equal(best_permutation(s, s[::-1]), [2, 1, 0])


def test_float32_gives_the_same(signals):
    references, estimates = signals
    single = si_sdr(references.astype(np.float32), estimates.astype(np.float32))
    assert single.dtype == np.float64
    np.testing.assert_allclose(single, si_sdr(references, estimates), atol=1e-4)


@pytest.mark.parametrize("silence", [0.0, 0.1])
def test_silence_is_nan_with_a_warning(signals, silence):
    references, estimates = (signals[0][0].copy(), signals[1][0].copy())
    expected = si_sdr(references, estimates)
    references[1] = silence
    with pytest.warns(UserWarning, match=r"1 reference\(s\) are silent"):
        ratios = si_sdr(references, estimates)
    np.testing.assert_allclose(ratios, np.where([0, 1, 0], np.nan, expected))
    with pytest.warns(UserWarning, match=r"1 estimate\(s\) are silent"):
        ratios = si_sdr(signals[0][0], references)
    np.testing.assert_array_equal(ratios, [np.inf, np.nan, np.inf])


def test_silent_references_take_what_is_left(signals):
    references = signals[0][0].copy()
    references[0] = 0
    np.testing.assert_array_equal(
        best_permutation(references, signals[0][0][[1, 2, 0]])[1:], [0, 1]
    )


def test_more_estimates_than_references(signals):
    references, estimates = signals
    order = best_permutation(references[:, :2], estimates[:, [2, 1, 0]])
    np.testing.assert_array_equal(order, [[2, 1]] * 4)
    np.testing.assert_allclose(
        si_sdr(references[:, :2], estimates[:, [2, 1, 0]], permute=True),
        si_sdr(references[:, :2], estimates[:, :2]),
    )


@pytest.mark.parametrize(
    ("references", "estimates", "message"),
    [
        (np.ones((2, 9)), np.ones((2, 8)), "do not belong together"),
        (np.ones((2, 9)), np.ones((3, 9)), "do not belong together"),
        (np.ones((2, 9)), np.ones((1, 2, 9)), "do not belong together"),
        (np.ones(9), np.ones(9), r"references must have the shape \(..., n_sources, length\)"),
        (np.ones((1, 2, 0)), np.ones((1, 2, 0)), "are empty"),
        (np.full((2, 9), np.nan), np.ones((2, 9)), "Input references contains NaN"),
        (np.ones((2, 9)), np.full((2, 9), np.inf), "Input estimates contains infinity"),
        (np.ones((2, 9), complex), np.ones((2, 9)), "Complex data not supported"),
    ],
)
def test_errors(references, estimates, message):
    with pytest.raises(ValueError, match=message):
        si_sdr(references, estimates)


def test_every_reference_needs_an_estimate(signals):
    with pytest.raises(ValueError, match="2 estimates for 3 references"):
        best_permutation(signals[0], signals[1][:, :2])
