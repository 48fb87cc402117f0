"""Metrics by name."""

import numpy as np
import pytest

from skbss.metrics import METRICS, Metric, bss_eval, score_sources, si_sdr
from skbss.metrics._registry import find_metrics


@pytest.fixture
def clip():
    rng = np.random.default_rng(0)
    sources = rng.standard_normal((2, 8000))
    return sources, sources + 0.2 * sources[::-1] + 0.1 * rng.standard_normal((2, 8000))


def available(metric):
    try:
        metric.check_available()
    except ImportError:
        return False
    return True


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_scores_and_says_what_it_is(name, clip):
    metric = METRICS[name]
    assert metric.name == name
    assert metric.title
    assert metric.definition.endswith(".")
    # Both stand together: "Mel distance: Mean absolute ...".
    assert not metric.definition.lower().startswith(metric.title.split(" (")[0].lower())
    assert ":" not in metric.definition
    assert metric.heading.startswith(metric.title)
    assert metric.heading.endswith(f" ({metric.unit})" if metric.unit else metric.title)
    assert metric.low < metric.high
    if not available(metric):
        pytest.skip(f"{metric.package} is not installed")
    rate = np.arange(16000) / 16000
    # Bursts of a tone and noise: what every metric needs of onsets, pauses and high frequencies.
    bursts = np.sin(2 * np.pi * 400 * rate) * (rate % 0.25 < 0.1)
    noise = 0.3 * np.random.default_rng(1).standard_normal(16000) * (rate % 0.4 < 0.2)
    sources = np.stack([bursts, noise])
    scores = score_sources(
        sources, sources + 0.3 * sources[::-1], name, sample_rate=16000, mixture=sources.sum(axis=0)
    )
    assert list(scores) == [name]
    assert scores[name].shape == (2,)
    assert ((metric.low <= scores[name]) & (scores[name] <= metric.high)).all()


def test_those_that_share_a_computation_agree_with_it(clip):
    scores = score_sources(*clip, ["sar", "sdr", "sir"])
    expected = bss_eval(*clip, permute=False)
    assert list(scores) == ["sar", "sdr", "sir"]
    for name, values in scores.items():
        np.testing.assert_array_equal(values, getattr(expected, name))


def test_channels_are_one_long_signal(clip):
    sources, estimates = (np.stack([one, one[::-1]], axis=1) for one in clip)
    scores = score_sources(sources, estimates, "si_sdr")
    np.testing.assert_array_equal(
        scores["si_sdr"], si_sdr(sources.reshape(2, -1), estimates.reshape(2, -1))
    )


def test_functions_are_metrics(clip):
    def loudness(references, estimates):
        return np.square(estimates).mean(axis=-1)

    scores = score_sources(*clip, [loudness, "mse"])
    np.testing.assert_allclose(scores["loudness"], np.square(clip[1]).mean(axis=-1))
    with pytest.raises(ValueError, match=r"'<lambda>' must give one number for each of the 2"):
        score_sources(*clip, lambda references, estimates: 1.0)


def test_a_metric_of_ones_own(clip):
    def compute(references, estimates, *, sample_rate, mixture):
        return {"rate": np.full(len(references), sample_rate)}

    metric = Metric("rate", "Rate", "Hz", 0.0, 0, np.inf, "It.", compute, needs_sample_rate=True)
    assert score_sources(*clip, metric, sample_rate=9.0)["rate"].tolist() == [9, 9]
    with pytest.raises(ValueError, match="The metric 'rate' needs sample_rate, got None"):
        score_sources(*clip, metric)


def test_which_direction_is_better():
    assert METRICS["si_sdr"].goodness(3.0) == 3
    assert METRICS["mse"].goodness(3.0) == -3
    one_is_best = Metric("m", "M", "", 1.0, 0, 2, "It.", dict)
    np.testing.assert_array_equal(one_is_best.goodness(np.array([-2.0, 1.5])), [-3, -0.5])
    directions = [METRICS[name].direction for name in ("pesq", "mse", "over_smoothing")]
    assert directions == ["Higher is better.", "Lower is better.", "1 is best."]


def test_a_missing_package_says_what_to_install(clip):
    metric = Metric(
        "m", "M", "", np.inf, 0, 1, "It.", dict, package="no_such_package", extra="perceptual"
    )
    with pytest.raises(ImportError, match=r'pip install "skbss\[perceptual\]"'):
        score_sources(*clip, metric)


@pytest.mark.parametrize(
    ("metrics", "error", "message"),
    [
        ("qqq", ValueError, "There is no metric 'qqq'. Those that are known: si_sdr"),
        ("SI-SDR", ValueError, "Did you mean 'si_sdr'"),
        ([], ValueError, "at least one metric"),
        (["sdr", "sdr"], ValueError, "each metric once, got 'sdr' again"),
        ([3], TypeError, "A metric must be a name, a function"),
    ],
)
def test_what_is_no_metric(metrics, error, message):
    with pytest.raises(error, match=message):
        find_metrics(metrics)


def test_improvements_need_the_mixture(clip):
    with pytest.raises(ValueError, match="'si_sdr_improvement' needs mixture, got None"):
        score_sources(*clip, "si_sdr_improvement")
    gained = score_sources(*clip, "si_sdr_improvement", mixture=clip[0].sum(axis=0))
    assert (gained["si_sdr_improvement"] > 5).all()


def test_shapes(clip):
    with pytest.raises(ValueError, match=r"references must have the shape \(n_sources, "):
        score_sources(clip[0][0], clip[1][0], "sdr")


@pytest.mark.parametrize(
    ("references", "estimates"),
    [((2, 2, 800), (2, 1600)), ((2, 2, 800), (2, 4, 400)), ((2, 800), (3, 800))],
)
def test_references_and_estimates_have_one_shape(references, estimates):
    with pytest.raises(
        ValueError, match=r"references of shape .* and estimates of shape .* do not"
    ):
        score_sources(np.ones(references), np.ones(estimates), "si_sdr")


@pytest.mark.parametrize("metric", ["si_sdr_improvement", "log_kurtosis_ratio", "si_sdr"])
def test_the_mixture_is_checked_by_itself(clip, metric):
    images = [np.stack([one, one[::-1]], axis=1) for one in clip]
    mixture = images[0].sum(axis=0)
    for shape in [(16000,), (2, 2, 8000), (1, 8000), (4, 4000)]:
        with pytest.raises(ValueError, match=r"mixture of shape .* and references of shape .* do"):
            score_sources(*images, metric, sample_rate=8000, mixture=np.ones(shape))
    with pytest.raises(ValueError, match=r"mixture has 7999 samples, but references .* have 8000"):
        score_sources(*images, metric, sample_rate=8000, mixture=mixture[:, 1:])
    mixture[0, 0] = np.nan
    with pytest.raises(ValueError, match="Input mixture contains NaN"):
        score_sources(*images, metric, sample_rate=8000, mixture=mixture)


def test_warnings_point_to_the_call(clip):
    sources, estimates = clip[0].copy(), clip[1]
    sources[0] = 0
    names = ["si_sdr", "sdr", "si_sir", "snr", "over_smoothing", "si_sdr_improvement"]
    with pytest.warns(UserWarning, match="1 reference.*silent") as caught:
        score_sources(sources, estimates, names, sample_rate=8000, mixture=clip[0].sum(axis=0))
    assert {warning.filename for warning in caught} == {__file__}


def test_the_least_of_narrowband_pesq():
    assert METRICS["pesq_narrowband"].low == 1.017
