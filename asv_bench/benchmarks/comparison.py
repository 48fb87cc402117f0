"""How the figures are made: ours and a peer's, in turns, on the same machine in the same minute."""

import os
import statistics
import time

QUICK = os.environ.get("SKBSS_BENCH_QUICK") == "1"
"""Whether only to see that the benchmarks run, on tiny data."""


def seconds(run):
    """How long a call takes."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def ratio(peer, ours, *, repeats=5):
    """How many times faster ours is: the median of pairs measured one after the other, warm."""
    peer()
    ours()
    pairs = [(seconds(peer), seconds(ours)) for _ in range(1 if QUICK else repeats)]
    return statistics.median(slow / fast for slow, fast in pairs)
