"""The benchmarks run, on tiny data; what they measure is not looked at here."""

import importlib
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
    """The callables that asv would track: functions, and methods with their first parameter."""
    for name, member in vars(module).items():
        if name.startswith("track_"):
            yield name, member.unit, member
        elif isinstance(member, type) and hasattr(member, "params"):
            for method in [m for m in vars(member) if m.startswith("track_")]:
                run = getattr(member(), method)
                yield f"{name}.{method}", member.unit, lambda run=run: run(1.0)


@pytest.mark.parametrize("name", MODULES)
def test_benchmarks_run(name, quick):
    found = list(benchmarks_of(quick(name)))
    assert found
    for benchmark, unit, run in found:
        value = run()
        assert value == value, benchmark
        assert unit in ("ratio", "dB")
        assert unit != "ratio" or value > 0, benchmark
