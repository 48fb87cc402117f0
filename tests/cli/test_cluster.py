"""A corpus in several processes, of which some die: by Dask, and without."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from skbss.cli._output import MANIFEST

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

RATE = 8000
FAST = ("--components", "2", "--max-iter", "3", "--n-fft", "64", "--no-html")
PATIENCE = 240


def make_corpus(folder, n_clips):
    time = np.arange(RATE // 8) / RATE
    for k in range(n_clips):
        path = folder / f"speaker {k % 5}" / f"{k}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(k)
        clip = rng.uniform(-0.2, 0.2, time.shape) + np.sin(2 * np.pi * (300 + 10 * k) * time) / 4
        soundfile.write(path, clip, RATE, subtype="FLOAT")


def separate(*arguments):
    """The command in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "skbss", "separate", *map(str, arguments), *FAST],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def results(folder):
    # What is hidden is still being made, and may be gone in between.
    return {path.relative_to(folder).as_posix() for path in folder.glob("*/[!.]*")}


def wait_for(number, folder, process):
    end = time.monotonic() + PATIENCE
    while len(found := results(folder)) < number:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, f"only {len(found)} results"
        time.sleep(0.01)
    return found


def lines(folder):
    return [json.loads(line) for line in (folder / "corpus.jsonl").read_text().splitlines()[1:]]


def stems(folder):
    # The files themselves say when they were written.
    paths = folder.rglob("*.wav")
    return {path.relative_to(folder): soundfile.read(path)[0].tobytes() for path in paths}


def drafts(folder):
    return list(folder.rglob("*.part"))


@pytest.fixture
def serial(skbss, folder):
    """What one process makes of the same recordings, in `folder / "serial"`."""

    def run(corpus):
        skbss("separate", corpus, "--out", folder / "serial", *FAST, quick=False)
        return stems(folder / "serial")

    return run


def test_workers_and_the_client_of_a_cluster_may_die(folder, serial):
    distributed = pytest.importorskip("distributed")
    make_corpus(folder / "corpus", 200)
    broken = folder / "corpus" / "speaker 3" / "103.wav"
    broken.write_bytes(broken.read_bytes()[:30])
    out = folder / "out"
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, processes=True
    ) as cluster:
        arguments = (folder / "corpus", "--out", out, "--scheduler", cluster.scheduler_address)
        client = separate(*arguments)
        wait_for(10, out, client)
        os.kill(cluster.workers[0].pid, signal.SIGKILL)
        wait_for(60, out, client)
        os.kill(client.pid, signal.SIGKILL)
        client.communicate()
        before = {name: (out / name / MANIFEST).stat().st_mtime_ns for name in results(out)}
        assert 60 <= len(before) < 190
        client = separate(*arguments, "--resume")
        told, complaints = client.communicate(timeout=PATIENCE)
    assert client.returncode == 2
    [complaint] = complaints.splitlines()
    assert "speaker 3/103.wav' cannot be read as a sound file" in complaint
    assert told.splitlines()[-1].startswith("199 of 200 recordings are separated, ")
    after = {name: (out / name / MANIFEST).stat().st_mtime_ns for name in results(out)}
    assert len(after) == 199
    assert {name: after[name] for name in before} == before
    assert sorted(line["file"] for line in lines(out)) == sorted(
        path.relative_to(folder / "corpus").as_posix() for path in folder.glob("corpus/*/*.wav")
    )
    assert [line["file"] for line in lines(out) if "error" in line] == ["speaker 3/103.wav"]
    assert drafts(out) == []
    assert stems(out) == serial(folder / "corpus")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips") / "corpus"
    make_corpus(folder, 30)
    return folder


def children(pid):
    """Those of a process that separate: the first one looks after semaphores."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += (task / "children").read_text().split()
    commands = {int(child): Path(f"/proc/{child}/cmdline").read_text() for child in found}
    return [child for child, command in commands.items() if "resource_tracker" not in command]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux to find processes")
def test_a_process_may_die(folder, corpus, serial):
    out = folder / "out"
    client = separate(corpus, "--out", out, "--workers", 2)
    wait_for(3, out, client)
    os.kill(children(client.pid)[0], signal.SIGKILL)
    told, complaints = client.communicate(timeout=PATIENCE)
    assert (client.returncode, complaints) == (0, "")
    assert told.splitlines()[-1] == "30 of 30 recordings are separated."
    assert sorted(line["state"] for line in lines(out)) == ["separated"] * 30
    assert drafts(out) == []
    assert stems(out) == serial(corpus)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_workers_end_with_their_client(folder, corpus, name):
    out = folder / "out"
    client = separate(corpus, "--out", out, "--workers", 2)
    wait_for(3, out, client)
    os.kill(client.pid, getattr(signal, name))
    # Until the last one of them is gone: they write to the same pipes.
    _, complaints = client.communicate(timeout=PATIENCE)
    assert client.returncode == {"SIGINT": 130, "SIGTERM": 143, "SIGKILL": -9}[name]
    assert [line for line in complaints.splitlines() if "skbss:" in line] == (
        ["skbss: interrupted; nothing unfinished was left behind."] if name == "SIGINT" else []
    )
    assert drafts(out) == []
    assert len(results(out)) < 30
