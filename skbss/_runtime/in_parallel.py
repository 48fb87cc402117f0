"""Jobs that are run beside each other, some of which take their process with them."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any


def as_they_finish(
    run: Callable[[Iterator[tuple[int, Any]]], Iterator[tuple[int, Any]]],
    jobs: Sequence[Any],
    one_by_one: Callable[[list[Any]], Iterator[Any]],
) -> Iterator[tuple[Any, Any]]:
    """Jobs with what became of them, in any order.

    Parameters
    ----------
    run : callable
        Takes jobs with their numbers, when their turn comes, and yields numbers and results; raises
        ``BrokenProcessPool`` when a process died.
    jobs : sequence
        Each is run once, but again where a process died.
    one_by_one : callable (jobs) -> iterator of results
        Runs those that ran when a process died, none beside another.

    Yields
    ------
    job, result : tuple
    """
    waiting = dict(enumerate(jobs))
    while waiting:
        started: dict[int, Any] = {}
        try:
            for number, result in run(_handed_out(waiting, started)):
                del started[number]
                yield jobs[number], result
            return
        except BrokenProcessPool:
            if not started:
                raise
            waiting = {n: job for n, job in waiting.items() if n > max(started)}
            # One of those that ran together took its process with it: each by itself shows which.
            suspects = list(started.values())
            yield from zip(suspects, one_by_one(suspects), strict=True)


def _handed_out(waiting, started):
    """All that wait, noting those whose turn has come."""
    for number, job in waiting.items():
        started[number] = job
        yield number, job
