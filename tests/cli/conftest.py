"""Short recordings, and the command line in this process."""

import warnings

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from skbss.cli import app

RATE = 8000
QUICK = ("--components", "4", "--max-iter", "20", "--n-fft", "256")


@pytest.fixture(scope="session")
def stereo():
    """Two tones in turn and together, shape (2, length), on a ground of quiet noise."""
    time = np.arange(RATE) / RATE
    low = np.sin(2 * np.pi * 330 * time) * (time < 0.7)
    high = np.sin(2 * np.pi * 1250 * time) * (time > 0.4)
    noise = 1e-3 * np.random.default_rng(0).standard_normal((2, RATE))
    return (np.stack([0.3 * low + 0.1 * high, 0.1 * low + 0.3 * high]) + noise).astype(np.float32)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def recording(folder, stereo):
    """A file `song.wav` in the working folder."""
    path = folder / "song.wav"
    soundfile.write(path, stereo.T, RATE, subtype="FLOAT")
    return path


@pytest.fixture(scope="session")
def skbss():
    """Run ``skbss`` with some arguments; the result holds exit code, stdout and stderr."""

    def run(*arguments, quick=True):
        arguments = [str(argument) for argument in arguments]
        if quick and arguments[0] == "separate":
            arguments[1:1] = QUICK
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = CliRunner().invoke(app, arguments)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run
