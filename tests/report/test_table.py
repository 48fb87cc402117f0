"""Tables of strings: what is flush left, what is flush right, how wide it is."""

import pytest

from skbss.report._table import aligned_lines, text_table


def is_right(*cells):
    """Whether the cells of a column are flush right."""
    lines = text_table(["a long heading", "next"], [[cell, "x"] for cell in cells]).splitlines()
    return lines[1].startswith(" ")


@pytest.mark.parametrize(
    "cells",
    [
        ("1", "12"),
        ("0.5", "\N{MINUS SIGN}3.25", "+1"),
        ("1.2e+03", "4", "1e\N{MINUS SIGN}05"),
        ("3.10 ± 0.21", "2", "<0.001"),
        ("0.5 s", "12 dB"),
        ("\N{EN DASH}", "", "1"),
        ("∞", "\N{MINUS SIGN}∞"),
    ],
    ids=str,
)
def test_columns_of_numbers_are_flush_right(cells):
    assert is_right(*cells)


@pytest.mark.parametrize(
    "cells",
    [
        ("NMF", "2 atoms", "2"),
        ("2 atoms", "4 atoms"),
        ("", "\N{EN DASH}"),
        ("bound", "1", "2"),
        ("1/2", "2/2, 1 failed"),
        (),
    ],
    ids=str,
)
def test_all_other_columns_are_flush_left(cells):
    lines = text_table(["", "next"], [[cell, "x"] for cell in cells]).splitlines()
    width = max(map(len, ["", *cells]))
    assert lines == [
        f"{cell:<{width}}  {last}".rstrip()
        for cell, last in [("", "next"), *((cell, "x") for cell in cells)]
    ]


def test_characters_take_as_much_room_as_on_a_terminal():
    lines = aligned_lines([["日本", "a"], ["e\u0301", "b"], ["\x1b", "c"], ["", ""]], [True, False])
    assert lines == ["日本  a", "e\u0301     b", "\\x1b  c", ""]
