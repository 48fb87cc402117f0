"""Tables of the factors: how sparse, and how close to what they explain."""

from . import published
from .cells import UNKNOWN, number, spread
from .rows import mean, select
from .tables import Table


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
