"""Activations that stay close to a prediction of them."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from skbss._kernels.bounds import Bound


@partial(jax.tree_util.register_dataclass, data_fields=["weight", "predicted"], meta_fields=[])
@dataclass(frozen=True)
class Prediction:
    """The penalty ``weight / 2 * sum_k |h_k|^2 sum_n (w_nk - g_nk)^2``: level does not matter.

    P. Magron and C. Févotte, "Neural content-aware collaborative filtering for cold-start music
    recommendation", Data Mining and Knowledge Discovery 36, 2022, with the norms of the components,
    without which activations, and what is `predicted` from them, would vanish together. Both bounds
    are exact. The predicted are non-negative.
    """

    weight: Any
    predicted: Any

    couples_rows = False
    are_quadratic = True, True

    def row_sums(self, W: Float[Array, "rows k"], H: Any = None) -> Float[Array, " k"]:
        """The squared distances of every component."""
        return jnp.square(W - self.predicted).sum(axis=0)

    def row_costs(self, W: Float[Array, "rows k"], H: Float[Array, "k freqs"]) -> Any:
        """What every row costs."""
        return self.weight / 2 * jnp.square(W - self.predicted) @ jnp.square(H).sum(axis=1)

    def bound_of_rows(
        self, W: Float[Array, "rows k"], H: Float[Array, "k freqs"], sums: Any
    ) -> Bound:
        """That of W."""
        weight = self.weight * jnp.square(H).sum(axis=1)
        return Bound(slope=weight * W, credit=weight * self.predicted)

    def bound_of_components(self, H: Float[Array, "k freqs"], sums: Float[Array, " k"]) -> Bound:
        """That of H."""
        return Bound(slope=self.weight * sums[:, None] * H)

    def cost(self, H: Float[Array, "k freqs"], sums: Float[Array, " k"]) -> Float[Array, ""]:
        """The penalty."""
        return self.weight / 2 * (sums * jnp.square(H).sum(axis=1)).sum()

    def of_share(self, share: float) -> "Prediction":
        """The sums are over the rows of the sample."""
        return self


@partial(jax.jit, static_argnames="beta")
def row_objective(
    data,
    W: Float[Array, "rows k"],
    H: Float[Array, "k freqs"],
    prediction: Prediction,
    floor: Float[Array, ""],
    *,
    beta: float,
) -> Float[Array, " rows"]:
    """Divergence and penalty of every row."""
    return data.row_divergence(W, H, beta, floor) + prediction.row_costs(W, H)
