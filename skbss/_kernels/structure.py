"""Penalties that ask for structure, and that add up."""

from collections.abc import Callable
from typing import Any, NamedTuple

from jaxtyping import Array, Float

from skbss._kernels.bounds import Bound


class Structure(NamedTuple):
    """The sum of ``Smoothness``, ``Orthogonality``, ``GroupSparsity`` or ``Volume``, as a penalty.

    All are bounded near the factors as they are, so that their bounds add up too.
    """

    parts: tuple[Any, ...]

    @property
    def couples_rows(self) -> bool:
        """As ``Penalty`` has it."""
        return any(part.couples_rows for part in self.parts)

    def are_quadratic(self) -> tuple[bool, bool]:
        """As ``Penalty`` has it."""
        W, H = zip(*(part.are_quadratic for part in self.parts), strict=True)
        return any(W), any(H)

    def prices_of_rows(
        self, H: Float[Array, "k freqs"], sums: Any = None
    ) -> Callable[[Float[Array, "rows k"]], Bound]:
        """Those of W, which depend on where W is."""

        def near(W):
            each = sums or (None,) * len(self.parts)
            return _total(
                part.bound_of_rows(W, H, own) for part, own in zip(self.parts, each, strict=True)
            )

        return near

    def row_sums(self, W: Float[Array, "rows k"], H: Float[Array, "k freqs"]) -> tuple[Any, ...]:
        """Those of every part."""
        return tuple(part.row_sums(W, H) for part in self.parts)

    def prices_of_components(self, H: Float[Array, "k freqs"], sums: tuple[Any, ...]) -> Bound:
        """Those of H, near H."""
        return _total(
            part.bound_of_components(H, own) for part, own in zip(self.parts, sums, strict=True)
        )

    def cost(self, H: Float[Array, "k freqs"], sums: tuple[Any, ...]) -> Float[Array, ""]:
        """The penalty."""
        return sum(part.cost(H, own) for part, own in zip(self.parts, sums, strict=True))

    def of_share(self, share: float) -> "Structure":
        """As ``Penalty`` has it."""
        return Structure(tuple(part.of_share(share) for part in self.parts))


def _total(bounds):
    total = Bound()
    for bound in bounds:
        total = total.plus(bound)
    return total
