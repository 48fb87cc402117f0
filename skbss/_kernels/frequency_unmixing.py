"""Unmixing of channels at every frequency, by sources that are sparse over time as a whole.

It minimizes, over a complex matrix ``U_f`` at every frequency and with ``y_f = U_f z_f``,

``J = 2 / (N sqrt(F)) * sum_kn sqrt(sum_f |y_kfn|^2) - 2 / F * sum_f log |det U_f|``:

the frequencies of a source are one group under an L1 penalty, so that they sound together.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Complex, Float, Int

from skbss._kernels.stft import first_spectra, overlapped_waveform


def unmixed(
    U: Complex[Array, "freqs sources channels"], Z: Complex[Array, "freqs channels frames"]
) -> Complex[Array, "freqs sources frames"]:
    """The sources, ``U_f z_f``."""
    return jnp.matmul(U, Z, precision="highest")


def powers(X: Complex[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Squares of the absolute values."""
    return jnp.square(X.real) + jnp.square(X.imag)


def group_norms(Y: Complex[Array, "freqs sources frames"]) -> Float[Array, "sources frames"]:
    """How loud every source is in every frame, all frequencies together; slope 0 at silence."""
    squares = powers(Y).sum(axis=0)
    silent = squares == 0  # which NaN is not
    return jnp.where(silent, 0, jnp.sqrt(jnp.where(silent, 1, squares)))


@jax.jit
def covariances(
    Z: Complex[Array, "freqs channels frames"], n_frames: Int[Array, ""]
) -> Complex[Array, "freqs channels channels"]:
    """Mean of ``z z^H`` over the first `n_frames` frames; the others are zero."""
    total = jnp.matmul(Z, Z.conj().swapaxes(1, 2), precision="highest")
    return total / n_frames.astype(Z.dtype)


@jax.jit
def sparse_objective(
    Z: Complex[Array, "freqs channels frames"],
    U: Complex[Array, "freqs channels channels"],
    n_frames: Int[Array, ""],
) -> Float[Array, ""]:
    """J, of which the first `n_frames` frames are part; the others are zero."""
    norms = group_norms(unmixed(U, Z))
    scale = jnp.sqrt(jnp.asarray(len(Z), norms.dtype)) * n_frames.astype(norms.dtype)
    return 2 * norms.sum() / scale - 2 * jnp.linalg.slogdet(U)[1].mean()


def improved_rows(
    U: Complex[Array, "freqs channels channels"],
    V: Complex[Array, "channels freqs channels channels"],
) -> Complex[Array, "freqs channels channels"]:
    """Every row u in turn at the minimum of ``u V u^H - 2 log |det U|``, the others held.

    N. Ono, "Stable and fast update rules for independent vector analysis based on auxiliary
    function technique", WASPAA 2011, eqs. 18 to 20.
    """
    for k in range(len(V)):
        unit = jnp.zeros((*U.shape[:-1], 1), U.dtype).at[:, k].set(1)
        column = jnp.linalg.solve(jnp.matmul(U, V[k], precision="highest"), unit)
        image = jnp.matmul(V[k], column, precision="highest")
        norm = jnp.sqrt((column.conj() * image).real.sum(axis=(1, 2)))
        U = U.at[:, k].set(column[..., 0].conj() / norm[:, None].astype(U.dtype))
    return U


@jax.jit
def improve_unmixing(
    Z: Complex[Array, "freqs channels frames"],
    U: Complex[Array, "freqs channels channels"],
    n_frames: Int[Array, ""],
    count: Int[Array, ""],
) -> Complex[Array, "freqs channels channels"]:
    """Go on for `count` sweeps, none of which raises the objective.

    A norm lies below the parabola that touches it, ``r <= (r^2 / r_0 + r_0) / 2``, and with it the
    objective falls apart into the frequencies.
    """
    n_freqs, n_channels, _ = Z.shape
    everywhere = jnp.eye(n_channels, dtype=U.dtype)

    def sweep(_, U):
        norms = group_norms(unmixed(U, Z))
        silent = norms == 0
        scale = jnp.sqrt(jnp.asarray(n_freqs, norms.dtype)) / n_frames.astype(norms.dtype)
        weights = jnp.where(silent, 0, scale / jnp.where(silent, 1, norms)).astype(U.dtype)

        def covariance(weights):
            return jnp.matmul(Z * weights, Z.conj().swapaxes(1, 2), precision="highest")

        V = lax.map(covariance, weights)
        power = jnp.trace(V, axis1=-2, axis2=-1).real / n_channels
        # In a direction in which there is nothing, no gain would be too large.
        least = jnp.where(power > 0, power * jnp.finfo(power.dtype).eps, 1)
        return improved_rows(U, V + least[..., None, None].astype(U.dtype) * everywhere)

    return lax.fori_loop(0, count, sweep, U)


@partial(jax.jit, static_argnames="hop_length")
def image_waveforms(
    x: Float[Array, "channels samples"],
    U: Complex[Array, "freqs sources channels"],
    A: Complex[Array, "freqs outputs sources"],
    window: Float[Array, " n_fft"],
    n_frames: Int[Array, ""],
    *,
    hop_length: int,
) -> Float[Array, "sources outputs samples"]:
    """What every source, found by U, contributes to the channels by A.

    Only the first `n_frames` frames count. Not yet divided by the windows.
    """
    X = first_spectra(x, window, n_frames, hop_length=hop_length)
    Y = jnp.einsum("fkc,ctf->ktf", U, X, precision="highest")

    def images(one):
        y, gains = one
        return overlapped_waveform(gains.T[:, None] * y, window, hop_length=hop_length)

    return lax.map(images, (Y, jnp.moveaxis(A, -1, 0)))
