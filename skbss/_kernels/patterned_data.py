"""Data whose components are sums of fixed patterns, with weights that are learned."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from skbss._kernels.dense_data import Parts, Update


@partial(jax.tree_util.register_dataclass, data_fields=["matrix", "patterns"], meta_fields=[])
@dataclass(frozen=True)
class PatternedData:
    """A matrix, as ``DenseData`` or ``FrameBlocks``, and the patterns of its first components.

    What is learned of a component with patterns are their weights: the first entries of its row, of
    which the others are zeros. The rows of other components are these themselves. The model is
    linear in all of them, and the parts of its gradient are non-negative: updates never know. The
    methods are those of ``DenseData``.

    E. Vincent, N. Bertin and R. Badeau, "Adaptive harmonic spectral decomposition for multiple
    pitch estimation", IEEE Transactions on Audio, Speech, and Language Processing 18(3), 2010.
    """

    matrix: Any
    patterns: Float[Array, "patterned bands freqs"]

    def sweep(self, update: Update, rows: Any, *given: Any) -> tuple[Any, Any]:
        """As ``DenseData.sweep``."""

        def of_block(block, rows, *given):
            return update(replace(self, matrix=block), rows, *given)

        return self.matrix.sweep(of_block, rows, *given)

    def activation_parts(
        self, W: Float[Array, "frames k"], H: Float[Array, "k freqs"], beta: float, floor: Array
    ) -> Parts:
        """The two parts of the gradient in W, up to broadcasting."""
        return self.matrix.activation_parts(W, self.components(H), beta, floor)

    def component_parts(
        self, W: Float[Array, "frames k"], H: Float[Array, "k freqs"], beta: float, floor: Array
    ) -> Parts:
        """The two parts of the gradient in H."""
        parts = self.matrix.component_parts(W, self.components(H), beta, floor)
        numerator, denominator = (self._of_weights(jnp.broadcast_to(G, H.shape)) for G in parts)
        return numerator, denominator

    def row_divergence(
        self, W: Float[Array, "frames k"], H: Float[Array, "k freqs"], beta: float, floor: Array
    ) -> Float[Array, " frames"]:
        """Divergence of every row from its model."""
        return self.matrix.row_divergence(W, self.components(H), beta, floor)

    def components(self, H: Float[Array, "k freqs"]) -> Float[Array, "k freqs"]:
        """The components that H stands for."""
        n_patterned, n_bands, _ = self.patterns.shape
        weights = H[:n_patterned, :n_bands]
        pitched = jnp.einsum("km,kmf->kf", weights, self.patterns)
        return jnp.concatenate([pitched, H[n_patterned:]])

    def _of_weights(self, G):
        """A gradient in the components as one in what is learned of them."""
        n_patterned, n_bands, _ = self.patterns.shape
        of_weights = jnp.einsum("kf,kmf->km", G[:n_patterned], self.patterns)
        return G.at[:n_patterned].set(0).at[:n_patterned, :n_bands].set(of_weights)
