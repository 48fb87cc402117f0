"""What stands in the cells of the tables."""

import math

import numpy as np

from . import published

METRICS = {"sir": "SIR (dB)", "sdr": "SDR (dB)", "sar": "SAR (dB)", "pesq": "PESQ"}
UNKNOWN = "unknown"


def number(value, digits=1):
    """A minus sign, and a dash for what is not there."""
    if value is None or math.isnan(value):
        return "\N{EN DASH}"
    # Zero has no sign.
    value = round(value, digits) + 0.0
    return f"{value:.{digits}f}".replace("inf", "∞").replace("-", "\N{MINUS SIGN}")


def spread(values, digits=1):
    """Mean and standard deviation over seeds."""
    values = np.asarray(values)
    text = number(values.mean(), digits)
    if len(values) < 2 or not np.isfinite(values).all():
        return text
    return f"{text} ± {number(values.std(ddof=1), digits)}"


def percent(share):
    """Rounded down, so that nothing is flattered."""
    return f"{math.floor(100 * share)} %"


def within(count, limit):
    """A number of iterations, or that there would be more."""
    return number(count, 0) if math.isfinite(count) else f"> {limit}"


def digits_of(metric):
    """Of what is shown."""
    return 2 if metric == "pesq" else 1


def claimed(system, metric):
    """The paper's figure."""
    value = published.SEPARATION.get(system, {}).get(metric)
    return UNKNOWN if value is None else number(value, digits_of(metric))
