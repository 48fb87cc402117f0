"""What is measured in processes of their own."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from .comparison import QUICK
from .libraries import fit
from .problems import Problem

_FOLDER = Path(__file__).parents[1]


def run_python(*arguments, cache=None):
    """What a fresh interpreter prints; compiled programs are kept in `cache`, or nowhere."""
    env = dict(os.environ)
    if cache is None:
        env["JAX_ENABLE_COMPILATION_CACHE"] = "false"
    else:
        env["JAX_COMPILATION_CACHE_DIR"] = str(cache)
        env["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
        env["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
    command = [sys.executable, "-W", "ignore", *arguments]
    return subprocess.run(
        command, check=True, cwd=_FOLDER, env=env, stdout=subprocess.PIPE, text=True
    ).stdout


def call(task, *arguments, cache=None):
    """What a function of this package returns in a process of its own, up to the end of it.

    Arguments and result are what JSON can hold. On tiny data there is no process, to save time.
    """
    if QUICK:
        return task(*arguments)
    name = [task.__module__, task.__name__]
    return json.loads(
        run_python("-m", "benchmarks.processes", *name, json.dumps(arguments), cache=cache)
    )


def store(problem, folder):
    """Write a problem to where the tasks find it."""
    for name in ("X", "W", "H"):
        np.save(Path(folder) / f"{name}.npy", getattr(problem, name))


def load(folder, beta):
    """Read it again."""
    return Problem(*(np.load(Path(folder) / f"{name}.npy") for name in ("X", "W", "H")), beta)


def fit_once(library, folder, beta, max_iter):
    """A factorization, from import to result."""
    fit(library, load(folder, beta), max_iter)


def peak_of_fit(library, folder, beta, max_iter):
    """The most memory that a factorization takes, data included, as a multiple of the data."""
    rng = np.random.default_rng(0)
    small = [rng.random(shape, np.float32) for shape in ((64, 48), (64, 4), (4, 48))]
    # What a library and its compiler take by themselves is there before.
    fit(library, Problem(*small, beta), max_iter)
    before = _bytes("VmRSS")
    problem = load(folder, beta)
    fit(library, problem, max_iter)
    return (_bytes("VmHWM") - before) / problem.X.nbytes


def _bytes(kind):
    """Memory that this process holds ("VmRSS"), or ever held ("VmHWM"), where Linux tells."""
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    sizes = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return 1024 * int(sizes[kind].split()[0])


if __name__ == "__main__":
    module, name, arguments = sys.argv[1:]
    result = getattr(importlib.import_module(module), name)(*json.loads(arguments))
    sys.stdout.write(json.dumps(result))
