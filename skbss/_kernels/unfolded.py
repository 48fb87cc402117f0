"""Iterations of a factorization as the layers of a network.

J. R. Hershey, J. Le Roux and F. Weninger, "Deep unfolding: model-based inspiration of novel deep
architectures", arXiv:1409.2574, 2014. What a layer does is told by an `Unfolding`; what goes in
and what comes out is the same for all of them: pieces of recordings, beyond whose ends is silence.
"""

from functools import partial
from typing import NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from skbss._kernels.activations import flat_activations
from skbss._kernels.dense_data import DenseData
from skbss._kernels.masks import soft_masks, source_models


class Weights(NamedTuple):
    """What is trained: arrays of the layers, by name, and the components that make up the sources.

    Of components, logarithms are trained, which steps of any size leave positive.
    """

    layers: dict[str, Array]
    output: Float[Array, "k freqs"]


class Held(NamedTuple):
    """What is not trained: the dictionary of the first layers, and numbers.

    The components of every layer have the `norms`. Activations of a row whose mean is one cost
    `price` each. There are `n_tied` layers before those that are trained.
    """

    dictionary: Float[Array, "k stacked"]
    norms: Float[Array, " k"]
    price: Float[Array, ""]
    floor: Float[Array, ""]
    n_tied: Int[Array, ""]


def with_norms(
    H: Float[Array, "k stacked"], norms: Float[Array, " k"]
) -> Float[Array, "k stacked"]:
    """Components of these L2 norms."""
    H = H / H.max(axis=1, keepdims=True)
    return norms[:, None] * H / jnp.sqrt(jnp.square(H).sum(axis=1, keepdims=True))


class Rows(NamedTuple):
    """What the layers are shown: rows of mean one, or silent, the levels that they had, the price
    of their activations, and those that the first layer may begin with; and whether the frames
    themselves, without those around them, are `heard`.
    """

    X: Float[Array, "pieces frames stacked"]
    level: Float[Array, "pieces frames 1"]
    price: Float[Array, "pieces frames 1"]
    start: Float[Array, "pieces frames k"]
    heard: Bool[Array, "pieces frames 1"]


class Layered(NamedTuple):
    """What is there after the last layer.

    The activations, and by what the components have been multiplied in every piece; None where
    they are the same in all.
    """

    W: Float[Array, "pieces frames k"]
    changes: Float[Array, "pieces k shown"] | None = None


def with_sounds(rows: Rows) -> tuple[Rows, Bool[Array, "pieces frames 1"]]:
    """Rows of ones in place of silence, and where they are.

    Models of silence are next to nothing: what they are divided by overflows on the way back.
    """
    silent = rows.X.max(axis=-1, keepdims=True) <= 0
    return rows._replace(X=jnp.where(silent, 1, rows.X), start=jnp.where(silent, 1, rows.start)), (
        silent
    )


@runtime_checkable
class Unfolding(Protocol):
    """An iteration, as layers. Known when the program is compiled: equal ones compile once."""

    @property
    def beta(self) -> float:
        """Of the divergence that the iteration minimizes."""

    @property
    def remembers(self) -> bool:
        """Whether activations of a row depend on those of the rows before."""

    def untrained(
        self, dictionary: Float[Array, "k stacked"], n_layers: int, n_untied: int
    ) -> dict[str, Array]:
        """Weights of the layers with which they are the iteration itself."""

    @property
    def adapts(self) -> bool:
        """Whether components change with what is shown."""

    def through(self, layers: dict[str, Array], held: Held, rows: Rows) -> Layered:
        """What is there after the last layer."""


def unfolded(
    weights: Weights, held: Held, X: Float[Array, "pieces frames freqs"], unfolding: Unfolding
) -> Layered:
    """Pieces after all layers, of rows that are divided by the mean of what is shown of them.

    Every frame is shown with as many around it as the components span. Where nothing was trained,
    these are so many iterations from components that are all equally loud.
    """
    n_freqs, heard = X.shape[-1], X.max(axis=-1, keepdims=True) > 0
    X, mean, silent = _shown(X, held)
    X = X / mean
    flat = X.reshape(-1, X.shape[-1])
    start = flat_activations(DenseData(flat, None), held.dictionary, silent.ravel())
    start = start.reshape(*X.shape[:-1], -1)
    rows = Rows(X, mean, held.price * mean ** (1 - unfolding.beta), start, heard)
    W, changes = unfolding.through(weights.layers, held, rows)
    if changes is not None:
        # Of what is shown of a frame, the frame itself.
        first = (X.shape[-1] - n_freqs) // 2
        changes = changes[..., first : first + n_freqs]
    return Layered(jnp.maximum(W, least_activation(X.dtype)), changes)


def least_activation(dtype):
    """Of activations: squares of models are divided by on the way back, and must not vanish."""
    return 1e3 * jnp.sqrt(jnp.finfo(dtype).tiny)


def _shown(X, held):
    """Frames with those around them side by side, from the earliest to the latest; their means, 1
    where they are silent; whether they are.
    """
    n_frames, context = X.shape[1], held.dictionary.shape[1] // X.shape[-1] // 2
    X = jnp.pad(X, [(0, 0), (context, context), (0, 0)])
    around = [X[:, first : first + n_frames] for first in range(2 * context + 1)]
    X = jnp.concatenate(around, axis=-1)
    mean = X.mean(axis=-1, keepdims=True)
    silent = mean <= 0
    return X, jnp.where(silent, 1, mean), silent


@partial(jax.jit, static_argnames="unfolding")
def unfolded_pieces(
    weights: Weights,
    held: Held,
    X: Float[Array, "rows_and_zeros freqs"],
    pieces: Int[Array, "pieces frames"],
    *,
    unfolding: Unfolding,
) -> Layered:
    """Pieces of recordings, with activations at their level; zeros for silence.

    A piece lists its rows of X, the last of which is silent.
    """
    V = X[pieces]
    W, changes = unfolded(weights, held, V, unfolding)
    _, mean, silent = _shown(V, held)
    return Layered(jnp.where(silent, 0, W * mean), changes)


@jax.jit
def shares(
    weights: Weights, layered: Layered, atoms: Int[Array, "sources most"]
) -> Float[Array, "sources pieces frames freqs"]:
    """Masks of the sources, whose atoms are listed as ``source_models`` has it."""
    W, changes = layered
    # They do not depend on the level, but on the way back squares of tiny models would vanish.
    loudest = lax.stop_gradient(W.max(axis=-1, keepdims=True))
    W = jnp.where(loudest > least_activation(W.dtype), W / loudest, 1)
    H = jnp.exp(weights.output)
    if changes is None:
        models = source_models(W, H, atoms)
    else:
        models = jax.vmap(source_models, (0, 0, None), 1)(W, H * changes, atoms)
    return soft_masks(models, jnp.ones((), W.dtype))
