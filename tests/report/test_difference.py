"""The picture of what an estimate has too much and too little of."""

import base64
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from skbss.report._difference import (
    AUDIBLE_DB,
    DIFFERENCE_DB,
    MISSING,
    TOO_MUCH,
    difference_data_uri,
    level_difference,
)

powers = hnp.arrays(np.float64, (3, 4), elements=st.floats(0, 1e6))


def picture(difference):
    data = difference_data_uri(np.asarray(difference, float)).removeprefix("data:image/png;base64,")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGBA"))


def test_the_difference_is_in_decibels():
    estimate, reference = np.array([[10.0, 1.0, 1.0]]), np.array([[1.0, 100.0, 1.0]])
    found = level_difference(estimate, reference, loudest=100.0)
    np.testing.assert_allclose(found, [[10.0, -20.0, 0.0]], atol=1e-12)


def test_what_nobody_hears_is_no_difference():
    quiet = 10 ** (-AUDIBLE_DB / 10)
    estimate, reference = np.array([[0.0, quiet / 2, 0.0]]), np.array([[quiet / 10, 0.0, 1.0]])
    found = level_difference(estimate, reference, loudest=1.0)
    np.testing.assert_allclose(found, [[0.0, 0.0, -AUDIBLE_DB]], atol=1e-12)


def test_silence_differs_from_nothing():
    assert not level_difference(np.zeros((2, 2)), np.zeros((2, 2)), loudest=0.0).any()


def test_the_smallest_number_is_a_level_too():
    tiny = np.array([[5e-324, 0.0]])
    found = level_difference(tiny, tiny[:, ::-1], loudest=5e-324)
    np.testing.assert_allclose(found, [[AUDIBLE_DB, -AUDIBLE_DB]], atol=1e-12)


@given(estimate=powers, reference=powers)
@settings(deadline=None)
def test_exchanging_the_two_turns_the_sign(estimate, reference):
    loudest = max(estimate.max(), reference.max())
    there = level_difference(estimate, reference, loudest=loudest)
    back = level_difference(reference, estimate, loudest=loudest)
    np.testing.assert_allclose(there, -back, atol=1e-9)
    assert np.abs(there).max() <= AUDIBLE_DB + 1e-9


def test_red_is_too_much_and_blue_is_missing():
    pixels = picture([[DIFFERENCE_DB, -DIFFERENCE_DB, 0.0, 2 * DIFFERENCE_DB]])[0]
    assert tuple(pixels[0]) == (*TOO_MUCH, 255)
    assert tuple(pixels[1]) == (*MISSING, 255)
    assert pixels[2][3] == 0
    assert tuple(pixels[3]) == tuple(pixels[0])


def test_more_difference_is_less_transparent():
    steps = np.linspace(0, DIFFERENCE_DB, 20)
    for sign in (1, -1):
        opacity = picture([sign * steps])[0, :, 3].astype(int)
        assert (np.diff(opacity) > 0).all()
    # As far on one side as on the other.
    both = picture([steps, -steps])[..., 3].astype(int)
    np.testing.assert_array_equal(both[0], both[1])


def test_the_lowest_frequency_is_at_the_bottom():
    pixels = picture([[DIFFERENCE_DB], [0.0]])
    assert pixels[1, 0, 3] == 255
    assert pixels[0, 0, 3] == 0


@pytest.mark.parametrize("shape", [(1, 1), (180, 900)])
def test_any_size(shape):
    assert picture(np.zeros(shape)).shape == (*shape, 4)
