"""A joint fit of the atoms of all sources to mixtures, and to what is known of them alone."""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from skbss._runtime.device import is_jax_array, movable
from skbss.frontend._framing import Framing
from skbss.masking._factorizer import check_non_negative_model, seeded_clone, told_apart
from skbss.masking._level import level_of
from skbss.separation._clip import spectrogram_rows
from skbss.separation._guided_atoms import (
    drawn,
    learned_from_examples,
    learned_from_paint,
)


@dataclass(frozen=True, eq=False)
class GuidedWay:
    """What the fit needs to know.

    Attributes
    ----------
    factorizer : estimator
        A clone of it is fitted.
    framing : Framing
        The frames.
    exponent : float
        The power of the magnitude that the spectra are.
    tolerances : Tolerances
        Of times.
    random_state : RandomState
        Where seeds come from.
    """

    factorizer: Any
    framing: Framing
    exponent: float
    tolerances: Any
    random_state: np.random.RandomState


@dataclass(frozen=True, eq=False)
class GuidedLearned:
    """A dictionary.

    Attributes
    ----------
    factorizer : estimator
        Fitted; it holds all atoms.
    atom_source, atom_pitch : ndarray of shape (n_components,)
        The source of every atom, and its MIDI pitch, NaN where it has none.
    """

    factorizer: Any
    atom_source: np.ndarray
    atom_pitch: np.ndarray


@dataclass(frozen=True, eq=False)
class Recording:
    """Rows of a fit that hang together.

    Attributes
    ----------
    V : array of shape (n_frames, n_freqs)
        What is explained.
    allowed : ndarray of shape (n_frames, n_components)
        Where its activations start, of whatever level; zero where they stay zero.
    weights : array of shape (n_frames, n_freqs) or None
        Of the entries of V; None for 1.
    """

    V: Any
    allowed: np.ndarray
    weights: Any = None


def learn_guided(way: GuidedWay, clips, marks, atoms) -> GuidedLearned:
    """Fit the atoms of all sources.

    The rows are those of the mixtures, in which a source sounds where its guide allows it; below
    them, what is known of single sources, in which no other source sounds: the bins of the mixtures
    of which its share is known, and recordings of it alone from which its atoms go on.

    Parameters
    ----------
    way : GuidedWay
        The settings.
    clips : Clips
        Mixtures.
    marks : list of ClipMarks
        What is known of their sources.
    atoms : list of Atoms
        Those of every source.

    Returns
    -------
    learned : GuidedLearned
    """
    channels = [_channels(x, way) for x in clips.each()]
    alone = [_alone(way, j, channels, marks) for j in range(len(atoms))]
    atoms = [_with_components(way, *one) for one in zip(atoms, alone, strict=True)]
    # A factorizer holds the first of its components.
    order = sorted(range(len(atoms)), key=lambda j: not atoms[j].held)
    atom_source = np.repeat(order, [atoms[j].count for j in order])
    if not len(atom_source):
        raise ValueError("guides leave no source that sounds: add a Guide() for the rest.")
    atom_pitch = np.concatenate(
        [np.full(atoms[j].count, np.nan) if (p := atoms[j].pitches) is None else p for j in order]
    )
    H = np.concatenate([atoms[j].components for j in order])
    allowed = [allowed_activations(clip, atom_source, atom_pitch, way.tolerances) for clip in marks]
    recordings = [Recording(V, W) for own, W in zip(channels, allowed, strict=True) for V in own]
    for j, known in enumerate(alone):
        if not atoms[j].held:
            own = (atom_source == j).astype(float)
            recordings += [
                Recording(one.V, own * allowed[one.clip][one.rows], one.weights)
                for one in known.painted
            ]
            recordings += [Recording(V, np.tile(own, (len(V), 1))) for V in known.examples]
    if not any(clip.any() for clip in allowed):
        raise ValueError(
            "guides let no source sound in any frame: add a Guide() for what is to be heard."
        )
    n_held = sum(one.count for one in atoms if one.held)
    fitted = seeded_clone(way.factorizer, way.random_state).set_params(
        init="custom", n_components=len(H), fixed_components=H[:n_held] if n_held else None
    )
    if "n_init" in fitted.get_params(deep=False):
        # There is one start that the guides describe.
        fitted.set_params(n_init=1)
    W = fit_from(fitted, recordings, H)
    check_non_negative_model(fitted, W)
    return GuidedLearned(fitted, atom_source, atom_pitch)


