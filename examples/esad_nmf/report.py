"""The paper's tables from the results, its own figures beside them where we know them."""

import math

import numpy as np

from . import convergence, published, systems
from .tables import Table

METRICS = {"sir": "SIR (dB)", "sdr": "SDR (dB)", "sar": "SAR (dB)", "pesq": "PESQ"}
NUMBERS = {"sir": "5 and 8", "sdr": "5 and 9", "sar": "5 and 10", "pesq": "5 and 11"}
UNKNOWN = "unknown"
LEARNED = list(systems.SEARCHED)
OVER_ITERATIONS = ["FastICA", *LEARNED]


def all_tables(results):
    """In the order of the page."""
    separation = results["separation"]
    yield side_by_side(separation)
    yield gains(separation)
    yield triples(separation)
    yield from by_iterations(separation)
    yield by_condition(separation)
    yield preprocessing(results["before"])
    yield sparsity(results["factors"])
    yield relative_errors(results["factors"])
    yield iterations(results["convergence"])
    yield in_mini_batches(results["epochs"])
    yield errors(results["factors"])
    yield postprocessing(results["after"])
    yield parameters(results["chosen"])
    yield image_similarity(results["images"])


def select(rows, **wanted):
    """Those of the wanted values."""
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def mean(rows, name):
    """NaN where nothing is known."""
    values = [row[name] for row in rows if name in row]
    return float(np.mean(values)) if values else math.nan


def over_seeds(rows, name):
    """The mean of every seed."""
    return np.array([mean(select(rows, seed=seed), name) for seed in seeds_of(rows)])


def seeds_of(rows):
    """In order."""
    return sorted({row["seed"] for row in rows})


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


def digits_of(metric):
    """Of what is shown."""
    return 2 if metric == "pesq" else 1


def claimed(system, metric):
    """The paper's figure."""
    value = published.SEPARATION.get(system, {}).get(metric)
    return UNKNOWN if value is None else number(value, digits_of(metric))


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


def preprocessing(rows):
    """Table 1."""
    recorded = select(rows, noise="recorded", step="the mixture")
    left = len(select(recorded, subtracted=False))
    lines = []
    for step in dict.fromkeys(row["step"] for row in rows):
        cells = [
            number(mean(select(rows, step=step, noise=noise), metric))
            for noise in ("recorded", "white")
            for metric in ("snr", "si_sdr")
        ]
        lines.append([step, *cells, UNKNOWN])
    return Table(
        "Table 1: SNR after every step",
        f"Of the speech, in dB. Spectral subtraction found no steady noise in {left} of "
        f"{len(recorded)} mixtures and left these as they are; for the last columns the noise is "
        "white and begins before the speech.",
        ["step", "SNR", "SI-SDR", "SNR, white", "SI-SDR, white", "paper"],
        lines,
    )


def _by_input(rows, column, digits):
    """A table of models and recordings, without what the paper says."""
    inputs = list(dict.fromkeys(row["input"] for row in rows))
    lines = [
        [
            name,
            *(number(mean(select(rows, model=name, input=one), column), digits) for one in inputs),
        ]
        for name in dict.fromkeys(row["model"] for row in rows)
    ]
    return ["model", *inputs, "paper"], lines


def sparsity(rows):
    """Table 2."""
    heads, lines = _by_input(rows, "used", 2)
    return Table(
        "Table 2: sparsity index",
        "Share of the activations above a thousandth of the largest: lower is sparser. In every "
        "column the magnitudes of another recording.",
        heads,
        [[*line, UNKNOWN] for line in lines],
    )


def relative_errors(rows):
    """The error of which the paper says how far it falls."""
    heads, lines = _by_input(rows, "error", 3)
    low, high = published.RELATIVE_ERRORS
    return Table(
        "Squared error as a share of the energy",
        "The paper names no unit; its figures are plausible as such a share alone.",
        heads,
        [
            [*line, f"{low} to {high}" if line[0].startswith("ESAD, codes") else UNKNOWN]
            for line in lines
        ],
    )


