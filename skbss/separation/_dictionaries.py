"""Dictionaries of known sources."""

import jax.numpy as jnp
import numpy as np

from skbss._runtime.device import is_jax_array
from skbss.masking._factorizer import seeded_clone, told_apart


def learn_dictionaries(factorizer, frames_of_sources, random_state):
    """One dictionary for every source, below each other.

    Parameters
    ----------
    factorizer : estimator
        A clone of it is fitted to every source.
    frames_of_sources : iterable of tuple
        The spectrogram of every source, of shape (n_frames, n_freqs), and the numbers of rows of
        the recordings in it.
    random_state : RandomState
        Where seeds come from.

    Returns
    -------
    components : array of shape (n_components, [template_length,] n_freqs)
        Atoms that sum to one each, because the penalties of the next step compare activations;
        atoms of zeros stay such.
    sources : ndarray of shape (n_components,)
        The source of every atom.
    """
    dictionaries = []
    for V, lengths in frames_of_sources:
        fitted = seeded_clone(factorizer, random_state)
        H = fitted.fit(V, **told_apart(fitted, lengths)).components_
        total = H.sum(axis=tuple(range(1, H.ndim)), keepdims=True)
        dictionaries.append(H / (total + (total == 0)))
    xp = jnp if is_jax_array(dictionaries[0]) else np
    sizes = [len(H) for H in dictionaries]
    return xp.concatenate(dictionaries), np.repeat(np.arange(len(sizes)), sizes)


def with_fixed_components(factorizer, components, n_free, random_state):
    """A clone that holds the components and learns `n_free` more.

    Parameters
    ----------
    factorizer : estimator
        What to clone.
    components : array of shape (n_fixed, [template_length,] n_freqs)
        Known atoms.
    n_free : int
        How many atoms are learned.
    random_state : RandomState
        Where seeds come from.

    Returns
    -------
    factorizer : estimator
        Unfitted.

    Raises
    ------
    TypeError
        If the factorizer can not hold components.
    """
    check_can_hold_components(factorizer)
    return seeded_clone(factorizer, random_state).set_params(
        n_components=len(components) + n_free, fixed_components=components
    )


def check_can_hold_components(factorizer):
    """Refuse a factorizer that has no `fixed_components`.

    Parameters
    ----------
    factorizer : estimator
        Of a non-negative matrix.
    """
    if not {"n_components", "fixed_components"} <= factorizer.get_params(deep=False).keys():
        raise TypeError(
            f"{type(factorizer).__name__} has no parameter fixed_components, which is needed to "
            "learn from isolated sources: use BetaNMF, or fit without y."
        )
