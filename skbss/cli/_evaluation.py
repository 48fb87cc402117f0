"""From folders of recordings to scores."""

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from skbss.cli._errors import CommandError
from skbss.cli._recording import Recording, probe_recording, read_recording
from skbss.report._text import count

_SILENCE = re.compile(r"\bsilent\b")


@dataclass(frozen=True)
class Evaluation:
    """Estimates, what they estimate, and how well they do.

    Attributes
    ----------
    references, estimates : array of shape (n_sources, n_channels, length), float32
        In the same order.
    mixture : array of shape (n_channels, length), or None
        What was separated.
    sample_rate : int
        In Hz.
    reference_files, estimate_files : list of Path
        Of each source.
    mixture_file : Path or None
        Of the mixture.
    matched_by : str
        "name" or "permutation".
    tag : str or None
        Title and artist of the mixture, not safe to show.
    metrics : list of Metric
        What was computed.
    scores : mapping of str to array of shape (n_sources,)
        By the names of the metrics.
    notes : list of str
        What the reader should know first.
    """

    references: np.ndarray
    estimates: np.ndarray
    mixture: np.ndarray | None
    sample_rate: int
    reference_files: list[Path]
    estimate_files: list[Path]
    mixture_file: Path | None
    matched_by: str
    tag: str | None = None
    metrics: list[Any] = field(default_factory=list)
    scores: Mapping[str, np.ndarray] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def source_names(self) -> list[str]:
        """Names of the references without their folders and endings."""
        return [file.stem for file in self.reference_files]


def check_sample_rates(files: Sequence[Path]) -> None:
    """Refuse recordings of different sample rates, of which only the beginnings are read.

    Raises
    ------
    CommandError
        If the rates differ, or a file cannot be read.
    """
    rates = [probe_recording(file)[0] for file in files]
    for file, rate in zip(files, rates, strict=True):
        if rate != rates[0]:
            raise CommandError(
                f"'{files[0]}' has {rates[0]} samples per second and '{file}' has {rate}; "
                "all recordings need the same sample rate."
            )


def read_evaluation(
    reference_files: Sequence[Path],
    estimate_files: Sequence[Path],
    mixture_file: Path | None,
    *,
    matched: bool,
    trim: bool,
) -> Evaluation:
    """Read the recordings and bring the estimates in the order of the references.

    Parameters
    ----------
    reference_files, estimate_files : sequence of Path
        Recordings; where they are not matched, there may be more estimates.
    mixture_file : Path or None
        What was separated.
    matched : bool
        Whether the estimates are in the order of the references; otherwise they get the order
        of the best mean SI-SDR.
    trim : bool
        Whether to cut all recordings to the length of the shortest.

    Raises
    ------
    CommandError
        If a file cannot be read, or lengths or numbers of channels differ.
    """
    files = [*reference_files, *estimate_files, *([mixture_file] if mixture_file else [])]
    recordings = [read_recording(file, allow_silence=True) for file in files]
    _check_channels(files, recordings)
    length, notes = _common_length(files, recordings, trim=trim)
    waveforms = [recording.waveform[:, :length] for recording in recordings]
    n_references, n_estimates = len(reference_files), len(estimate_files)
    references = np.stack(waveforms[:n_references])
    estimates = np.stack(waveforms[n_references : n_references + n_estimates])
    mixture, tag = (waveforms[-1], recordings[-1].tag) if mixture_file else (None, None)
    sample_rate = recordings[0].sample_rate
    del recordings, waveforms  # before memory is needed for float64
    order = list(range(n_references))
    if not matched:
        from skbss.metrics import best_permutation

        flat = [signals.reshape(len(signals), -1) for signals in (references, estimates)]
        order = [int(k) for k in best_permutation(*flat)]
    if order != list(range(n_estimates)):
        estimates = estimates[order]
    chosen = [estimate_files[k] for k in order]
    notes += [
        f"'{file.name}' of the {kind} is silent, so that most of its scores are not defined."
        for kind, signals, paths in (
            ("references", references, reference_files),
            ("estimates", estimates, chosen),
        )
        for file, signal in zip(paths, signals, strict=True)
        if not signal.any()
    ]
    return Evaluation(
        references,
        estimates,
        mixture,
        sample_rate,
        list(reference_files),
        chosen,
        mixture_file,
        "name" if matched else "permutation",
        tag=tag,
        notes=notes,
    )


def scored(evaluation: Evaluation, metrics: Sequence[Any]) -> Evaluation:
    """The same with scores, and with what was warned of in the notes.

    Raises
    ------
    CommandError
        If a metric cannot be computed for these recordings.
    """
    from skbss.metrics import score_sources

    mono = evaluation.references.shape[1] == 1
    signals = [evaluation.references, evaluation.estimates, evaluation.mixture]
    signals = [s[..., 0, :] if mono and s is not None else s for s in signals]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            scores = score_sources(
                signals[0],
                signals[1],
                metrics,
                sample_rate=evaluation.sample_rate,
                mixture=signals[2],
            )
        except (ImportError, ValueError) as error:
            raise CommandError(_one_line(error)) from error
    told = [_one_line(warning.message) for warning in caught if warning.category is UserWarning]
    # Which files are silent has been noted by their names.
    told = [text for text in dict.fromkeys(told) if not _SILENCE.search(text)]
    notes = [*evaluation.notes, *told]
    return replace(evaluation, metrics=list(metrics), scores=scores, notes=notes)


def _check_channels(files: Sequence[Path], recordings: Sequence[Recording]) -> None:
    first, *others = [len(recording.waveform) for recording in recordings]
    for file, other in zip(files[1:], others, strict=True):
        if other != first:
            raise CommandError(
                f"'{files[0]}' has {count(first, 'channel')} and '{file}' has "
                f"{count(other, 'channel')}; all recordings need the same number."
            )


def _common_length(
    files: Sequence[Path], recordings: Sequence[Recording], *, trim: bool
) -> tuple[int, list[str]]:
    lengths = [recording.waveform.shape[-1] for recording in recordings]
    shortest, longest = int(np.argmin(lengths)), int(np.argmax(lengths))
    length = lengths[shortest]
    if length == lengths[longest]:
        return length, []
    rate = recordings[0].sample_rate
    if not trim:
        raise CommandError(
            f"'{files[longest]}' has {lengths[longest]} samples and '{files[shortest]}' has "
            f"{length}; pass --trim to cut all recordings to the shortest."
        )
    lost = (lengths[longest] - length) / rate
    return length, [
        f"All recordings were cut to the {length / rate:.3f} s of '{files[shortest].name}'; "
        f"'{files[longest].name}' lost {lost:.3f} s at its end."
    ]


def _one_line(message: Any) -> str:
    return " ".join(str(message).split())