def errors(rows):
    """Table 4."""
    heads, lines = _by_input(rows, "rmse", 4)
    return Table(
        "Table 4: RMSE at equal rank",
        "Root mean squared error of the magnitudes, whose peak is 1. PCA has the mean besides.",
        heads,
        [[*line, UNKNOWN] for line in lines],
    )


def iterations(rows):
    """Table 3, with what is saved."""
    inputs = list(dict.fromkeys(row["input"] for row in rows))
    before, with_rate = published.ITERATIONS
    paper = {convergence.CONSTANT: str(before), convergence.SCHEDULED: str(with_rate)}
    lines = []
    for method in dict.fromkeys(row["method"] for row in rows):
        cells = [_count(select(rows, method=method, input=one)[0]) for one in inputs]
        lines.append([method, *cells, paper.get(method, UNKNOWN)])
    for method in convergence.ACCELERATED:
        saved = [1 - of(rows, method, one) / best_fixed(rows, one) for one in inputs]
        lines.append([f"saved by {method}", *map(percent, saved), percent(1 - with_rate / before)])
    baseline = best_fixed(rows, inputs[0])
    return Table(
        "Table 3: iterations",
        f"Until the objective is where the best of all fixed steps brings it in {baseline}, with "
        "which what is saved is compared. The paper does not say what its 450 belong to.",
        ["method", *inputs, "paper"],
        lines,
    )


def in_mini_batches(rows):
    """Table 3, as the method is published."""
    inputs = list(dict.fromkeys(row["input"] for row in rows))
    before, with_rate = published.ITERATIONS
    paper = {0.0: str(before), convergence.DECAY: str(with_rate)}
    lines = []
    for decay in dict.fromkeys(row["decay"] for row in rows):
        cells = []
        for one in inputs:
            found = select(rows, decay=decay, input=one)
            counts = ", ".join(within(row["epochs"], row["limit"]) for row in found)
            cells.append(f"{counts} (E {number(mean(found, 'error'), 4)})")
        rate = f"decay {decay:g}" if decay else "constant rate"
        lines.append([rate, *cells, paper.get(decay, UNKNOWN)])
    return Table(
        "Table 3: epochs in mini-batches",
        "ESADNMF, from several seeds: epochs until its error is within 1 % of where the constant "
        f"rate of 0.001 ends after {rows[0]['limit']}, and the mean error E after as many.",
        ["rate", *inputs, "paper"],
        lines,
    )


def of(rows, method, recording):
    """Iterations of a method on a recording."""
    return select(rows, method=method, input=recording)[0]["iterations"]


def best_fixed(rows, recording):
    """Those of the best fixed step."""
    return min(of(rows, method, recording) for method in convergence.FIXED)


def percent(share):
    """Rounded down, so that nothing is flattered."""
    return f"{math.floor(100 * share)} %"


def within(count, limit):
    """A number of iterations, or that there would be more."""
    return number(count, 0) if math.isfinite(count) else f"> {limit}"


def _count(row):
    count = within(row["iterations"], row["limit"])
    return f"{count} ({row['setting']})" if row["setting"] else count


def postprocessing(rows):
    """Table 6."""
    names = {**METRICS, "si_sdr": "SI-SDR (dB)"}
    lines = [
        [
            step,
            *(number(mean(select(rows, step=step), name), digits_of(name)) for name in names),
            UNKNOWN,
        ]
        for step in dict.fromkeys(row["step"] for row in rows)
    ]
    return Table(
        "Table 6: what is made of the models",
        "ESAD-NMF, stopped as above; means over all test mixtures.",
        ["", *names.values(), "paper"],
        lines,
    )


def image_similarity(rows):
    """Table 12."""
    sequences = list(dict.fromkeys(row["sequence"] for row in rows))
    lines = [
        [
            model,
            *(
                spread([row["ssim"] for row in select(rows, model=model, sequence=one)], 3)
                for one in sequences
            ),
            UNKNOWN,
        ]
        for model in dict.fromkeys(row["model"] for row in rows)
    ]
    return Table(
        "Table 12: SSIM of image sequences",
        "Means over both sources and all frames, with the standard deviation over seeds.",
        ["model", *sequences, "paper"],
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
