"""The scale-invariant ratio: peers, limits, permutations, errors."""

import fast_bss_eval
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skbss.metrics import best_permutation, si_sar, si_sdr, si_sir


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
        (np.ones((9, 2)), np.ones((9, 2)), "Time is the last axis"),
        ([np.ones(9), np.ones(8)], np.ones((2, 9)), "references must be one array"),
    ],
)
def test_errors(references, estimates, message):
    with pytest.raises(ValueError, match=message):
        si_sdr(references, estimates)


def test_every_reference_needs_an_estimate(signals):
    with pytest.raises(ValueError, match="2 estimates for 3 references"):
        best_permutation(signals[0], signals[1][:, :2])


@pytest.mark.parametrize("zero_mean", [False, True])
def test_interference_and_artifacts_as_fast_bss_eval_has_them(signals, zero_mean):
    references, estimates = signals
    estimates = estimates + 0.3 * references[:, ::-1]
    expected = fast_bss_eval.numpy.si_bss_eval_sources(
        references, estimates, zero_mean=zero_mean, compute_permutation=False
    )
    ours = (
        si_sdr(references, estimates, zero_mean=zero_mean),
        si_sir(references, estimates, zero_mean=zero_mean),
        si_sar(references, estimates, zero_mean=zero_mean, numerator="projection"),
    )
    for one, other in zip(ours, expected[:3], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8)


@settings(deadline=None, max_examples=50)
@given(
    n_sources=st.integers(2, 4),
    leakage=st.floats(-3, 0),
    noise=st.floats(-3, 0),
    seed=st.integers(0, 2**16),
)
def test_the_three_ratios_belong_together(n_sources, leakage, noise, seed):
    rng = np.random.default_rng(seed)
    s = rng.standard_normal((n_sources, 300))
    s_hat = s + 10**leakage * s[::-1] + 10**noise * rng.standard_normal(s.shape)
    sdr, sir, sar = si_sdr(s, s_hat), si_sir(s, s_hat), si_sar(s, s_hat)
    np.testing.assert_allclose(10 ** (-sdr / 10), 10 ** (-sir / 10) + 10 ** (-sar / 10), rtol=1e-9)
    order = rng.permutation(n_sources)
    for metric in (si_sdr, si_sir, si_sar):
        np.testing.assert_allclose(
            metric(s[order], -3 * s_hat[order]), metric(s, s_hat)[order], rtol=1e-9
        )


def test_what_an_interferer_and_noise_do(signals):
    s = signals[0][0]
    interfered, noisy = s + 0.1 * s[::-1], signals[1][0]
    assert (si_sir(s, interfered)[[0, 2]] < 25).all()
    np.testing.assert_array_equal(si_sar(s, interfered), [np.inf] * 3)
    assert (si_sar(s, noisy) < 10).all()
    assert (si_sir(s, interfered + 0.1 * s[[1, 2, 0]]) < si_sir(s, interfered)).all()


def test_one_source_has_no_interference(signals):
    s, s_hat = signals[0][0, :1], signals[1][0, :1]
    np.testing.assert_array_equal(si_sir(s, s_hat), [np.inf])
    np.testing.assert_allclose(si_sar(s, s_hat), si_sdr(s, s_hat), rtol=1e-9)


def test_identical_references_can_not_be_told_apart(signals):
    s, noise = signals[0][0][[0, 0]], signals[0][0][[1, 2]]
    with pytest.warns(UserWarning, match="dependent references"):
        np.testing.assert_array_equal(si_sir(s, s + 0.1 * noise), [np.inf, np.inf])
    with pytest.warns(UserWarning, match="dependent references"):
        artifacts = si_sar(s, s + 0.1 * noise)
    np.testing.assert_allclose(artifacts, si_sdr(s, s + 0.1 * noise))


def test_silent_references_do_not_count_for_the_others(signals):
    references, estimates = signals[0][0].copy(), signals[1][0]
    references[1] = 0
    for metric in (si_sir, si_sar):
        with pytest.warns(UserWarning, match="silent"):
            ratios = metric(references, estimates)
        expected = metric(references[[0, 2]], estimates[[0, 2]])
        np.testing.assert_allclose(ratios[[0, 2]], expected, rtol=1e-9)
        assert np.isnan(ratios[1])


def test_nothing_of_the_source_is_minus_infinity():
    s = np.eye(3, 8) - np.eye(3, 8, 3)
    unrelated = np.zeros((3, 8))
    unrelated[:, 6:] = [1, -1]
    for metric in (si_sdr, si_sir, si_sar):
        np.testing.assert_array_equal(metric(s, unrelated), [-np.inf] * 3)


@pytest.mark.parametrize("metric", [si_sdr, si_sir, si_sar])
def test_options_of_all(signals, metric):
    references, estimates = signals
    with pytest.raises(ValueError, match="align='trim' cuts the longer"):
        metric(references, estimates[..., :-3])
    np.testing.assert_array_equal(
        metric(references, estimates[..., :-3], align="trim"),
        metric(references[..., :-3], estimates[..., :-3]),
    )
    np.testing.assert_allclose(
        metric(references, estimates[:, [2, 0, 1]], permute=True), metric(references, estimates)
    )
    quiet = estimates.copy()
    quiet[3, 1] = 0.5
    with pytest.raises(ValueError, match=r"estimates\[3, 1\] is silent"):
        metric(references, quiet, on_silent="raise")
    with pytest.raises(ValueError, match="on_silent must be 'nan' or 'raise', got 'skip'"):
        metric(references, estimates, on_silent="skip")
    with pytest.raises(ValueError, match="align must be None or 'trim', got 'pad'"):
        metric(references, estimates, align="pad")
    np.testing.assert_allclose(
        metric(references, estimates),
        [metric(one, other) for one, other in zip(references, estimates, strict=True)],
    )


def test_numerator_of_artifacts(signals):
    with pytest.raises(ValueError, match="numerator must be 'target' or 'projection', got 'all'"):
        si_sar(*signals, numerator="all")
