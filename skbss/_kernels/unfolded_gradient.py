"""Proximal gradient steps of the activations as layers.

K. Gregor and Y. LeCun, "Learning fast approximations of sparse coding", ICML 2010, whose layers
have a dictionary, here; F. Xiong et al., "SNMF-Net", IEEE Trans. Geosci. Remote Sens. 2022, eq. 12.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from skbss._kernels.unfolded import Held, Layered, with_norms


def logarithms_of_steps(
    dictionary: Float[Array, "k stacked"], n_layers: int
) -> Float[Array, " layers"]:
    """Of the largest steps that never raise the squared distance, for components of norm one."""
    curvature = jnp.linalg.eigvalsh(dictionary @ dictionary.T)[-1]
    return jnp.full(n_layers, -jnp.log(curvature))


def dictionaries(
    trained: Float[Array, "untied k stacked"], held: Held, n_layers: int
) -> Float[Array, "layers k stacked"]:
    """Of all layers: that which is held, and those that are trained."""
    n_tied = n_layers - len(trained)
    own = jax.vmap(with_norms, (0, None))(jnp.exp(trained), held.norms)
    return jnp.concatenate([jnp.repeat(held.dictionary[None], n_tied, axis=0), own])


@dataclass(frozen=True)
class ProximalGradient:
    """Steps along the gradient of the squared distance, thresholds and zeros for what is below.

    The layers hold "layers", of shape (untied, k, stacked): logarithms of components; and "steps"
    and "thresholds", of shape (layers,): logarithms of the lengths of steps on components of norm
    one, and of the thresholds relative to what the price asks for.
    """

    @property
    def beta(self):
        """Of the squared distance."""
        return 2.0

    @property
    def remembers(self):
        """Every row by itself."""
        return False

    @property
    def adapts(self):
        """Components are the same for all."""
        return False

    def untrained(self, dictionary, n_layers, n_untied):
        """The dictionary in every layer, and the largest safe steps."""
        return {
            "layers": jnp.repeat(jnp.log(dictionary)[None], n_untied, axis=0),
            "steps": logarithms_of_steps(dictionary, n_layers),
            "thresholds": jnp.zeros(n_layers, dictionary.dtype),
        }

    def through(self, layers, held, rows):
        """What is there after the last layer."""
        H = dictionaries(layers["layers"], held, len(layers["steps"]))
        sizes = jnp.exp(layers["steps"]) / jnp.square(held.norms).mean()
        thresholds = sizes * jnp.exp(layers["thresholds"])

        def layer(W, own):
            H, size, threshold = own
            slope = (W @ H - rows.X) @ H.T
            return jax.nn.relu(W - size * slope - threshold * rows.price), None

        return Layered(lax.scan(layer, rows.start, (H, sizes, thresholds))[0])
