"""Imports point downwards only, and importing skbss costs nothing."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import skbss

PACKAGE = Path(skbss.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

# A layer imports from those below it, not from its neighbors; every module may read the version.
LAYERS = [
    {"__main__"},
    {"cli"},
    {"evaluation"},
    {"report"},
    {"separation"},
    {"masking", "guidance"},
    {"factorization", "frontend", "metrics", "datasets", "compression"},
    {"_runtime"},
    {"_kernels"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
HEAVY = ["jax", "librosa", "matplotlib", "sklearn", "scipy", "jinja2", "typer", "soundfile"]


def part_of(module):
    """The first name below skbss: the sub-package, or the module beside it."""
    return module.relative_to(PACKAGE).with_suffix("").parts[0]


def owners():
    """Which sub-package every top-level name of skbss comes from."""
    tree = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    found = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                found[alias.asname or alias.name] = node.module or alias.name
    return found


def imported_parts(module):
    """The parts of skbss that a module imports, anywhere in it, with the line."""
    top_level = owners()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: imports are written in full"
            if node.module == "skbss":
                names = [f"skbss.{top_level.get(a.name, a.name)}" for a in node.names]
            else:
                names = [node.module]
        else:
            continue
        for name in names:
            if name.startswith("skbss."):
                yield name.split(".")[1], node.lineno


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(PACKAGE)))
def test_imports_point_downwards(module):
    part = part_of(module)
    if part == "__init__":
        assert {name for name, _ in imported_parts(module)} <= {"_version"}
        return
    for imported, line in imported_parts(module):
        if imported in (part, "_version"):
            continue
        assert RANK[imported] > RANK[part], f"{module}:{line}: {part} must not import {imported}"


def test_every_part_has_a_layer():
    parts = {part_of(module) for module in MODULES}
    assert parts - {"__init__", "_version"} <= set(RANK)


def test_kernels_know_only_jax():
    for module in (PACKAGE / "_kernels").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                roots = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                roots = {node.module.split(".")[0]}
            else:
                continue
            foreign = roots - set(sys.stdlib_module_names) - {"jax", "jaxtyping", "skbss"}
            assert not foreign, f"{module}:{node.lineno}: {foreign}"


def run_python(code):
    """What a fresh interpreter prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return json.loads(done.stdout)


def test_importing_skbss_imports_nothing_heavy():
    code = "import json, sys, skbss; dir(skbss); print(json.dumps(sorted(sys.modules)))"
    loaded = {name.split(".")[0] for name in run_python(code)}
    assert not loaded & set(HEAVY)


@pytest.mark.parametrize("part", ["cli", "report"])
def test_the_command_line_starts_without_jax(part):
    code = f"import json, sys, skbss.{part}; print(json.dumps(sorted(sys.modules)))"
    loaded = {name.split(".")[0] for name in run_python(code)}
    assert not loaded & {"jax", "librosa", "matplotlib", "sklearn"}


def test_importing_everything_changes_no_setting_of_jax():
    code = """
import json, jax
def settings():
    return {name: repr(value) for name, value in jax.config.values.items()}
before = settings()
import skbss, skbss.cli, skbss.report
for name in skbss.__all__:
    getattr(skbss, name)
after = settings()
print(json.dumps({name: after[name] for name in after if after[name] != before.get(name)}))
"""
    assert run_python(code) == {}


def test_nothing_of_clusters_is_imported_unasked():
    code = """
import json, pkgutil, sys
import jax, numpy as np
with_jax = set(sys.modules)
import skbss
for module in pkgutil.walk_packages(skbss.__path__, "skbss."):
    if module.name != "skbss.__main__":
        __import__(module.name)
rows = np.random.default_rng(0).uniform(size=(40, 6)).astype(np.float32)
model = skbss.MiniBatchBetaNMF(2, init="random", max_iter=1, tol=0)
model.fit(rows), model.fit(iter([rows[:20], rows[20:]])), model.transform(rows)
loaded = set(sys.modules) - with_jax
ours = {n for n in loaded if n.split(".")[0] in ("dask", "distributed") or "jax.distributed" in n}
print(json.dumps([sorted(ours), bool(jax.distributed.is_initialized())]))
"""
    assert run_python(code) == [[], False]
