"""The folder of a listening test: written whole or not at all, never over what is still needed."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from skbss.evaluation import listening_test

RATE = 8_000


@pytest.fixture
def arguments():
    """Arguments of a small test."""
    rng = np.random.default_rng(0)
    references = {name: rng.standard_normal(RATE // 2) for name in ("first", "second")}
    estimates = {"NMF": {name: s + rng.standard_normal(s.size) for name, s in references.items()}}
    return {"estimates": estimates, "references": references, "sample_rate": RATE}


def write(folder, arguments, **options):
    options = {**arguments, **options}
    return listening_test(options.pop("estimates"), options.pop("references"), folder, **options)


def key_of(folder):
    return json.loads((folder / "key.json").read_text(encoding="utf-8"))


def page_of(folder):
    return (folder / "index.html").read_text(encoding="utf-8")


def test_the_page_is_returned_and_parents_are_made(arguments, tmp_path):
    page = write(tmp_path / "a" / "b", arguments)
    assert page == tmp_path / "a" / "b" / "index.html"
    assert sorted(path.name for path in page.parent.iterdir()) == ["index.html", "key.json"]
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("options", [{"random_state": 1}, {"n_practice": 1}, {"kind": "mos"}])
def test_another_test_is_replaced_only_on_demand(arguments, tmp_path, options):
    write(tmp_path, arguments, title="First")
    before = files_of(tmp_path)
    with pytest.raises(
        ValueError, match=r"another listening test, 'First'.*or pass overwrite=True"
    ):
        write(tmp_path, arguments, **options)
    assert files_of(tmp_path) == before
    write(tmp_path, arguments, overwrite=True, **options)
    assert key_of(tmp_path)["test"] not in before["key.json"].decode()
    assert f'"id": "{key_of(tmp_path)["test"]}"' in page_of(tmp_path)


def test_an_item_that_tables_call_otherwise_makes_another_test(tmp_path):
    sound = np.random.default_rng(0).standard_normal(RATE)
    named, paired = {"song · voice": sound}, {("song", "voice"): sound}
    listening_test({"a": named}, named, tmp_path, sample_rate=RATE)
    with pytest.raises(ValueError, match="another listening test"):
        listening_test({"a": paired}, paired, tmp_path, sample_rate=RATE)


def test_the_same_test_is_written_again(arguments, tmp_path):
    write(tmp_path, arguments)
    before = files_of(tmp_path)
    (tmp_path / "index.html").write_text("damaged")
    write(tmp_path, arguments)
    assert files_of(tmp_path) == before
    write(tmp_path, arguments, title="Other words", instructions="Listen.")
    assert key_of(tmp_path)["stimuli"] == json.loads(before["key.json"])["stimuli"]
    assert "Other words" in page_of(tmp_path)


@pytest.mark.parametrize("name", ["notes.txt", "ratings-1.json"])
def test_a_folder_with_anything_else_is_refused(arguments, tmp_path, name):
    write(tmp_path, arguments)
    before = page_of(tmp_path)
    (tmp_path / name).write_text("mine")
    with pytest.raises(FileExistsError, match=f"holds '{name}'"):
        write(tmp_path, arguments, overwrite=True)
    assert page_of(tmp_path) == before


def test_a_page_of_something_else_is_refused(arguments, tmp_path):
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(FileExistsError, match="no listening test"):
        write(tmp_path, arguments)
    (tmp_path / "index.html").unlink()
    with pytest.raises(FileExistsError, match="out is a file"):
        write(_file(tmp_path), arguments)


def _file(folder):
    (folder / "file").write_text("mine")
    return folder / "file"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_in_place_of_the_key_is_refused(arguments, tmp_path):
    os.mkfifo(tmp_path / "key.json")
    with pytest.raises(FileExistsError, match="no listening test"):
        write(tmp_path, arguments)


def test_a_key_that_nobody_can_parse_is_refused(arguments, tmp_path):
    (tmp_path / "key.json").write_text("[" * 100_000)
    with pytest.raises(FileExistsError, match="no listening test"):
        write(tmp_path, arguments)


@pytest.mark.parametrize("is_new", [True, False])
def test_nothing_remains_of_a_failure(arguments, tmp_path, monkeypatch, is_new):
    out = tmp_path / "out"
    if not is_new:
        write(out, arguments)
    before = None if is_new else files_of(out)

    def fail(self, target):
        raise OSError("disk full")

    name = "rename" if is_new else "replace"
    monkeypatch.setattr(f"pathlib.Path.{name}", fail)
    with pytest.raises(OSError, match="disk full"):
        write(out, arguments, random_state=1, overwrite=True)
    if is_new:
        assert list(tmp_path.iterdir()) == []
    else:
        assert files_of(out) == before


@pytest.mark.parametrize("is_empty", [True, False])
def test_key_and_page_are_replaced_together(arguments, tmp_path, monkeypatch, is_empty):
    if not is_empty:
        write(tmp_path, arguments)
    before = files_of(tmp_path)
    replace = Path.replace

    def fail(self, target):
        if (
            ".part" in str(self)
            and target == tmp_path / "index.html"
            and "Second" in self.read_text("utf-8")
        ):
            raise OSError("disk full")
        return replace(self, target)

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write(tmp_path, arguments, random_state=1, title="Second", overwrite=True)
    assert files_of(tmp_path) == before
