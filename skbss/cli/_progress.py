"""What is going on, for those who watch."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from skbss.report import printable


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """A function that announces the next stage: a spinner on a terminal, silent when piped."""
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        yield lambda stage: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as display:
        task = display.add_task("", total=None)
        yield lambda stage: display.reset(task, description=printable(stage), total=None)
