"""From a recording to its stems."""

import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from skbss.cli._errors import CommandError
from skbss.cli._methods import find_method
from skbss.cli._settings import Settings

_BLOCK = 1 << 20
_GREW_TO_THE_END = "Growth ended at n_components="
_COLUMNS = 1000
# How warnings of the library begin that listeners are told of, and how: by the options they know.
_NOTES = {
    r"There are \d+ atoms( of \d+ frames)? to learn from \d+ frames": (
        "The recording has fewer frames than components, so that the sources mean little: take a "
        "longer one, fewer --components, or a smaller --hop-length."
    ),
    r"Of the \d+ channels of X only \d+ are independent": (
        "Some channels of the recording are silent or the same as others, so that there are fewer "
        "sources to be found than asked for: the last are silent."
    ),
    r"\d+ samples are [\d.]+ frames of n_fft=\d+, too few": (
        "The recording is too short to learn how its channels are unmixed, so that the sources "
        "mean little: take a longer one, or a smaller --n-fft."
    ),
    r"Frames of \d+ samples .* are shorter than a period": (
        "Frames are shorter than a period of the lowest pitch, so that low pitches are not told "
        "apart: take a larger --n-fft, or --pitches that begin higher."
    ),
}


@dataclass
class Separation:
    """Stems, and what was learned on the way.

    Attributes
    ----------
    stems : array of shape (n_sources, n_channels, length), float32, or list of RecordedWaveform
        Their sum in float64 is the recording up to the rounding of one stem to float32; less where
        channels are unmixed into fewer sources.
    components : array of shape (n_components, n_freqs) or None
        Spectra, the mean over the frames of templates; None where there are none.
    activations : array of shape (n_columns, n_components) or None
        Mean over the channels, at even intervals over the recording.
    labels : array of shape (n_components,) or None
        Source of each component.
    loss_curve, loss_iterations : array of shape (n_values,)
        Objective during the fit.
    n_iter : int
        Iterations that were run.
    converged : bool
        Whether the fit ended by itself.
    notes : tuple of str
        What the listener should know about the recording first.
    """

    stems: Any
    components: np.ndarray | None
    activations: np.ndarray | None
    labels: np.ndarray | None
    loss_curve: np.ndarray | None
    loss_iterations: np.ndarray | None
    n_iter: int
    converged: bool
    notes: tuple[str, ...] = ()

    def reorder(self, order: Sequence[int]) -> None:
        """Make the stem that was at ``order[j]`` the one at j, with its components."""
        self.stems = self.stems[list(order)]
        if self.labels is not None:
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
    method = find_method(settings.method)
    clip = waveform[0] if len(waveform) == 1 else waveform[np.newaxis]

    def separated() -> Separation:
        if method.factorizer is None:
            return _unmixed(clip, settings)
        n_sources = None if one_atom_per_source else settings.n_sources
        separator = make_separator(sample_rate, settings, n_sources)
        stems, W = separator._fit_and_separate(clip)
        columns = mean_columns([W] if clip.ndim == 1 else W[0])
        return factorized(separator, _with_channels(clip, stems), columns)

    separation = with_notes(separated)
    # Fewer outputs than channels leave something out, which belongs to none of them.
    if method.factorizer is not None or len(separation.stems) == len(waveform):
        absorb_rounding(waveform, separation.stems)
    return separation


def with_notes(separated: Callable[[], Separation]) -> Separation:
    """A separation with what its warnings say, in the words of the command line.

    Parameters
    ----------
    separated : callable ``() -> Separation``

    Raises
    ------
    CommandError
        If the library refuses the settings for the recording.
    """
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", ConvergenceWarning)
        for beginning in _NOTES:
            warnings.filterwarnings("always", message=beginning)
        # That --components was not enough is no matter of iterations.
        warnings.filterwarnings("ignore", message=_GREW_TO_THE_END)
        try:
            separation = separated()
        except ValueError as error:
            raise CommandError(" ".join(str(error).split())) from error
    separation.converged = not any(issubclass(w.category, ConvergenceWarning) for w in caught)
    told = [str(w.message) for w in caught]
    separation.notes = tuple(
        note
        for beginning, note in _NOTES.items()
        if any(re.match(beginning, text) for text in told)
    )
    return separation


def make_separator(sample_rate: int, settings: Settings, n_sources: int | None) -> Any:
    """The `skbss.Separator` of a method that factorizes.

    Parameters
    ----------
    sample_rate : int
        In Hz.
    settings : Settings
        Resolved for this sample rate.
    n_sources : int or None
        None makes every component a source.
    """
    from skbss import STFT, Separator

    method = find_method(settings.method)
    assert method.factorizer is not None, "unmixes"
    return Separator(
        method.factorizer(settings, sample_rate),
        stft=STFT(n_fft=settings.n_fft, hop_length=settings.hop_length, window=settings.window),
        n_sources=n_sources,
        grouping=settings.grouping,
        mask_exponent=settings.mask_exponent,
        spectrum=method.spectrum,
        sample_rate=sample_rate,
        random_state=settings.seed,
    )


def factorized(separator: Any, stems: Any, activations: np.ndarray) -> Separation:
    """What a fitted separator has found.

    Parameters
    ----------
    separator : Separator
    stems : array of shape (n_sources, n_channels, length), or list of RecordedWaveform
    activations : array of shape (n_columns, n_components)
        From ``mean_columns``.
    """
    factorizer = separator.factorizer_
    components = np.asarray(factorizer.components_)
    if components.ndim == 3:
        components = components.mean(axis=1)
    losses = getattr(factorizer, "loss_curve_", None)
    return Separation(
        stems=stems,
        components=components,
        activations=activations,
        labels=np.asarray(separator.atom_source_),
        loss_curve=losses,
        loss_iterations=_looks(losses, factorizer.n_iter_),
        n_iter=int(factorizer.n_iter_),
        converged=True,
    )


def _unmixed(clip, settings) -> Separation:
    from skbss.separation import ESADSeparator

    separator = ESADSeparator(
        settings.n_sources,
        n_fft=settings.n_fft,
        max_iter=settings.max_iter,
        random_state=settings.seed,
    )
    stems = separator.fit_transform(clip)
    losses = separator.objectives_
    return Separation(
        stems=_with_channels(clip, stems),
        components=None,
        activations=None,
        labels=None,
        loss_curve=losses,
        loss_iterations=_looks(losses, separator.n_iter_),
        n_iter=int(separator.n_iter_),
        converged=True,
    )


def _with_channels(clip, stems):
    stems = np.asarray(stems)
    return stems[:, np.newaxis] if clip.ndim == 1 else stems[0]


def _looks(losses, n_iter):
    return None if losses is None else np.minimum(10 * np.arange(len(losses)), n_iter)


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
