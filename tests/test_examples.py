"""The examples run as scripts, and the pages of the guide say what is true."""

import doctest
import runpy
import warnings
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("plot_*.py"))
PAGES = sorted((ROOT / "docs").glob("guide/*.rst"))


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_example_runs(script, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.use("Agg")
        warnings.simplefilter("default")
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("error", RuntimeWarning)
        # Agg shows nothing, which is what is wanted here.
        warnings.filterwarnings("ignore", "FigureCanvasAgg", UserWarning)
        runpy.run_path(str(script), run_name="__main__")
        plt.close("all")
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
