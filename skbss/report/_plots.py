"""Lines and axes of the page, in units of the box they are drawn in.

Positions are shares of the box from 0 to 1, from the left and from the top. The page scales the
lines with its width and keeps the letters at their size, which no picture could do.
"""

import math
from dataclasses import dataclass

import numpy as np

from skbss.report._spectrogram import erb_scale

PATH_WIDTH = 1000
PATH_HEIGHT = 100
_TIME_STEPS = (1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300)
_FREQUENCY_TICKS = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
_CLOSEST_TICKS = 0.07
_MOST_DOTS = 40
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Tick:
    """A label beside an axis, at a share of its length."""

    position: float
    label: str

    @property
    def percent(self) -> str:
        """The position as SVG writes it."""
        return f"{100 * self.position:.2f}%"


def time_ticks(seconds: float, *, most: int = 7) -> list[Tick]:
    """Round times from 0 to `seconds`, at most about `most` of them; minutes as ``m:ss``."""
    step = next((step for step in _TIME_STEPS if seconds / step <= most), 0.0)
    if not step:
        step = 600 * math.ceil(seconds / (600 * most))
    times = [index * step for index in range(int(seconds / step + 1e-9) + 1)]
    clock = step >= 1 and seconds >= 60
    return [
        Tick(time / seconds, f"{int(time) // 60}:{int(time) % 60:02d}" if clock else f"{time:g}")
        for time in times
    ]


def frequency_ticks(edges: np.ndarray, *, closest: float = _CLOSEST_TICKS) -> list[Tick]:
    """Round frequencies on an ERB axis that ends at the first and the last of the edges in Hz."""
    low, high = erb_scale(edges[0]), erb_scale(edges[-1])
    ticks: list[Tick] = []
    for frequency in _FREQUENCY_TICKS:
        position = float((erb_scale(frequency) - low) / (high - low))
        if 0 <= position <= 0.97 and (not ticks or position - ticks[-1].position >= closest):
            label = f"{frequency // 1000}k" if frequency >= 1000 else str(frequency)
            ticks.append(Tick(position, label))
    return ticks


def pool_columns(values: np.ndarray, most: int = 400) -> np.ndarray:
    """At most `most` columns, each the largest of those it stands for, so that no peak is lost."""
    n_columns = values.shape[-1]
    if n_columns <= most:
        return values
    starts = np.arange(most) * n_columns // most
    return np.maximum.reduceat(values, starts, axis=-1)


def area_path(values: np.ndarray) -> str:
    """SVG path of the area under a curve, its largest value at the top of the box.

    Parameters
    ----------
    values : array of shape (n_points,)
        Non-negative; all zeros give a flat line.
    """
    peak = float(values.max(initial=0.0))
    heights = values / peak if peak > 0 else np.zeros_like(values)
    if len(heights) == 1:
        heights = np.repeat(heights, 2)
    across = np.linspace(0, PATH_WIDTH, len(heights))
    down = PATH_HEIGHT * (1 - heights)
    points = "L".join(f"{x:.0f} {y:.1f}" for x, y in zip(across, down, strict=True))
    return f"M0 {PATH_HEIGHT}L{points}L{PATH_WIDTH} {PATH_HEIGHT}Z"


@dataclass(frozen=True)
class LinePlot:
    """A curve, the dots where it is known (none where they would touch), and its axes."""

    path: str
    dots: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    logarithmic: bool


def loss_plot(iterations: np.ndarray, losses: np.ndarray) -> LinePlot | None:
    """The objective over the iterations; logarithmic where it falls by more than a factor of 3.

    None where fewer than two finite values are known.
    """
    from matplotlib.ticker import LogLocator, MaxNLocator

    known = np.isfinite(losses)
    iterations, losses = np.asarray(iterations, float)[known], np.asarray(losses, float)[known]
    if len(losses) < 2 or iterations[-1] <= iterations[0]:
        return None
    low, high = float(losses.min()), float(losses.max())
    logarithmic = low > 0 and high / low > 3
    if logarithmic:
        margin = (high / low) ** 0.05
        low, high = low / margin, high * margin
        heights = np.log(losses / low) / math.log(high / low)
        steps = (1.0, 2.0, 5.0) if high / low < 100 else (1.0,)
        marks = list(LogLocator(subs=steps, numticks=9).tick_values(low, high))
        places = [math.log(mark / low) / math.log(high / low) for mark in marks]
    else:
        margin = 0.05 * (high - low) or 1.0
        low, high = low - margin, high + margin
        heights = (losses - low) / (high - low)
        marks = list(MaxNLocator(4).tick_values(low, high))
        places = [(mark - low) / (high - low) for mark in marks]
    across = (iterations - iterations[0]) / (iterations[-1] - iterations[0])
    points = [
        f"{PATH_WIDTH * x:.1f} {PATH_HEIGHT * (1 - y):.2f}"
        for x, y in zip(across, heights, strict=True)
    ]
    path = "M" + "L".join(points)
    # A short line with round ends is a dot, which stays round when the box is stretched.
    dots = "".join(f"M{point}h0.01" for point in points) if len(points) <= _MOST_DOTS else ""
    span = iterations[-1] - iterations[0]
    x_ticks = [
        Tick((mark - iterations[0]) / span, f"{mark:g}")
        for mark in MaxNLocator(6, integer=True).tick_values(iterations[0], iterations[-1])
        if iterations[0] <= mark <= iterations[-1]
    ]
    y_ticks = [
        Tick(1 - place, _number(mark))
        for place, mark in zip(places, marks, strict=True)
        if 0 <= place <= 1
    ]
    return LinePlot(path, dots, x_ticks, y_ticks, logarithmic)


def _number(value: float) -> str:
    """Few digits, powers of ten as they are printed."""
    text = f"{value:.4g}"
    if "e" not in text:
        return text.replace("-", "\N{MINUS SIGN}")
    digits, exponent = text.split("e")
    power = str(int(exponent)).translate(_SUPERSCRIPT)
    return f"10{power}" if digits == "1" else f"{digits}\N{MULTIPLICATION SIGN}10{power}"
