"""What is known about a metric, so that it can be computed and read by its name."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import numpy as np

Computation = Callable[..., Mapping[str, np.ndarray]]


@dataclass(frozen=True)
class Metric:
    """A number for every source, and how to read it.

    Parameters
    ----------
    name : str
        By which it is asked for, such as "si_sdr".
    title : str
        As tables show it, such as "SI-SDR".
    unit : str
        Such as "dB"; empty for a bare number.
    best : float
        The best value: infinity where higher is always better, 0 for an error.
    low, high : float
        The range of its values.
    definition : str
        In one sentence: what is computed, by which definition or package.
    compute : callable
        Called as ``compute(references, estimates, sample_rate=..., mixture=...)`` with arrays of
        shape (n_sources, length), or (n_sources, n_channels, length) for a metric of several
        channels. Returns a mapping of names to arrays of shape (n_sources,), one of them under
        this metric's name. Metrics that share it are computed together.
    perceptual : bool, default=False
        Whether it models what listeners hear.
    needs_sample_rate, needs_mixture : bool, default=False
        What it can not be computed without.
    multichannel : bool, default=False
        Whether it takes the channels as they are; other metrics take them one after another as
        one long signal.
    package, extra : str, optional
        The package that it needs beside skbss's own, and the extra of skbss that installs it.

    See Also
    --------
    skbss.metrics.METRICS : Those that come with skbss.
    skbss.metrics.score_sources : Computes several.

    Examples
    --------
    >>> from skbss.metrics import METRICS
    >>> METRICS["si_sdr"].unit, METRICS["si_sdr"].direction
    ('dB', 'Higher is better.')
    >>> METRICS["si_sdr"].heading
    'SI-SDR (dB)'
    """

    name: str
    title: str
    unit: str
    best: float
    low: float
    high: float
    definition: str
    compute: Computation = field(repr=False)
    perceptual: bool = False
    needs_sample_rate: bool = False
    needs_mixture: bool = False
    multichannel: bool = False
    package: str | None = None
    extra: str | None = None

    def check_available(self) -> None:
        """Refuse a metric whose package is not installed.

        Raises
        ------
        ImportError
            Saying what to install.
        """
        if self.package is not None and find_spec(self.package) is None:
            raise ImportError(
                f"The metric {self.name!r} needs the package {self.package}, which is not "
                f'installed: pip install "skbss[{self.extra}]"'
            )

    @property
    def heading(self) -> str:
        """Title and unit, as they stand above a column: "SI-SDR (dB)"."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def direction(self) -> str:
        """How to read its values, in a sentence."""
        if self.best >= self.high:
            return "Higher is better."
        return "Lower is better." if self.best <= self.low else f"{self.best:g} is best."

    def goodness(self, values: Any) -> Any:
        """Values turned such that higher is better.

        Parameters
        ----------
        values : float or array
            Of this metric.

        Returns
        -------
        goodness : float or array
            As the function `goodness` gives it.
        """
        return goodness(values, self.best)


def goodness(values: Any, best: float) -> Any:
    """Values turned such that higher is better.

    Parameters
    ----------
    values : float or array
        Of any metric.
    best : float
        Its best value.

    Returns
    -------
    goodness : float or array
        The values themselves where the best is infinity, their negative where it is minus
        infinity, else the negative distance from the best.
    """
    if math.isinf(best):
        return values if best > 0 else -values
    return -abs(values - best)
