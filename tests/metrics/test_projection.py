"""Correlations, filters and projections against the matrices that they stand for."""

import numpy as np
import pytest

from skbss.metrics._projection import (
    HOPELESS,
    correlations,
    energies,
    filtered_blocks,
    gram_matrix,
    least_squares,
    own_filters,
    peaks,
    samples,
)


def delayed(signals, n_taps):
    """Matrix of all delayed versions, as its columns."""
    length = signals.shape[-1]
    columns = np.zeros((length + n_taps - 1, len(signals) * n_taps))
    for j, signal in enumerate(signals):
        for delay in range(n_taps):
            columns[delay : delay + length, j * n_taps + delay] = signal
    return columns


def at_own_level(references, estimates, n_taps):
    levels = np.ones(len(references)), np.ones(len(estimates))
    return correlations(references, levels[0], estimates, levels[1], n_taps)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


# The last is longer than a block.
@pytest.mark.parametrize(("length", "n_lags"), [(5, 1), (40, 40), (300, 7), (20000, 50)])
def test_correlations(length, n_lags):
    s, s_hat = noise(2, length), noise(2, length, seed=1)
    levels = np.array([2.0, 4.0]), np.array([0.5, 1.0])
    among, between = correlations(s, levels[0], s_hat, levels[1], n_lags)
    assert among.shape == between.shape == (2, 2, n_lags)
    for i in range(2):
        for j in range(2):
            for found, other, level in ((among, s, levels[0]), (between, s_hat, levels[1])):
                expected = [s[i, : length - lag] @ other[j, lag:] for lag in range(n_lags)]
                np.testing.assert_allclose(
                    found[i, j], np.array(expected) / levels[0][i] / level[j], atol=1e-10
                )


def test_gram_matrix():
    s = noise(3, 100)
    columns = delayed(s, 12)
    among, _ = at_own_level(s, s, 12)
    np.testing.assert_allclose(gram_matrix(among), columns.T @ columns, atol=1e-12)


@pytest.mark.parametrize("scale", [1, 1e-4])
def test_least_squares(scale):
    s, s_hat = noise(2, 200) * [[1], [scale]], noise(3, 200, seed=1)
    among, between = at_own_level(s, s_hat, 9)
    filters, condition = least_squares(among, between)
    columns = delayed(s, 9)
    padded = np.pad(s_hat, ((0, 0), (0, 8)))
    expected = np.linalg.lstsq(columns, padded.T)[0].T
    np.testing.assert_allclose(filters.reshape(3, 18), expected, rtol=1e-9)
    unit = columns / np.linalg.norm(columns, axis=0)
    true_condition = np.linalg.cond(unit.T @ unit)
    assert true_condition / 18 < condition < 18 * true_condition
    for j in range(2):
        expected = np.linalg.lstsq(delayed(s[j : j + 1], 9), padded.T)[0].T
        np.testing.assert_allclose(own_filters(among, between, condition)[j], expected, rtol=1e-9)


def test_least_squares_of_what_is_singular():
    s, s_hat = noise(2, 200)[[0, 1, 0]], noise(2, 200, seed=1)
    among, between = at_own_level(s, s_hat, 9)
    filters, condition = least_squares(among, between)
    assert condition > HOPELESS
    padded = np.pad(s_hat, ((0, 0), (0, 8)))
    expected = np.linalg.lstsq(delayed(s, 9), padded.T, rcond=1e-10)[0].T
    # The first and the last are the same: what is left open is how they share.
    np.testing.assert_allclose(filters.reshape(2, 27), expected, atol=1e-3)
    shared = filters[:, 0] + filters[:, 2]
    np.testing.assert_allclose(shared, expected[:, :9] + expected[:, 18:], atol=1e-12)
    np.testing.assert_allclose(
        own_filters(among, between, condition)[1],
        np.linalg.lstsq(delayed(s[1:2], 9), padded.T)[0].T,
        rtol=1e-9,
    )


@pytest.mark.parametrize(("length", "n_taps"), [(1, 1), (30, 30), (500, 4), (20000, 33)])
def test_filtered_blocks(length, n_taps):
    s, filters = noise(2, length), noise(3, 2, n_taps, seed=1)
    levels = np.array([2.0, 0.25])
    blocks = list(filtered_blocks(s, levels, filters))
    starts = [start for start, _ in blocks]
    found = np.concatenate([block for _, block in blocks], axis=-1)
    assert starts == list(np.cumsum([0] + [b.shape[-1] for _, b in blocks[:-1]]))
    expected = [
        sum(np.convolve(s[i] / levels[i], filters[p, i]) for i in range(2)) for p in range(3)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-11)


@pytest.mark.parametrize("start", [-20, -3, 0, 4, 30])
def test_samples_are_zero_outside(start):
    s = np.arange(1.0, 21.0).reshape(2, 10)
    found = samples(s, np.array([1.0, 2.0]), start, 8)
    padded = np.pad(s / [[1], [2]], ((0, 0), (30, 50)))
    np.testing.assert_array_equal(found, padded[:, 30 + start : 38 + start])


def test_peaks_and_energies():
    s = np.concatenate([noise(2, 30000), np.zeros((1, 30000))])
    np.testing.assert_array_equal(peaks(s), np.abs(s).max(axis=-1))
    np.testing.assert_allclose(
        energies(s, np.array([1, 2, 1])), np.square(s).sum(axis=-1) / [1, 4, 1]
    )
