"""The beta-divergence and the powers that its updates are made of."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def power(Y: Float[Array, "..."], exponent: float) -> Float[Array, "..."]:
    """Raise positive numbers to a power that is known when the program is compiled."""
    if exponent == 0:
        return jnp.ones_like(Y)
    if exponent < 0:
        return 1 / power(Y, -exponent)
    whole = int(exponent)
    if exponent - whole not in (0, 0.5) or whole > 3:
        return jnp.exp(exponent * jnp.log(Y))
    # Half-integer powers by products: an order of magnitude faster than pow.
    result = jnp.sqrt(Y) if exponent != whole else Y
    for _ in range(whole if exponent != whole else whole - 1):
        result = result * Y
    return result


def gradient_powers(
    Y: Float[Array, "..."], beta: float
) -> tuple[Float[Array, "..."], Float[Array, "..."] | None]:
    """``Y**(beta - 2)`` and ``Y**(beta - 1)``, the latter None where it is 1."""
    smaller = power(Y, beta - 2)
    return smaller, None if beta == 1 else smaller * Y


def beta_divergence(
    X: Float[Array, "..."], Y: Float[Array, "..."], beta: float
) -> Float[Array, "..."]:
    """Divergence of every entry of the data `X` from the model `Y`, which is positive for beta < 2.

    Up to beta 2 these are other forms of the definition, whose terms cancel for a model close to
    the data, and for beta close to 0 or 1; `X` may be zero for beta > 0.
    """
    if beta == 2:
        return jnp.square(X - Y) / 2
    if beta > 2:
        terms = power(X, beta) + (beta - 1) * power(Y, beta) - beta * X * power(Y, beta - 1)
        return terms / (beta * (beta - 1))
    if beta == 0.5:
        root = jnp.sqrt(Y)
        return 2 * jnp.square(jnp.sqrt(X) - root) / root
    ratio = X / Y
    # Smaller numbers may or may not be taken for zeros, depending on how programs are compiled.
    zero = ratio < jnp.finfo(ratio.dtype).tiny
    ratio = jnp.where(zero, 1, ratio)
    log_ratio = jnp.log(ratio)

    def deformed_log(exponent: float) -> Float[Array, "..."]:
        return jnp.expm1(exponent * log_ratio) / exponent if exponent else log_ratio

    if beta > 0.5:
        divergence = (ratio * deformed_log(beta - 1) - (ratio - 1)) / beta
    else:
        divergence = ((ratio - 1) - deformed_log(beta)) / (1 - beta)
    at_zero = 1 / beta if beta > 0 else jnp.inf
    return power(Y, beta) * jnp.where(zero, at_zero, divergence)
