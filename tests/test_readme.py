"""What README.md and the pages beside it print can be typed as it stands."""

import re
import shlex
import tomllib
import warnings
from pathlib import Path

import numpy as np
import pytest
import typer

from skbss.cli import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "docs/index.rst",
    "docs/installation.rst",
    "docs/guide/command_line.rst",
]


def console_lines(page):
    """Lines of the console blocks, without prompts and remarks."""
    text = (ROOT / page).read_text(encoding="utf-8")
    if page.endswith(".md"):
        blocks = re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    else:
        blocks = re.findall(r"^\.\. code-block:: console\n((?:\n|   .*\n)+)", text, re.MULTILINE)
    lines = [line.strip() for block in blocks for line in block.splitlines() if line.strip()]
    return [line.removeprefix("$ ") for line in lines]


def commands(program):
    """What is typed after the name of a program, on any page."""
    found = []
    for page in PAGES:
        for line in console_lines(page):
            for part in line.split("&&"):
                words = shlex.split(part, comments=True)
                if words and Path(words[0]).name == program:
                    found.append((page, words[1:]))
    return found


def test_the_snippets_of_the_readme_run_in_their_order():
    names = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for snippet in PYTHON:
            exec(compile(snippet, "README.md", "exec"), names)
            if "sources" in names:
                mixture, sources = names["mixture"], names.pop("sources")
                assert sources.shape == (3, len(mixture))
                np.testing.assert_allclose(sources.sum(axis=0), mixture, atol=1e-5)
    assert names["W"].shape == (len(names["X"]), 10)
    assert len(PYTHON) >= 3


@pytest.mark.parametrize(("page", "words"), commands("skbss"))
def test_commands_and_options_exist(page, words):
    program = typer.main.get_command(app)
    if not words[0].startswith("-"):
        assert words[0] in program.commands, page
        program, words = program.commands[words[0]], words[1:]
    known = {"--help"}
    for parameter in program.params:
        known.update([*parameter.opts, *parameter.secondary_opts])
    assert {word for word in words if word.startswith("-")} <= known, page


def test_extras_exist():
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras = set(tomllib.load(file)["project"]["optional-dependencies"])
    lines = [line for page in PAGES for line in console_lines(page)]
    used = re.findall(r"\.\[([a-z,]+)\]", " ".join(lines))
    assert used
    assert {extra for group in used for extra in group.split(",")} <= extras


def test_the_readme_and_the_site_install_alike():
    first = [console_lines(page)[0] for page in ("README.md", "docs/installation.rst")]
    assert first[0] == first[1]
    assert first[0].endswith("skbss demo --out demo")


def test_something_is_found():
    assert len(commands("skbss")) >= 8
    assert {words[0] for _, words in commands("skbss")} >= {"demo", "separate"}
