"""Memory that `skbss separate` takes for a recording of some minutes."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile

pytest.importorskip("resource", reason="only Unix says how much memory a process took")

# Of this process alone. On Linux what getrusage says begins with what the test run itself takes,
# which a process shares until it runs a program of its own.
RUN = """
import pathlib, resource, runpy, sys
try:
    runpy.run_module("skbss", run_name="__main__")
finally:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        peak = int(status.read_text().partition("VmHWM:")[2].split()[0])
    print("peak", peak * (1 if sys.platform == "darwin" else 1024))
"""


def test_a_hundred_seconds_of_stereo_take_little_more_than_a_gigabyte(tmp_path):
    rng = np.random.default_rng(0)
    with soundfile.SoundFile(tmp_path / "long.wav", "w", 44100, 2) as file:
        for _ in range(100):
            file.write(rng.uniform(-0.5, 0.5, (44100, 2)))
    # Iterations take time, not memory.
    arguments = ["separate", "long.wav", "--max-iter", "2"]
    done = subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "long-stems").glob("*.wav"))) == 3
    assert int(done.stdout.split()[-1]) < 1.2e9
