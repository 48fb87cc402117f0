"""Jobs in processes of this machine, which end with the one that started them."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import resource_tracker
from multiprocessing.connection import wait as wait_for_any
from typing import Any

from skbss._runtime.in_parallel import as_they_finish
from skbss.cli._job import Job, Outcome, attempt, lost
from skbss.cli._signals import heed_signals, unfinished


def in_processes(jobs: Sequence[Job], n_workers: int) -> Iterator[tuple[Job, Outcome]]:
    """Jobs with what becomes of them, in the order in which they finish.

    Parameters
    ----------
    jobs : sequence of Job
        Where a process dies, those that it may have died of are tried again, each by itself.
    n_workers : int
        How many at once.

    Yields
    ------
    job, outcome : tuple
    """
    _begin_tracker()
    with unfinished(_end_workers):
        yield from as_they_finish(lambda turns: _run(turns, n_workers), jobs, _one_by_one)


def _run(turns, n_workers):
    with _pool(n_workers) as pool:
        running: dict[Future, int] = {}
        while True:
            # Few wait inside the pool, so that few are under suspicion when it breaks.
            for number, job in islice(turns, 2 * n_workers - len(running)):
                running[pool.submit(attempt, job)] = number
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()


def _one_by_one(jobs):
    pool = _pool(1)
    try:
        for job in jobs:
            try:
                yield pool.submit(attempt, job).result()
            except BrokenProcessPool:
                pool.shutdown()
                pool = _pool(1)
                yield lost(job)
    finally:
        pool.shutdown()


def _pool(n_workers):
    # A process with threads, such as those of JAX, must not be forked.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(n_workers, mp_context=context, initializer=_begin)


def _begin_tracker() -> None:
    """Start what looks after semaphores such that it does not complain when we are stopped."""
    quiet = "ignore:resource_tracker:UserWarning"
    sys.warnoptions.append(quiet)
    try:
        resource_tracker.ensure_running()
    finally:
        sys.warnoptions.remove(quiet)


def _begin() -> None:
    """Prepare a worker: Ctrl-C is for the process that started it, and its end is ours."""
    heed_signals()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent: Any = multiprocessing.parent_process()

    def watch() -> None:
        wait_for_any([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def _end_workers() -> None:
    workers = multiprocessing.active_children()
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join(1)
