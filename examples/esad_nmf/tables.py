"""Tables as text and in reStructuredText."""

from typing import NamedTuple


class Table(NamedTuple):
    """Cells are strings; the note stands above the table."""

    title: str
    note: str
    heads: list
    rows: list

    def as_text(self):
        """For a terminal."""
        widths = [max(map(len, column)) for column in zip(self.heads, *self.rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in [self.heads, *self.rows]
        ]
        return "\n".join([self.title, "=" * len(self.title), self.note, "", *lines, ""])

    def as_rst(self):
        """For a page."""
        lines = [self.title, "~" * len(self.title), "", self.note, ""]
        lines += [".. list-table::", "   :header-rows: 1", ""]
        for row in [self.heads, *self.rows]:
            lines += [
                f"   {'-' if n else '* -'} {cell}" if not n else f"     - {cell}"
                for n, cell in enumerate(row)
            ]
        return "\n".join([*lines, ""])
