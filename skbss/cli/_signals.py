"""Requests to stop, which must be neither lost nor heard twice."""

import signal
import sys
import threading

_RETRY_SECONDS = 0.05
_TERMINATED = 143
_stopping = threading.Event()


def heed_signals() -> None:
    """Make Ctrl-C and a termination signal end the program with its cleanup, at any moment.

    Both raise an exception wherever Python happens to be. Where that is a callback of the garbage
    collector, such as JAX installs, Python reports the exception and goes on; then the signal is
    raised again a moment later.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    main_thread = threading.get_ident()
    sys.unraisablehook = lambda unraisable: _raise_again(unraisable, main_thread)


def begin_to_stop() -> None:
    """Say that the program is on its way out, so that no signal is raised again."""
    _stopping.set()


def _raise_again(unraisable: "sys.UnraisableHookArgs", main_thread: int) -> None:
    for stop, number in ((KeyboardInterrupt, signal.SIGINT), (SystemExit, signal.SIGTERM)):
        if issubclass(unraisable.exc_type, stop):
            retry = threading.Timer(_RETRY_SECONDS, _send, [number, main_thread])
            retry.daemon = True
            retry.start()
            return
    sys.__unraisablehook__(unraisable)


def _send(number: int, main_thread: int) -> None:
    if _stopping.is_set():
        return
    if hasattr(signal, "pthread_kill"):
        # To the main thread, so that it wakes from whatever it waits for.
        signal.pthread_kill(main_thread, number)
    else:
        signal.raise_signal(number)
