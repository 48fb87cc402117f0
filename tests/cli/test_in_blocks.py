"""``skbss separate`` with methods that learn block by block: the same result, in bounded memory."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from skbss._runtime import recorded_waveform
from skbss.cli._separation import make_separator
from skbss.cli._settings import Settings
from skbss.separation import _in_chunks

METHOD = ("--method", "minibatch-nmf")
RATE = 8000


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(_in_chunks, "_SAMPLES", 4000)
    monkeypatch.setattr(recorded_waveform, "_BLOCK", 3000)


def read(path):
    return soundfile.read(path, always_2d=True, dtype="float32")[0].T


@pytest.mark.parametrize("n_channels", [1, 2])
def test_stems_are_those_of_the_whole(skbss, folder, stereo, n_channels):
    soundfile.write(folder / "song.wav", stereo[:n_channels].T, RATE, subtype="FLOAT")
    options = ("--sources", 3, "--max-iter", 5)
    result = skbss("separate", "song.wav", *METHOD, *options, quick=False)
    assert result.exit_code == 0, result.stderr
    out = folder / "song-stems"
    np.testing.assert_array_equal(read(out / "mixture.wav"), stereo[:n_channels])
    stems = [read(out / f"source-{k}.wav") for k in (1, 2, 3)]
    total = np.sum(stems, axis=0, dtype=np.float64)
    np.testing.assert_allclose(total, stereo[:n_channels], rtol=0, atol=2.0**-24)
    settings = Settings(method="minibatch-nmf", n_sources=3, max_iter=5).resolve(RATE, n_channels)
    with pytest.warns(Warning, match="Maximum number of iterations"):
        whole = make_separator(RATE, settings, 3).fit_transform(stereo[None, :n_channels])[0]
    np.testing.assert_allclose(stems, whole, rtol=0, atol=1e-4)
    told = json.loads((out / "separation.json").read_text())
    assert told["files"][:4] == ["mixture.wav", "source-1.wav", "source-2.wav", "source-3.wav"]
    assert not told["converged"]
    assert "Maximum" not in result.stderr
    assert (out / "index.html").stat().st_size > 10_000


def test_a_rate_of_another_file_is_kept(skbss, folder, stereo):
    soundfile.write(folder / "song.flac", stereo.T, 11025)
    result = skbss("separate", "song.flac", *METHOD, "--no-html")
    assert result.exit_code == 0, result.stderr
    info = soundfile.info(folder / "song-stems" / "source-1.wav")
    assert (info.samplerate, info.channels, info.frames) == (11025, 2, stereo.shape[1])


def damaged(stereo):
    broken = stereo.copy()
    broken[1, 5000] = np.nan
    return broken


@pytest.mark.parametrize(
    ("change", "message"),
    [(np.zeros_like, "is silent: every sample is zero"), (damaged, "NaN or infinite at 0.625 s")],
)
def test_nothing_is_left_of_what_is_refused(skbss, folder, stereo, change, message):
    soundfile.write(folder / "song.wav", change(stereo).T, RATE, subtype="FLOAT")
    result = skbss("separate", "song.wav", *METHOD)
    assert result.exit_code == 2
    assert message in result.stderr
    assert [one.name for one in folder.iterdir()] == ["song.wav"]


PROGRAM = """
import pathlib
from skbss.cli._app import app

def separate(name):
    arguments = ["separate", name, "--method", "minibatch-nmf", "--max-iter", "1", "--no-html"]
    try:
        app(arguments)
    except SystemExit as end:
        assert not end.code, end.code

def peak():
    status = pathlib.Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])

separate("short.wav")
before = peak()
separate("long.wav")
print("more", peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted by Linux")
def test_memory_hardly_grows_with_the_length(tmp_path):
    rng = np.random.default_rng(0)
    for name, seconds in (("short", 40), ("long", 160)):
        with soundfile.SoundFile(tmp_path / f"{name}.wav", "w", 44100, 2) as file:
            for _ in range(seconds):
                file.write(rng.uniform(-0.5, 0.5, (44100, 2)))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # The recording and its stems alone are 169 MB, and another 113 MB are their spectrogram.
    assert int(done.stdout.split()[-1]) < 80e6


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
@pytest.mark.parametrize("method", ["nmf", "minibatch-nmf"])
def test_a_disk_that_gets_full_is_told(folder, stereo, method):
    soundfile.write(folder / "long.flac", np.tile(stereo, 12).T, RATE)
    program = f"""
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from skbss.cli import main
sys.argv = "skbss separate long.flac --method {method} --out o --no-html --max-iter 1".split()
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 2, done.stderr
    [told] = done.stderr.splitlines()
    assert told.startswith("skbss: cannot write to '")
    assert "mixture.wav' was not written to its end" in told
    assert [path.name for path in folder.iterdir()] == ["long.flac"]
