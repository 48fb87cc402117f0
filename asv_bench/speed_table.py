"""Measures the benchmarks, and writes the tables of the page on speed or prints a choice of them.

::

    python asv_bench/speed_table.py                       # everything: more than an hour
    python asv_bench/speed_table.py --only factorization --workload speech --beta 1 2
    python asv_bench/speed_table.py --one-core            # on a machine that others use too
    python asv_bench/speed_table.py --write-only          # the tables of what was measured

What was measured before on the same machine, with the same versions, is kept in ``.asv`` and not
measured again without ``--again``: a run that was interrupted goes on. The changes of the working
tree do not count as a version.
"""

import argparse
import hashlib
import importlib
import importlib.metadata
import itertools
import json
import math
import os
import platform
import statistics
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
MODULES = (
    "factorization",
    "sparse",
    "clips",
    "search",
    "separation",
    "trained",
    "import",
    "cold",
    "memory",
)
WORKLOADS, BETAS, PEERS = ("speech", "music", "text"), (2, 1, 0, 0.5), ("scikit-learn", "torchnmf")
PAGE = FOLDER.parent / "docs" / "guide" / "speed_figures.inc"


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=MODULES,
        default=MODULES,
        metavar="MODULE",
        help=", ".join(MODULES),
    )
    parser.add_argument("--workload", nargs="+", choices=WORKLOADS)
    parser.add_argument("--beta", nargs="+", type=float, choices=BETAS)
    parser.add_argument("--peer", nargs="+", choices=PEERS)
    parser.add_argument("--seeds", nargs="+", type=int, default=range(6), help="of the start")
    parser.add_argument("--again", action="store_true", help="measure what was measured before")
    parser.add_argument("--write-only", action="store_true", help="measure nothing")
    parser.add_argument(
        "--one-core", action="store_true", help="processor time of one thread on one core"
    )
    parser.add_argument(
        "--output",
        type=Path,
        help="where to write the tables to (default: the page if everything is asked for, else "
        "they are printed)",
    )
    options = parser.parse_args()
    chosen = options.workload or options.beta or options.peer or options.only != MODULES
    if options.output is None and not chosen:
        options.output = PAGE
    return options


def use_one_core():
    """For this process and those it starts; before anything is imported that starts threads."""
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    os.environ["SKBSS_BENCH_CLOCK"] = "cpu"
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def facts(*, one_core):
    """On what and with what was measured."""
    import jax

    found = {}
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    cores = f"{len(names) or os.cpu_count()} cores"
    found["Processor"] = f"{names[0] if names else platform.machine()}, {cores}"
    device = jax.devices()[0]
    if device.platform != "cpu":
        found["Device of JAX"] = device.device_kind
    found["Time"] = "processor time of one thread on one core" if one_core else "wall time"
    packages = ("skbss", "jax", "scikit-learn", "torchnmf", "torch", "numpy", "scipy")
    versions = [f"Python {platform.python_version()}"]
    for package in packages:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"no {package}")
    found["Versions"] = ", ".join(versions)
    return found


def benchmarks(module):
    """The classes of a module that have a title, in the order in which they stand there."""
    members = vars(importlib.import_module(f"benchmarks.bench_{module}")).values()
    return [member for member in members if isinstance(member, type) and hasattr(member, "title")]


def methods(benchmark):
    return [name for name in vars(benchmark) if name.startswith("track_")]


def key(benchmark, method, values, seed):
    return " | ".join(map(str, (benchmark.__name__, method, *values, seed)))


def measure(benchmark, options, figures, save):
    """Fill in the figures of a benchmark that are asked for and not there."""
    wanted = {"workload": options.workload, "beta": options.beta, "peer": options.peer}
    chosen = [
        [value for value in values if value in (wanted.get(name) or values)]
        for name, values in zip(benchmark.param_names, benchmark.params, strict=True)
    ]
    # All peers and methods of a problem after one another: they share what it takes to set up.
    for seed in options.seeds if hasattr(benchmark, "seed") else [0]:
        for values, method in itertools.product(itertools.product(*chosen), methods(benchmark)):
            name = key(benchmark, method, values, seed)
            if name in figures and not options.again:
                continue
            instance = benchmark()
            instance.seed = seed
            figures[name] = getattr(instance, method)(*values)
            sys.stderr.write(f"{name}: {figures[name]:.3g}\n")
            save(name)


def table(benchmark, figures):
    """A table in reStructuredText: the last parameter goes to the right, the others down."""
    *rows, across = benchmark.params
    down = benchmark.param_names[:-1]
    columns = list(itertools.product(methods(benchmark), across))
    several = len(methods(benchmark)) > 1
    heads = [*down, *(f"{m.removeprefix('track_')}, {c}" if several else c for m, c in columns)]
    lines = []
    for values in itertools.product(*rows):
        cells = [cell(benchmark, m, (*values, c), figures) for m, c in columns]
        if any(cells):
            values = [f"{v:g}" if isinstance(v, float) else f"{v}" for v in values]
            lines += list_row([*values, *(text or "not measured" for text in cells)])
    if not lines:
        return []
    heading = [benchmark.title, "~" * len(benchmark.title), ""]
    return [*heading, ".. list-table::", "   :header-rows: 1", "", *list_row(heads), *lines, ""]


def list_row(cells):
    return [f"   {'*' if n == 0 else ' '} - {text}" for n, text in enumerate(cells)]


def cell(benchmark, method, values, figures):
    """The median over the seeds, and the worst where there are several."""
    begin = key(benchmark, method, values, "")
    found = [value for name, value in figures.items() if name.startswith(begin)]
    if not found:
        return ""
    # A peer that misses the goal takes forever.
    found = [math.inf if math.isnan(value) else value for value in found]
    median, worst = number(statistics.median(found)), number(min(found))
    return median if len(found) == 1 or median == worst else f"{median} ({worst})"


def number(value):
    if value == math.inf:
        return "—"
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def main():
    options = arguments()
    if options.one_core:
        use_one_core()
    sys.path.insert(0, str(FOLDER))
    on = facts(one_core=options.one_core)
    tag = hashlib.sha256(json.dumps(on).encode()).hexdigest()[:12]
    stored = FOLDER.parent / ".asv" / f"speed-{tag}.json"
    stored.parent.mkdir(exist_ok=True)

    def read():
        return json.loads(stored.read_text())["figures"] if stored.exists() else {}

    def save(name):
        # Another run may have written since.
        kept = {**read(), name: figures[name]}
        stored.write_text(json.dumps({"facts": on, "figures": kept}, indent=1))

    figures = read()

    for module in () if options.write_only else options.only:
        for benchmark in benchmarks(module):
            measure(benchmark, options, figures, save)
    lines = [".. Written by asv_bench/speed_table.py.", ""]
    lines += [f":{name}: {value}" for name, value in on.items()] + [""]
    for module in options.only:
        for benchmark in benchmarks(module):
            lines += table(benchmark, figures)
    tables = "\n".join(lines) + "\n"
    if options.output is None:
        sys.stdout.write(tables)
    else:
        options.output.write_text(tables)


if __name__ == "__main__":
    main()
