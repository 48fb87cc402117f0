"""Proximal gradient steps, frame after frame, as the layers of a recurrent network.

S. Wisdom, T. Powers, J. Pitton and L. Atlas, "Deep recurrent NMF for speech separation by
unfolding iterative thresholding", WASPAA 2017, eq. 5 to 11.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import lax

from skbss._kernels.unfolded import Layered
from skbss._kernels.unfolded_gradient import dictionaries, logarithms_of_steps

# Frames for which what the layers see of them is computed at once.
_CHUNK = 64


@dataclass(frozen=True)
class Recurrent:
    r"""Steps that lower, frame by frame, the objective

    .. math::

        \tfrac12 \|x_t - w_t H\|^2 + \lambda \|w_t\|_1 + \tfrac\mu2 \|w_t - w_{t-1} D\|^2 ,

    from the activations of the frame before. `coupling` is the weight :math:`\mu` relative to the
    largest eigenvalue of :math:`H H^\top`.

    Beside what `ProximalGradient` has, the layers hold "couplings", of shape (layers,): logarithms
    of factors of the coupling; and "transitions", of shape (layers, k, k): by how much k D differs
    from k times the identity, of which a step of training changes all entries at once.
    """

    coupling: float

    @property
    def beta(self):
        """Of the squared distance."""
        return 2.0

    @property
    def remembers(self):
        """All rows before."""
        return True

    @property
    def adapts(self):
        """Components are the same for all."""
        return False

    def untrained(self, dictionary, n_layers, n_untied):
        """The dictionary in every layer, the largest safe steps, and D the identity."""
        n_components, dtype = len(dictionary), dictionary.dtype
        steps = logarithms_of_steps(dictionary, n_layers)
        return {
            "layers": jnp.repeat(jnp.log(dictionary)[None], n_untied, axis=0),
            "steps": steps - jnp.log1p(self.coupling).astype(dtype),
            "thresholds": jnp.zeros(n_layers, dtype),
            "couplings": -steps,
            "transitions": jnp.zeros((n_layers, n_components, n_components), dtype),
        }

    def through(self, layers, held, rows):
        """What is there after the last layer."""
        n_layers, square = len(layers["steps"]), jnp.square(held.norms).mean()
        H = dictionaries(layers["layers"], held, n_layers)
        sizes = (jnp.exp(layers["steps"]) / square)[:, None, None]
        couplings = (self.coupling * jnp.exp(layers["couplings"]) * square)[:, None, None]
        own = jnp.eye(H.shape[1], dtype=H.dtype)
        kept = own - sizes * (jnp.einsum("lkf,ljf->lkj", H, H) + couplings * own)
        carried = sizes * couplings * (own + layers["transitions"] / len(own))
        thresholds = sizes[:, 0, 0] * jnp.exp(layers["thresholds"]) * held.price

        def frame(before, seen):
            def layer(W, own):
                kept, carried, threshold, seen = own
                return jax.nn.relu(W @ kept + before @ carried + seen - threshold), None

            W, _ = lax.scan(layer, before, (kept, carried, thresholds, seen))
            return W, W

        def chunk(before, X):
            return lax.scan(frame, before, jnp.einsum("tpf,lkf->tlpk", X, H) * sizes)

        # Levels relate what is carried over to what is there.
        X = jnp.moveaxis(rows.X * rows.level, 1, 0)
        n_frames, n_pieces, _ = X.shape
        X = jnp.pad(X, [(0, -n_frames % _CHUNK), (0, 0), (0, 0)])
        X = X.reshape(-1, min(_CHUNK, len(X)), *X.shape[1:])
        start = jnp.zeros((n_pieces, H.shape[1]), H.dtype)
        _, W = lax.scan(chunk, start, X)
        W = W.reshape(-1, *W.shape[2:])[:n_frames]
        return Layered(jnp.moveaxis(W, 0, 1) / rows.level)
