"""Gains over the mixture."""

import numpy as np
import pytest

from skbss.metrics import bss_eval, sdr_improvement, si_sdr, snr


@pytest.fixture
def clip():
    rng = np.random.default_rng(0)
    sources = rng.standard_normal((2, 2, 4000))
    return sources, sources + 0.2 * sources[:, ::-1], sources.sum(axis=1)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("sdr", lambda s, s_hat: bss_eval(s, s_hat, permute=False).sdr),
        ("si_sdr", si_sdr),
        ("snr", snr),
    ],
)
def test_difference_of_the_ratios(clip, name, function):
    sources, estimates, mixture = clip
    unseparated = np.stack([mixture] * 2, axis=1)
    expected = function(sources, estimates) - function(sources, unseparated)
    np.testing.assert_allclose(sdr_improvement(*clip, metric=name), expected)
    np.testing.assert_allclose(sdr_improvement(*clip, metric=function), expected)
    assert (expected > 10).all()


def test_the_mixture_itself_gains_nothing(clip):
    sources, _, mixture = clip
    unseparated = np.stack([mixture] * 2, axis=1)
    np.testing.assert_array_equal(sdr_improvement(sources, unseparated, mixture), np.zeros((2, 2)))


def test_a_source_that_is_the_mixture_can_not_gain(clip):
    source = clip[0][0, :1]
    with pytest.warns(UserWarning, match="can not be told from the mixture"):
        gained = sdr_improvement(source, source, source[0], metric="si_sdr")
    assert np.isnan(gained).all()


def test_lengths(clip):
    sources, estimates, mixture = clip
    with pytest.raises(ValueError, match=r"mixture has 3999 samples, but references .* have 4000"):
        sdr_improvement(sources, estimates, mixture[..., :-1])
    np.testing.assert_allclose(
        sdr_improvement(
            sources, estimates[..., :-5], mixture[..., :-9], metric="snr", align="trim"
        ),
        sdr_improvement(sources[..., :-9], estimates[..., :-9], mixture[..., :-9], metric="snr"),
    )


def test_errors(clip):
    sources, estimates, mixture = clip
    with pytest.raises(ValueError, match="metric must be one of sdr, si_sdr, snr or a function"):
        sdr_improvement(*clip, metric="sir")
    with pytest.raises(ValueError, match="mixture must have the shape of one source"):
        sdr_improvement(sources, estimates, mixture[0])


def test_the_mixture_is_checked_by_itself(clip):
    sources, estimates, mixture = clip
    with pytest.raises(ValueError, match="Input mixture contains NaN"):
        sdr_improvement(sources, estimates, np.full_like(mixture, np.nan))
    for shape in [(2, 2, 4000), (3, 4000), ()]:
        with pytest.raises(
            ValueError, match=r"mixture of shape .* the shape of one source, \(2, 4"
        ):
            sdr_improvement(sources, estimates, np.ones(shape), align="trim")


@pytest.mark.parametrize("metric", ["sdr", "si_sdr", "snr"])
def test_silence_is_said_once_where_the_call_is(clip, metric):
    sources, estimates, mixture = clip
    sources = sources.copy()
    sources[0, 0] = 0
    with pytest.warns(UserWarning, match="1 reference.*silent") as caught:
        gained = sdr_improvement(sources, estimates, mixture, metric=metric)
    assert [warning.filename for warning in caught] == [__file__]
    assert np.isnan(gained[0, 0])
    assert np.isfinite(gained[1]).all()
