"""Metrics in threads of one process, whose settings they share."""

import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from skbss.metrics import bss_eval, mel_distance, stoi


@pytest.fixture
def often():
    """Threads that take turns as often as can be."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.fixture
def source():
    rng = np.random.default_rng(0)
    return rng.standard_normal((1, 8000)) * (1.5 + np.sin(np.arange(8000) / 300))


@pytest.mark.parametrize("name", ["stoi", "mel_distance", "median"])
def test_the_filters_of_warnings_stay_as_they_are(often, source, name):
    if name == "stoi":
        pytest.importorskip("pystoi")
    pair = np.stack([source[0], np.zeros(8000)])
    with pytest.warns(UserWarning, match="are silent"):
        scores = bss_eval(pair, pair, filter_length=2, permute=False, window=1000)
    assert np.isnan(scores.sdr[1]).all()
    calls = {
        "stoi": lambda: stoi(source, source, 10000),
        "mel_distance": lambda: mel_distance(source, source, 8000),
        "median": scores.median,
    }
    calls[name]()  # What it imports may add filters.
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        for running in [pool.submit(calls[name]) for _ in range(64)]:
            running.result()
    assert warnings.filters == before
