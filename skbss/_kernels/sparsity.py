"""Sparse activations of components whose level does not matter."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from skbss._kernels.penalties import Prices


@partial(jax.tree_util.register_dataclass, data_fields=["weight"], meta_fields=["order"])
@dataclass(frozen=True)
class NormalizedSparsity:
    """The penalty ``weight * sum_k |w_k|_1 |h_k|``: activations of components of norm one.

    The norm of the components, over all their taps, is that of the `order`, 1 or 2. The second has
    a square root, which the quadratic price bounds.
    """

    weight: Any
    order: Literal[1, 2]

    couples_rows = False

    def are_quadratic(self) -> tuple[bool, bool]:
        """As ``Penalty`` has it."""
        return False, self.order == 2 and bool(self.weight)

    def prices_of_rows(self, H: Float[Array, "*taps k freqs"], sums: Any = None) -> Prices:
        """Those of W."""
        return Prices(self.weight * self._norms(H)[None, :], 0.0)

    def row_sums(self, W: Float[Array, "rows k"], H: Any = None) -> Float[Array, " k"]:
        """What every component is used."""
        return W.sum(axis=0)

    def prices_of_components(
        self, H: Float[Array, "*taps k freqs"], sums: Float[Array, " k"]
    ) -> Prices:
        """Those of H."""
        if self.order == 1:
            return Prices(self.weight * sums[:, None], 0.0)
        norms = self._norms(H)
        slopes = jnp.where(norms > 0, sums / jnp.where(norms > 0, norms, 1), 0)
        return Prices(0.0, self.weight * slopes[:, None])

    def cost(self, H: Float[Array, "*taps k freqs"], sums: Float[Array, " k"]) -> Float[Array, ""]:
        """The penalty."""
        return self.weight * (sums * self._norms(H)).sum()

    def of_share(self, share: float) -> "NormalizedSparsity":
        """The sums are over the rows of the sample."""
        return self

    def _norms(self, H):
        within = (*range(H.ndim - 2), -1)
        return H.sum(within) if self.order == 1 else jnp.sqrt(jnp.square(H).sum(within))
