"""Tables of how well the systems separate."""

from . import published, systems
from .cells import METRICS, claimed, digits_of, number, spread
from .rows import mean, over_seeds, select
from .tables import Table

NUMBERS = {"sir": "5 and 8", "sdr": "5 and 9", "sar": "5 and 10", "pesq": "5 and 11"}
LEARNED = list(systems.SEARCHED)
OVER_ITERATIONS = ["FastICA", *LEARNED]


def by_iterations(rows):
    """Tables 5 and 8 to 11: iterations go down, systems to the right."""
    counts = sorted({row["n_iter"] for row in rows})
    for metric, heading in METRICS.items():
        digits = digits_of(metric)
        columns = []
        for system in OVER_ITERATIONS:
            own = select(rows, system=system)
            cells = [number(mean(select(own, n_iter=n), metric), digits) for n in counts]
            stopped = spread(over_seeds(select(own, is_stop=True), metric), digits)
            columns.append([*cells, stopped, claimed(system, metric)])
        yield Table(
            f"Tables {NUMBERS[metric]}: {heading} by iterations",
            "Means over rooms, levels and seeds. Stopped: after as many iterations as are best on "
            "dev, with the standard deviation over seeds.",
            ["iterations", *OVER_ITERATIONS],
            [
                list(row)
                for row in zip([*map(str, counts), "stopped", "paper"], *columns, strict=True)
            ],
        )


def finals(rows):
    """The rows at the chosen stop, by system in the order in which they came."""
    names = list(dict.fromkeys(row["system"] for row in rows))
    return {name: select(rows, system=name, is_stop=True) for name in names}


def side_by_side(rows):
    """Table 5 at its end, with blind systems and bounds."""
    names = {"si_sdr": "SI-SDR (dB)", **METRICS}
    lines = [
        [system, *(spread(over_seeds(own, metric), digits_of(metric)) for metric in names)]
        for system, own in finals(rows).items()
    ]
    return Table(
        "Table 5: all systems",
        "Stopped as best on dev; what has nothing to tune after the last of the iterations. Ideal "
        "systems know the true sources. Blind ones know nothing, as the paper can be read.",
        ["system", *names.values()],
        lines,
    )


def gains(rows):
    """What the paper claims over conv-NMF."""
    last = max(row["n_iter"] for row in rows)
    lines = []
    for metric in ("sir", "sdr", "sar", "pesq"):
        digits = digits_of(metric)
        esad, conv = (published.SEPARATION[name][metric] for name in ("ESAD-NMF", "conv-NMF"))
        cells = []
        for wanted in ({"n_iter": last}, {"is_stop": True}):
            ours, theirs = (
                over_seeds(select(rows, system=name, **wanted), metric)
                for name in ("ESAD-NMF", "conv-NMF")
            )
            cells.append(spread(ours - theirs, digits))
        lines.append([METRICS[metric], *cells, number(esad - conv, digits)])
    return Table(
        "ESAD-NMF against conv-NMF",
        "Differences of means, with the standard deviation over seeds.",
        ["", f"after {last} iterations", "both stopped", "paper"],
        lines,
    )


def triples(rows):
    """Whether SDR, SIR and SAR can belong together."""
    lines = []
    for system, own in finals(rows).items():
        if system in OVER_ITERATIONS:
            found = [mean(own, name) for name in ("sir", "sar", "sdr")]
            lines.append(
                [system, "here", *map(number, found), number(published.implied_sdr(*found[:2]))]
            )
    for system, own in published.SEPARATION.items():
        found = [own[name] for name in ("sir", "sar", "sdr")]
        lines.append(
            [system, "paper", *map(number, found), number(published.implied_sdr(*found[:2]))]
        )
    return Table(
        "What SIR and SAR allow",
        "The last column is the highest SDR that can go with these means of SIR and SAR.",
        ["system", "", "SIR (dB)", "SAR (dB)", "SDR (dB)", "highest SDR (dB)"],
        lines,
    )


def by_condition(rows):
    """Levels and rooms, all systems stopped."""
    levels = sorted({row["snr_db"] for row in rows})
    rooms = list(dict.fromkeys(row["room"] for row in rows))
    lines = []
    for system, own in finals(rows).items():
        cells = [number(mean(select(own, snr_db=level), "sdr")) for level in levels]
        cells += [number(mean(select(own, room=room), "sdr")) for room in rooms]
        lines.append([system, *cells])
    return Table(
        "SDR by level and room",
        "In dB, stopped as above. The paper's figures are not known to us.",
        ["system", *(f"SNR {number(level, 0)} dB" for level in levels), *rooms],
        lines,
    )


def parameters(rows):
    """Table 7, as the search found it."""
    lines = [
        [row["system"], str(row["seed"]), row["parameters"], str(row["stop"])]
        for row in sorted(rows, key=lambda row: LEARNED.index(row["system"]))
    ]
    return Table(
        "Table 7: what was chosen on dev",
        "n_components of each source; max_iter is that of the dictionaries.",
        ["system", "seed", "parameters", "stopped at"],
        lines,
    )
