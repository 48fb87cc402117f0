"""What all measures of a reference and its estimate have in common."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from skbss import metrics
from skbss.metrics._pairs import check_pairs

RATE = 8000


def log_kurtosis_ratio(references, estimates, **options):
    """With a mixture that is the same whatever the sources are."""
    shape = (*np.shape(references)[:-2], np.shape(references)[-1])
    mixture = np.broadcast_to(np.random.default_rng(9).standard_normal(shape[-1]), shape)
    return metrics.log_kurtosis_ratio(references, estimates, mixture, RATE, **options)


def at_rate(name):
    def measure(references, estimates, **options):
        return getattr(metrics, name)(references, estimates, RATE, **options)

    return measure


# Each with what it is of an exact estimate, and whether the gain of the estimate matters.
MEASURES = {
    "log_spectral_distance": (at_rate("log_spectral_distance"), 0, True),
    "mel_distance": (at_rate("mel_distance"), 0, True),
    "high_frequency_loss": (
        lambda s, s_hat, **o: metrics.high_frequency_loss(s, s_hat, RATE, cutoff=2000, **o),
        0,
        True,
    ),
    "over_smoothing": (at_rate("over_smoothing"), 1, True),
    "spectral_hole_rate": (at_rate("spectral_hole_rate"), 0, True),
    "transient_smearing": (at_rate("transient_smearing"), 0, False),
    "log_kurtosis_ratio": (log_kurtosis_ratio, None, False),
    "spectrogram_ssim": (at_rate("spectrogram_ssim"), 1, True),
    "pesq": (
        lambda s, s_hat, **o: metrics.pesq(s, s_hat, RATE, variant="nb", **o),
        4.548638,
        False,
    ),
    "stoi": (at_rate("stoi"), 1, False),
}
PACKAGES = {"spectrogram_ssim": "skimage", "pesq": "pesq", "stoi": "pystoi"}


@pytest.fixture(params=MEASURES)
def measure(request):
    if request.param in PACKAGES:
        pytest.importorskip(PACKAGES[request.param])
    return MEASURES[request.param][0]


@pytest.fixture
def signals():
    """Two sources with pauses and attacks, and noisy estimates with a gap."""
    rng = np.random.default_rng(0)
    time = np.arange(16000)
    loud = np.stack([time // 3200 % 2, (time // 2000 + 1) % 3 == 0])
    references = rng.standard_normal((2, 16000)) * np.where(loud, 1, 0.003)
    estimates = references + 0.1 * rng.standard_normal((2, 16000))
    return references, estimates * ((time < 4200) | (time >= 4600))


@pytest.mark.parametrize("name", [name for name in MEASURES if name != "log_kurtosis_ratio"])
def test_an_exact_estimate(name, signals):
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name])
    function, exact, _ = MEASURES[name]
    np.testing.assert_allclose(function(signals[0], signals[0]), [exact] * 2, atol=1e-6)
    assert not np.allclose(function(*signals), exact, atol=1e-3)


def test_axes_before_the_sources(measure, signals):
    references, estimates = signals
    expected = measure(references, estimates)
    assert expected.shape == (2,)
    assert expected.dtype == np.float64
    assert np.isfinite(expected).all()
    stacked = measure(np.stack([references, references[::-1]]), [estimates, estimates[::-1]])
    np.testing.assert_array_equal(stacked, [expected, expected[::-1]])


@settings(deadline=None, max_examples=20)
@given(exponent=st.integers(-300, 300), sign=st.sampled_from([-1, 1]))
@pytest.mark.parametrize(
    "name", [name for name in MEASURES if name not in PACKAGES and name != "log_kurtosis_ratio"]
)
def test_the_level_of_a_recording_does_not_matter(name, exponent, sign):
    function, _, by_gain = MEASURES[name]
    rng = np.random.default_rng(1)
    s = rng.standard_normal((1, 2000)) * (np.arange(2000) > 1000)
    s_hat = s + 0.1 * rng.standard_normal((1, 2000))
    gain = 10.0**exponent
    expected = function(s, s_hat)
    np.testing.assert_allclose(function(gain * s, sign * gain * s_hat), expected, rtol=1e-7)
    if by_gain:
        assert not np.allclose(function(s, 1e-3 * s_hat), expected, rtol=1e-3)
    else:
        np.testing.assert_allclose(function(s, gain * s_hat), expected, rtol=1e-7)


@pytest.mark.parametrize("gain", [1e-300, 1e-20, 1e20, 1e300])
def test_no_gain_of_an_estimate_is_too_much(measure, signals, gain):
    references, estimates = signals
    assert np.isfinite(measure(references, gain * estimates / np.abs(estimates).max())).all()


@pytest.mark.parametrize("name", ["log_kurtosis_ratio", "pesq", "stoi"])
def test_neither_does_the_gain_of_what_is_heard(name, signals):
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name])
    function = MEASURES[name][0]
    references, estimates = signals
    np.testing.assert_allclose(
        function(1e-3 * references, 1e4 * estimates), function(references, estimates), rtol=1e-3
    )


def test_single_precision_gives_the_same(measure, signals):
    references, estimates = signals
    single = measure(references.astype(np.float32), estimates.astype(np.float32))
    assert single.dtype == np.float64
    np.testing.assert_allclose(single, measure(references, estimates), rtol=1e-3, atol=1e-3)


def test_silence_is_nan_with_a_warning(measure, signals):
    references, estimates = signals
    expected = measure(references, estimates)
    silent = references * [[0], [1]]
    with pytest.warns(UserWarning, match=r"1 reference\(s\) are silent") as caught:
        scores = measure(silent, estimates)
    assert {warning.filename for warning in caught} == {__file__}
    np.testing.assert_array_equal(scores, [np.nan, expected[1]])
    with pytest.warns(UserWarning, match=r"1 estimate\(s\) are silent"):
        scores = measure(references, estimates * [[0], [1]])
    np.testing.assert_array_equal(scores, [np.nan, expected[1]])


def test_silence_can_be_refused(measure, signals):
    references, estimates = signals
    with pytest.raises(ValueError, match=r"references\[1\] is silent"):
        measure(references * [[1], [0]], estimates, on_silent="raise")


def test_the_longer_can_be_cut(measure, signals):
    references, estimates = signals
    with pytest.raises(ValueError, match="do not belong together"):
        measure(references, estimates[:, :-100])
    np.testing.assert_array_equal(
        measure(references, estimates[:, :-100], align="trim"),
        measure(references[:, :-100], estimates[:, :-100]),
    )


@pytest.mark.parametrize(
    ("references", "estimates", "message"),
    [
        (np.ones((2, 900)), np.ones((3, 900)), "do not belong together"),
        (np.ones(900), np.ones(900), r"\(..., n_sources, length\)"),
        (np.full((2, 900), np.nan), np.ones((2, 900)), "references contains NaN"),
        (np.ones((2, 900)), np.full((2, 900), np.inf), "estimates contains infinity"),
    ],
)
def test_errors(measure, references, estimates, message):
    with pytest.raises(ValueError, match=message):
        measure(references, estimates)


@pytest.mark.parametrize("name", [name for name in MEASURES if name not in ("pesq", "stoi")])
@pytest.mark.parametrize("length", [1, 2, 50])
def test_signals_of_a_few_samples(name, length):
    """Either a number, or NaN with a reason."""
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name])
    function = MEASURES[name][0]
    s = np.random.default_rng(0).standard_normal((1, length))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scores = function(s, s)
    if np.isnan(scores).any():
        assert [warning.category for warning in caught] == [UserWarning]
    else:
        assert not caught
        np.testing.assert_allclose(scores, [MEASURES[name][1]])


@pytest.mark.parametrize("name", ["references", "estimates"])
def test_what_is_empty_is_named(name):
    signals = {"references": np.ones((2, 9)), "estimates": np.ones((2, 9)), name: np.ones((2, 0))}
    with pytest.raises(ValueError, match=rf"{name} of shape \(2, 0\) are empty"):
        check_pairs(**signals)


@pytest.mark.parametrize(
    ("signals", "error", "message"),
    [
        (sp.csr_array(np.eye(3)), TypeError, "references are sparse"),
        (np.ones((1, 3), complex), ValueError, "Complex data not supported, but references are"),
        ([["a", "b"]], ValueError, "references must hold numbers"),
        ([[1.0, np.inf]], ValueError, "Input references contains infinity"),
        (3.0, ValueError, r"references must have the shape \(..., n_sources, length\), got \(\)"),
    ],
)
def test_what_is_no_signal_is_named(signals, error, message):
    with pytest.raises(error, match=message):
        check_pairs(signals, np.ones((1, 2)))


def test_every_kind_of_numbers_is_a_signal():
    for kind in (int, bool, np.float32, np.float16, object):
        pairs = check_pairs(np.ones((2, 3), kind), [[1, 0, 1]] * 2)
        assert pairs.references.dtype == pairs.estimates.dtype == np.float64
