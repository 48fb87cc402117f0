"""Which atoms guided sources have, and where these start."""

import numbers
from dataclasses import dataclass, replace

import jax.numpy as jnp
import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter

from skbss._runtime.device import is_jax_array
from skbss.frontend._framing import Framing
from skbss.guidance import note_components
from skbss.guidance._checked import as_numbers, check_not_negative
from skbss.masking._factorizer import seeded_clone, told_apart
from skbss.separation._dictionaries import learn_dictionaries
from skbss.separation._suspicions import warn_if_silent

# What is not known of an atom starts at this share of the mean of its entries: not at zero, which
# no update would leave.
_FLOOR = 0.01


@dataclass(frozen=True, eq=False)
class Atoms:
    """The atoms of one source.

    Attributes
    ----------
    count : int
        How many there are.
    pitches : ndarray of shape (count,) or None
        Theirs, if notes give them.
    components : ndarray of shape (count, [template_length,] n_freqs) or None
        Where they start; None where that is to be learned or drawn.
    held : bool
        Whether they stay there.
    """

    count: int
    pitches: np.ndarray | None
    components: np.ndarray | None
    held: bool


def check_guidable(factorizer, marks):
    """Refuse a factorizer that can not follow guides.

    Parameters
    ----------
    factorizer : estimator
        Of a non-negative matrix.
    marks : list of ClipMarks
        The guides of all clips.
    """
    name = type(factorizer).__name__
    parameters = factorizer.get_params(deep=False)
    starts = {"init", "n_components"} <= parameters.keys() and all(
        has_fit_parameter(factorizer, factor) for factor in "WH"
    )
    if not starts:
        raise TypeError(
            f"{name} can not start from given factors (init='custom', W and H), which is how "
            "guides reach it: use BetaNMF, SparseNMF, StructuredNMF or ConvNMF."
        )
    if "fixed_components" not in parameters:
        raise TypeError(f"{name} has no parameter fixed_components: use BetaNMF.")
    if parameters["fixed_components"] is not None:
        raise ValueError(
            f"fixed_components of {name} must be None, because guides decide what is held: give "
            "known components of a source as Guide(components=...)."
        )
    if parameters.get("prune"):
        raise ValueError(
            f"prune=True of {name} leaves out components that guides gave to a source: set "
            "prune=False."
        )
    if "min_gain" in parameters:
        raise TypeError(
            f"{name} adds components as long as they gain, but guides say how many there are and "
            "to which source each belongs: use BetaNMF."
        )
    is_painted = any(clip.shares is not None for clip in marks)
    if is_painted and not has_fit_parameter(factorizer, "weights"):
        raise TypeError(f"{name} takes no weights, which painted masks need: use BetaNMF.")
    # Of factorizers that do not say it, the zeros are looked at after the fit.
    reason = getattr(factorizer, "_moves_zeros_because", None)
    if reason is not None:
        raise ValueError(
            "Guides forbid components to sound by exact zeros of the start, which the factorizer "
            f"must not move, but {name} {reason}."
        )


def atoms_of_sources(marks, names, factorizer, framing: Framing, note_settings, *, exponent):
    """How many atoms every source has, and where they start as far as guides say it.

    Parameters
    ----------
    marks : list of ClipMarks
        The guides of all clips.
    names : list of str
        Of the sources.
    factorizer : estimator
        Of a non-negative matrix.
    framing : Framing
        The frames.
    note_settings : dict
        Parameters of ``note_components`` beside the pitches.
    exponent : float
        The power of the magnitude that the spectra are.

    Returns
    -------
    atoms : list of Atoms
        Of every source.
    """
    check_not_negative(note_settings["pitch_tolerance"], "pitch_tolerance")
    check_not_negative(note_settings["inharmonicity"], "inharmonicity")
    length = getattr(factorizer, "template_length", None)
    shape = (framing.n_freqs,) if length is None else (length, framing.n_freqs)
    return [
        _atoms_of_source(
            [clip.guides[j] for clip in marks],
            [clip.marks[j] for clip in marks],
            # What is wrong with all clips together is in none of them alone.
            marks[0].marks[j].whose if len(marks) == 1 else f"guides[:][{name!r}]",
            factorizer,
            shape,
            {**note_settings, "template_length": length},
            exponent,
        )
        for j, name in enumerate(names)
    ]


