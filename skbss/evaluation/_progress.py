"""How far an evaluation has come, for those who watch."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager

from skbss.report._progress import progress_display


def progress_of(
    wanted: bool | None, *, total: int, done: int
) -> AbstractContextManager[Callable[[str], None]]:
    """A function that says that one more run is finished, and which.

    Parameters
    ----------
    wanted : bool or None
        Whether to show anything; None leaves it to whether stderr is a terminal.
    total, done : int
        How many runs there are, and how many of them were finished before.

    Returns
    -------
    display : context manager of callable (str) -> None
    """
    is_shown = sys.stderr.isatty() if wanted is None else bool(wanted)
    return progress_display(is_shown, total=total, done=done)
