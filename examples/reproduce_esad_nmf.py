"""
The experiment of the paper on ESAD-NMF, on audio that anyone has or brings
===========================================================================

``python reproduce_esad_nmf.py --quick`` prints all tables in some minutes; without ``--quick`` it
takes half an hour, and ``--out FILE`` writes the tables for a page of the documentation. Needs
``pip install "skbss[rooms,perceptual,vision]"``.
"""

import argparse
import json
import sys
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from esad_nmf import convergence, epochs, factors, images, inputs, material, protocol, report, steps
from threadpoolctl import threadpool_limits


class Plan(NamedTuple):
    """How much is run."""

    snrs: tuple = material.SNRS
    rooms: tuple = material.ROOMS
    stops: tuple = protocol.STOPS
    few: bool = False
    inputs: tuple = ("woman", "man", "band", "speech")
    seconds: float | None = None
    n_components: int = 40
    n_iter: int = 450
    max_iter: int = 300
    n_frames: int = images.N_FRAMES


QUICK = Plan(
    snrs=(0.0, 5.0),
    rooms=("mild",),
    stops=(10, 30, 100),
    few=True,
    inputs=("woman", "man", "band"),
    seconds=2.0,
    n_components=16,
    n_iter=100,
    max_iter=60,
    n_frames=30,
)


def arguments(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[2])
    parser.add_argument("--quick", action="store_true", help="one pair of levels, one room")
    parser.add_argument("--data", type=Path, help="folder of recordings; by default embedded clips")
    parser.add_argument("--seeds", type=int, help="how many (5, or 2 with --quick)")
    parser.add_argument("--out", type=Path, help="where to write the tables, in reStructuredText")
    parser.add_argument("--results", type=Path, help="keeps what is finished, and goes on from it")
    return parser.parse_args(argv)


class Results:
    """Rows by the kind of the table, part after part; on disk if there is a file."""

    def __init__(self, path, setting):
        self.path, self.setting, self.parts = path, setting, {}
        if path is not None and path.exists():
            stored = json.loads(path.read_text())
            if stored["setting"] != setting:
                raise SystemExit(f"{path} holds results of another setting: {stored['setting']}.")
            self.parts = stored["parts"]

    def once(self, part, make):
        """What is not there yet is made."""
        if part in self.parts:
            return
        started = time.perf_counter()
        self.parts[part] = make()
        log(f"{part}: {time.perf_counter() - started:.0f} s")
        if self.path is not None:
            self.path.write_text(json.dumps({"setting": self.setting, "parts": self.parts}))

    def rows(self, names):
        """Of the named parts."""
        kinds = {}
        for name in names:
            for kind, rows in self.parts[name].items():
                kinds.setdefault(kind, []).extend(rows)
        return kinds


def log(line):
    print(line, file=sys.stderr, flush=True)


def separation(recordings, seed, plan):
    """Tables 1, 5 to 11."""
    split = material.split(recordings, seed, snrs=plan.snrs, rooms=plan.rooms)
    rows, chosen = protocol.records(split, seed, stops=plan.stops, few=plan.few, log=log)
    esad = chosen["ESAD-NMF"]
    return {
        "separation": rows,
        "before": steps.before(esad, split.test, seed),
        "after": steps.after(esad, split.test),
        "chosen": [
            {"system": name, "seed": seed, "parameters": str(one.candidate), "stop": one.stop}
            for name, one in chosen.items()
        ],
    }


def decompositions(V, name, plan):
    """Tables 2 to 4, of one recording."""
    problem = convergence.problem(V, plan.n_components, alpha=0.01, seed=0)
    compared = convergence.compared(problem, n_iter=plan.n_iter)
    measured = factors.measured(V, plan.n_components, seed=0, max_iter=plan.max_iter)
    return {
        "convergence": [{"input": name, **row} for row in compared],
        "factors": [{"input": name, **row} for row in measured],
    }


def mini_batches(V, name, plan):
    """Table 3, in epochs."""
    seeds = range(1 if plan.few else 3)
    measured = epochs.measured(V, plan.n_components, seeds, max_iter=plan.max_iter)
    return {"epochs": [{"input": name, **row} for row in measured]}


def image_sequences(seed, plan):
    """Table 12."""
    found = images.similarities(seed, n_frames=plan.n_frames, max_iter=plan.max_iter)
    return {"images": found}


def run(plan, *, data=None, seeds=5, results=None):
    """All tables."""
    recordings = material.folder_material(data) if data else material.embedded_material()
    parts = {}
    for name, V in inputs.spectrograms(recordings, seconds=plan.seconds).items():
        if name in plan.inputs:
            parts[name] = partial(decompositions, V, name, plan)
            parts[f"epochs on {name}"] = partial(mini_batches, V, name, plan)
    for seed in range(seeds):
        parts[f"images {seed}"] = partial(image_sequences, seed, plan)
        parts[f"seed {seed}"] = partial(separation, recordings, seed, plan)
    found = Results(results, [recordings.origin, repr(plan)])
    # Threads wait for each other longer than these small matrices take.
    with threadpool_limits(limits=1, user_api="blas"):
        for name, make in parts.items():
            found.once(name, make)
    return recordings, list(report.all_tables(found.rows(parts)))


def check_packages(*, rooms):
    """Better at once than after half an hour."""
    needed = {"skimage": "vision", **({"pyroomacoustics": "rooms"} if rooms else {})}
    missing = [extra for package, extra in needed.items() if find_spec(package) is None]
    if missing:
        raise SystemExit(f'Something is missing: pip install "skbss[{",".join(missing)}]"')


def main(argv=None):
    options = arguments(argv)
    check_packages(rooms=options.data is None)
    plan = QUICK if options.quick else Plan()
    seeds = options.seeds or (2 if options.quick else 5)
    recordings, tables = run(plan, data=options.data, seeds=seeds, results=options.results)
    levels = ", ".join(f"{snr_db:+g}" for snr_db in plan.snrs)
    facts = (
        f"{recordings.origin}; {len(recordings.speech) / material.SAMPLE_RATE:.1f} s of speech; "
        f"{levels} dB; rooms {', '.join(plan.rooms)}; {seeds} seeds."
    )
    print(facts, *(table.as_text() for table in tables), sep="\n\n")
    if options.out is not None:
        lines = [".. Written by examples/reproduce_esad_nmf.py.", "", f"Measured on: {facts}", ""]
        lines += [table.as_rst() for table in tables]
        options.out.write_text("\n".join(lines))


if __name__ == "__main__":
    main()
