"""What is going on, for those who watch."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager

from skbss.report._progress import progress_display


def progress() -> AbstractContextManager[Callable[[str], None]]:
    """A function that announces the next stage: a spinner on a terminal, silent when piped."""
    return progress_display(sys.stdout.isatty() and sys.stderr.isatty())
