"""The benchmarks run, on tiny data; what they measure is not looked at here."""

import importlib
import itertools
import math
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "asv_bench"
MODULES = sorted(path.stem for path in (FOLDER / "benchmarks").glob("bench_*.py"))


@pytest.fixture
def quick(monkeypatch):
    """Load a module of benchmarks in quick mode, and forget it afterwards."""
    monkeypatch.setenv("SKBSS_BENCH_QUICK", "1")
    monkeypatch.syspath_prepend(str(FOLDER))
    yield lambda name: importlib.import_module(f"benchmarks.{name}")
    for name in [name for name in sys.modules if name.split(".")[0] == "benchmarks"]:
        del sys.modules[name]


def benchmarks_of(module):
    """The callables that asv would track, and the parameters: every value of each comes up."""
    for name, member in list(vars(module).items()):
        if name.startswith("track_"):
            yield name, member.unit, member, []
        elif isinstance(member, type) and hasattr(member, "params"):
            for method in [m for m in vars(member) if m.startswith("track_")]:
                cycles = [itertools.cycle(values) for values in member.params]
                for _ in range(max(map(len, member.params))):
                    arguments = [next(cycle) for cycle in cycles]
                    yield f"{name}.{method}", member.unit, getattr(member(), method), arguments


@pytest.mark.parametrize("name", MODULES)
def test_benchmarks_run(name, quick):
    measured = 0
    for benchmark, unit, run, arguments in benchmarks_of(quick(name)):
        value = run(*arguments)
        assert isinstance(value, float), benchmark
        # A peer is not installed, or can not do the task.
        if math.isnan(value):
            continue
        assert value > 0 or unit != "ratio", benchmark
        measured += 1
    assert measured
