"""Requests to stop: Ctrl-C and the signal for termination.

Python's own answer is an exception wherever it happens to be. In foreign code that can get lost,
turn into another error or, in C++, crash the process; and after a `KeyboardInterrupt` out of
``exec``, which makes every data class, Python ends itself by the signal even if it was caught. So
nothing is raised here: what is unfinished is discarded on the spot, and the process ends.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

INTERRUPTED = 130
INTERRUPTED_MESSAGE = "interrupted; nothing unfinished was left behind."
_EXIT_CODES = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: 143}

_discards: list[Callable[[], None]] = []
_postponed: list[int] = []
_is_deaf = False


def heed_signals() -> None:
    """Make Ctrl-C and a termination signal end the process, and leave nothing unfinished."""
    for number in _EXIT_CODES:
        # Whoever started the process may have asked for deafness, as nohup does.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def ignore_signals() -> None:
    """Go on to the end, which is near, whatever comes."""
    for number in _EXIT_CODES:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def unfinished(discard: Callable[[], None]) -> Iterator[None]:
    """Undo what is begun here, on an error and on a signal alike.

    Parameters
    ----------
    discard : callable
        What to do then. It must be quick, and right at any moment: while nothing is there yet,
        when all is finished, and a second time in the middle of the first.
    """
    _discards.append(discard)
    try:
        yield
    except BaseException:
        discard()
        raise
    finally:
        _discards.remove(discard)


@contextmanager
def in_one_go() -> Iterator[None]:
    """Let signals wait for the end of some quick steps that belong together."""
    global _is_deaf
    _is_deaf = True
    try:
        yield
    finally:
        _is_deaf = False
        while _postponed:
            _stop(_postponed.pop(), None)


def _stop(number: int, _: FrameType | None) -> None:
    if _is_deaf:
        _postponed.append(number)
        return
    ignore_signals()
    try:
        for discard in reversed(_discards):
            with suppress(Exception):
                discard()
        if number == signal.SIGINT and sys.__stderr__ is not None:
            # Not through sys.stderr: this may have come in the middle of writing to it.
            os.write(sys.__stderr__.fileno(), f"skbss: {INTERRUPTED_MESSAGE}\n".encode())
    finally:
        os._exit(_EXIT_CODES[signal.Signals(number)])
