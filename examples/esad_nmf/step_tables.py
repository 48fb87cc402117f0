"""Tables of what is done before the models, and after them."""

from .cells import METRICS, UNKNOWN, digits_of, number
from .rows import mean, select
from .tables import Table


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
