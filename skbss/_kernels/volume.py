"""Components that span little."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_solve
from jaxtyping import Array, Float

from skbss._kernels.bounds import Bound


@partial(jax.tree_util.register_dataclass, data_fields=["weight", "width"], meta_fields=[])
@dataclass(frozen=True)
class Volume:
    """The penalty ``weight * log det(I + H H' / width)`` of components that sum to one.

    V. Leplat, N. Gillis and A. M. S. Ang, "Blind audio source separation with minimum-volume
    beta-divergence NMF", IEEE Transactions on Signal Processing 68, 2020. The logarithm is bounded
    by its tangent in ``H H'``, a quadratic form, and that by squares.
    """

    weight: Any
    width: Any

    couples_rows = False
    are_quadratic = False, True

    def row_sums(self, W: Float[Array, "rows k"], H: Float[Array, "k freqs"]) -> tuple[()]:
        """Nothing has to be known of W."""
        return ()

    def bound_of_rows(
        self, W: Float[Array, "rows k"], H: Float[Array, "k freqs"], sums: Any
    ) -> Bound:
        """W costs nothing."""
        return Bound()

    def bound_of_components(self, H: Float[Array, "k freqs"], sums: Any) -> Bound:
        """That of H."""
        unit = jnp.eye(len(H), dtype=H.dtype)
        tangent = cho_solve((self._root(H), True), unit) / self.width
        return Bound(
            slope=2 * self.weight * (jnp.abs(tangent) @ H),
            credit=4 * self.weight * (jnp.maximum(-tangent, 0) @ H),
            total=1.0,
        )

    def cost(self, H: Float[Array, "k freqs"], sums: Any) -> Float[Array, ""]:
        """The penalty."""
        return 2 * self.weight * jnp.log(jnp.diagonal(self._root(H))).sum()

    def of_share(self, share: float) -> "Volume":
        """What H costs is for all rows."""
        return Volume(share * self.weight, self.width)

    def _root(self, H):
        return jnp.linalg.cholesky(jnp.eye(len(H), dtype=H.dtype) + H @ H.T / self.width)
