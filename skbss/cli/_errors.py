"""How a command fails: with one line and an exit code."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from skbss.cli._signals import INTERRUPTED, INTERRUPTED_MESSAGE
from skbss.report import printable

_BAD_INPUT = 2


class CommandError(Exception):
    """Something the user can put right; the message says what and how, on one line."""


def complain(message: str) -> None:
    """Write one line to stderr, whatever characters the message holds."""
    # By its name: where a display is shown, it is what writes above that.
    typer.echo(f"skbss: {printable(message)}", file=sys.stderr)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn a `CommandError` into exit code 2 and Ctrl-C into 130, with one line each."""
    try:
        yield
    except CommandError as error:
        complain(str(error))
        raise typer.Exit(_BAD_INPUT) from None
    except MemoryError:
        complain("not enough memory; separate a shorter recording or use a larger --hop-length.")
        raise typer.Exit(_BAD_INPUT) from None
    except KeyboardInterrupt:
        complain(INTERRUPTED_MESSAGE)
        raise typer.Exit(INTERRUPTED) from None
