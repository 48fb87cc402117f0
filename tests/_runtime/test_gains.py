"""Gains that can be drawn, or are refused before anything is drawn."""

import numpy as np
import pytest
from scipy.stats import gamma, norm, uniform

from skbss._runtime.gains import check_gains, draw_gains


class Drawn:
    """A distribution that says what it draws."""

    def __init__(self, value):
        self.value = value

    def rvs(self, size=None, random_state=None):
        return self.value


class WithoutState:
    def rvs(self):
        return 1.0


class Picked:
    """Of a method that only one kind of NumPy's generators has."""

    def __init__(self, method):
        self.method = method

    def rvs(self, random_state):
        return [-3, 0, 3][getattr(random_state, self.method)(3)]


@pytest.mark.parametrize("rng", [np.random.RandomState(0), np.random.default_rng(0)])
def test_numbers_stay_and_distributions_are_drawn(rng):
    gains = check_gains([uniform(3, 6), -20, np.float32(1.5)], 3)
    drawn = np.stack([draw_gains(gains, rng) for _ in range(50)])
    assert drawn[:, 0].min() >= 3
    assert drawn[:, 0].max() <= 9
    assert np.ptp(drawn[:, 0]) > 3
    np.testing.assert_array_equal(drawn[:, 1:], np.tile([-20, 1.5], (50, 1)))


def test_what_is_tried_leaves_the_draws_as_they_are():
    gains = check_gains(uniform(-5, 10), 2)
    rng, own = np.random.default_rng(3), np.random.default_rng(3)
    expected = [uniform(-5, 10).rvs(random_state=own) for _ in range(2)]
    np.testing.assert_array_equal(draw_gains(gains, rng), expected)


@pytest.mark.parametrize("value", [np.array([3.0]), np.array(3), np.array([[3]]), 3, [3.0]])
def test_one_number_in_an_array_is_a_number(value):
    drawn = draw_gains(check_gains(Drawn(value), 2), np.random.RandomState(0))
    np.testing.assert_array_equal(drawn, [3.0, 3.0])


def test_rare_draws_beyond_the_range_are_brought_back():
    gains, rng = check_gains(norm(0, 50), 1), np.random.RandomState(0)
    drawn = np.concatenate([draw_gains(gains, rng) for _ in range(5000)])
    rng = np.random.RandomState(0)
    free = np.concatenate([norm(0, 50).rvs(1, random_state=rng) for _ in range(5000)])
    assert np.abs(free).max() > 150
    np.testing.assert_array_equal(drawn, np.clip(free, -150, 150))


@pytest.mark.parametrize(
    ("method", "rng"),
    [("integers", np.random.default_rng(0)), ("randint", np.random.RandomState(0))],
)
def test_one_kind_of_generator_is_enough(method, rng):
    (drawn,) = draw_gains(check_gains(Picked(method), 1), rng)
    assert drawn in (-3, 0, 3)


def test_another_kind_of_generator_is_told():
    gains = check_gains(Picked("integers"), 1, "remix_db")
    with pytest.raises(TypeError, match=r"remix_db must be .* raises AttributeError"):
        draw_gains(gains, np.random.RandomState(0), "remix_db")


@pytest.mark.parametrize(
    ("gain_db", "error", "message"),
    [
        (
            WithoutState(),
            TypeError,
            r"rvs\(random_state=...\), but that of .*WithoutState.* raises",
        ),
        (WithoutState, TypeError, "got the class WithoutState: pass an instance"),
        (gamma, TypeError, "raises TypeError: .*missing"),
        (Drawn("loud"), TypeError, "draws 'loud'"),
        (Drawn(None), TypeError, "draws None"),
        (Drawn(1j), TypeError, "draws 1j"),
        (Drawn(True), TypeError, "draws True"),
        (Drawn(np.ones(2)), TypeError, r"draws array\(\[1\., 1\.\]\)"),
        (Drawn([[1], [1, 2]]), TypeError, "raises ValueError: .*inhomogeneous"),
        (Drawn(np.nan), ValueError, "must not be NaN"),
        (norm(500, 1), ValueError, "from -150 dB to 150 dB, got a distribution around 50"),
        (Drawn(-np.inf), ValueError, "from -150 dB to 150 dB, got a distribution around -inf"),
        (151, ValueError, "from -150 dB to 150 dB, got 151"),
        (np.nan, ValueError, "from -150 dB to 150 dB, got nan"),
        ("loud", TypeError, "must be a number or a distribution"),
        ([0, 0, 0], ValueError, "one for each of the 2 sources, got 3"),
    ],
)
def test_refusals(gain_db, error, message):
    with pytest.raises(error, match=message):
        check_gains(gain_db, 2)
    if not isinstance(gain_db, list):
        with pytest.raises(error, match=message):
            check_gains([0, gain_db], 2)
