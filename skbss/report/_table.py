"""Tables of strings: on a terminal, in a notebook."""

import unicodedata
from collections.abc import Sequence

from skbss.report._text import printable


def text_table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lines of aligned columns; the first two flush left, numbers flush right.

    Parameters
    ----------
    heading : sequence of str
        One for each column.
    rows : sequence of sequences of str
        The cells; made printable here, whatever they hold.

    Returns
    -------
    str
        Without a line break at its end.
    """
    lines = [[printable(cell) for cell in row] for row in [heading, *rows]]
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    is_left = [
        not any(_is_number(row[position]) for row in lines[1:]) for position in range(len(widths))
    ]
    return "\n".join(
        "  ".join(
            cell + " " * (width - _width(cell)) if left else " " * (width - _width(cell)) + cell
            for cell, width, left in zip(line, widths, is_left, strict=True)
        ).rstrip()
        for line in lines
    )


def html_table(
    heading: Sequence[str], rows: Sequence[Sequence[str]], *, caption: str | None = None
) -> str:
    """An HTML table for a notebook, every cell escaped.

    Parameters
    ----------
    heading, rows
        As in `text_table`.
    caption : str, optional
        What stands above it.

    Returns
    -------
    str
        A fragment.
    """
    from markupsafe import escape

    def line(cells, tag):
        return "".join(f"<{tag}>{escape(printable(cell))}</{tag}>" for cell in cells)

    parts = [] if caption is None else [f"<caption>{escape(printable(caption))}</caption>"]
    parts += [f"<thead><tr>{line(heading, 'th')}</tr></thead>"] if heading else []
    parts += [f"<tr>{line(row, 'td')}</tr>" for row in rows]
    return f"<table>{''.join(parts)}</table>"


def _width(text: str) -> int:
    """Columns on a terminal, where East Asian characters take two and marks none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _is_number(text: str) -> bool:
    digits = text.split(" ")[0].lstrip("<-+\N{MINUS SIGN}")
    return digits == "∞" or digits.replace(".", "", 1).isdigit()
