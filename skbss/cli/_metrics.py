"""Which metrics are computed, and what they are."""

from collections.abc import Mapping
from typing import Any

from skbss.cli._errors import CommandError

_SOURCE_RATIOS = ("sdr", "sir", "sar")
_IMAGE_RATIOS = ("image_sdr", "image_isr", "image_sir", "image_sar")
_SI_SDR = "si_sdr"
_IMPROVEMENT = "si_sdr_improvement"


def find_metrics(names: str | None, *, has_mixture: bool) -> list[Any]:
    """The metrics that were asked for.

    Parameters
    ----------
    names : str or None
        Names of `skbss.metrics.METRICS` with commas between them.
    has_mixture : bool
        Whether what was separated is known.

    Raises
    ------
    CommandError
        If one is not known, or cannot be computed for want of a mixture or a package.
    """
    from skbss.metrics import METRICS

    found = []
    for name in (names or "").split(","):
        if not (name := name.strip()):
            continue
        if name not in METRICS:
            raise CommandError(f"--metrics: there is no '{name}'; there are {', '.join(METRICS)}.")
        if METRICS[name].needs_mixture and not has_mixture:
            raise CommandError(f"--metrics {name} needs the mixture; name it by --mixture.")
        try:
            METRICS[name].check_available()
        except ImportError as error:
            raise CommandError(f"--metrics: {error}") from None
        found.append(METRICS[name])
    return found


def usual_metrics(n_channels: int, *, has_mixture: bool) -> list[Any]:
    """The metrics that are always computed."""
    from skbss.metrics import METRICS

    names = [*(_SOURCE_RATIOS if n_channels == 1 else _IMAGE_RATIOS), _SI_SDR]
    names += [_IMPROVEMENT] if has_mixture else []
    return [METRICS[name] for name in names]


def definition(metric: Any) -> str:
    """What a metric is, and which of its values are good."""
    return f"{metric.definition} {metric.direction}"


def metric_lines(metrics: Mapping[str, Any]) -> list[str]:
    """The metrics that there are, one on a line, and what is needed for them."""
    width = max(map(len, metrics))
    lines = []
    for name, metric in metrics.items():
        try:
            metric.check_available()
            missing = ""
        except ImportError:
            missing = f' Install it by: pip install "skbss[{metric.extra}]"'
        needed = " Needs a mixture." if metric.needs_mixture else ""
        told = f"{metric.heading}: {definition(metric)}{needed}{missing}"
        lines.append(f"{name:<{width}}  {told}")
    return lines
