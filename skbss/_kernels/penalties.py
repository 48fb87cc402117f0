"""What is added to the divergence, and the objective that both make.

A penalty tells the updates no more than prices: of every entry of one factor, at the other factor
as it is, and, where the penalty is not that simple, as a bound that touches it at the entries as
they are.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Prices(NamedTuple):
    """An entry a of a factor costs ``linear * a + quadratic * a**2 / 2``.

    Numbers, or arrays that broadcast to the factor.
    """

    linear: Any
    quadratic: Any

    def of(self, A: Float[Array, "*taps a b"]) -> Float[Array, "*taps a b"]:
        """What every entry costs."""
        return self.linear * A + self.quadratic * A * A / 2


@runtime_checkable
class Penalty(Protocol):
    """What is added to the divergence."""

    @property
    def couples_rows(self) -> bool:
        """Whether what a row costs depends on the sums over all rows."""

    def are_quadratic(self) -> tuple[bool, bool]:
        """Whether the prices of W and of H have a quadratic part, as known outside of programs."""

    def prices_of_rows(
        self, H: Float[Array, "*taps k freqs"], sums: Any = None
    ) -> Prices | Callable[[Float[Array, "rows k"]], Any]:
        """Those of W, the same for every row of it, or a function that tells a bound near W.

        The `sums` are those of all rows, if it `couples_rows`.
        """

    def row_sums(self, W: Float[Array, "rows k"], H: Any = None) -> Any:
        """What the other methods need to know of W: sums over its rows, which add up.

        Near H, where that matters.
        """

    def prices_of_components(self, H: Float[Array, "*taps k freqs"], sums: Any) -> Prices:
        """Those of H, near H."""

    def cost(self, H: Float[Array, "*taps k freqs"], sums: Any) -> Float[Array, ""]:
        """The penalty."""

    def of_share(self, share: float) -> "Penalty":
        """That of a sample of the rows: this share of them."""


class ElasticNet(NamedTuple):
    """Weights of ``|W|_1``, ``|W|^2 / 2``, ``|H|_1`` and ``|H|^2 / 2``."""

    l1_W: Float[Array, ""] | float
    l2_W: Float[Array, ""] | float
    l1_H: Float[Array, ""] | float
    l2_H: Float[Array, ""] | float

    @property
    def couples_rows(self) -> bool:
        """As ``Penalty`` has it."""
        return False

    def are_quadratic(self) -> tuple[bool, bool]:
        """Whether the prices of W and of H have a quadratic part, as known outside of programs."""
        return bool(self.l2_W), bool(self.l2_H)

    def prices_of_rows(self, H: Float[Array, "*taps k freqs"], sums: Any = None) -> Prices:
        """Those of W."""
        return Prices(self.l1_W, self.l2_W)

    def row_sums(self, W: Float[Array, "rows k"], H: Any = None) -> Float[Array, ""]:
        """What W costs."""
        return Prices(self.l1_W, self.l2_W).of(W).sum()

    def prices_of_components(self, H: Float[Array, "*taps k freqs"], sums: Any) -> Prices:
        """Those of H."""
        return Prices(self.l1_H, self.l2_H)

    def cost(self, H: Float[Array, "*taps k freqs"], sums: Float[Array, ""]) -> Float[Array, ""]:
        """The penalty."""
        return sums + Prices(self.l1_H, self.l2_H).of(H).sum()

    def of_share(self, share: float) -> "ElasticNet":
        """What H costs is for all rows."""
        return self._replace(l1_H=share * self.l1_H, l2_H=share * self.l2_H)


def prices_of_rows(penalty: Penalty, data, H, rows: Any, start: Callable[[Any], Any]) -> Any:
    """Those of W where it starts: what `start` makes of blocks of `rows`."""
    if not penalty.couples_rows:
        return penalty.prices_of_rows(H)
    _, sums = data.sweep(lambda _, rows: (rows, penalty.row_sums(start(rows), H)), rows)
    return penalty.prices_of_rows(H, sums)


def in_precision_of(number: Float[Array, ""], tree: Any) -> Any:
    """Every array of floating-point numbers in the precision of one number."""
    return jax.tree.map(
        lambda A: A.astype(number.dtype) if jnp.issubdtype(A.dtype, jnp.floating) else A, tree
    )


class Objective(NamedTuple):
    """What is minimized, in its two parts."""

    divergence: Float[Array, ""]
    penalty: Float[Array, ""]


@partial(jax.jit, static_argnames="beta")
def objective(
    data,
    W: Float[Array, "*rows k"],
    H: Float[Array, "*taps k freqs"],
    penalty: Penalty,
    floor: Float[Array, ""],
    *,
    beta: float,
) -> Objective:
    """Divergence and penalty, computed in the precision of `floor`."""
    data, W, H, penalty = in_precision_of(floor, (data, W, H, penalty))

    def of_block(block, W):
        return W, (block.row_divergence(W, H, beta, floor).sum(), penalty.row_sums(W, H))

    _, (divergence, sums) = data.sweep(of_block, W)
    return Objective(divergence, penalty.cost(H, sums))
