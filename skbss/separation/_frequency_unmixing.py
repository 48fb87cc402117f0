"""Matrices, one for every frequency, that unmix channels into sources that are sparse over time."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from skbss._kernels.frequency_unmixing import (
    covariances,
    image_waveforms,
    improve_unmixing,
    sparse_objective,
)
from skbss._runtime.blocks import bucket
from skbss._runtime.device import is_jax_array, precision
from skbss.frontend._framing import Framing
from skbss.frontend._transforms import analyze
from skbss.masking._level import level_of
from skbss.separation._convolutive_unmixing import ConvolutiveUnmixing
from skbss.separation._cover import Cover
from skbss.separation._descent import descend


class Spectra(NamedTuple):
    """The frames of all clips.

    Attributes
    ----------
    Z : ndarray of shape (n_freqs, n_channels, n_filled)
        Complex; zeros after the last frame.
    n_frames : ndarray of shape ()
        How many frames there are.
    """

    Z: np.ndarray
    n_frames: np.ndarray


class FrequencyUnmixing(ConvolutiveUnmixing):
    """Matrices of shape (n_freqs, n_sources, n_channels)."""

    source_axis = 1

    def images(self, x):
        return images_by_matrices(x, self.unmixing, self.mixing, self.framing)


def images_by_matrices(x, matrices, mixing, framing: Framing):
    """Channels unmixed and mixed again at every frequency, one source at a time.

    Parameters
    ----------
    x : array of shape (n_channels, length)
        Waveforms.
    matrices : ndarray of shape (n_freqs, n_sources, n_channels)
        What finds the sources.
    mixing : ndarray of shape (n_freqs, n_outputs, n_sources)
        Their gains.
    framing : Framing
        The frames.

    Returns
    -------
    images : array of shape (n_sources, n_outputs, length)
    """
    xp = jnp if is_jax_array(x) else np
    level, window = level_of(x), framing.window.astype(x.dtype)
    cover = Cover(x.shape[-1], framing)
    with precision(x.dtype):
        dtype = np.result_type(x.dtype, np.complex64)
        U, A = xp.asarray(matrices, dtype), xp.asarray(mixing, dtype)

    def waveforms_of(block):
        return image_waveforms(
            block.samples, U, A, window, block.n_frames, hop_length=framing.hop_length
        )

    values = A.shape[1] * A.shape[2] * framing.n_fft
    return cover.synthesized(waveforms_of, cover.padded(x / level), values) * level


def spectra_of(clips, framing: Framing) -> Spectra:
    """The frames of clips, one clip after the other.

    Parameters
    ----------
    clips : list of ndarray of shape (n_channels, length)
        Waveforms.
    framing : Framing
        The frames.

    Returns
    -------
    spectra : Spectra
    """
    covers = [Cover(x.shape[-1], framing) for x in clips]
    n_frames = sum(cover.n_frames for cover in covers)
    dtype = np.result_type(clips[0].dtype, np.complex64)
    Z = np.zeros((framing.n_freqs, len(clips[0]), bucket(n_frames)), dtype)
    start = 0
    for x, cover in zip(clips, covers, strict=True):
        stop = start + cover.n_frames
        frames = analyze(cover.padded(x), cover.framing, lambda spectra: spectra)
        Z[:, :, start:stop] = np.moveaxis(frames, -1, 0)
        start = stop
    return Spectra(Z, np.asarray(n_frames, np.int32))


def learn_frequency_unmixing(
    clips, n_sources, framing: Framing, random_state, *, n_init, max_iter, tol
) -> FrequencyUnmixing:
    """Matrices that make sources of channels; to be called in the precision scope of the clips.

    Parameters
    ----------
    clips : list of ndarray of shape (n_channels, length)
        Waveforms at unit level.
    n_sources : int
        At most the number of channels.
    framing : Framing
        The frames.
    random_state : RandomState
        Draws the starts after the first two.
    n_init : int
        Number of starts.
    max_iter, tol : int, float
        When each ends.

    Returns
    -------
    unmixing : FrequencyUnmixing
    """
    spectra = spectra_of(clips, framing)
    whitening, coloring = _principal_components(spectra, n_sources)
    dtype = spectra.Z.dtype
    Z = jnp.matmul(whitening.astype(dtype), spectra.Z, precision="highest")

    def improve(U, count):
        return improve_unmixing(Z, U, spectra.n_frames, count)

    def objective_of(U):
        return sparse_objective(Z, U, spectra.n_frames)

    found = [
        descend(
            improve, objective_of, jnp.asarray(start, dtype), max_iter=max_iter, tol=tol, patience=1
        )
        for start in _starts(n_init, coloring, random_state)
    ]
    descent = min(found, key=lambda one: min(one.objectives))
    U = np.asarray(descent.best, complex)
    matrices, mixing = U @ whitening, coloring @ np.linalg.inv(U)
    energy = _energies(mixing, matrices @ _covariances(spectra) @ _adjoint(matrices))
    return FrequencyUnmixing.found(matrices, mixing, energy, framing, descent)


def _covariances(spectra):
    return np.asarray(covariances(*spectra), complex)


def _energies(mixing, covariance):
    """Of the images of the sources, of which `covariance` is that at every frequency."""
    powers = np.einsum("fkk->fk", covariance).real
    return (np.square(np.abs(mixing)).sum(axis=1) * powers).sum(axis=0)


def _principal_components(spectra, n_components):
    """What makes components of unit variance at every frequency, loudest first, and its inverse.

    Where a component is next to nothing, its variance stays less.
    """
    variances, directions = np.linalg.eigh(_covariances(spectra))
    variances = variances[:, : -n_components - 1 : -1]
    directions = directions[:, :, : -n_components - 1 : -1]
    rounding = 64 * np.finfo(spectra.Z.real.dtype).eps
    deviations = np.sqrt(np.maximum(variances, rounding * variances[:, :1]))[:, np.newaxis]
    deviations = np.where(deviations > 0, deviations, 1)
    return _adjoint(directions / deviations), directions * deviations


def _starts(n_init, coloring, random_state):
    """The principal components; the channels; then rotations, the same at all frequencies.

    Every source has unit variance.
    """
    n_freqs, n_channels, n_sources = coloring.shape
    shape = (n_freqs, n_sources, n_sources)
    for number in range(n_init if n_sources > 1 else 1):
        if number == 0:
            start = np.eye(n_sources)
        elif number == 1 and n_sources == n_channels:
            norms = np.linalg.norm(coloring, axis=2, keepdims=True)
            start = np.where(norms > 0, coloring / np.where(norms > 0, norms, 1), start)
        else:
            normal = random_state.standard_normal((2, n_sources, n_sources))
            start = np.linalg.qr(normal[0] + 1j * normal[1])[0]
        yield np.broadcast_to(start, shape)


def _adjoint(matrices):
    return matrices.conj().swapaxes(1, 2)
