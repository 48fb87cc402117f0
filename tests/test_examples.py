"""The examples run as scripts, and the pages of the guide say what is true."""

import doctest
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("plot_*.py"))
PAGES = sorted((ROOT / "docs").glob("guide/*.rst"))


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_example_runs(script, tmp_path):
    strict = ["-W", "error::UserWarning", "-W", "error::RuntimeWarning"]
    # Agg shows nothing, which is what is wanted here.
    strict += ["-W", "ignore:FigureCanvasAgg:UserWarning"]
    done = subprocess.run(
        [sys.executable, *strict, str(script)],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_of_the_guide(page):
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        failed, _ = doctest.testfile(str(page), module_relative=False, optionflags=options)
    assert failed == 0


def test_there_is_something_to_run():
    assert len(EXAMPLES) >= 6
    assert any(">>>" in page.read_text(encoding="utf-8") for page in PAGES)