def _atoms_of_source(guides, marks, whose, factorizer, shape, note_settings, exponent):
    held = all(guide.hold for guide in guides)
    given = [
        as_numbers(guide.components, f"{mark.whose}.components")
        for guide, mark in zip(guides, marks, strict=True)
        if guide.components is not None
    ]
    counts = {len(m.onsets) for m in marks if m.each and m.onsets is not None}
    counts |= {g.n_components for g in guides if g.n_components is not None}
    notes = [m.notes for m in marks if m.notes is not None]
    examples = [x for m in marks if m.example is not None for x in m.example]
    has_example = bool(examples)
    if has_example:
        warn_if_silent(examples, whose)
    if given:
        components = _check_components(given, whose, shape)
        counts.add(len(components))
    elif notes and not has_example:
        pitches = np.unique(np.concatenate([one[:, 2] for one in notes]))
        if counts or len(notes) < len(marks):
            raise ValueError(
                f"{whose} has an atom for every pitch of its notes: leave n_components out, and "
                "give notes in every clip, an empty list where it is silent."
            )
        combs = note_components(pitches, **note_settings) ** exponent
        return Atoms(len(pitches), pitches, combs, held=False)
    else:
        components = None
    if len(counts) > 1:
        raise ValueError(
            f"{whose} must say in one way how many components there are, got "
            f"{', '.join(map(str, sorted(counts)))} by its components, onsets and n_components."
        )
    count = counts.pop() if counts else factorizer.n_components
    if not isinstance(count, numbers.Integral):
        raise ValueError(
            f"{whose} does not say how many components it has, nor does the factorizer, with "
            f"n_components={count!r}: set n_components."
        )
    return Atoms(int(count), None, components, held=held and (has_example or bool(given)))


def _check_components(given, whose, shape):
    if any(not np.array_equal(one, given[0]) for one in given):
        raise ValueError(f"{whose}.components must be the same in all clips.")
    components = given[0]
    if components.shape[1:] != shape or not len(components):
        wanted = ", ".join(["n_components", *map(str, shape)])
        raise ValueError(
            f"{whose}.components must have the shape ({wanted}), got {given[0].shape}."
        )
    if components.min() < 0:
        raise ValueError(f"{whose}.components must be non-negative, got {components.min():g}.")
    return components


def learned_from_examples(atoms, examples, factorizer, random_state):
    """The atoms of a source, learned from recordings of it alone.

    Parameters
    ----------
    atoms : Atoms
        What is known of them.
    examples : list of arrays of shape (n_frames, n_freqs)
        Spectrograms of recordings.
    factorizer : estimator
        A clone of it is fitted.
    random_state : RandomState
        Where seeds come from.

    Returns
    -------
    atoms : Atoms
        With components that sum to one each; those that go on from there hold no zeros.
    """
    V = (jnp if is_jax_array(examples[0]) else np).concatenate(examples)
    wanted = clone(factorizer).set_params(n_components=atoms.count, fixed_components=None)
    H, _ = learn_dictionaries(wanted, [(V, [len(one) for one in examples])], random_state)
    H = np.asarray(H)
    return replace(atoms, components=H if atoms.held else H + _FLOOR * H.mean())


def learned_from_paint(atoms, targets, factorizer, random_state):
    """The atoms of a source, learned from the bins of which its share is known.

    Parameters
    ----------
    atoms : Atoms
        What is known of them.
    targets : list of tuple
        Spectrograms of the source and the weights of their entries, of shape (n_frames, n_freqs).
    factorizer : estimator
        A clone of it is fitted.
    random_state : RandomState
        Where seeds come from.

    Returns
    -------
    atoms : Atoms
        With components. Frequencies at which nothing is known start at the mean of the others.
    """
    xp = jnp if is_jax_array(targets[0][0]) else np
    V = xp.concatenate([V for V, _ in targets])
    weights = xp.concatenate([M for _, M in targets])
    if not bool((weights * V).any()):
        return atoms
    seen = np.asarray((weights > 0).any(axis=0))
    fitted = seeded_clone(factorizer, random_state)
    fitted.set_params(n_components=atoms.count, fixed_components=None)
    lengths = [len(V) for V, _ in targets]
    fitted.fit(V[:, seen], weights=weights[:, seen], **told_apart(fitted, lengths))
    learned = np.asarray(fitted.components_)
    H = np.full((*learned.shape[:-1], V.shape[1]), learned.mean(), learned.dtype)
    H[..., seen] = learned
    return replace(atoms, components=H + _FLOOR * H.mean())


def drawn(atoms, shape, random_state):
    """The atoms of a source of which nothing is known.

    Parameters
    ----------
    atoms : Atoms
        What is known of them.
    shape : tuple of int
        That of an atom.
    random_state : RandomState
        What draws.

    Returns
    -------
    atoms : Atoms
        With components above zero.
    """
    return replace(atoms, components=1 - random_state.uniform(size=(atoms.count, *shape)))
