"""How the figures are made: ours and a peer's, in turns, on the same machine in the same minute."""

import contextlib
import os
import resource
import statistics
import time
import warnings

QUICK = os.environ.get("SKBSS_BENCH_QUICK") == "1"
"""Whether only to see that the benchmarks run, on tiny data."""

CPU_TIME = os.environ.get("SKBSS_BENCH_CLOCK") == "cpu"
"""Whether to count processor time instead of wall time: for one thread on a busy machine."""

PEERS = ["scikit-learn", "torchnmf"]


def clock():
    """Seconds so far; those of the processor include the processes that were started."""
    if not CPU_TIME:
        return time.perf_counter()
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def seconds(run):
    """How long a call takes."""
    started = clock()
    run()
    return clock() - started


def ratio(peer, ours, *, repeats=5):
    """How many times faster ours is: the median of pairs measured one after the other, warm."""
    if not QUICK:
        peer()
        ours()
    pairs = [(seconds(peer), seconds(ours)) for _ in range(1 if QUICK else repeats)]
    return statistics.median(slow / fast for slow, fast in pairs)


@contextlib.contextmanager
def in_silence():
    """Without the warnings that a fit which stops early gives."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
