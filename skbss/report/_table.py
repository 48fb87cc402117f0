"""Tables of strings: on a terminal, in a notebook."""

import re
from collections.abc import Sequence

from skbss.report._text import printable

_DASHES = {"", "-", "\N{EN DASH}", "\N{EM DASH}"}
_SIGN = "[-+\N{MINUS SIGN}]?"
_NUMBER = rf"(\d+\.?\d*(e{_SIGN}\d+)?|∞)"
# Such as 12, <0.001, 3.1 ± 0.2 or 0.5 s; what has a longer word behind the number is a name.
_CELL = re.compile(rf"<?{_SIGN}{_NUMBER}( ± {_NUMBER})?( [a-zA-Z%]{{1,2}})?")


def text_table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lines of aligned columns: those of numbers flush right, all others flush left.

    Parameters
    ----------
    heading : sequence of str
        One for each column.
    rows : sequence of sequences of str
        The cells; made printable here, whatever they hold. A column is one of numbers if all its
        cells are, beside empty ones and dashes: a sign, digits or infinity, a deviation, a short
        unit. One name in it, such as "2 atoms", and it is none.

    Returns
    -------
    str
        Without a line break at its end.
    """
    columns = list(zip(*rows, strict=True)) or [()] * len(heading)
    is_left = [not _are_numbers(column) for column in columns]
    return "\n".join(aligned_lines([heading, *rows], is_left))


def aligned_lines(lines: Sequence[Sequence[str]], is_left: Sequence[bool]) -> list[str]:
    """Lines whose cells stand below each other on a terminal, two columns apart.

    Parameters
    ----------
    lines : sequence of sequences of str
        The cells of every line; made printable here.
    is_left : sequence of bool
        Of every column whether it is flush left, rather than flush right.

    Returns
    -------
    list of str
        Without blanks at their ends.
    """
    from rich.cells import cell_len

    shown = [[printable(cell) for cell in line] for line in lines]
    widths = [max(map(cell_len, column)) for column in zip(*shown, strict=True)]
    return [
        "  ".join(
            cell + blank if left else blank + cell
            for cell, width, left in zip(line, widths, is_left, strict=True)
            for blank in [" " * (width - cell_len(cell))]
        ).rstrip()
        for line in shown
    ]


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


def _are_numbers(column: Sequence[str]) -> bool:
    told = [cell for cell in column if cell not in _DASHES]
    return bool(told) and all(_CELL.fullmatch(cell) for cell in told)
