"""Multiplicative updates of activations and components, with learned corrections, as layers.

C. Kervazo, A. Chetoui and J. E. Cohen, "Deep unrolling of the multiplicative updates algorithm for
blind source separation, with application to hyperspectral unmixing", EUSIPCO 2024: every update is
multiplied by factors that are trained.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from skbss._kernels.dense_data import DenseData
from skbss._kernels.multiplicative import StepRules, multiplicative_step
from skbss._kernels.sparsity import NormalizedSparsity
from skbss._kernels.unfolded import Layered, least_activation, with_norms, with_sounds


@dataclass(frozen=True)
class BothFactors:
    """Updates by `rules`: in every piece, of its activations and then of components of its own.

    The layers hold logarithms of what the updates are multiplied by: "activations", of shape
    (untied, k), and "components", of shape (untied, k, stacked).
    """

    rules: StepRules

    @property
    def beta(self):
        """Of the divergence."""
        return self.rules.W.beta

    @property
    def remembers(self):
        """Through the components, on all rows."""
        return True

    @property
    def adapts(self):
        """To the piece."""
        return True

    def untrained(self, dictionary, n_layers, n_untied):
        """Plain updates."""
        dtype = dictionary.dtype
        return {
            "activations": jnp.zeros((n_untied, len(dictionary)), dtype),
            "components": jnp.zeros((n_untied, *dictionary.shape), dtype),
        }

    def through(self, layers, held, rows):
        """What is there after the last layer, for components of the norms that they began with."""
        rows, silent = with_sounds(rows)
        # The rows of a piece share its components: louder ones count more.
        X, start = rows.X * rows.level, rows.start * rows.level
        W, H = jax.vmap(partial(self._of_piece, layers, held))(X, start, rows.heard)
        own = jax.vmap(with_norms, (0, None))(H, held.norms)
        W = W * (H.max(axis=-1) / own.max(axis=-1))[:, None]
        return Layered(jnp.where(silent, 0, W / rows.level), own / held.dictionary)

    def _of_piece(self, layers, held, X, W, heard):
        data, least = DenseData(X, None), least_activation(X.dtype)
        # Beyond the ends of a recording there is silence, however much of it is shown.
        within = DenseData(jnp.where(heard, X, 0), None)
        penalty = NormalizedSparsity(held.price / held.norms.mean(), 2)

        def layer(factors, log_factors):
            W, H = factors
            parts = data.activation_parts(W, H, self.beta, held.floor)
            W = multiplicative_step(W, *parts, penalty.prices_of_rows(H), self.rules.W)
            W = jnp.maximum(W * jnp.exp(log_factors["activations"]), least)
            counted = jnp.where(heard, W, 0)
            parts = within.component_parts(counted, H, self.beta, held.floor)
            prices = penalty.prices_of_components(H, counted.sum(axis=0))
            learned = multiplicative_step(H, *parts, prices, self.rules.H)
            learned = jnp.maximum(learned * jnp.exp(log_factors["components"]), least)
            return (W, jnp.where(heard.any(), learned, H)), None

        plain = jax.tree.map(lambda one: jnp.zeros_like(one, shape=one.shape[1:]), layers)
        factors = lax.fori_loop(
            0, held.n_tied, lambda _, factors: layer(factors, plain)[0], (W, held.dictionary)
        )
        # On the way back, what is not a product is cheaper computed again than kept.
        layer = jax.checkpoint(layer, policy=jax.checkpoint_policies.dots_saveable)
        return lax.scan(layer, factors, layers)[0]
