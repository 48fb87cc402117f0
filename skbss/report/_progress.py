"""How far something has come, for those who watch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from skbss.report._text import printable


@contextmanager
def progress_display(
    is_shown: bool, *, total: int | None = None, done: int = 0
) -> Iterator[Callable[[str], None]]:
    """A display on stderr, and a function that says what happens.

    Parameters
    ----------
    is_shown : bool
        Whether there is any; otherwise the function does nothing.
    total : int, optional
        How many steps there are: a bar counts them, and every call says that one more is
        finished, and which. Without it every call names the next stage, beside a spinner and the
        time since then; at the end the display is gone.
    done : int, default=0
        How many of the steps were finished before.

    Yields
    ------
    tell : callable (str) -> None
        What it is given is made printable here.
    """
    if not is_shown:
        yield lambda text: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    label = TextColumn("{task.description}", markup=False)
    columns: tuple[ProgressColumn, ...] = (SpinnerColumn(), label, TimeElapsedColumn())
    if total is not None:
        counted = BarColumn(), MofNCompleteColumn()
        columns = (*counted, TimeElapsedColumn(), TimeRemainingColumn(), label)
    with Progress(*columns, console=Console(stderr=True), transient=total is None) as display:
        shown = display.add_task("", total=total, completed=done)

        def tell(text: str) -> None:
            if total is None:
                display.reset(shown, description=printable(text), total=None)
            else:
                display.update(shown, advance=1, description=printable(text))

        yield tell
