"""One mixture to separate, and everything that is known about it."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.utils import check_array

from skbss.report._text import count


@dataclass(frozen=True, eq=False, repr=False)
class Task:
    """A mixture, its true sources, and what may be learned from beforehand.

    Parameters
    ----------
    name : str
        What tables call it; not empty.
    mixture : array of shape ([n_channels,] length)
        What is heard, in any unit.
    sources : array of shape (n_sources, [n_channels,] length)
        The true sources in the unit of the mixture, of several channels their images at the
        microphones. They need not add up to the mixture, which may hold noise that is no source.
    sample_rate : float
        In Hz, positive.
    source_names : sequence of n_sources str, optional
        What tables call the sources, no two alike. Default "source 1", "source 2" and so on.
    train_mixtures : sequence of arrays of shape ([n_channels,] clip_length), optional
        Other recordings, for systems that learn. None where there are none.
    train_sources : sequence of arrays of shape (n_sources, [n_channels,] clip_length), optional
        The true sources of every recording of `train_mixtures`, in the order of `sources`.
    targets : sequence of int, optional
        Indices of the sources that are scored, such as ``[0]`` for speech in noise. Default all.
    tags : mapping of str to str or float, optional
        Facts to group results by, such as ``{"snr_db": 5.0, "room": "mild"}``.

    Attributes
    ----------
    mixture, sources : ndarray
        Of float32 or float64, as given; integers become float64. They can not be written to.
    source_names : tuple of str
    train_mixtures, train_sources : tuple of ndarray, or None
        One and the same object for all tasks that were given one, so that many tasks share one
        training set.
    targets : tuple of int
    tags : dict

    Raises
    ------
    TypeError
        If a name is no string or a sample rate no number.
    ValueError
        If shapes do not fit, a sample is NaN or infinite, names repeat, or targets do not exist.

    See Also
    --------
    make_mixtures : Tasks from recordings of a target and of what disturbs it.

    Notes
    -----
    Two tasks are equal only if they are the same object; `digest` tells whether they hold the
    same. Arrays are not copied: do not change them afterwards.

    Examples
    --------
    >>> from skbss.datasets import load_two_speakers
    >>> from skbss.evaluation import Task
    >>> clip = load_two_speakers()
    >>> task = Task(
    ...     "two speakers",
    ...     clip.mixture,
    ...     clip.sources,
    ...     clip.sample_rate,
    ...     source_names=clip.source_names,
    ...     train_mixtures=[clip.train_mixture],
    ...     train_sources=[clip.train_sources],
    ... )
    >>> task
    Task('two speakers', 2 sources, 1 channel, 7.46 s at 16000 Hz, 1 clip to train on)
    >>> task.targets
    (0, 1)
    """

    name: str
    mixture: np.ndarray
    sources: np.ndarray
    sample_rate: float
    _: KW_ONLY
    source_names: Any = None
    train_mixtures: Any = None
    train_sources: Any = None
    targets: Any = None
    tags: Any = None

    def __post_init__(self):
        _check_name(self.name, "name")
        mixture = _waveform(self.mixture, "mixture")
        sources = _waveform(self.sources, "sources")
        _check_axes(mixture, "mixture")
        _check_shape(sources, "sources", mixture, "mixture")
        checked = {
            "mixture": mixture,
            "sources": sources,
            "sample_rate": _checked_rate(self.sample_rate),
            "source_names": _checked_names(self.source_names, len(sources)),
            "targets": _checked_targets(self.targets, len(sources)),
            "tags": _checked_tags(self.tags),
        }
        train = _checked_training(self.train_mixtures, self.train_sources, len(sources))
        checked["train_mixtures"], checked["train_sources"] = train
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def n_sources(self) -> int:
        """How many true sources there are."""
        return len(self.sources)

    @property
    def n_channels(self) -> int:
        """How many channels the mixture has; 1 also where its array has no axis for them."""
        return 1 if self.mixture.ndim == 1 else len(self.mixture)

    @cached_property
    def digest(self) -> str:
        """Fingerprint of what results depend on: all but the tags.

        The same on every machine and in every session, so that results on disk can be matched
        with the task that they belong to.
        """
        facts = [self.name, repr(float(self.sample_rate)), *self.source_names, repr(self.targets)]
        hashed = hashlib.sha256()
        # Lengths first, so that no two lists of texts run together to the same bytes.
        for text in facts:
            encoded = text.encode("utf-8", "surrogatepass")
            hashed.update(len(encoded).to_bytes(8, "little") + encoded)
        for array in (self.mixture, self.sources):
            hashed.update(_fingerprint([array]))
        for clips in (self.train_mixtures, self.train_sources):
            hashed.update(b"none" if clips is None else clips.fingerprint)
        return hashed.hexdigest()

    def __repr__(self):
        parts = [
            repr(self.name),
            count(self.n_sources, "source"),
            count(self.n_channels, "channel"),
            f"{self.mixture.shape[-1] / self.sample_rate:.3g} s at {self.sample_rate:g} Hz",
        ]
        if self.train_mixtures is not None:
            parts.append(f"{count(len(self.train_mixtures), 'clip')} to train on")
        return f"Task({', '.join(parts)})"


class TrainingClips(tuple):
    """Checked clips that many tasks share: they are neither checked nor hashed again."""

    @cached_property
    def fingerprint(self):
        """Of all samples."""
        return _fingerprint(self)


def _fingerprint(arrays):
    hashed = hashlib.sha256()
    for array in arrays:
        array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        hashed.update(f"{array.dtype.str}{array.shape};".encode())
        hashed.update(array.data)
    return hashed.digest()


def _check_name(name, parameter):
    if not isinstance(name, str):
        raise TypeError(f"{parameter} must be a str, got {name!r} instead.")
    if not name:
        raise ValueError(f"{parameter} must not be empty.")


def _waveform(array, name):
    array = check_array(
        array,
        dtype=[np.float64, np.float32],
        ensure_2d=False,
        allow_nd=True,
        ensure_min_samples=0,
        ensure_min_features=0,
        input_name=name,
    )
    if array.size == 0:
        raise ValueError(f"{name} of shape {array.shape} is empty.")
    # What a task holds is what its digest says.
    view = array.view()
    view.setflags(write=False)
    return view


def _check_axes(mixture, name):
    if mixture.ndim not in (1, 2):
        hint = "" if mixture.ndim else ": one array per clip, in a sequence"
        raise ValueError(
            f"{name} must have the shape ([n_channels,] length), got {mixture.shape}{hint}."
        )
    if mixture.ndim == 2 and len(mixture) > mixture.shape[1]:
        raise ValueError(
            f"Time is the last axis, ([n_channels,] length), but {name} of shape {mixture.shape} "
            f"has fewer samples than channels: exchange the axes, as by {name}.T."
        )


def _check_shape(sources, name, mixture, mixture_name):
    if sources.shape[1:] != mixture.shape or sources.ndim != mixture.ndim + 1:
        wanted = ", ".join(["n_sources", *map(str, mixture.shape)])
        raise ValueError(
            f"{name} must hold the true sources of {mixture_name} of shape {mixture.shape}, that "
            f"is, have the shape ({wanted}), got {sources.shape}."
        )


def _checked_rate(sample_rate):
    try:
        is_valid = math.isfinite(sample_rate) and sample_rate > 0
    except TypeError:
        raise TypeError(f"sample_rate must be a number, got {sample_rate!r} instead.") from None
    if not is_valid:
        raise ValueError(f"sample_rate must be positive and finite, got {sample_rate!r}.")
    return sample_rate


def _checked_names(names, n_sources):
    if names is None:
        return tuple(f"source {number + 1}" for number in range(n_sources))
    if isinstance(names, str):
        raise TypeError(f"source_names must be a sequence of str, got the str {names!r}.")
    names = tuple(names)
    for position, name in enumerate(names):
        _check_name(name, f"source_names[{position}]")
    if len(names) != n_sources:
        raise ValueError(f"source_names must hold {n_sources} names, got {len(names)}.")
    if len(set(names)) < len(names):
        raise ValueError(f"source_names must differ from one another, got {list(names)}.")
    return names


def _checked_targets(targets, n_sources):
    if targets is None:
        return tuple(range(n_sources))
    targets = tuple(targets)
    for target in targets:
        if not isinstance(target, int | np.integer) or isinstance(target, bool):
            raise TypeError(f"targets must hold indices of sources, got {target!r}.")
    targets = tuple(int(target) for target in targets)
    if not targets or not set(targets) <= set(range(n_sources)):
        raise ValueError(
            f"targets must hold at least one index from 0 to {n_sources - 1}, got {targets}."
        )
    if len(set(targets)) < len(targets):
        raise ValueError(f"targets must hold every index once, got {targets}.")
    return targets


def _checked_tags(tags):
    if tags is None:
        return {}
    if not isinstance(tags, Mapping):
        raise TypeError(f"tags must be a mapping of str to str or float, got {tags!r}.")
    for key, value in tags.items():
        _check_name(key, "Every key of tags")
        if value is not None and not isinstance(value, str | bool | int | float | np.number):
            raise TypeError(f"tags[{key!r}] must be a str or a number, got {value!r}.")
    return dict(tags)


def _checked_training(mixtures, sources, n_sources):
    if mixtures is None and sources is None:
        return None, None
    if mixtures is None or sources is None:
        raise ValueError("train_mixtures and train_sources must be given together.")
    if not isinstance(mixtures, TrainingClips):
        mixtures = TrainingClips(
            _waveform(clip, f"train_mixtures[{k}]") for k, clip in enumerate(mixtures)
        )
    if not isinstance(sources, TrainingClips):
        sources = TrainingClips(
            _waveform(clip, f"train_sources[{k}]") for k, clip in enumerate(sources)
        )
    if not mixtures or len(mixtures) != len(sources):
        raise ValueError(
            "train_mixtures and train_sources must hold as many clips, at least one: got "
            f"{len(mixtures)} and {len(sources)}."
        )
    for k, (mixture, clip) in enumerate(zip(mixtures, sources, strict=True)):
        name = f"train_mixtures[{k}]"
        _check_axes(mixture, name)
        _check_shape(clip, f"train_sources[{k}]", mixture, name)
        if len(clip) != n_sources:
            raise ValueError(
                f"train_sources[{k}] must hold the {n_sources} sources of the task, got "
                f"{len(clip)}."
            )
    return mixtures, sources
