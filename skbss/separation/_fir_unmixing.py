"""Short filters that unmix channels into sources that are sparse over time."""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.signal import oaconvolve

from skbss._kernels.fir_unmixing import AdaptingFilters, adapt_filters, scale_free_objective
from skbss._runtime.device import for_kernels, is_jax_array
from skbss.frontend import STFT
from skbss.frontend._framing import Framing, resolve_framing
from skbss.separation._convolutive_unmixing import ConvolutiveUnmixing
from skbss.separation._descent import descend
from skbss.separation._frequency_unmixing import (
    images_by_matrices,
    learn_frequency_unmixing,
    spectra_of,
)

# Sweeps of the unmixing by frequencies from which the filters start.
_FIRST_SWEEPS = 100
# Gains of sources are told apart more finely than filters: they are found in closed form.
_LONGER = 4
# Adam may rise for a while.
_PATIENCE = 5


class FIRUnmixing(ConvolutiveUnmixing):
    """Filters of shape (n_sources, n_channels, n_taps), later by ``n_taps // 2`` samples."""

    source_axis = 0

    def images(self, x):
        n_freqs, _, n_sources = self.mixing.shape
        as_they_are = np.broadcast_to(np.eye(n_sources), (n_freqs, n_sources, n_sources))
        y, before = filtered(x, self.unmixing), self.unmixing.shape[-1] // 2
        images = images_by_matrices(y, as_they_are, self.mixing, self.framing)
        return images[..., before : before + x.shape[-1]]


def filtered(x, filters):
    """The sums of the filtered channels, all of them: filters ring before and after the channels.

    What rings there is needed to mix the channels again.

    Parameters
    ----------
    x : array of shape (n_channels, length)
        Waveforms.
    filters : ndarray of shape (n_sources, n_channels, n_taps)
        Of which the middle tap, ``n_taps // 2``, is no delay.

    Returns
    -------
    y : array of shape (n_sources, length + n_taps - 1)
        From ``n_taps // 2`` samples before the channels on. A JAX array where `x` is one.
    """
    xp = jnp if is_jax_array(x) else np
    filters = xp.asarray(filters, x.dtype)
    convolve = jax.scipy.signal.fftconvolve if is_jax_array(x) else oaconvolve
    y = [sum(convolve(one, taps) for one, taps in zip(x, own, strict=True)) for own in filters]
    return xp.stack(y)


def learn_fir_unmixing(
    clips, heard, n_sources, framing: Framing, random_state, *, n_taps, rates, n_init, max_iter, tol
) -> FIRUnmixing:
    """Filters that make sources of channels; to be called in the precision scope of the clips.

    Parameters
    ----------
    clips : list of ndarray of shape (n_channels, length)
        Waveforms at unit level, without the means of their channels.
    heard : list of ndarray of shape (n_channels, length)
        The same with their means: sources have to come close to what they are to be mixed to.
    n_sources : int
        At most the number of channels; if they are fewer, principal components take their place.
    framing : Framing
        The frames, not shorter than the filters.
    random_state : RandomState
        Draws the starts after the first two.
    n_taps : int
        Length of the filters.
    rates : (float, float)
        The rate of the first step, and its decay.
    n_init : int
        Number of starts.
    max_iter, tol : int, float
        When it ends.

    Returns
    -------
    unmixing : FIRUnmixing
    """
    dtype = clips[0].dtype
    reduction = _reduction(clips, n_sources)
    reduced = [reduction.astype(dtype) @ x for x in clips]
    start = _first_filters(reduced, n_taps, random_state, n_init, tol).astype(dtype)
    spectra = spectra_of(reduced, framing)
    Z, n_frames = jnp.asarray(spectra.Z), spectra.n_frames
    learning_rate, decay = (for_kernels(rate, dtype) for rate in rates)

    def improve(state, count):
        return adapt_filters(Z, state, n_frames, learning_rate, decay, count, n_fft=framing.n_fft)

    def objective_of(state):
        return scale_free_objective(state.u, Z, n_frames, n_fft=framing.n_fft)

    zeros = jnp.zeros_like(start)
    state = AdaptingFilters(jnp.asarray(start), zeros, zeros, jnp.asarray(0, jnp.int32))
    descent = descend(improve, objective_of, state, max_iter=max_iter, tol=tol, patience=_PATIENCE)
    filters = np.einsum("kdl,dc->kcl", np.asarray(descent.best.u, float), reduction)
    longer = resolve_framing(STFT(_LONGER * framing.n_fft))
    mixing, energy = _projection_back(heard, filters.astype(dtype), longer)
    return FIRUnmixing.found(filters, mixing, energy, longer, descent)


def _reduction(clips, n_sources):
    """What makes as many channels as sources, of unit variance if they were more."""
    n_channels = len(clips[0])
    if n_sources == n_channels:
        return np.eye(n_channels)
    covariance = sum(np.asarray(x, float) @ x.T.astype(float) / x.shape[-1] for x in clips)
    variances, directions = np.linalg.eigh(covariance / len(clips))
    variances = np.where(variances > 0, variances, 1)
    return (directions / np.sqrt(variances)).T[: -n_sources - 1 : -1]


def _first_filters(clips, n_taps, random_state, n_init, tol):
    """The middle of the filters that unmix by frequencies twice as fine.

    Every source comes as it is heard in that channel in which it is loudest, which makes filters
    short.
    """
    found = learn_frequency_unmixing(
        clips,
        len(clips[0]),
        resolve_framing(STFT(max(2 * n_taps, 2))),
        random_state,
        n_init=n_init,
        max_iter=_FIRST_SWEEPS,
        tol=tol,
    )
    loudest = np.square(np.abs(found.mixing)).sum(axis=0).argmax(axis=0)
    gains = found.mixing[:, loudest, np.arange(len(loudest))]
    spectra = np.moveaxis(gains[:, :, np.newaxis] * found.unmixing, 0, -1)
    return np.roll(np.fft.irfft(spectra), n_taps // 2, axis=-1)[..., :n_taps]


def _projection_back(clips, filters, framing):
    """The gains by which sources come closest to the channels, and the energy of their images."""
    before, n_taps = filters.shape[-1] // 2, filters.shape[-1]
    around = (0, 0), (before, n_taps - 1 - before)
    X = spectra_of([np.pad(x, around) for x in clips], framing).Z
    Y = spectra_of([filtered(x, filters) for x in clips], framing).Z
    products = (X @ Y.conj().swapaxes(1, 2)).astype(complex)
    covariance = (Y @ Y.conj().swapaxes(1, 2)).astype(complex)
    rounding = 64 * np.finfo(X.real.dtype).eps
    mixing = products @ np.linalg.pinv(covariance, rcond=rounding, hermitian=True)
    powers = np.einsum("fkk->fk", covariance).real
    return mixing, (np.square(np.abs(mixing)).sum(axis=1) * powers).sum(axis=0)
