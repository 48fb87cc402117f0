"""Data as the user gives it, once it is checked."""

from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from skbss._runtime.device import has_shared_rows
from skbss.factorization._observations import without_missing


class Checked(NamedTuple):
    """A non-negative matrix, and what is known about its rows and entries.

    Attributes
    ----------
    X : array, CSR or ShardedRows of shape (n_samples, n_features)
        The data; NaN, if anything, where not observed.
    weights : array of shape (1 or n_samples, 1 or n_features) or None
        Of its entries; None where all are 1.
    leading : tuple of int
        The axes before the last one, as they were given.
    lengths : tuple of int
        Numbers of rows of the recordings that lie below each other in X.
    """

    X: Any
    weights: Any
    leading: tuple[int, ...]
    lengths: tuple[int, ...]

    def completed(self) -> "Checked":
        """The same with zeros for what does not count, and weights that say so."""
        X, weights = without_missing(self.X, self.weights)
        return self._replace(X=X, weights=weights)

    def returned(self, W: Any) -> Any:
        """What has an entry for every row, as the user is to have it."""
        if has_shared_rows(self.X):
            W = self.X.given_back(W)
            return (
                W
                if has_shared_rows(W) or len(self.leading) == 1
                else W.reshape(*self.leading, W.shape[-1])
            )
        return W.reshape(*self.leading, W.shape[-1])

    def recordings(self):
        """Every recording by itself.

        Yields
        ------
        recording : Checked
        """
        for stop, length in zip(np.cumsum(self.lengths), self.lengths, strict=True):
            rows = slice(stop - length, stop)
            of_all = self.weights is None or len(self.weights) == 1
            weights = self.weights if of_all else self.weights[rows]
            yield Checked(self.X[rows], weights, (length,), (length,))


def check_lengths(lengths, leading):
    """The numbers of rows of all recordings.

    Parameters
    ----------
    lengths : array-like of int or None
        As given by the user, for a matrix without further axes.
    leading : tuple of int
        The axes before the last one of the data.

    Returns
    -------
    lengths : tuple of int
    """
    n_rows = int(np.prod(leading))
    if lengths is None:
        return (leading[-1],) * (n_rows // leading[-1])
    if len(leading) > 1:
        raise ValueError(
            f"lengths are for recordings below each other in a matrix; X has {len(leading) + 1} "
            "axes, of which those before the last two count recordings. Leave lengths out."
        )
    if not np.iterable(lengths) or not all(isinstance(length, Integral) for length in lengths):
        raise TypeError(
            "lengths must be a list of integers, the numbers of rows of the recordings in X, got "
            f"{lengths!r}."
        )
    given = tuple(map(int, lengths))
    if not given or min(given) < 1 or sum(given) != n_rows:
        raise ValueError(
            f"lengths must be positive and sum to the {n_rows} rows of X, got {lengths!r}, which "
            f"sum to {sum(given)}."
        )
    return given
