"""Activations that come from few groups of components at a time."""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from skbss._kernels.bounds import Bound


class Charges(NamedTuple):
    """What the groups cost, and the price of every component, summed over rows."""

    cost: Float[Array, ""]
    prices: Float[Array, " k"]


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["weight", "offset", "membership"],
    meta_fields=[],
)
@dataclass(frozen=True)
class GroupSparsity:
    """The penalty ``weight * sum_(n,g) log(1 + u_ng / offset)``, at levels u of the groups.

    A. Lefèvre, F. Bach and C. Févotte, "Itakura-Saito nonnegative matrix factorization with group
    sparsity", ICASSP 2011. The level of group g is ``u_ng = sum_(k in g) w_nk |h_k|_1``, for which
    that of a component does not matter. The logarithm lies below its tangents, which are linear
    in both factors. The weight and the offset may be those of every row, in shape (rows, 1);
    `membership` is 1 where a component is in a group.
    """

    weight: Any
    offset: Any
    membership: Any

    couples_rows = False
    are_quadratic = False, False

    def row_costs(
        self, W: Float[Array, "rows k"], H: Float[Array, "k freqs"]
    ) -> Float[Array, " rows"]:
        """What every row costs."""
        return (self.weight * jnp.log1p(self._levels(W, H) / self.offset)).sum(axis=1)

    def row_sums(self, W: Float[Array, "rows k"], H: Float[Array, "k freqs"]) -> Charges:
        """What W costs, and how often a component would have to pay for being louder."""
        return Charges(self.row_costs(W, H).sum(), (W * self._tangents(W, H)).sum(axis=0))

    def bound_of_rows(
        self, W: Float[Array, "rows k"], H: Float[Array, "k freqs"], sums: Any
    ) -> Bound:
        """That of W."""
        return Bound(linear=self._tangents(W, H) * H.sum(axis=1))

    def bound_of_components(self, H: Float[Array, "k freqs"], sums: Charges) -> Bound:
        """That of H."""
        return Bound(linear=sums.prices[:, None])

    def cost(self, H: Float[Array, "k freqs"], sums: Charges) -> Float[Array, ""]:
        """The penalty."""
        return sums.cost

    def of_share(self, share: float) -> "GroupSparsity":
        """The sums are over the rows of the sample."""
        return self

    def _levels(self, W, H):
        return (W * H.sum(axis=1)) @ self.membership

    def _tangents(self, W, H):
        """The slopes of the logarithms, for every component."""
        return (self.weight / (self.offset + self._levels(W, H))) @ self.membership.T
