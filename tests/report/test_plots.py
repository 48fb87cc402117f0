"""Axes and curves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skbss.report._plots import area_path, frequency_ticks, loss_plot, pool_columns, time_ticks
from skbss.report._spectrogram import erb_rows


@settings(deadline=None)
@given(st.floats(1e-3, 1e6))
def test_time_ticks_are_few_increasing_and_inside(seconds):
    ticks = time_ticks(seconds)
    positions = [tick.position for tick in ticks]
    assert 1 <= len(ticks) <= 9
    assert positions == sorted(set(positions))
    assert positions[0] == 0
    assert positions[-1] <= 1 + 1e-9
    assert len({tick.label for tick in ticks}) == len(ticks)


def test_minutes_are_written_as_a_clock():
    assert [tick.label for tick in time_ticks(180.0)] == [
        "0:00", "0:30", "1:00", "1:30", "2:00", "2:30", "3:00",
    ]  # fmt: skip


@settings(deadline=None)
@given(st.floats(200, 400_000))
def test_frequency_ticks_lie_inside_and_apart(rate):
    ticks = frequency_ticks(erb_rows(100, rate))
    assert all(0 <= tick.position <= 1 for tick in ticks)
    gaps = np.diff([tick.position for tick in ticks])
    assert (gaps >= 0.069).all()


def test_no_peak_is_lost_by_drawing_fewer_points():
    curve = np.zeros((1, 10_000))
    curve[0, 5_432] = 1.0
    pooled = pool_columns(curve)
    assert pooled.shape == (1, 400)
    assert pooled.max() == 1.0


@pytest.mark.parametrize("values", [[0.0], [0.0, 0.0], [1e-300, 2e-300], [5.0], [0.0, 1.0, 0.5]])
def test_an_area_stays_in_its_box(values):
    path = area_path(np.array(values))
    numbers = [float(x) for x in path.strip("MZ").replace("L", " ").split()]
    assert all(0 <= x <= 1000 for x in numbers[::2])
    assert all(0 <= y <= 100 for y in numbers[1::2])


def test_a_loss_that_falls_far_is_drawn_logarithmically():
    steps = np.array([0, 10, 20])
    assert loss_plot(steps, np.array([1000.0, 10.0, 1.0])).logarithmic
    assert not loss_plot(steps, np.array([3.0, 2.0, 1.5])).logarithmic


def test_dots_mark_the_values_while_there_are_few():
    steps = np.arange(5)
    plot = loss_plot(steps, 6.0 - steps)
    assert [dot.removesuffix("h0.01") for dot in plot.dots.split("M")[1:]] == plot.path[1:].split(
        "L"
    )
    assert loss_plot(np.arange(500), 1000.0 - np.arange(500)).dots == ""


@pytest.mark.parametrize("losses", [[], [1.0], [np.nan, np.inf]])
def test_no_curve_without_two_values(losses):
    assert loss_plot(np.arange(len(losses)), np.array(losses)) is None


def test_a_loss_of_zero_or_without_fall_is_drawn():
    assert loss_plot(np.array([0, 1]), np.array([0.0, 0.0])).path
    assert loss_plot(np.array([0, 1]), np.array([5.0, 0.0])).path
