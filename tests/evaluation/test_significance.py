"""Significance: scipy's test, Holm's correction, what is equal or infinite."""

import numpy as np
import pytest
from scipy.stats import wilcoxon

from skbss.evaluation._significance import holm, paired_p_value


def test_the_test_of_wilcoxon():
    rng = np.random.default_rng(0)
    first, second = rng.random(12), rng.random(12) + 0.4
    assert paired_p_value(first, second) == pytest.approx(wilcoxon(first, second).pvalue)
    assert paired_p_value(first, second) == paired_p_value(second, first)
    assert paired_p_value(first, second) < 0.05 < paired_p_value(first, first[::-1])


def test_what_can_not_be_compared():
    values = np.arange(8.0)
    assert paired_p_value(values, values) == 1
    assert np.isnan(paired_p_value(values[:1], values[1:2]))
    gaps = np.where(values < 6, np.nan, values)
    assert paired_p_value(values + 1, gaps) == paired_p_value(values[6:] + 1, values[6:])


def test_infinite_scores_are_equal_or_differ_most():
    values = np.arange(7.0)
    infinite = np.append(values, np.inf)
    assert paired_p_value(infinite, infinite) == 1
    assert paired_p_value(infinite, np.append(values - 1, np.inf)) < 0.05
    large = paired_p_value(np.append(values, 1e9), np.append(values - 1, 0))
    assert paired_p_value(infinite, np.append(values - 1, 0)) == pytest.approx(large)


def test_the_correction_of_holm():
    # The example of Holm's paper: 0.01, 0.04, 0.03, 0.005 at level 0.05.
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.5, np.nan, 0.01]), [0.5, np.nan, 0.02])
    np.testing.assert_array_equal(holm([0.9, 0.8]), [1, 1])
    assert len(holm([])) == 0
