"""Painted masks: what follows from them, and what contradicts itself."""

import numpy as np
import pytest

from skbss.guidance import painted_activations
from skbss.guidance._paint import check_paint, completed_shares

NAN = np.nan


def completed(*paints):
    shape = np.shape(next(p for p in paints if p is not None))
    given = [None if p is None else check_paint(p, shape, "paint") for p in paints]
    return completed_shares(given)


def test_the_last_source_has_the_rest():
    np.testing.assert_allclose(
        completed([0.3, 1, NAN], [NAN, NAN, 0.25]), [[0.3, 1, 0.75], [0.7, 0, 0.25]]
    )


def test_nothing_is_left_where_all_is_given_away():
    shares = completed([1.0, 0.5], None, [NAN, 0.5])
    np.testing.assert_array_equal(shares, [[1, 0.5], [0, 0], [0, 0.5]])


def test_what_is_not_known_stays_so():
    shares = completed([0.2, NAN, NAN], None, None)
    np.testing.assert_array_equal(np.isnan(shares[0]), [False, True, True])
    assert np.isnan(shares[1:]).all()


def test_a_single_source_has_all():
    np.testing.assert_array_equal(completed([NAN, 1]), [[1, 1]])


def test_rounding_is_taken_away():
    shares = completed(np.float32([1 / 3]), np.float32([1 / 3]), np.float32([1 / 3 + 2e-5]))
    np.testing.assert_allclose(shares.sum(axis=0), 1, rtol=1e-7)


@pytest.mark.parametrize(
    ("paints", "total"), [(([0.7], [0.7]), "1.4"), (([0.2], [0.2]), "0.4"), (([1], [1]), "2")]
)
def test_shares_that_contradict_each_other(paints, total):
    with pytest.raises(ValueError, match=rf"adds up to {total} at \(frame, frequency\) \(0,\)"):
        completed(*paints)


def test_masks_that_are_none():
    with pytest.raises(ValueError, match="shares from 0 to 1, NaN where not known, got -1 to 2"):
        check_paint([-1, 2], (2,), "paint")
    with pytest.raises(ValueError, match=r"must have the shape \(3,\)"):
        check_paint([0, 1], (3,), "paint")
    with pytest.raises(TypeError, match="real numbers"):
        check_paint(["a"], (1,), "paint")
    with pytest.raises(TypeError, match="complex"):
        check_paint([1j], (1,), "paint")


def test_painted_activations_of_bins():
    paint = np.full((2, 4, 3), NAN)
    paint[0, 0] = 0
    paint[0, 1, :2] = 0
    paint[1, 2] = 1
    W = painted_activations(paint, n_components=[2, 1])
    np.testing.assert_array_equal(W[:, 0], [0, 1, 0, 1])
    np.testing.assert_array_equal(W[:, 1], W[:, 0])
    np.testing.assert_array_equal(W[:, 2], 1)


def test_painted_activations_are_checked():
    with pytest.raises(ValueError, match="n_components is given for 1 of 2"):
        painted_activations([[1, 0], [0, 1]], n_components=[1])
    with pytest.raises(ValueError, match="n_components"):
        painted_activations([[1, 0], [0, 1]], n_components=0)
    with pytest.raises(ValueError, match=r"paint must have all rows .*, got \[\[1, 0\], \[0\]\]"):
        painted_activations([[1, 0], [0]])
    with pytest.raises(TypeError, match="n_components must be an instance of int, not list"):
        painted_activations([[1, 0], [0, 1]], n_components=[[1], [1, 2]])
    with pytest.raises(ValueError, match=r"paint must have the shape"):
        painted_activations([1, 0])
