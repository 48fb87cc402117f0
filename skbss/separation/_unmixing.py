"""The matrices that unmix and mix channels, from what a decomposition of scikit-learn finds."""

import numbers
from typing import Any, NamedTuple

import numpy as np
from sklearn.decomposition import FastICA

from skbss._runtime.warning import warn
from skbss.masking._factorizer import seeded_clone


class Unmixing(NamedTuple):
    """What unmixes channels, and what mixes them again.

    Attributes
    ----------
    unmixer : estimator or None
        Fitted; None for silence.
    matrix : ndarray of shape (n_sources, n_channels)
        Finds components of unit variance.
    mixing : ndarray of shape (n_channels, n_sources)
        Their gains in the channels, by decreasing energy.
    """

    unmixer: Any
    matrix: np.ndarray
    mixing: np.ndarray


def check_unmixer(unmixer, n_sources):
    """Refuse what can not unmix channels, or not into so many sources.

    Parameters
    ----------
    unmixer : estimator
        A linear decomposition.
    n_sources : int or None
        Number of sources.
    """
    wanted = ("fit", "transform", "get_params")
    if isinstance(unmixer, type) or not all(hasattr(unmixer, name) for name in wanted):
        raise TypeError(
            f"unmixer must be a decomposition of scikit-learn, such as FastICA(), got {unmixer!r}."
        )
    check_number_of_sources(n_sources)


def sources_wanted(unmixer, n_sources, n_channels):
    """How many sources are asked for.

    Parameters
    ----------
    unmixer : estimator
        Whose `n_components` counts where `n_sources` is None.
    n_sources : int or None
        Number of sources.
    n_channels : int
        Number of channels.

    Returns
    -------
    n_sources : int or None
        None where it is the unmixer that decides.

    Raises
    ------
    ValueError
        If there are more than channels.
    """
    name, wanted = "n_sources", n_sources
    if wanted is None:
        name = "n_components of the unmixer"
        wanted = unmixer.get_params(deep=False).get("n_components", "as it finds")
    if wanted is None:
        return n_channels
    if isinstance(wanted, bool) or not isinstance(wanted, numbers.Integral):
        return None
    check_enough_channels(wanted, n_channels, name=name)
    return int(wanted)


def check_number_of_sources(n_sources):
    """Refuse what is no number of sources.

    Parameters
    ----------
    n_sources : int or None
        Number of sources.
    """
    if n_sources is None:
        return
    if isinstance(n_sources, bool) or not isinstance(n_sources, numbers.Integral):
        raise TypeError(f"n_sources must be an instance of int or None, got {n_sources!r}.")
    if n_sources < 1:
        raise ValueError(f"n_sources must be at least 1, got {n_sources}.")


def check_enough_channels(n_sources, n_channels, *, name="n_sources"):
    """Refuse more sources than channels.

    Parameters
    ----------
    n_sources, n_channels : int
        How many there are.
    name : str
        Of the parameter, for the message.
    """
    if n_sources > n_channels:
        raise ValueError(
            f"{name}={n_sources}, but X has {n_channels} channels: linear unmixing finds at most "
            f"as many sources as there are channels. Ask for {n_channels}, or use a Separator."
        )


def warn_of_dependent_channels(n_channels, rank, wanted):
    """Say that some sources are silent, because the channels do not tell enough apart.

    Parameters
    ----------
    n_channels, rank : int
        Number of channels, and of those that are independent of each other.
    wanted : int
        Number of sources.
    """
    warn(
        f"Of the {n_channels} channels of X only {rank} are independent of each other, the "
        f"others are silent or mixtures of them: the last {wanted - rank} of the "
        f"{wanted} sources are silent."
    )


def learn_unmixing(channels, unmixer, wanted, random_state, *, rounding):
    """Fit an unmixer to channels.

    Parameters
    ----------
    channels : ndarray of shape (n_channels, n_samples)
        float64, each of zero mean.
    unmixer : estimator
        A clone of it is fitted.
    wanted : int or None
        Number of sources, at most that of channels; None leaves it to the unmixer.
    random_state : RandomState
        Where its seed comes from.
    rounding : float
        What is smaller than this share of the channels says nothing.

    Returns
    -------
    unmixing : Unmixing

    Raises
    ------
    ValueError
        If the unmixer is not linear, or finds another number of components.

    Warns
    -----
    UserWarning
        If fewer channels are independent than sources are wanted.
    """
    n_channels = len(channels)
    reduction = independent_directions(channels, rounding)
    rank = len(reduction)
    fitted, matrix = None, np.zeros((0, n_channels))
    if rank:
        fitted = seeded_clone(unmixer, random_state)
        if wanted is not None and _has_n_components(fitted):
            fitted.set_params(n_components=min(wanted, rank))
        rows = (reduction @ channels).T
        matrix = _linear_part(fitted.fit(rows), rows) @ reduction
        if wanted is not None and len(matrix) != min(wanted, rank):
            raise ValueError(
                f"unmixer={unmixer!r} finds {len(matrix)} components in {rank} independent "
                f"channels, but n_sources={wanted}: make it find as many, or leave n_sources=None."
            )
    if wanted is not None and len(matrix) < wanted:
        warn_of_dependent_channels(n_channels, len(matrix), wanted)
        matrix = np.concatenate([matrix, np.zeros((wanted - len(matrix), n_channels))])
    components = matrix @ channels
    deviation = np.sqrt(np.mean(np.square(components), axis=1, keepdims=True))
    scale = np.where(deviation > 0, deviation, 1)
    mixing = np.linalg.lstsq((components / scale).T, channels.T, rcond=None)[0].T
    order = np.argsort(-np.square(mixing).sum(axis=0), kind="stable")
    return Unmixing(fitted, (matrix / scale)[order], mixing[:, order])


def _has_n_components(unmixer):
    # FastICA ignores them, with a warning, where it does not whiten.
    ignores = isinstance(unmixer, FastICA) and not unmixer.whiten
    return not ignores and "n_components" in unmixer.get_params(deep=False)


def independent_directions(channels, rounding):
    """As many mixtures of the channels as are independent; the channels themselves if all are.

    Parameters
    ----------
    channels : ndarray of shape (n_channels, n_samples)
        Each of zero mean.
    rounding : float
        What is smaller than this share of the channels says nothing.

    Returns
    -------
    directions : ndarray of shape (rank, n_channels)
    """
    level = np.sqrt(np.mean(np.square(channels), axis=1))
    scale = np.where(level > 0, level, 1)
    # By way of a triangle: exact even for channels that differ by little.
    triangle = np.linalg.qr((channels / scale[:, None]).T, mode="r")
    _, extent, directions = np.linalg.svd(triangle)
    rank = int((extent > rounding * extent.max()).sum())
    return np.eye(len(channels)) if rank == len(channels) else directions[:rank] / scale


def _linear_part(unmixer, rows):
    """The matrix by which an unmixer transforms rows of zero mean."""
    n_columns = rows.shape[1]
    offset = unmixer.transform(np.zeros((1, n_columns)))
    matrix = (unmixer.transform(np.eye(n_columns)) - offset).T
    some = rows[:: max(1, len(rows) // 1000)]
    components = unmixer.transform(some)
    error = np.abs(some @ matrix.T + offset - components).max()
    if not error <= 1e-6 * max(np.abs(components).max(), np.abs(offset).max()):
        raise ValueError(
            f"unmixer={unmixer!r} is not linear, so that there is no matrix that unmixes: use "
            "one such as FastICA() or PCA()."
        )
    return matrix
