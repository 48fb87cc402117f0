"""What unfolded iterations are trained with: pieces of mixtures, and what is minimized."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from skbss._kernels.unfolded import Held, Unfolding, Weights, shares, unfolded

Loss = Callable[[Any, Any], Float[Array, ""]]


class Examples(NamedTuple):
    """Mixtures and their sources, complex or not negative, with a row of silence below them.

    The `atoms` of the sources are listed as ``source_models`` has it.
    """

    mixture: Any
    sources: Any
    atoms: Int[Array, "sources most"]


class Batch(NamedTuple):
    """The rows of pieces, of shape (pieces, frames), as they are mixed.

    With `gains` of shape (sources, pieces) they are mixed anew: rows of every source, of shape
    (sources, pieces, frames).
    """

    pieces: Any
    gains: Any = None


def mixed(examples: Examples, batch: Batch) -> tuple[Any, Any]:
    """The mixtures of a batch, of shape (pieces, frames, freqs), and their sources."""
    pieces, gains = batch
    if gains is None:
        return examples.mixture[pieces], examples.sources[:, pieces]
    each = jnp.arange(len(pieces))[:, None, None]
    sources = gains[..., None, None] * examples.sources[each, pieces]
    return sources.sum(axis=0), sources


@dataclass(frozen=True)
class SeparationError:
    """How far the masked mixtures are from their sources, in some pieces."""

    unfolding: Unfolding
    loss: Loss

    def __call__(
        self, weights: Weights, held: Held, examples: Examples, batch: Batch
    ) -> Float[Array, ""]:
        """The loss."""
        X, sources = mixed(examples, batch)
        layered = unfolded(weights, held, abs(X), self.unfolding)
        return self.loss(shares(weights, layered, examples.atoms) * X, sources)
