"""Templates that let nothing in but their own styles and scripts."""

import base64
import hashlib
import html
import re

import jinja2
import pytest

from skbss.report._template import load_template

PAGE = "<style>{{ style }}</style><script>{{ script }}</script>|{{ style_hash }}|{{ script_hash }}|"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "one.css").write_text("a > b { color: red }")
    (tmp_path / "two.css").write_text("i { top: 0 }")
    (tmp_path / "own.js").write_text("1 < 2 && 3 > 2;")
    (tmp_path / "own.jinja").write_text(PAGE + "{{ name }}")
    return tmp_path


def digest(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def test_the_hashes_are_those_of_what_stands_in_the_page(folder):
    template = load_template(
        "own.jinja", styles=["one.css", "two.css"], scripts=["own.js"], folder=folder
    )
    page = template.render(name="<i>")
    style = re.search(r"<style>(.*)</style>", page, re.DOTALL)[1]
    script = re.search(r"<script>(.*)</script>", page)[1]
    assert style == "a > b { color: red }\ni { top: 0 }"
    assert script == "1 < 2 && 3 > 2;"
    hashes, name = page.split("|")[1:3], page.split("|")[3]
    assert [html.unescape(text) for text in hashes] == [digest(style), digest(script)]
    assert name == "&lt;i&gt;"


def test_a_missing_name_is_an_error(folder):
    with pytest.raises(jinja2.UndefinedError, match="name"):
        load_template("own.jinja", folder=folder).render()


def test_files_of_the_reports_are_found_from_another_folder(folder):
    (folder / "derived.jinja").write_text('{% extends "layout.html.jinja" %}')
    template = load_template("derived.jinja", styles=["page.css"], folder=folder)
    names = ("kicker", "title", "subtitle", "facts", "notes", "command", "settings")
    page = template.render(dict.fromkeys(names, ""), versions={})
    assert "color-scheme: light dark" in page


def test_a_missing_file_is_an_error(folder):
    with pytest.raises(FileNotFoundError, match=r"none\.css"):
        load_template("own.jinja", styles=["none.css"], folder=folder)
