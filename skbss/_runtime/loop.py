"""The driver of long loops: short calls of a compiled program, open to Ctrl-C and callbacks."""

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

# A compiled loop is deaf: this bounds how long it runs before Python is heard again.
_SECONDS_PER_CALL = 0.25


class LoopState(Protocol):
    """What every solver's state has."""

    @property
    def n_iter(self) -> int:
        """Iterations so far."""

    @property
    def done(self) -> bool:
        """Whether there is nothing left to do."""


State = TypeVar("State", bound=LoopState)


def run_loop(
    advance: Callable[[State, int], State],
    state: State,
    max_iter: int,
    *,
    stride: int = 10,
    after: Callable[[State, int], bool | None] | None = None,
    before: Callable[[int], None] | None = None,
) -> State:
    """Advance a solver to convergence, or to `max_iter`.

    Parameters
    ----------
    advance : callable ``(state, until) -> state``
        Runs the compiled loop up to iteration `until`, and waits for it. The result must not
        depend on where it is interrupted.
    state : solver state
        With `n_iter` and `done`.
    max_iter : int
        Iterations at most.
    stride : int
        Iterations a call at most. Calls end at the multiples of it, and in between where one
        call would take longer than a quarter of a second.
    after : callable ``(state, n_iter) -> stop``, optional
        Called after every call; a true answer ends the loop.
    before : callable ``(n_iter) -> None``, optional
        Called before every call.

    Returns
    -------
    state : solver state
        The last one.
    """
    n_iter, pace, compiled = state.n_iter, 0.0, False
    # Processes that work together have to make the same calls, whatever their clocks say.
    by_clock = jax.process_count() == 1
    while n_iter < max_iter and not state.done:
        until = min(max_iter, (n_iter // stride + 1) * stride)
        if pace > 0:
            until = min(until, n_iter + max(1, int(_SECONDS_PER_CALL / pace)))
        if before is not None:
            before(n_iter)
        started = time.perf_counter()
        state = advance(state, until)
        if compiled and by_clock:
            pace = (time.perf_counter() - started) / max(1, until - n_iter)
        compiled = True
        n_iter = state.n_iter
        if after is not None and after(state, n_iter):
            break
    return state


def fetch(array: jax.Array) -> np.ndarray:
    """A result on the host, once it is there.

    Of an array that is shared out among several processes, each of them has to ask for it, and gets
    all of it.
    """
    wait_for(array)
    if not (array.is_fully_addressable or array.is_fully_replicated):
        mesh = array.sharding.mesh  # type: ignore[attr-defined]
        everywhere = NamedSharding(mesh, PartitionSpec())
        array = jax.jit(lambda A: A, out_shardings=everywhere)(array)
    return np.asarray(array)


def wait_for(results: Any) -> None:
    """Wait until results are there, open to Ctrl-C, which waiting inside JAX holds back."""
    if threading.current_thread() is not threading.main_thread():
        jax.block_until_ready(results)
    elif not all(array.is_ready() for array in jax.tree.leaves(results)):
        _wait_in_another_thread(results)


def _wait_in_another_thread(results):
    """Takes less time than to ask again and again, and leaves this thread open to signals."""
    ready = threading.Event()

    def wait():
        # Whoever reads the results meets their error.
        with contextlib.suppress(Exception):
            jax.block_until_ready(results)
        ready.set()

    try:
        # No daemon: the end of the process waits for it, as JAX may not be cut off in the midst.
        threading.Thread(target=wait).start()
    except RuntimeError:  # no more threads, as when the process ends
        jax.block_until_ready(results)
        return
    # Some systems heed signals only in between. An interrupted join() would take the thread for
    # one that has ended.
    while not ready.wait(0.1):
        pass
