"""STOI: the package, what it hides, and a package that is missing."""

import sys

import numpy as np
import pytest

from skbss.metrics import stoi


@pytest.fixture
def package():
    return pytest.importorskip("pystoi")


@pytest.fixture
def signals():
    """Noise with the envelope of syllables."""
    rng = np.random.default_rng(0)
    syllables = 0.5 + 0.5 * np.sin(2 * np.pi * 4 * np.arange(16000) / 8000)
    references = rng.standard_normal((2, 16000)) * syllables
    return references, references + [[0.3], [2]] * rng.standard_normal((2, 16000))


@pytest.mark.parametrize("sample_rate", [8000, 10000, 22050])
@pytest.mark.parametrize("extended", [False, True])
def test_same_as_the_package(package, signals, sample_rate, extended):
    expected = [
        package.stoi(*pair, sample_rate, extended=extended) for pair in zip(*signals, strict=True)
    ]
    scores = stoi(*signals, sample_rate, extended=extended)
    np.testing.assert_allclose(scores, expected, atol=1e-9)
    assert scores[0] > scores[1]


def test_the_caller_keeps_the_random_numbers(package, signals):
    state = np.random.get_state()  # noqa: NPY002
    first = stoi(*signals, 8000, extended=True)
    np.testing.assert_array_equal(np.random.get_state()[1], state[1])  # noqa: NPY002
    np.random.random_sample(10)  # noqa: NPY002
    np.testing.assert_array_equal(stoi(*signals, 8000, extended=True), first)


@pytest.mark.parametrize("length", [2, 100, 500, 3000])
def test_too_few_frames_are_nan(package, signals, length):
    s = signals[0][:, :length]
    with pytest.warns(UserWarning, match="STOI of 2 .* fewer than 30 frames are left"):
        scores = stoi(s, s, 8000)
    np.testing.assert_array_equal(scores, [np.nan] * 2)


def test_silent_frames_do_not_count(package, signals):
    pause = np.zeros((2, 8000))
    with_pause = [np.hstack([one, pause]) for one in signals]
    np.testing.assert_allclose(stoi(*with_pause, 10000), stoi(*signals, 10000), atol=0.02)
    with pytest.warns(UserWarning, match="fewer than 30 frames"):
        stoi(*(np.hstack([one[:, :2000], pause]) for one in signals), 10000)


def test_whole_numbers_of_hertz(package, signals):
    np.testing.assert_array_equal(stoi(*signals, 8000.0), stoi(*signals, 8000))
    with pytest.raises(ValueError, match=r"must be a whole number of Hz, got 8000\.5"):
        stoi(*signals, 8000.5)


def test_a_missing_package(monkeypatch, signals):
    monkeypatch.setitem(sys.modules, "pystoi", None)
    with pytest.raises(ImportError, match=r'STOI needs .* pip install "skbss\[perceptual\]"'):
        stoi(*signals, 8000)


def test_the_state_of_random_numbers_is_never_written(package, signals, monkeypatch):
    def refuse(*arguments):
        raise AssertionError("the state is written")

    for name in ("seed", "set_state"):
        monkeypatch.setattr(np.random, name, refuse)
    for extended in (False, True):
        assert np.isfinite(stoi(*signals, 8000, extended=extended)).all()


@pytest.mark.parametrize("extended", [False, True])
def test_parts_that_are_silent_in_all_bands_say_nothing(package, signals, extended):
    s, s_hat = signals[0].copy(), signals[1].copy()
    s_hat[:, 4000:12000] = 0
    scores = stoi(s, s_hat, 10000, extended=extended)
    assert (scores < stoi(*signals, 10000, extended=extended)).all()
    np.testing.assert_allclose(stoi(s, s, 10000, extended=extended), 1, atol=1e-9)
