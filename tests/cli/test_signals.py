"""Ctrl-C and termination: at any moment one answer, and nothing unfinished is left."""

import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
LINE = "skbss: interrupted; nothing unfinished was left behind.\n"
BEGINNING = """
import os, sys, time
from pathlib import Path
from skbss.cli import main
from skbss.cli._signals import heed_signals, unfinished

def stop():
    os.kill(os.getpid(), NUMBER)
"""


@pytest.fixture(autouse=True)
def heard():
    """Processes that are started here heed signals, even if whoever started pytest does not."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in CODES}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def command(tmp_path_factory):
    """The command that runs a program as ``python -m`` would, which may end by the signal."""

    def write(program, number, *arguments):
        place = tmp_path_factory.mktemp("program")
        (place / "__main__.py").write_text(f"NUMBER = {int(number)}{BEGINNING}{program}")
        return [sys.executable, place, *arguments]

    return write


@pytest.fixture
def run(command):
    """The result of a program in which ``stop()`` sends a signal."""

    def run(program, *arguments, number=signal.SIGINT):
        return subprocess.run(
            command(program, number, *arguments),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def assert_stopped(result, number):
    assert (result.returncode, result.stdout) == (CODES[number], ""), result.stderr
    assert result.stderr == (LINE if number == signal.SIGINT else "")


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("number", CODES)
def test_signals_leave_nothing_behind(recording, folder, number):
    process = subprocess.Popen(
        [sys.executable, "-m", "skbss", "separate", recording, "--out", "a/b"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not list(folder.glob("a/.skbss-*.part")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    result = subprocess.CompletedProcess(process.args, process.returncode, out, err)
    assert_stopped(result, number)
    assert names(folder) == ["song.wav"]


def test_a_signal_amid_the_iterations_leaves_nothing_behind(run, recording, folder):
    program = """
from skbss._runtime import loop

wait_for, n_calls = loop.wait_for, 0
def interrupted(array):
    global n_calls
    n_calls += 1
    if n_calls == 3:
        stop()
    wait_for(array)

loop.wait_for = interrupted
main()
"""
    result = run(program, "separate", "song.wav", "--components", "4", "--n-fft", "256")
    assert_stopped(result, signal.SIGINT)
    assert names(folder) == ["song.wav"]


# As the making of a data class; a library that catches everything; callbacks of JAX and of C.
PLACES = {
    "source text": "exec('stop()')",
    "catch-all": "try: stop()\n    except BaseException: pass",
    "garbage collection": "gc.callbacks.append(lambda *_: stop()); gc.collect()",
    "callback": "ctypes.CFUNCTYPE(None)(stop)()",
}


@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize("place", PLACES)
def test_a_signal_counts_wherever_python_happens_to_be(run, folder, place, number):
    program = f"""
import ctypes, gc
heed_signals()
draft = Path("draft")
with unfinished(draft.unlink):
    draft.write_text("half")
    {PLACES[place]}
"""
    assert_stopped(run(program, number=number), number)
    assert names(folder) == []


def test_a_signal_counts_while_the_command_loads(run):
    program = """
class Finder:
    def find_spec(name, *_):
        if name == "typer":
            stop()

sys.meta_path.insert(0, Finder)
main()
"""
    assert_stopped(run(program), signal.SIGINT)


def test_a_second_signal_does_not_disturb_the_first(run, folder):
    program = """
draft = Path("draft")
def discard():
    stop()
    draft.unlink()

heed_signals()
with unfinished(discard):
    draft.write_text("half")
    stop()
"""
    assert_stopped(run(program), signal.SIGINT)
    assert names(folder) == []


@pytest.mark.parametrize("number", CODES)
def test_a_signal_after_the_end_changes_nothing(run, number):
    program = """
import atexit
atexit.register(stop)
main()
"""
    result = run(program, "--version", number=number)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("skbss ")


def test_a_process_that_was_started_deaf_stays_deaf(run):
    program = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); heed_signals(); stop()"
    result = run(program)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("number", CODES)
def test_results_are_put_in_their_place_in_one_go(run, folder, number):
    program = """
from skbss.cli._output import output_folder

replace = Path.replace
def interrupted(self, target):
    replace(self, target)
    stop()

Path.replace = interrupted
heed_signals()
with output_folder(Path("."), overwrite=False) as draft:
    for name in "abc":
        (draft / name).write_text("whole")
print("too far")
"""
    assert_stopped(run(program, number=number), number)
    assert names(folder) == ["a", "b", "c"]


def test_a_failure_while_signals_wait_leaves_nothing_behind(run, folder):
    program = """
from skbss.cli._output_files import output_files

def fail(*_):
    stop()
    raise OSError(28, "No space left on device")

Path.replace = fail
heed_signals()
with output_files({"--csv": Path("a.csv")}, overwrite=False) as drafts:
    drafts["--csv"].write_text("whole")
"""
    assert_stopped(run(program), signal.SIGINT)
    assert names(folder) == []


def test_the_terminal_gets_its_cursor_back(command):
    import pty

    program = """
from skbss.cli._progress import progress
heed_signals()
with progress() as say:
    say("Waiting")
    stop()
"""
    master, terminal = pty.openpty()
    process = subprocess.Popen(
        command(program, signal.SIGINT),
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(terminal)
    assert process.wait(timeout=120) == 130
    shown = os.read(master, 1 << 16).decode()
    os.close(master)
    assert "\x1b[?25l" in shown
    assert shown.endswith("\x1b[2K\x1b[?25h" + LINE.replace("\n", "\r\n"))
