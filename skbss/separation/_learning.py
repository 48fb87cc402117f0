"""The ways to a dictionary whose atoms belong to sources, and to what separates without atoms."""

import numbers
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

from skbss._runtime.device import is_jax_array
from skbss.frontend._framing import Framing
from skbss.masking._factorizer import (
    check_enough_atoms,
    check_non_negative_model,
    seeded_clone,
    told_apart,
)
from skbss.masking._grouping import (
    Timing,
    atom_energies,
    given_labels,
    group_atoms,
    loudest_first,
)
from skbss.masking._level import level_of
from skbss.separation._clip import (
    frames_of_sources,
    lengths_of_rows,
    mixture_and_sources,
    spectrogram_rows,
)
from skbss.separation._dictionaries import learn_dictionaries, with_fixed_components
from skbss.separation._in_chunks import SpectrogramBlocks
from skbss.separation._suspicions import warn_if_too_few_atoms, warn_if_too_short


@dataclass(frozen=True)
class Learning:
    """What all ways need to know.

    Attributes
    ----------
    factorizer : estimator
        A clone of it is fitted.
    framing : Framing
        The frames.
    exponent : float
        The power of the magnitude that the spectra are.
    grouping : str, clusterer or array
        As `Separator` describes it.
    sample_rate : float or None
        In Hz.
    random_state : RandomState
        Where seeds come from.
    """

    factorizer: Any
    framing: Framing
    exponent: float
    grouping: Any
    sample_rate: float | None
    random_state: np.random.RandomState


@dataclass(frozen=True)
class Learned:
    """A dictionary.

    Attributes
    ----------
    factorizer : estimator
        Fitted; it holds all atoms.
    atom_source : ndarray of shape (n_components,) or None
        The source of every atom; None without atoms.
    n_sources, n_known : int
        Number of sources, and of those among them that were known.
    activations : list of arrays or None
        Those of every clip, if they were computed on the way.
    """

    factorizer: Any
    atom_source: np.ndarray | None
    n_sources: int
    n_known: int
    activations: list[Any] | None


def learn_blind(way: Learning, clips, n_sources) -> Learned:
    """Atoms of the mixtures, grouped into sources.

    Parameters
    ----------
    way : Learning
        The settings.
    clips : Clips
        Mixtures.
    n_sources : int or None
        How many; None leaves it to the grouping.

    Returns
    -------
    learned : Learned
    """
    fitted = seeded_clone(way.factorizer, way.random_state)
    W, activations, timing = _fit_to_mixtures(way, fitted, clips, n_known=0)
    if n_sources is not None:
        check_enough_atoms(len(fitted.components_), n_sources)
    parents = getattr(fitted, "parents_", None)
    labels, n_found = _group(way, fitted.components_, W, timing, n_sources, parents)
    return Learned(fitted, labels, n_found, 0, activations)


def learn_blind_in_blocks(way: Learning, blocks, n_sources) -> Learned:
    """As `learn_blind`, from one mixture that does not fit into memory.

    Parameters
    ----------
    way : Learning
        The settings.
    blocks : iterable of arrays of shape ([n_channels,] n)
        The mixture, the same every time that it is iterated over.
    n_sources : int or None
        How many; None leaves it to the grouping.

    Returns
    -------
    learned : Learned
    """
    fitted = seeded_clone(way.factorizer, way.random_state)
    rows = SpectrogramBlocks(blocks, way.framing, way.exponent)
    W = fitted.fit_transform(rows)
    warn_if_too_short(len(W), fitted, 0)
    if n_sources is not None:
        check_enough_atoms(len(fitted.components_), n_sources)
    n_frames = len(W) // rows.n_channels
    timing = Timing([n_frames] * rows.n_channels, n_frames, way.framing.hop_length, way.sample_rate)
    labels, n_found = _group(way, fitted.components_, W, timing, n_sources)
    return Learned(fitted, labels, n_found, 0, [W])


def learn_supervised(way: Learning, sources) -> Learned:
    """Atoms of the isolated sources.

    Parameters
    ----------
    way : Learning
        The settings.
    sources : list of arrays of shape (n_sources, [n_channels,] length)
        Isolated sources of every clip.

    Returns
    -------
    learned : Learned
    """
    known, labels = _known_atoms(way, sources)
    fitted = with_fixed_components(way.factorizer, known, 0, way.random_state)
    # Nothing is left to learn: frames of unit level with all atoms in them will do.
    fitted.fit((known.mean(axis=0) * known[0].size).reshape(-1, known.shape[-1]))
    n_sources = len(sources[0])
    return Learned(fitted, labels, n_sources, n_sources, None)


def learns_from_mixtures(factorizer) -> bool:
    """Whether a factorizer is trained with mixtures and their sources at once.

    Parameters
    ----------
    factorizer : estimator
        Of a non-negative matrix.

    Returns
    -------
    answer : bool
    """
    is_estimator = isinstance(factorizer, BaseEstimator)
    return is_estimator and get_tags(factorizer).target_tags.required


