"""Warnings that name the line of the caller."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from joblib import Parallel, delayed

from skbss._runtime.warning import each_once, warn


class Inside:
    """Calls as from a module of the package."""

    def __init__(self):
        self.names = {"__name__": "skbss.anything", "warn": warn}
        exec("def deep(message, *category): warn(message, *category)", self.names)
        exec("def call(message, *category): deep(message, *category)", self.names)

    def __call__(self, *arguments):
        return self.names["call"](*arguments)


def test_it_points_to_the_first_line_outside():
    with pytest.warns(UserWarning, match="a") as caught:
        Inside()("a")
    assert caught[0].filename == __file__


def test_those_who_only_pass_the_call_on_do_not_count():
    with pytest.warns(FutureWarning, match="a") as caught:
        Parallel(n_jobs=1)([delayed(Inside().names["call"])("a", FutureWarning)])
    assert caught[0].filename == __file__


def test_without_any_line_outside_it_still_warns():
    with ThreadPoolExecutor(1) as pool, pytest.warns(UserWarning, match="alone"):
        pool.submit(warn, "alone").result()


def test_once_is_per_text_class_block_and_thread():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with each_once():
            for text, category in (("a", UserWarning), ("a", UserWarning), ("a", FutureWarning)):
                warn(text, category)
            with ThreadPoolExecutor(1) as pool:
                pool.submit(warn, "a").result()
        warn("a")
        with each_once():
            warn("a")
    kinds = [warning.category for warning in caught]
    assert kinds == [UserWarning, FutureWarning, UserWarning, UserWarning, UserWarning]


def test_once_within_once_goes_by_the_outermost():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with each_once():
            warn("a")
            with each_once():
                warn("a")
                warn("b")
            warn("b")
    assert [str(warning.message) for warning in caught] == ["a", "b"]
