"""The driver of long loops: the same result however it is cut, and open to Ctrl-C."""

import os
import signal
import subprocess
import sys
import threading
import time
from typing import NamedTuple

import numpy as np
import pytest

from skbss import BetaNMF
from skbss._runtime.loop import run_loop, wait_for


class Counter(NamedTuple):
    n_iter: int
    done: bool


def advance(state, until):
    return Counter(until, until >= 57)


@pytest.mark.parametrize("stride", [1, 7, 10])
def test_calls_end_at_multiples_of_the_stride(stride):
    seen = []
    start = Counter(0, False)
    state = run_loop(advance, start, 25, stride=stride, after=lambda s, n: seen.append(n))
    assert seen == [*range(stride, 25, stride), 25]
    assert state.n_iter == 25


def test_ends_when_done_and_when_asked_to():
    start = Counter(0, False)
    assert run_loop(advance, start, 1000).n_iter == 60
    assert run_loop(advance, start, 1000, after=lambda s, n: n >= 30).n_iter == 30
    done = Counter(5, True)
    assert run_loop(advance, done, 1000) is done


def test_slow_iterations_are_taken_in_short_calls():
    asked = []

    def slow(state, until):
        asked.append(until - state.n_iter)
        time.sleep(0.2 * asked[-1])
        return advance(state, until)

    run_loop(slow, Counter(0, False), 16, stride=4)
    assert asked[:2] == [4, 4]  # the first call compiles, the second sets the pace
    assert set(asked[2:]) == {1}


@pytest.mark.parametrize("beta", [1, 2])
def test_control_c_stops_a_fit_at_once(beta):
    X = np.random.default_rng(0).random((400, 300), np.float32)
    model = BetaNMF(20, beta_loss=beta, init="random", random_state=0, tol=0)
    model.set_params(max_iter=20).fit(X)
    sent, ended = [], threading.Event()

    def interrupt():
        # Again and again, in case that whatever runs at that moment swallows one.
        while not ended.wait(1):
            sent.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            model.set_params(max_iter=10**9).fit(X)
        waited = time.monotonic() - sent[-1]
    finally:
        ended.set()
        thread.join()
        signal.signal(signal.SIGINT, handler)
    assert waited < 1


# Ctrl-C comes again and again, in case that whatever runs at that moment swallows one; once it is
# heard, one that is on its way is not to hit what follows. What would be interrupted is compiled.
INTERRUPTED = """
import os, signal, threading
import numpy as np
from skbss import BetaNMF, MiniBatchBetaNMF

X = np.random.default_rng(0).random((200, 40), np.float32)
start = {"init": "random", "random_state": 0, "beta_loss": 1, "tol": 0}
batches = MiniBatchBetaNMF(4, batch_size=50, max_no_improvement=None, max_iter=1, **start)
whole = BetaNMF(4, solver="mu", max_iter=10, **start)
for model in (batches, whole):
    model.fit(X).transform(X)
    model.set_params(max_iter=10**9)

def interrupt(ended):
    while not ended.wait(1):
        os.kill(os.getpid(), signal.SIGINT)

for name, work in {"fit": batches.fit, "transform": whole.transform}.items():
    ended = threading.Event()
    thread = threading.Thread(target=interrupt, args=(ended,))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        thread.start()
        work(X)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        ended.set()
        print(name, "interrupted")
    thread.join()
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_control_c_ends_a_fit_by_batches_and_a_transform():
    # A billion iterations would take days; the process is killed after minutes.
    result = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == "fit interrupted\ntransform interrupted\n"


class Unfinished:
    """A result that takes its time."""

    def __init__(self):
        self.finished = threading.Event()

    def is_ready(self):
        return False

    def block_until_ready(self):
        self.finished.wait(60)


def test_waiting_is_open_to_signals():
    def interrupt(*_):
        raise KeyboardInterrupt

    result, before = Unfinished(), signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(KeyboardInterrupt):
            wait_for([result])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        result.finished.set()


def test_other_threads_wait_too():
    result, waited = Unfinished(), threading.Event()

    def wait():
        wait_for(result)
        waited.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert not waited.wait(0.2)
    result.finished.set()
    thread.join(60)
    assert waited.is_set()


def test_errors_come_with_the_result(capfd):
    class Failed(Unfinished):
        def block_until_ready(self):
            raise RuntimeError("out of memory")

    wait_for(Failed())
    assert capfd.readouterr().err == ""


def test_without_another_thread_waiting_goes_on(monkeypatch):
    def refused(self):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    result = Unfinished()
    result.finished.set()
    monkeypatch.setattr(threading.Thread, "start", refused)
    wait_for(result)


@pytest.mark.parametrize("task", ["fit", "transform"])
def test_an_interrupted_process_ends_in_order(task):
    program = f"""
import signal, threading
import numpy as np
from skbss import BetaNMF

X = np.random.default_rng(0).random((4000, 257), np.float32)
model = BetaNMF(20, beta_loss=0.5, init="random", random_state=0, tol=0)
model.set_params(max_iter=1).fit(X).transform(X)  # compiles
model.set_params(max_iter=10**6)
signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
signal.setitimer(signal.ITIMER_REAL, 0.5, 1)  # again, in case that one is swallowed
try:
    model.{task}(X)
finally:
    signal.setitimer(signal.ITIMER_REAL, 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert "KeyboardInterrupt" in done.stderr
    if "in _wait_in_another_thread" in done.stderr:  # nearly always, and elsewhere it is up to JAX
        assert done.returncode in (130, -signal.SIGINT), done.stderr
