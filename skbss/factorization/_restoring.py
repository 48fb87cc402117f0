"""Estimators that a failed fit leaves as they were."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def unchanged_on_error(estimator: Any) -> Iterator[None]:
    """Take back what was set on an estimator, where what sets it fails or is stopped.

    Parameters
    ----------
    estimator : object
        Whose attributes are set anew, and never changed in place.
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
