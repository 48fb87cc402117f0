"""Activations that change little from one frame to the next."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from skbss._kernels.activations import flat_activations
from skbss._kernels.bounds import Bound

# Of the mean level, for the quietest frame of a start.
_LEAST = 0.1


@partial(jax.tree_util.register_dataclass, data_fields=["weight", "follows"], meta_fields=[])
@dataclass(frozen=True)
class Smoothness:
    """The penalty ``weight * sum_k |h_k|^2 sum_n (w_nk - w_(n-1)k)^2``: level does not matter.

    T. Virtanen, "Monaural sound source separation by nonnegative matrix factorization with temporal
    continuity and sparseness criteria", IEEE Transactions on Audio, Speech, and Language Processing
    15(3), 2007, with the norms of the components in the place of those of the activations. A frame
    `follows` the one before, 1, or begins a recording, 0. Differences are bounded as by A. R. De
    Pierro, "A modified expectation maximization algorithm for penalized likelihood estimation in
    emission tomography", IEEE Transactions on Medical Imaging 14(1), 1995.
    """

    weight: Any
    follows: Any

    couples_rows = False
    are_quadratic = True, True

    def row_sums(self, W: Float[Array, "frames k"], H: Float[Array, "k freqs"]) -> Any:
        """The squared differences of every component."""
        return (self.follows * jnp.square(W - _later(W))).sum(axis=0)

    def bound_of_rows(
        self, W: Float[Array, "frames k"], H: Float[Array, "k freqs"], sums: Any
    ) -> Bound:
        """That of W: both frames of a difference move half of the way."""
        weight = 2 * self.weight * jnp.square(H).sum(axis=1)
        followed = _earlier(self.follows)
        neighbors = self.follows * _later(W) + followed * _earlier(W)
        own = (self.follows + followed) * W
        return Bound(slope=2 * weight * own, credit=weight * (own + neighbors))

    def bound_of_components(self, H: Float[Array, "k freqs"], sums: Float[Array, " k"]) -> Bound:
        """That of H, which is exact."""
        return Bound(slope=2 * self.weight * sums[:, None] * H)

    def cost(self, H: Float[Array, "k freqs"], sums: Float[Array, " k"]) -> Float[Array, ""]:
        """The penalty."""
        return self.weight * (sums * jnp.square(H).sum(axis=1)).sum()

    def of_share(self, share: float) -> "Smoothness":
        """The sums are over the rows of the sample."""
        return self


@jax.jit
def smooth_start(
    data, H: Float[Array, "k freqs"], exists: Bool[Array, " frames"]
) -> Float[Array, "frames k"]:
    """All components equally loud, at the level of the frame but nowhere far below the mean.

    What is around a frame that is silent, or was not observed, may speak for activations in it,
    which no update finds from zeros. Frames that do not exist have zeros.
    """
    W = flat_activations(data, H, ~exists)
    mean = W.sum(axis=0) / jnp.maximum(exists.sum(), 1)
    return jnp.where(exists[:, None], jnp.maximum(W, _LEAST * mean), 0)


def _later(A):
    """Every row in the place of the one after it, the first in its own."""
    return jnp.concatenate([A[:1], A[:-1]])


def _earlier(A):
    """Every row in the place of the one before it, and zeros in the last."""
    return jnp.concatenate([A[1:], jnp.zeros_like(A[:1])])
