"""Tables of how many iterations it takes."""

from . import convergence, published
from .cells import UNKNOWN, number, percent, within
from .rows import mean, select
from .tables import Table


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


def _count(row):
    count = within(row["iterations"], row["limit"])
    return f"{count} ({row['setting']})" if row["setting"] else count
