"""From a recording to its stems."""

import re
import warnings
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from skbss.cli._errors import CommandError
from skbss.cli._methods import find_method
from skbss.cli._settings import Settings

_BLOCK = 1 << 20
_TOO_SHORT = r"There are \d+ atoms to learn from \d+ frames"
_COLUMNS = 1000


@dataclass
class Separation:
    """Stems, and what was learned on the way.

    Attributes
    ----------
    stems : array of shape (n_sources, n_channels, length), float32
        Their sum in float64 is the recording up to the rounding of one stem to float32.
    components : array of shape (n_components, n_freqs)
        Spectra, the mean over the frames of templates.
    activations : array of shape (n_columns, n_components)
        Of the mean spectra of the channels, at even intervals over the recording.
    labels : array of shape (n_components,)
        Source of each component.
    loss_curve, loss_iterations : array of shape (n_values,)
        Objective during the fit.
    n_iter : int
        Iterations that were run.
    converged : bool
        Whether the fit ended by itself.
    too_short : bool
        Whether there were fewer frames than components.
    """

    stems: np.ndarray
    components: np.ndarray
    activations: np.ndarray
    labels: np.ndarray
    loss_curve: np.ndarray
    loss_iterations: np.ndarray
    n_iter: int
    converged: bool
    too_short: bool

    def reorder(self, order: Sequence[int]) -> None:
        """Make the stem that was at ``order[j]`` the one at j, with its components."""
        self.stems = self.stems[list(order)]
        self.labels = np.argsort(order)[self.labels]


def separate_waveform(
    waveform: np.ndarray, sample_rate: int, settings: Settings, *, one_atom_per_source: bool = False
) -> Separation:
    """Separate shape (n_channels, length) blindly.

    Parameters
    ----------
    waveform : array of shape (n_channels, length), float32
        The recording.
    sample_rate : int
        In Hz.
    settings : Settings
        Resolved for this sample rate.
    one_atom_per_source : bool
        Whether to skip the grouping and make each component a source.

    Raises
    ------
    CommandError
        If the library refuses the settings for this recording.
    """
    from sklearn.exceptions import ConvergenceWarning

    from skbss import STFT, Separator

    method = find_method(settings.method)
    frames = {
        "n_fft": settings.n_fft,
        "hop_length": settings.hop_length,
        "window": settings.window,
    }
    separator = Separator(
        method.factorizer(settings.n_components, settings.max_iter, settings.seed),
        stft=STFT(**frames),
        n_sources=None if one_atom_per_source else settings.n_sources,
        grouping=settings.grouping,
        mask_exponent=settings.mask_exponent,
        spectrum=method.spectrum,
        sample_rate=sample_rate,
        random_state=settings.seed,
    )
    n_channels = len(waveform)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", ConvergenceWarning)
        warnings.filterwarnings("always", message=_TOO_SHORT)
        try:
            clip = waveform[0] if n_channels == 1 else waveform[np.newaxis]
            stems = np.asarray(separator.fit_transform(clip))
            factorizer = separator.factorizer_
            converged = not any(issubclass(w.category, ConvergenceWarning) for w in caught)
            components = np.asarray(factorizer.components_)
            if components.ndim == 2:
                spectra = mean_spectra(waveform, STFT(**frames, output=method.spectrum))
                activations = np.asarray(factorizer.transform(spectra))
            else:
                # What comes later in a template is not explained by the mean of its activations.
                activations = mean_columns(separator.activations(waveform[np.newaxis])[0])
                components = components.mean(axis=1)
            too_short = any(re.match(_TOO_SHORT, str(w.message)) for w in caught)
        except ValueError as error:
            raise CommandError(" ".join(str(error).split())) from error
    stems = stems[:, np.newaxis] if n_channels == 1 else stems[0]
    absorb_rounding(waveform, stems)
    losses = np.asarray(factorizer.loss_curve_)
    return Separation(
        stems=stems,
        components=components,
        activations=activations,
        labels=np.asarray(separator.atom_source_),
        loss_curve=losses,
        loss_iterations=np.minimum(10 * np.arange(len(losses)), factorizer.n_iter_),
        n_iter=int(factorizer.n_iter_),
        converged=converged,
        too_short=too_short,
    )


def mean_spectra(waveform: np.ndarray, stft) -> np.ndarray:
    """The spectrogram, averaged over the channels and over as many frames as a pixel holds.

    A model that adds up explains the mean of spectra by the mean of their activations. So these
    few spectra show the activations of any recording at the cost of a short one.

    Parameters
    ----------
    waveform : array of shape (n_channels, length)
        The recording.
    stft : STFT
        With the output that is factorized.

    Returns
    -------
    array of shape (n_columns, n_freqs)
        At most 1000 columns.
    """
    return mean_columns(stft.transform(channel) for channel in waveform)


def mean_columns(channels: Iterable[Any]) -> np.ndarray:
    """The mean over the channels and over as many frames as a pixel holds.

    Parameters
    ----------
    channels : iterable of arrays of shape (n_frames, n)
        What there is of every frame.

    Returns
    -------
    array of shape (n_columns, n)
        At most 1000 columns.
    """
    means = []
    for channel in map(np.asarray, channels):
        edges = np.linspace(0, len(channel), min(len(channel), _COLUMNS) + 1).astype(int)
        sums = np.add.reduceat(channel, edges[:-1], axis=0)
        means.append(sums / np.diff(edges)[:, np.newaxis].astype(channel.dtype))
    return np.mean(means, axis=0)


def absorb_rounding(waveform: np.ndarray, stems: np.ndarray) -> None:
    """Give the loudest stem what rounding took, in place, so that the stems add up exactly.

    Afterwards the float64 sum over the stems differs from the waveform by no more than half a
    unit in the last place of the loudest stem, which is all that 32-bit files can hold.

    Parameters
    ----------
    waveform : array of shape (n_channels, length)
        The mixture.
    stems : array of shape (n_sources, n_channels, length), float32
        Sources that add up to it but for rounding.
    """
    loudest = int(np.argmax([float(np.vdot(stem, stem)) for stem in stems]))
    others = [index for index in range(len(stems)) if index != loudest]
    for start in range(0, waveform.shape[-1], _BLOCK):
        part = slice(start, start + _BLOCK)
        rest = waveform[:, part].astype(np.float64)
        for index in others:
            rest -= stems[index, :, part]
        stems[loudest, :, part] = rest


def on_device(device: str) -> AbstractContextManager:
    """Where JAX computes: "cpu", "gpu" or, by "auto", where it does by default."""
    if device == "auto":
        return nullcontext()
    import jax

    return jax.default_device(jax.devices(device)[0])
