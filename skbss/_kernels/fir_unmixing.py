"""Unmixing of channels by short filters, for sources that are sparse over time as a whole.

With the spectra ``U_f`` of real filters u and ``y_f = U_f z_f``, it minimizes

``J = 2 / (N sqrt(F)) * sum_kn sqrt(sum_f |y_kfn|^2 / s_kf)
- 1 / F * sum_f (2 log |det U_f| - sum_k log s_kf)``,

where ``s_kf`` is the mean of ``|y_kfn|^2`` over the frames: how loud a source is at a frequency has
no influence, so that the filters need not be long to make it equally loud at all.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Complex, Float, Int

from skbss._kernels.frequency_unmixing import group_norms, powers, unmixed
from skbss._kernels.sparse_adaptive import adam_direction


class AdaptingFilters(NamedTuple):
    """Filters, and what Adam remembers of their gradients after `n_steps`."""

    u: Float[Array, "sources channels taps"]
    first: Float[Array, "sources channels taps"]
    second: Float[Array, "sources channels taps"]
    n_steps: Int[Array, ""]


@partial(jax.jit, static_argnames="n_fft")
def scale_free_objective(
    u: Float[Array, "channels channels taps"],
    Z: Complex[Array, "freqs channels frames"],
    n_frames: Int[Array, ""],
    *,
    n_fft: int,
) -> Float[Array, ""]:
    """J, of which the first `n_frames` frames are part; the others are zero.

    Frequencies at which a source is silent have no volume that could be compared.
    """
    U = jnp.moveaxis(jnp.fft.rfft(u, n_fft), -1, 0)
    Y = unmixed(U, Z)
    count = n_frames.astype(u.dtype)
    power = powers(Y).sum(axis=-1) / count
    silent = power == 0  # which NaN is not
    power = jnp.where(silent, 1, power)
    norms = group_norms(Y / jnp.sqrt(power)[..., None].astype(Y.dtype))
    scale = jnp.sqrt(jnp.asarray(len(Z), norms.dtype)) * count
    empty = silent.any(axis=-1)
    there = jnp.where(empty[:, None, None], jnp.eye(U.shape[-1], dtype=U.dtype), U)
    volumes = 2 * jnp.linalg.slogdet(there)[1] - jnp.log(power).sum(axis=-1)
    return 2 * norms.sum() / scale - jnp.where(empty, 0, volumes).mean()


@partial(jax.jit, static_argnames="n_fft")
def adapt_filters(
    Z: Complex[Array, "freqs channels frames"],
    state: AdaptingFilters,
    n_frames: Int[Array, ""],
    learning_rate: Float[Array, ""],
    decay: Float[Array, ""],
    count: Int[Array, ""],
    *,
    n_fft: int,
) -> AdaptingFilters:
    """`count` steps of Adam against the gradient, after t of them ``1 + decay t`` times shorter."""
    shape = state.u.shape
    rows = (shape[0] * shape[1], shape[2])
    gradient_at = jax.grad(scale_free_objective)

    def step(_, state):
        gradient = gradient_at(state.u, Z, n_frames, n_fft=n_fft)
        n_steps = state.n_steps + 1
        direction, first, second = adam_direction(
            gradient.reshape(rows), state.first.reshape(rows), state.second.reshape(rows), n_steps
        )
        rate = learning_rate / (1 + decay * state.n_steps.astype(decay.dtype))
        u = state.u - rate * direction.reshape(shape)
        return AdaptingFilters(u, first.reshape(shape), second.reshape(shape), n_steps)

    return lax.fori_loop(0, count, step, state)
