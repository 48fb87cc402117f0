"""A recording that comes through a pipe, and stems that go through one."""

import io
import os
import subprocess
import sys
import tempfile
import threading

import numpy as np
import pytest
import soundfile

from skbss.cli._errors import CommandError
from skbss.cli._settings import Settings
from skbss.cli._stream import separate_stream

RATE = 8000


def streamed(source, **options):
    """What is read from the pipe that it is written to."""
    settings = Settings(n_components=4, max_iter=20, n_fft=256, **options)
    reading, writing = os.pipe()
    got = []

    def read():
        with os.fdopen(reading, "rb") as file:
            got.append(file.read())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        separate_stream(io.BytesIO(source), writing, settings, "cpu")
    finally:
        os.close(writing)
        reader.join()
    return got[0]


@pytest.fixture
def sound(recording):
    return recording.read_bytes()


@pytest.fixture(autouse=True)
def scratch(monkeypatch, tmp_path_factory):
    """The folder of temporary files, which has to be empty in the end."""
    folder = tmp_path_factory.mktemp("scratch")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("method", ["nmf", "minibatch-nmf"])
def test_stems_are_those_of_the_file(skbss, recording, folder, sound, method):
    skbss("separate", recording, "--method", method, "--out", "o", "--no-html")
    stems, rate = soundfile.read(io.BytesIO(streamed(sound, method=method)), dtype="float32")
    expected = [soundfile.read(folder / "o" / f"source-{k}.wav")[0] for k in (1, 2)]
    assert rate == RATE
    np.testing.assert_array_equal(stems, np.concatenate(expected, axis=1).astype(np.float32))


def test_a_length_that_nobody_knew_before(sound, stereo):
    # As programs write that have to say how long it is before they know.
    data = sound.index(b"data")
    unknown = sound[:4] + b"\xff" * 4 + sound[8 : data + 4] + b"\xff" * 4 + sound[data + 8 :]
    stems, _ = soundfile.read(io.BytesIO(streamed(unknown)), dtype="float32")
    np.testing.assert_allclose(stems[:, :2] + stems[:, 2:], stereo.T, atol=1e-6)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"", "^standard input is empty"),
        (b"Dear diary, " * 50, "^standard input cannot be read as a sound file"),
    ],
)
@pytest.mark.parametrize("method", ["nmf", "minibatch-nmf"])
def test_what_is_no_sound(source, message, method):
    with pytest.raises(CommandError, match=message):
        streamed(source, method=method)


def test_nobody_reads(sound):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        with pytest.raises(CommandError, match="nobody reads standard output"):
            separate_stream(io.BytesIO(sound), writing, Settings(max_iter=1, n_fft=256), "cpu")
    finally:
        os.close(writing)


@pytest.mark.parametrize(
    "options", [("song.wav",), ("--out", "o"), ("--resume",), ("--workers", 2), ("--overwrite",)]
)
def test_options_that_are_for_files(skbss, recording, folder, options):
    result = skbss("separate", "--stream", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "does not go with --stream" in result.stderr


def test_nothing_to_separate(skbss):
    result = skbss("separate")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "name the recordings to separate, or pass --stream" in result.stderr


def test_from_a_process_to_a_process(sound, stereo):
    command = [sys.executable, "-m", "skbss", "separate", "--stream", "--max-iter", "3"]
    done = subprocess.run(
        [*command, "--n-fft", "256"], input=sound, capture_output=True, timeout=300, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    stems, _ = soundfile.read(io.BytesIO(done.stdout), dtype="float32")
    np.testing.assert_allclose(stems[:, :2] + stems[:, 2:], stereo.T, atol=1e-6)
