"""Names of files made from names that others chose."""

from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skbss.cli._names import distinct, file_name
from skbss.report import printable


@settings(deadline=None)
@given(st.text())
def test_a_name_stays_in_its_folder(text):
    name = file_name(text)
    assert PurePosixPath(name).name == name
    assert PureWindowsPath(name).name == name
    assert name not in (".", "..")
    assert not name.startswith(("-", ".", " "))
    assert not name.endswith((".", " "))
    assert 1 <= len(name.encode("utf-8")) <= 121
    assert printable(name) == name
    assert not set(name) & set("<>:\"/\\|?*'&;$`#%")


@pytest.mark.parametrize("name", ["song", "Für Elise", "第九", "take 2 (live)", "a.b_c-d"])
def test_ordinary_names_are_kept(name):
    assert file_name(name) == name


@pytest.mark.parametrize("name", ["CON", "nul", "com1", "Aux.txt"])
def test_names_of_windows_devices_are_changed(name):
    assert file_name(name) == f"_{name}"


@pytest.mark.parametrize("name", ["", "...", "---", " . "])
def test_nothing_left_gives_the_fallback(name):
    assert file_name(name, fallback="source") == "source"


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", "A", "a-2", "b", "ß", "SS"])))
def test_distinct_names_differ_in_every_file_system(names):
    result = distinct(names)
    assert len(result) == len(names)
    assert len({name.casefold() for name in result}) == len(names)
