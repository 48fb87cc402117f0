"""How many threads linear algebra uses, within the context and after it."""

import threadpoolctl

from skbss.metrics._one_thread import OneThread


def numbers_of_threads():
    return [
        library["num_threads"]
        for library in threadpoolctl.threadpool_info()
        if library["user_api"] == "blas"
    ]


def test_one_thread_within_and_as_many_as_before_after_it():
    context = OneThread()
    with threadpoolctl.threadpool_limits(3, user_api="blas"):
        before = numbers_of_threads()
        assert set(before) == {3}
        context.__enter__()
        assert set(numbers_of_threads()) == {1}
        # Another comes, and leaves later.
        context.__enter__()
        context.__exit__()
        assert set(numbers_of_threads()) == {1}
        context.__exit__()
        assert numbers_of_threads() == before


def test_restored_after_an_error():
    with threadpoolctl.threadpool_limits(3, user_api="blas"):
        try:
            with OneThread():
                raise KeyError
        except KeyError:
            pass
        assert set(numbers_of_threads()) == {3}
