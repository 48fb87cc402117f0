"""Settings of all tests, and a layout in which many shapes of data share compiled programs.

Nobody's seed decides a result: Hypothesis draws the same examples in every run.
``pytest --hypothesis-profile=default`` draws new ones.
"""

import gc
import signal
from contextlib import contextmanager
from pathlib import Path

import jax
import pytest
from hypothesis import settings

from skbss.factorization import _observations

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


def pytest_sessionstart():
    # What a script starts in the background is deaf to Ctrl-C, and so is all that it starts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


_MAPS = Path("/proc/self/maps")
# Linux grants a process 65530 areas of memory, and a compiled program takes several. XLA crashes
# where it gets no more.
_MANY_AREAS = 25000


@pytest.fixture(scope="module", autouse=True)
def forget_programs():
    """Forget compiled programs before there are too many of them for one process."""
    yield
    if _MAPS.exists() and _MAPS.read_bytes().count(b"\n") > _MANY_AREAS:
        jax.clear_caches()
        gc.collect()


@contextmanager
def filled_up(n_rows):
    """Fill up small dense matrices to `n_rows` rows, 16 columns and 16 components.

    What fills up decides nothing, in whatever amount, but every new shape compiles programs:
    tests that go through many shapes of few numbers would do little else.
    """
    choose_layout = _observations.choose_layout

    def larger(shape, n_components, **options):
        layout = choose_layout(shape, n_components, **options)
        return layout._replace(
            height=max(layout.height, n_rows),
            width=max(layout.width, 16),
            rank=max(layout.rank, 16),
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_observations, "choose_layout", larger)
        yield


@pytest.fixture(scope="module")
def few_programs():
    """Small dense matrices of this module are filled up to one shape."""
    with filled_up(512):
        yield
