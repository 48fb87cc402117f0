"""A dense data matrix whose components last for several frames."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from skbss._kernels.activations import matching_gain
from skbss._kernels.convolution import fold, unfold
from skbss._kernels.dense_data import DenseData, Parts, Update

Activations = Float[Array, "frames k"]
Templates = Float[Array, "taps k freqs"]


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["matrix", "position"],
    meta_fields=["averages"],
)
@dataclass(frozen=True)
class ConvolutiveData:
    """Recordings, one below the other, and their model by components of several frames.

    The model of a frame is ``sum_t W[n - t] @ H[t] + floor``. `position` counts the frames of every
    recording from 0; frames that fill up are recordings of one frame. The methods are those of
    ``DenseData``. If it `averages`, activations move by the mean over the taps of the ratios that
    every tap asks for, which no objective stands behind.
    """

    matrix: DenseData
    position: Int[Array, "*recordings frames"]
    averages: bool = False

    def sweep(self, update: Update, rows: Any, *given: Any) -> tuple[Any, Any]:
        """As ``DenseData.sweep``: the frames hang together, and are one block."""
        return update(self, rows, *given)

    def activation_parts(
        self,
        W: Float[Array, "frames k"],
        H: Float[Array, "taps k freqs"],
        beta: float,
        floor: Array,
    ) -> Parts:
        """The two parts of the gradient in W, up to broadcasting."""
        D = _stacked(H)
        if self._has_gram_form(H, beta) and not self.averages:
            G = unfold(W, self.position, len(H)) @ (D @ D.T)
            return self._folded(self.matrix.X @ D.T, len(H)), self._folded(G, len(H))
        P, Q = self.matrix.gradient_weights(unfold(W, self.position, len(H)) @ D + floor, beta)
        numerator = P @ D.T
        denominator = D.sum(axis=1)[None, :] if Q is None else Q @ D.T
        if self.averages:
            # A frame of a template that is silent or meets nothing that counts has no say.
            asks = jnp.broadcast_to(denominator > 0, numerator.shape)
            ratio = jnp.where(asks, numerator / jnp.where(asks, denominator, 1), 0)
            return self._folded(ratio, len(H)), self._folded(asks.astype(ratio.dtype), len(H))
        denominator = jnp.broadcast_to(denominator, numerator.shape)
        return self._folded(numerator, len(H)), self._folded(denominator, len(H))

    def component_parts(
        self,
        W: Float[Array, "frames k"],
        H: Float[Array, "taps k freqs"],
        beta: float,
        floor: Array,
    ) -> Parts:
        """The two parts of the gradient in H, up to broadcasting."""
        U = unfold(W, self.position, len(H))
        if self._has_gram_form(H, beta):
            denominator = (U.T @ U) @ _stacked(H)
            return (U.T @ self.matrix.X).reshape(H.shape), denominator.reshape(H.shape)
        P, Q = self.matrix.gradient_weights(U @ _stacked(H) + floor, beta)
        numerator = (U.T @ P).reshape(H.shape)
        if Q is None:
            return numerator, U.sum(axis=0).reshape(*H.shape[:2], 1)
        return numerator, (U.T @ Q).reshape(H.shape)

    def row_divergence(
        self,
        W: Float[Array, "frames k"],
        H: Float[Array, "taps k freqs"],
        beta: float,
        floor: Array,
    ) -> Float[Array, " frames"]:
        """Divergence of every frame from its model."""
        U = unfold(W, self.position, len(H))
        return self.matrix.row_divergence(U, _stacked(H), beta, floor)

    def _has_gram_form(self, H, beta):
        """Whether products of the factors spare the model, and are smaller than two of it."""
        taps, k, freqs = H.shape
        return beta == 2 and self.matrix.weights is None and taps * k <= 2 * freqs

    def _folded(self, G, taps):
        return fold(G, self.position, taps)


def _stacked(H: Templates) -> Float[Array, "delayed freqs"]:
    return H.reshape(-1, H.shape[-1])


@jax.jit
def flat_activations(data: ConvolutiveData, H: Templates) -> Activations:
    """All components equally loud, together at about the level of the frames that they reach.

    Frames from which only silence is reached and components of zeros have zeros, which no update
    moves.
    """
    taps, D = len(H), _stacked(H)
    # The level of a component must not matter.
    loudness = H.sum(axis=(0, 2))
    equal = jnp.where(loudness > 0, 1 / jnp.where(loudness > 0, loudness, 1), 0)
    W = jnp.broadcast_to(equal, (len(data.position), H.shape[1]))
    level, _ = data.matrix.row_levels(D.sum(axis=0))
    reach = data.matrix.model_levels(unfold(W, data.position, taps), D)
    level, reach = (
        fold(jnp.tile(part[:, None], taps), data.position, taps)[:, 0] for part in (level, reach)
    )
    return matching_gain(level, reach)[:, None] * equal
