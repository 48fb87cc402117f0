"""Linear algebra on one thread, where more would wait for each other longer than they work."""

from functools import cache
from threading import Lock
from typing import Any


class OneThread:
    """Context in which BLAS and LAPACK use a single thread.

    Several threads of Python may be in it at a time; the last to leave gives the others back.
    """

    def __init__(self):
        self._lock = Lock()
        self._n_inside = 0
        self._limit: Any = None

    def __enter__(self):
        with self._lock:
            if self._n_inside == 0:
                self._limit = _libraries().limit(limits=1, user_api="blas")
            self._n_inside += 1

    def __exit__(self, *error):
        with self._lock:
            self._n_inside -= 1
            if self._n_inside == 0:
                self._limit.restore_original_limits()


@cache
def _libraries():
    # Looking for the libraries takes longer than what is computed with them.
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


one_thread = OneThread()
