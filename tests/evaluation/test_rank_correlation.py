"""Rank correlations: the same as SciPy's, within items, with intervals that mean something."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from skbss.evaluation._rank_correlation import agreement, rank_correlations

OPTIONS = {"n_resamples": 500, "confidence": 0.95, "seed": 0}
scores = st.integers(2, 12).flatmap(
    lambda n: hnp.arrays(float, (2, n), elements=st.integers(-4, 4).map(float))
)


@settings(deadline=None)
@given(pair=scores)
def test_same_as_scipy(pair):
    x, y = pair
    rho, tau = rank_correlations(x, y)
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        assert np.isnan([rho, tau]).all()
    else:
        assert rho == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
        assert tau == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-12)


@settings(deadline=None)
@given(pair=scores)
def test_only_the_order_counts(pair):
    x, y = pair
    expected = rank_correlations(x, y)
    np.testing.assert_allclose(rank_correlations(np.exp(x), y), expected, atol=1e-12)
    np.testing.assert_allclose(rank_correlations(y, x), expected, atol=1e-12)
    np.testing.assert_allclose(rank_correlations(-x, y), -np.array(expected), atol=1e-12)


def test_infinite_scores_have_a_rank():
    rho, tau = rank_correlations([1.0, 2.0, np.inf, np.inf], [1.0, 2.0, 3.0, 3.0])
    assert (rho, tau) == (1, 1)


def test_correlation_is_within_items_not_over_them():
    rng = np.random.default_rng(0)
    # Items of different difficulty: over all values the scores agree, within items they do not.
    difficulty = 100 * np.arange(8)[:, None]
    x = rng.standard_normal((8, 6))
    found = agreement(x + difficulty, difficulty - x, np.arange(8), **OPTIONS)
    assert (found.spearman, found.kendall) == (-1, -1)
    assert found.spearman_interval == (-1, -1)


def test_mean_over_items_and_bootstrap_over_units():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 9, 6))
    units = [0, 0, 0, 1, 1, 2, 2, 2, 2]
    found = agreement(x, y, units, **OPTIONS)
    rho = np.array([stats.spearmanr(one, other).statistic for one, other in zip(x, y, strict=True)])
    assert found.spearman == pytest.approx(rho.mean())
    assert (found.n_items, found.n_units, found.n_systems) == (9, 3, (6, 6))
    of_units = [rho[:3], rho[3:5], rho[5:]]
    drawn = [np.concatenate([of_units[k] for k in draw]).mean() for draw in np.ndindex(3, 3, 3)]
    # With three units there are 27 equally likely draws, the ends of which the percentiles meet.
    assert found.spearman_interval[0] >= min(drawn) - 1e-9
    assert found.spearman_interval[1] <= max(drawn) + 1e-9
    assert found.spearman_interval[0] < found.spearman < found.spearman_interval[1]


def test_intervals_cover_as_they_claim():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(80):
        x, y = rng.standard_normal((2, 15, 6))
        low, high = agreement(x, y, np.arange(15), **OPTIONS).spearman_interval
        covered += low <= 0 <= high
    # 95 % of 80 are 76; the percentiles of few units are somewhat too narrow.
    assert 68 <= covered <= 79


def test_missing_scores_leave_the_system_out():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 4, 7))
    x[0, 3] = y[1, 5] = np.nan
    found = agreement(x, y, np.arange(4), **OPTIONS)
    expected = [
        stats.spearmanr(np.delete(x[0], 3), np.delete(y[0], 3)).statistic,
        stats.spearmanr(np.delete(x[1], 5), np.delete(y[1], 5)).statistic,
        stats.spearmanr(x[2], y[2]).statistic,
        stats.spearmanr(x[3], y[3]).statistic,
    ]
    assert found.spearman == pytest.approx(np.mean(expected))
    assert found.n_systems == (6, 7)


def test_items_without_a_coefficient_are_counted():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 6, 5))
    x[0, :2] = np.nan
    y[1] = 3.0
    x[2] = np.nan
    found = agreement(x, y, np.arange(6), **OPTIONS)
    assert (found.n_items, found.n_short, found.n_constant) == (3, 1, 1)


def test_one_unit_gives_no_interval():
    x, y = np.random.default_rng(0).standard_normal((2, 3, 6))
    found = agreement(x, y, [7, 7, 7], **OPTIONS)
    assert np.isfinite([found.spearman, found.kendall]).all()
    assert np.isnan([*found.spearman_interval, *found.kendall_interval]).all()
    assert (found.n_items, found.n_units) == (3, 1)


def test_nothing_to_correlate():
    found = agreement(np.ones((2, 5)), np.ones((2, 5)), [0, 1], **OPTIONS)
    assert np.isnan([found.spearman, *found.kendall_interval]).all()
    assert (found.n_items, found.n_constant, found.n_systems) == (0, 2, (0, 0))