def learn_from_mixtures(way: Learning, mixtures, sources, origins) -> Learned:
    """What tells the sources apart in the mixtures themselves.

    Parameters
    ----------
    way : Learning
        The settings.
    mixtures : list of arrays of shape ([n_channels,] length)
        Of every clip.
    sources : list of arrays of shape (n_sources, [n_channels,] length)
        Isolated sources of every clip.
    origins : list of int
        Which recording every clip is made of: one that is held back as a whole.

    Returns
    -------
    learned : Learned
    """
    examples, lengths, groups = [], [], []
    for x, isolated, origin in zip(mixtures, sources, origins, strict=True):
        examples.append(mixture_and_sources(x, isolated, way.framing))
        of_clip = lengths_of_rows(x, examples[-1][0])
        lengths += of_clip
        groups += [origin] * len(of_clip)
    xp = jnp if is_jax_array(examples[0][0]) else np
    X, X_sources = (xp.concatenate(one) for one in zip(*examples, strict=True))
    fitted = seeded_clone(way.factorizer, way.random_state)
    fitted.fit(X, X_sources, lengths=lengths, **_held_together(fitted, groups))
    n_sources = len(sources[0])
    return Learned(fitted, fitted.atom_source_, n_sources, n_sources, None)


def knows_one_source(factorizer) -> bool:
    """Whether a factorizer learns about one source alone, and finds the rest in every mixture.

    It has no atoms: recordings are separated by its ``predict``.

    Parameters
    ----------
    factorizer : estimator
        Of a non-negative matrix.

    Returns
    -------
    answer : bool
    """
    is_estimator = not isinstance(factorizer, type) and hasattr(factorizer, "predict")
    return (
        is_estimator
        and not hasattr(factorizer, "transform")
        and has_fit_parameter(factorizer, "lengths")
    )


def learn_one_source(way: Learning, sources, origins) -> Learned:
    """What the first source is like.

    Parameters
    ----------
    way : Learning
        The settings.
    sources : list of arrays of shape (n_sources, [n_channels,] length)
        Isolated sources of every clip; only the first one counts.
    origins : list of int
        Which recording every clip is made of: one that is held back as a whole.

    Returns
    -------
    learned : Learned
        Without atoms.
    """
    first = [isolated[:1] for isolated in sources]
    V, lengths = next(frames_of_sources(first, way.framing, exponent=way.exponent))
    channels = [int(np.prod(one.shape[1:-1])) for one in first]
    fitted = seeded_clone(way.factorizer, way.random_state)
    fitted.fit(V, lengths=lengths, **_held_together(fitted, np.repeat(origins, channels)))
    return Learned(fitted, None, 2, 1, None)


def _held_together(factorizer, groups):
    """For a ``fit`` that asks which recordings it shall hold back together."""
    return {"groups": groups} if has_fit_parameter(factorizer, "groups") else {}


def learn_semi_supervised(way: Learning, clips, sources, n_free) -> Learned:
    """Atoms of the isolated sources, and from the mixtures those of the others.

    Parameters
    ----------
    way : Learning
        The settings.
    clips : Clips
        Mixtures.
    sources : list of arrays of shape (n_sources, [n_channels,] length)
        Isolated recordings of the known sources of every clip.
    n_free : int
        Number of the other sources.

    Returns
    -------
    learned : Learned
    """
    known, labels = _known_atoms(way, sources)
    n_sources = len(sources[0])
    n_components = way.factorizer.n_components
    if not isinstance(n_components, numbers.Integral):
        n_components = len(known) // n_sources
    fitted = with_fixed_components(way.factorizer, known, n_free * n_components, way.random_state)
    W, activations, timing = _fit_to_mixtures(way, fitted, clips, n_known=len(known))
    H = fitted.components_[len(known) :]
    n_sounding = int(np.asarray(H).any(axis=tuple(range(1, H.ndim))).sum())
    if any(bool((x != 0).any()) for x in clips.each()):
        warn_if_too_few_atoms(n_sounding, n_free)
    free_labels = _group_unknown(way, H, W[:, len(known) :], timing, n_free)
    labels = np.concatenate([labels, n_sources + free_labels])
    return Learned(fitted, labels, n_sources + n_free, n_sources, activations)


def _known_atoms(way, sources):
    frames = frames_of_sources(sources, way.framing, exponent=way.exponent)
    return learn_dictionaries(way.factorizer, frames, way.random_state)


def _fit_to_mixtures(way, fitted, clips, *, n_known):
    """Fit the factorizer; activations of all frames, those of every clip, when these are."""
    rows = [
        spectrogram_rows(x, way.framing, exponent=way.exponent, level=level_of(x))
        for x in clips.each()
    ]
    ends = np.cumsum([len(V) for V in rows])[:-1]
    each = zip(clips.each(), rows, strict=True)
    of_clips = [lengths_of_rows(x, V) for x, V in each]
    lengths = [length for channels in of_clips for length in channels]
    n_frames = sum(channels[0] for channels in of_clips)
    timing = Timing(lengths, n_frames, way.framing.hop_length, way.sample_rate)
    xp = jnp if is_jax_array(rows[0]) else np
    rows = rows[0] if len(rows) == 1 else xp.concatenate(rows)
    warn_if_too_short(len(rows), fitted, n_known)
    W = fitted.fit_transform(rows, **told_apart(fitted, lengths))
    check_non_negative_model(fitted, W)
    return W, (jnp if is_jax_array(W) else np).split(W, ends), timing


def _group_unknown(way, H, W, timing, n_free):
    """The unknown source of every atom, the loudest first unless the labels are given."""
    # A factorizer may leave out atoms that the mixtures do not ask for.
    if not len(H):
        return np.zeros(0, int)
    is_given = given_labels(way.grouping, len(H), n_free) is not None
    labels, _ = _group(way, H, W, timing, n_free if is_given else min(n_free, len(H)))
    return labels if is_given else loudest_first(labels, atom_energies(H, W))


def _group(way, H, W, timing, n_sources, parents=None):
    return group_atoms(
        np.asarray(H),
        np.asarray(W),
        n_sources,
        way.grouping,
        exponent=way.exponent,
        timing=timing,
        random_state=way.random_state,
        parents=parents,
    )
