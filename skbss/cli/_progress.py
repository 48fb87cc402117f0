"""What is going on, for those who watch."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from skbss.cli._signals import unfinished
from skbss.report._progress import progress_display


@contextmanager
def progress(*, total: int | None = None, done: int = 0) -> Iterator[Callable[[str], None]]:
    """A function that announces the next stage: a spinner on a terminal, silent when piped.

    With a `total` it announces what is finished, beside a bar; so much was `done` before.
    """
    is_shown = sys.stdout.isatty() and sys.stderr.isatty()
    if not is_shown:
        with progress_display(False) as say:
            yield say
        return
    with (
        unfinished(_restore_terminal),
        progress_display(True, total=total, done=done) as say,
    ):
        yield say


def _restore_terminal() -> None:
    """Erase the line of the display and bring the cursor back."""
    from rich.console import Console
    from rich.control import Control
    from rich.segment import ControlType

    console = Console(stderr=True)
    console.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2)))
    console.show_cursor()
