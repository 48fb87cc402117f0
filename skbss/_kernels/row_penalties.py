"""What the activations of every row cost, with the components held.

Two numbers tell a row what it costs: the linear and the quadratic price of its activations, or the
weight and the offset of their groups. Whatever all rows share is a part of the kind of the penalty.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

from jaxtyping import Array, Float

from skbss._kernels.group_sparsity import GroupSparsity
from skbss._kernels.penalties import Prices


class RowNumbers(NamedTuple):
    """The two numbers of every row, whichever penalty they are of.

    JAX or NumPy; columns, where they are to broadcast over the components.
    """

    linear_or_weight: Any
    quadratic_or_offset: Any


@runtime_checkable
class RowPenalty(Protocol):
    """What is added to the divergence of every row."""

    def costs(self, W: Float[Array, "rows k"], H: Float[Array, "k freqs"]) -> Float[Array, " rows"]:
        """What every row costs."""

    def bound(self, H: Float[Array, "k freqs"]) -> Prices | Callable[[Any], Any]:
        """What moves W: prices, or a function that tells a bound near W."""


class RowPrices(NamedTuple):
    """Every activation w of a row costs ``linear * w + quadratic * w**2 / 2``."""

    linear: Float[Array, "rows 1"]
    quadratic: Float[Array, "rows 1"]

    def costs(self, W: Float[Array, "rows k"], H: Float[Array, "k freqs"]) -> Float[Array, " rows"]:
        """As ``RowPenalty`` has it."""
        return Prices(*self).of(W).sum(axis=1)

    def bound(self, H: Float[Array, "k freqs"]) -> Prices:
        """As ``RowPenalty`` has it."""
        return Prices(*self)


class RowGroupSparsity(NamedTuple):
    """The groups of components of a row cost what ``GroupSparsity`` has."""

    weight: Float[Array, "rows 1"]
    offset: Float[Array, "rows 1"]
    membership: Float[Array, "k groups"]

    def costs(self, W: Float[Array, "rows k"], H: Float[Array, "k freqs"]) -> Float[Array, " rows"]:
        """As ``RowPenalty`` has it."""
        return GroupSparsity(*self).row_costs(W, H)

    def bound(self, H: Float[Array, "k freqs"]) -> Callable[[Any], Any]:
        """As ``RowPenalty`` has it."""
        groups = GroupSparsity(*self)
        return lambda W: groups.bound_of_rows(W, H, None)


def row_penalty(
    numbers: RowNumbers, membership: Float[Array, "k groups"] | None = None
) -> RowPenalty:
    """The penalty of rows with these numbers: on groups, where there is a `membership` in them."""
    return RowPrices(*numbers) if membership is None else RowGroupSparsity(*numbers, membership)
