"""Lambert's W of numbers that are too large or too small to be written down."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

# From these starts Newton's method has converged to float64 everywhere.
_STEPS = 8


def lambert_w_of_exp(zeta: Float[Array, "..."]) -> Float[Array, "..."]:
    """``W0(exp(zeta))``, the principal branch of Lambert's W: the root of ``w + log(w) = zeta``.

    R. M. Corless, G. H. Gonnet, D. E. G. Hare, D. J. Jeffrey and D. E. Knuth, "On the Lambert W
    function", Advances in Computational Mathematics 5, 1996. No exponential is taken of `zeta`
    above 1: it may be as large as numbers get. Far below 0 the root is ``exp(zeta)``, and 0 where
    that is.
    """
    large = zeta > 1
    above = jnp.where(large, zeta, 2)
    start = jnp.where(large, above - jnp.log(above), jnp.exp(jnp.minimum(zeta, 1)))
    # A root that underflows has no logarithm.
    small = start < jnp.finfo(zeta.dtype).tiny
    first = jnp.where(small, 1, start)

    def newton(_, w):
        return w - w * (w + jnp.log(w) - zeta) / (1 + w)

    return jnp.where(small, start, lax.fori_loop(0, _STEPS, newton, first))
