"""A dense data matrix: what the updates of a factorization need to know of it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from skbss._kernels.divergences import beta_divergence, gradient_powers

Parts = tuple[Float[Array, "..."], Float[Array, "..."]]
Update = Callable[..., tuple[Any, Any]]


class DenseData(NamedTuple):
    """A matrix X, with a weight for every entry where they are not all 1.

    The parts of a gradient are the two non-negative arrays whose difference it is. With
    ``Y = W H + floor``, ``P = weights * X * Y**(beta - 2)`` and ``Q = weights * Y**(beta - 1)``,
    the gradient of the divergence is ``Q H' - P H'`` in W and ``W' Q - W' P`` in H.
    """

    X: Float[Array, "frames freqs"]
    weights: Float[Array, "frames freqs"] | None

    def sweep(self, update: Update, rows: Any, *given: Any) -> tuple[Any, Any]:
        """Apply ``update(block, rows, *given) -> (rows, totals)`` to every block of rows.

        `rows` and what else is `given` hold arrays with an entry for every row; the totals of all
        blocks are added up. Here the whole matrix is one block.
        """
        return update(self, rows, *given)

    def activation_parts(
        self, W: Float[Array, "frames k"], H: Float[Array, "k freqs"], beta: float, floor: Array
    ) -> Parts:
        """``P H'`` and ``Q H'``, the latter up to broadcasting."""
        if self.weights is None and beta == 2:
            return self.X @ H.T, W @ (H @ H.T)
        P, Q = self.gradient_weights(W @ H + floor, beta)
        if Q is None:
            return P @ H.T, H.sum(axis=1)[None, :]
        return P @ H.T, Q @ H.T

    def component_parts(
        self, W: Float[Array, "frames k"], H: Float[Array, "k freqs"], beta: float, floor: Array
    ) -> Parts:
        """``W' P`` and ``W' Q``, the latter up to broadcasting."""
        if self.weights is None and beta == 2:
            return W.T @ self.X, (W.T @ W) @ H
        P, Q = self.gradient_weights(W @ H + floor, beta)
        if Q is None:
            return W.T @ P, W.sum(axis=0)[:, None]
        return W.T @ P, W.T @ Q

    def gradient_weights(
        self, Y: Float[Array, "frames freqs"], beta: float
    ) -> tuple[Float[Array, "frames freqs"], Float[Array, "frames freqs"] | None]:
        """P and Q at a model Y, the latter None where it is 1 everywhere."""
        P, Q = gradient_powers(Y, beta)
        P = self.X * P
        if self.weights is not None:
            P = self.weights * P
            Q = self.weights if Q is None else self.weights * Q
        return P, Q

    def row_divergence(
        self, W: Float[Array, "frames k"], H: Float[Array, "k freqs"], beta: float, floor: Array
    ) -> Float[Array, " frames"]:
        """Divergence of every row from its model."""
        divergence = beta_divergence(self.X, W @ H + floor, beta)
        if self.weights is not None:
            divergence = self.weights * divergence
        return divergence.sum(axis=1)

    def times_components(self, H: Float[Array, "k freqs"]) -> Float[Array, "k frames"]:
        """``H X'``, for unweighted data."""
        return H @ self.X.T

    def times_activations(self, Wt: Float[Array, "k frames"]) -> Float[Array, "k freqs"]:
        """``W' X``, for unweighted data."""
        return Wt @ self.X

    def row_levels(
        self, spectrum: Float[Array, " freqs"]
    ) -> tuple[Float[Array, " frames"], Float[Array, " frames"]]:
        """The weighted sums of every row of X and of `spectrum` under that row's weights."""
        if self.weights is None:
            level = self.X.sum(axis=1)
            return level, jnp.full_like(level, spectrum.sum())
        return (self.weights * self.X).sum(axis=1), self.weights @ spectrum

    def model_levels(
        self, W: Float[Array, "frames k"], H: Float[Array, "k freqs"]
    ) -> Float[Array, " frames"]:
        """The weighted sums of every row of the model."""
        if self.weights is None:
            return W @ H.sum(axis=1)
        return (self.weights * (W @ H)).sum(axis=1)
