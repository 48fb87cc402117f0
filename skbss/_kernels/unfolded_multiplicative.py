"""Multiplicative updates of the activations as layers.

J. Le Roux, J. R. Hershey and F. Weninger, "Deep NMF for speech separation", ICASSP 2015, section 3:
the dictionaries of the last layers are trained, each by itself.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import lax

from skbss._kernels.dense_data import DenseData
from skbss._kernels.multiplicative import StepRule, multiplicative_step
from skbss._kernels.penalties import Prices
from skbss._kernels.unfolded import Layered, least_activation, with_norms, with_sounds


@dataclass(frozen=True)
class Multiplicative:
    """Updates by a `rule`.

    The layers hold "layers", of shape (untied, k, stacked): logarithms of components, whose levels
    have no influence.
    """

    rule: StepRule

    @property
    def beta(self):
        """Of the divergence."""
        return self.rule.beta

    @property
    def remembers(self):
        """Every row by itself."""
        return False

    @property
    def adapts(self):
        """Components are the same for all."""
        return False

    def untrained(self, dictionary, n_layers, n_untied):
        """The dictionary in every layer."""
        return {"layers": jnp.repeat(jnp.log(dictionary)[None], n_untied, axis=0)}

    def through(self, layers, held, rows):
        """What is there after the last layer."""
        rows, silent = with_sounds(rows)
        X, _, price, start, _ = (one.reshape(-1, one.shape[-1]) for one in rows)
        data = DenseData(X, None)
        prices = Prices(price, 0.0)
        least = least_activation(X.dtype)

        def layer(W, H):
            W = jnp.maximum(W, least)
            parts = data.activation_parts(W, H, self.beta, held.floor)
            return multiplicative_step(W, *parts, prices, self.rule), None

        W = lax.fori_loop(0, held.n_tied, lambda _, W: layer(W, held.dictionary)[0], start)
        H = jax.vmap(with_norms, (0, None))(jnp.exp(layers["layers"]), held.norms)
        W, _ = lax.scan(layer, W, H)
        return Layered(jnp.where(silent, 0, W.reshape(rows.start.shape)))
