"""How far an evaluation has come, for those who watch."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from skbss.report import printable


@contextmanager
def progress_of(wanted: bool | None, *, total: int, done: int) -> Iterator[Callable[[str], None]]:
    """A function that says that one more run is finished, and which.

    Parameters
    ----------
    wanted : bool or None
        Whether to show anything; None leaves it to whether stderr is a terminal.
    total, done : int
        How many runs there are, and how many of them were finished before.

    Yields
    ------
    advance : callable (str) -> None
    """
    if not (sys.stderr.isatty() if wanted is None else wanted):
        yield lambda label: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True)) as display:
        shown = display.add_task("", total=total, completed=done)

        def advance(label: str) -> None:
            display.update(shown, advance=1, description=printable(label))

        yield advance
