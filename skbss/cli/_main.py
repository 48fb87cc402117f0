"""The whole program."""

from skbss.cli._signals import heed_signals, ignore_signals


def main() -> None:
    """Run the command line and exit with its code.

    0 on success, 2 where the input or an option cannot be used (with one line on stderr), 130
    after Ctrl-C and 143 after a termination signal; in none of these cases is a half-written
    result left behind.
    """
    heed_signals()
    try:
        from skbss.cli._app import app

        app(prog_name="skbss")
    finally:
        ignore_signals()
