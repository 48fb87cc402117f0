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


def test_mean_over_items():
    x, y = np.random.default_rng(0).standard_normal((2, 9, 6))
    found = agreement(x, y, [0, 0, 0, 1, 1, 2, 2, 2, 2], **OPTIONS)
    assert found.spearman == pytest.approx(np.mean(correlations(x, y)))
    assert (found.n_items, found.n_units, found.n_systems) == (9, 3, (6, 6))


def correlations(x, y):
    return [stats.spearmanr(one, other).statistic for one, other in zip(x, y, strict=True)]


def test_intervals_are_those_of_student_over_units():
    x, y = np.random.default_rng(0).standard_normal((2, 24, 6))
    # Eight units of three items each, in any order.
    units = np.arange(24) % 8
    found = agreement(x, y, units, **OPTIONS)
    of_units = np.reshape(correlations(x, y), (3, 8)).mean(axis=0)
    expected = stats.ttest_1samp(of_units, 0).confidence_interval(0.95)
    assert found.spearman_interval == pytest.approx(expected)


def test_intervals_are_those_of_the_bootstrap_where_these_are_wider():
    # Nearly everything is in one unit: its loss is what Student's t does not know of.
    x, y = np.random.default_rng(0).standard_normal((2, 25, 6))
    y[5:] = x[5:]
    units = [0, 1, 2, 3, 4, *[5] * 20]
    rho = np.array(correlations(x, y))
    drawn = np.random.default_rng(0).integers(6, size=(500, 6))
    sums, sizes = np.append(rho[:5], 20), np.array([1, 1, 1, 1, 1, 20])
    expected = np.quantile(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), 0.025)
    found = agreement(x, y, units, **OPTIONS)
    assert found.spearman_interval[0] == pytest.approx(expected)
    assert found.spearman_interval[1] == 1


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1, 1, 1), (1, 1, 1, 1, 1, 9)], ids=str)
def test_intervals_of_few_units_cover_as_they_claim(sizes):
    rng = np.random.default_rng(0)
    units = np.repeat(np.arange(6), sizes)
    covered = 0
    for _ in range(200):
        x, y = rng.standard_normal((2, len(units), 5))
        low, high = agreement(x, y, units, **(OPTIONS | {"n_resamples": 200})).spearman_interval
        covered += low <= 0 <= high
    # 95 % of 200 are 190; the percentiles of the bootstrap alone cover 175 to 180.
    assert 186 <= covered < 200


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


@pytest.mark.parametrize("n_units", [1, 5])
def test_fewer_than_six_units_give_no_interval(n_units):
    x, y = np.random.default_rng(0).standard_normal((2, 15, 6))
    found = agreement(x, y, np.arange(15) % n_units, **OPTIONS)
    assert np.isfinite([found.spearman, found.kendall]).all()
    assert np.isnan([*found.spearman_interval, *found.kendall_interval]).all()
    assert (found.n_items, found.n_units) == (15, n_units)


def test_nothing_to_correlate():
    found = agreement(np.ones((2, 5)), np.ones((2, 5)), [0, 1], **OPTIONS)
    assert np.isnan([found.spearman, *found.kendall_interval]).all()
    assert (found.n_items, found.n_constant, found.n_systems) == (0, 2, (0, 0))
