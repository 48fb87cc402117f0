"""Warnings that name the line of the caller, however deep they arise."""

import sys
import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType

_INSIDE = {"joblib", "sklearn", "skbss"}
_SAID: ContextVar[set | None] = ContextVar("said", default=None)


def warn(message, category=UserWarning):
    """Warn, pointing to the line by which this package was entered.

    Parameters
    ----------
    message : str
        The text.
    category : type of Warning
        Its class.
    """
    said = _SAID.get()
    if said is not None:
        if (message, category) in said:
            return
        said.add((message, category))
    frame: FrameType | None = sys._getframe(1)
    level = 2
    while frame is not None and _is_inside(frame):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


@contextmanager
def each_once():
    """Within it, `warn` says the same no more than once, in this thread alone.

    What is within another one goes by the outermost.
    """
    said = _SAID.get()
    token = _SAID.set(set() if said is None else said)
    try:
        yield
    finally:
        _SAID.reset(token)


def _is_inside(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0] in _INSIDE
