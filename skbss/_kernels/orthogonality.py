"""Components that share no features."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from skbss._kernels.bounds import Bound


@partial(jax.tree_util.register_dataclass, data_fields=["weight"], meta_fields=[])
@dataclass(frozen=True)
class Orthogonality:
    """The penalty ``weight * sum_(k<l) |w_k|_1 |w_l|_1 <h_k, h_l>``: level does not matter.

    What overlaps between the spectra of the components, summed over time. Non-negative components
    without a common feature are orthogonal. A product is bounded by the squares of both,
    ``2 a b <= a**2 b' / a' + b**2 a' / b'`` near a', b'.
    """

    weight: Any

    couples_rows = True
    are_quadratic = True, True

    def row_sums(self, W: Float[Array, "rows k"], H: Float[Array, "k freqs"]) -> Float[Array, " k"]:
        """What every component is used."""
        return W.sum(axis=0)

    def bound_of_rows(
        self, W: Float[Array, "rows k"], H: Float[Array, "k freqs"], sums: Float[Array, " k"]
    ) -> Bound:
        """That of W."""
        return Bound(slope=self.weight * ((_others(H) * (H @ H.T)) @ sums)[None, :])

    def bound_of_components(self, H: Float[Array, "k freqs"], sums: Float[Array, " k"]) -> Bound:
        """That of H."""
        uses = sums[:, None]
        return Bound(slope=self.weight * uses * (_others(H) @ (uses * H)))

    def cost(self, H: Float[Array, "k freqs"], sums: Float[Array, " k"]) -> Float[Array, ""]:
        """The penalty."""
        return self.weight * (sums @ ((_others(H) * (H @ H.T)) @ sums)) / 2

    def of_share(self, share: float) -> "Orthogonality":
        """Both sums of a product are over the rows of the sample."""
        return Orthogonality(self.weight / share)


def _others(H):
    """1 for pairs of components, 0 for every one with itself: nothing is taken off again."""
    return 1 - jnp.eye(len(H), dtype=H.dtype)
