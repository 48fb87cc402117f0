"""What can be shown on a page, refused before any work where it can not."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skbss._runtime.recorded_waveform import RecordedWaveform, in_blocks
from skbss.report._text import printable


def check_waveform(name: str, waveform) -> Any:
    """The waveform as an array, or as the file that it is in.

    Parameters
    ----------
    name : str
        What the caller calls it.
    waveform : array-like of shape (length,) or (n_channels, length), or path of a sound file
        Finite samples.

    Raises
    ------
    ValueError
        If it has another shape, no samples, or samples that are not finite.
    """
    waveform = _as_waveform(waveform)
    if waveform.ndim not in (1, 2) or 0 in waveform.shape:
        raise ValueError(
            f"{name} must have shape (length,) or (n_channels, length) and hold samples, "
            f"got shape {waveform.shape}."
        )
    _check_finite(name, waveform)
    return waveform


def check_sources(name: str, sources, like: Any, like_name: str) -> list[Any]:
    """The sources as a list of arrays, or of files.

    Parameters
    ----------
    name : str
        What the caller calls them.
    sources : sequence of array-like or of paths
        Finite samples, at least one source.
    like : array
        What each must have the shape of.
    like_name : str
        What the caller calls that.

    Raises
    ------
    ValueError
        If there is none, a shape differs, or a sample is not finite.
    """
    sources = [_as_waveform(source) for source in sources]
    for index, source in enumerate(sources):
        if source.shape != like.shape:
            raise ValueError(
                f"Every source must have the shape of the {like_name}, {like.shape}; "
                f"{name}[{index}] has {source.shape}."
            )
    if not sources:
        raise ValueError(f"{name} must hold at least one source, got none.")
    for source in sources:
        _check_finite(name, source)
    return sources


def check_count(name: str, sources: Sequence, expected: int) -> None:
    """Refuse another number of sources than expected."""
    if len(sources) != expected:
        raise ValueError(f"{name} must hold {expected} sources, got {len(sources)}.")


def check_sample_rate(sample_rate: float) -> None:
    """Refuse a sample rate that is none."""
    if not sample_rate > 0:
        raise ValueError(f"sample_rate must be positive, got {sample_rate!r}.")


def check_names(parameter: str, names: Sequence[str] | None, expected: int) -> list[str] | None:
    """The names, safe to show, or None where there are none."""
    if names is None:
        return None
    names = [printable(str(name)) for name in names]
    if len(names) != expected:
        raise ValueError(f"{parameter} must hold {expected} names, got {len(names)}.")
    return names


def source_names_or_numbers(names: Sequence[str] | None, n_sources: int) -> list[str]:
    """The names of the sources, "Source 1" and so on where there are none."""
    checked = check_names("source_names", names, n_sources)
    return checked or [f"Source {index + 1}" for index in range(n_sources)]


def check_scores(scores: Mapping | None, n_sources: int) -> None:
    """Refuse columns of another length than there are sources."""
    for name, column in (scores or {}).items():
        if len(column) != n_sources:
            raise ValueError(
                f"scores[{name!r}] must hold one number per source ({n_sources}), "
                f"got {len(column)}."
            )


def as_channels(waveform: Any) -> Any:
    """The same with an axis of channels, shape (n_channels, length)."""
    return waveform[np.newaxis] if waveform.ndim == 1 else waveform


def _as_waveform(waveform: Any) -> Any:
    if isinstance(waveform, RecordedWaveform):
        return waveform
    is_path = isinstance(waveform, str | os.PathLike)
    return RecordedWaveform(waveform) if is_path else np.asarray(waveform)


def _check_finite(name: str, waveform: Any) -> None:
    if not all(np.isfinite(block).all() for block in in_blocks(waveform)):
        raise ValueError(f"{name} must hold finite samples, got NaN or infinity.")
