"""One price for everything that belongs to a component, the lower the more there is of it.

V. Y. F. Tan and C. Févotte, "Automatic relevance determination in nonnegative matrix factorization
with the beta-divergence", IEEE TPAMI 35(7), 2013, with every relevance where it is best.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from skbss._kernels.penalties import Prices


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["weight", "offset", "n_known", "share"],
    meta_fields=["order"],
)
@dataclass(frozen=True)
class RelevancePenalty:
    """The penalty ``weight * sum_k log(1 + (f(w_k) + f(h_k)) / offset)``.

    What a component amounts to, ``f``, is the sum of its entries (`order` 1) or half that of their
    squares (2). The first `n_known` components cost nothing. Of a sample of the rows, W holds a
    `share`. The logarithm is bounded by the line that touches it: the prices are those of an
    exponential or half-normal prior at the relevances as they are.
    """

    weight: Any
    offset: Any
    n_known: Any
    share: Any
    order: Literal[1, 2]

    @property
    def couples_rows(self) -> bool:
        """As ``Penalty`` has it."""
        return True

    def are_quadratic(self) -> tuple[bool, bool]:
        """As ``Penalty`` has it."""
        return self.order == 2, self.order == 2

    def prices_of_rows(
        self, H: Float[Array, "k freqs"], sums: Float[Array, " k"] | None = None
    ) -> Prices:
        """Those of W where it has these sums; without them, if it amounted to as much as H."""
        sums = self.share * self._amounts(H, -1) if sums is None else sums
        return self._prices(self._slopes(H, sums)[None, :] / self.share)

    def row_sums(self, W: Float[Array, "rows k"], H: Any = None) -> Float[Array, " k"]:
        """What every component amounts to in W."""
        return self._amounts(W, 0)

    def prices_of_components(self, H: Float[Array, "k freqs"], sums: Float[Array, " k"]) -> Prices:
        """Those of H."""
        return self._prices(self._slopes(H, sums)[:, None])

    def cost(self, H: Float[Array, "k freqs"], sums: Float[Array, " k"]) -> Float[Array, ""]:
        """The penalty."""
        amounts = sums / self.share + self._amounts(H, -1)
        each = self.weight * jnp.log1p(amounts / self.offset)
        return jnp.where(self._is_priced(H), each, 0).sum()

    def of_share(self, share: float) -> "RelevancePenalty":
        """That of the rows of a sample."""
        return RelevancePenalty(
            self.weight * share, self.offset, self.n_known, self.share * share, self.order
        )

    def _slopes(self, H, sums):
        amounts = sums / self.share + self._amounts(H, -1)
        return jnp.where(self._is_priced(H), self.weight / (self.offset + amounts), 0)

    def _is_priced(self, H):
        return jnp.arange(H.shape[-2]) >= self.n_known

    def _amounts(self, A, axis):
        return (A if self.order == 1 else A * A / 2).sum(axis)

    def _prices(self, slopes):
        return Prices(slopes, 0.0) if self.order == 1 else Prices(0.0, slopes)