def allowed_activations(clip, atom_source, atom_pitch, tolerances) -> np.ndarray:
    """Where all atoms may sound in a clip.

    Parameters
    ----------
    clip : ClipMarks
        What is known of its sources.
    atom_source, atom_pitch : ndarray of shape (n_components,)
        The source of every atom, and its pitch, NaN where it has none.
    tolerances : Tolerances
        Of times.

    Returns
    -------
    allowed : ndarray of shape (n_frames, n_components)
        Above zero where an atom may sound, zero elsewhere.
    """
    allowed = np.zeros((clip.n_frames, len(atom_source)))
    for j in range(len(clip.marks)):
        own = atom_source == j
        pitches = atom_pitch[own]
        given = None if np.isnan(pitches).any() else pitches
        allowed[:, own] = clip.activations(j, int(own.sum()), given, tolerances)
    return allowed


def fit_from(factorizer, recordings, H):
    """Fit a factorizer from components, and activations that are zero where they have to stay it.

    Parameters
    ----------
    factorizer : estimator
        With ``init="custom"``.
    recordings : list of Recording
        What it is fitted to.
    H : array of shape (n_components, [template_length,] n_freqs)
        Where components start.

    Returns
    -------
    W : array of shape (n_rows, n_components)
        Activations of all recordings, below each other.
    """
    xp = jnp if is_jax_array(recordings[0].V) else np
    V = xp.concatenate([one.V for one in recordings])
    weights = None
    if any(one.weights is not None for one in recordings):
        given = [xp.ones_like(r.V) if r.weights is None else r.weights for r in recordings]
        weights = xp.concatenate(given)
    sums = np.asarray(H, np.float64).reshape(len(H), -1).sum(axis=1)
    W = np.concatenate([one.allowed for one in recordings]) / np.where(sums > 0, sums, 1)
    # Of the level of the data.
    level = (W.mean(axis=0) * sums).sum() / V.shape[1]
    W = W * (float(V.mean()) / level if level > 0 and bool(V.any()) else 1.0)
    settings = told_apart(factorizer, [len(one.V) for one in recordings])
    if weights is not None:
        settings["weights"] = weights
    dtype = V.dtype
    found = factorizer.fit_transform(
        V, W=W.astype(dtype), H=np.asarray(H).astype(dtype), **settings
    )
    if ((W == 0) & (np.asarray(found) != 0)).any():
        raise ValueError(
            f"factorizer={factorizer!r} moved exact zeros of its start, by which guides forbid "
            "atoms to sound: use one with multiplicative updates, such as BetaNMF(solver='mu')."
        )
    return found


@dataclass(frozen=True, eq=False)
class _Painted:
    """Frames of a channel of a clip in which the share of a source is known, at some bins."""

    clip: int
    rows: Any
    V: Any
    weights: Any


@dataclass(frozen=True, eq=False)
class _Alone:
    """What is known of a source by itself: what was painted, and spectrograms of examples."""

    painted: list[_Painted]
    examples: list[Any]


def _channels(x, way):
    """The spectrogram of every channel of a clip."""
    V = spectrogram_rows(x, way.framing, exponent=way.exponent, level=level_of(x))
    return list(V.reshape(int(np.prod(x.shape[:-1])), -1, V.shape[-1]))


def _alone(way, source, channels, marks):
    painted = [
        part
        for c, (own, clip) in enumerate(zip(channels, marks, strict=True))
        if clip.shares is not None
        for V in own
        for part in _painted(c, V, clip.shares[source], way)
    ]
    examples = [
        V for clip in marks for x in clip.marks[source].example or () for V in _channels(x, way)
    ]
    mixture = channels[0][0]
    xp = jnp if is_jax_array(mixture) else np
    return _Alone(painted, [xp.asarray(movable(V, mixture), mixture.dtype) for V in examples])


def _painted(clip, V, share, way):
    """The part of a source in the frames that were painted on.

    Where frames hang together, those between the first and the last come with them.
    """
    known = ~np.isnan(share)
    frames = np.flatnonzero(known.any(axis=1))
    if not frames.size:
        return
    hang_together = told_apart(way.factorizer, [len(V)])
    rows = slice(frames[0], frames[-1] + 1) if hang_together else frames
    xp = jnp if is_jax_array(V) else np
    # The share is one of magnitudes, whatever is factorized.
    part = xp.asarray(np.where(known, share, 0)[rows] ** way.exponent, V.dtype)
    yield _Painted(clip, rows, V[rows] * part, xp.asarray(known[rows], V.dtype))


def _with_components(way, atoms, alone):
    if atoms.components is not None:
        return atoms
    if alone.examples:
        return learned_from_examples(atoms, alone.examples, way.factorizer, way.random_state)
    if alone.painted:
        targets = [(one.V, one.weights) for one in alone.painted]
        atoms = learned_from_paint(atoms, targets, way.factorizer, way.random_state)
    if atoms.components is None:
        atoms = drawn(atoms, _shape(way), way.random_state)
    return atoms


def _shape(way):
    length = getattr(way.factorizer, "template_length", None)
    return (way.framing.n_freqs,) if length is None else (length, way.framing.n_freqs)
