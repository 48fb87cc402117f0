"""Which atoms make up a source, where nobody says."""

import numbers
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.utils import check_scalar
from sklearn.utils.validation import has_fit_parameter

from skbss.masking._atom_features import have_sections, mel_cepstra, rhythms, sections, timbres

GROUPINGS = ("auto", "timbre", "mfcc", "activations", "sections", "parents")
_NAMES = ", ".join(f"'{name}'" for name in GROUPINGS)
_ASSUMED_SAMPLE_RATE = 22050.0
# How much of the variance of their sections groups of atoms must explain to be sources for sure.
_CLEARLY = 0.75


@dataclass(frozen=True)
class Timing:
    """When the frames are.

    Attributes
    ----------
    lengths : sequence of int
        Numbers of frames of the recordings that lie below each other.
    n_frames : int
        Of all clips: channels of a clip are recordings at the same time.
    hop_length : float
        Samples from one frame to the next.
    sample_rate : float or None
        In Hz; None is taken for 22050 Hz.
    """

    lengths: object
    n_frames: int
    hop_length: float
    sample_rate: float | None

    @property
    def rate(self):
        """Samples per second."""
        return self.sample_rate or _ASSUMED_SAMPLE_RATE

    @property
    def frame_rate(self):
        """Frames per second."""
        return self.rate / self.hop_length


def group_atoms(H, W, n_sources, grouping, *, exponent, timing, random_state, parents=None):
    """Label every atom with its source.

    Parameters
    ----------
    H : ndarray of shape (n_components, [template_length,] n_freqs)
        The atoms.
    W : ndarray of shape (n_frames, n_components)
        Their activations.
    n_sources : int or None
        How many sources; None leaves it to `grouping`.
    grouping : str, clusterer or array of shape (n_components,)
        As `WienerMask` describes it.
    exponent : float
        The power of the magnitude that the spectra are.
    timing : Timing
        When the frames are.
    random_state : RandomState
        Decides where the clustering starts.
    parents : ndarray of shape (n_components,), optional
        What every atom is a part of, where the factorizer knows.

    Returns
    -------
    labels : ndarray of shape (n_components,)
        From 0; the loudest source first, unless the labels are given or every atom is a source.
    n_sources : int
        How many sources there are.

    Raises
    ------
    TypeError, ValueError
        If `grouping` is none of these, or does not give `n_sources` sources.
    """
    n_components = len(H)
    given = given_labels(grouping, n_components, n_sources)
    if given is not None:
        return given, int(given.max()) + 1 if n_sources is None else n_sources
    is_named = isinstance(grouping, str)
    by_parents = is_named and grouping == "parents"
    if by_parents and parents is None:
        raise TypeError(
            "grouping='parents' needs a factorizer of several levels, such as MultilayerNMF, which "
            "tells what every atom is a part of."
        )
    if is_named and not by_parents and (n_sources is None or n_sources == n_components):
        return np.arange(n_components), n_components
    if n_sources == 1:
        return np.zeros(n_components, int), 1
    energies = atom_energies(H, W)
    H = H.reshape(n_components, -1, H.shape[-1]).sum(axis=1)
    spectral = {"exponent": exponent, "sample_rate": timing.rate}
    if by_parents:
        labels = parents
    elif not is_named:
        labels = _clustered(mel_cepstra(H, **spectral), energies, grouping, n_sources)
    else:
        clusterer = KMeans(n_sources, n_init=10, random_state=random_state)
        for features, must_be_clear in _views(grouping, H, W, timing, spectral):
            labels = _clustered(features, energies, clusterer, n_sources)
            if not must_be_clear or _explained(features, energies, labels) >= _CLEARLY:
                break
    _, labels = np.unique(labels, return_inverse=True)
    found = int(labels.max()) + 1
    if n_sources is not None and found > n_sources:
        raise ValueError(
            f"grouping={grouping!r} found {found} groups of atoms, but n_sources={n_sources}: "
            "set its number of clusters, or leave n_sources=None."
        )
    return loudest_first(labels, energies), found if n_sources is None else n_sources


def check_sample_rate(sample_rate):
    """Refuse what is no sample rate.

    Parameters
    ----------
    sample_rate : float or None
        In Hz.
    """
    if sample_rate is not None:
        check_scalar(
            sample_rate, "sample_rate", numbers.Real, min_val=0, include_boundaries="neither"
        )


def given_labels(grouping, n_components, n_sources):
    """Check labels that the caller gives, or say None if `grouping` is something else.

    Parameters
    ----------
    grouping : str, clusterer or array-like
        As `WienerMask` describes it.
    n_components : int
        Number of atoms.
    n_sources : int or None
        Number of sources.

    Returns
    -------
    labels : ndarray of shape (n_components,) or None
    """
    if isinstance(grouping, str):
        if grouping not in GROUPINGS:
            raise ValueError(
                f"grouping must be {_NAMES}, a clusterer or an array of integer labels, got "
                f"{grouping!r}."
            )
        return None
    if hasattr(grouping, "fit_predict") and not isinstance(grouping, type):
        return None
    labels = np.asarray(grouping)
    if labels.ndim == 0 or not np.issubdtype(labels.dtype, np.integer):
        raise TypeError(
            f"grouping must be {_NAMES}, a clusterer or an array of integer labels, got "
            f"{grouping!r}."
        )
    if labels.shape != (n_components,):
        raise ValueError(
            f"grouping must hold one label for each of the {n_components} atoms, got an array of "
            f"shape {labels.shape}."
        )
    most = n_components if n_sources is None else n_sources
    if labels.min() < 0 or labels.max() >= most:
        raise ValueError(
            f"The labels of grouping must lie between 0 and {most - 1}, got {labels.min()} to "
            f"{labels.max()}."
        )
    return labels


def _views(grouping, H, W, timing, spectral):
    """Features of the atoms, and whether they count only if their groups are clear."""
    long = have_sections(timing.n_frames, frame_rate=timing.frame_rate)
    if grouping == "sections" or (grouping == "auto" and long):
        when = {"n_frames": timing.n_frames, "frame_rate": timing.frame_rate}
        yield sections(W, timing.lengths, **when), grouping == "auto"
    if grouping in ("auto", "timbre"):
        yield timbres(H, **spectral), False
    if grouping == "mfcc":
        yield mel_cepstra(H, **spectral), False
    if grouping == "activations":
        yield rhythms(W), False


def _clustered(features, energies, clusterer, n_sources):
    distinct = np.unique(features, axis=0, return_inverse=True)[1].ravel()
    if n_sources is not None and distinct.max() + 1 <= n_sources:
        return distinct
    clusterer = clone(clusterer)
    if n_sources is not None and "n_clusters" in clusterer.get_params():
        clusterer.set_params(n_clusters=n_sources)
    weights = {}
    if has_fit_parameter(clusterer, "sample_weight") and energies.sum() > 0:
        weights["sample_weight"] = energies / energies.mean()
    return clusterer.fit_predict(features, **weights)


def _explained(features, weights, labels):
    """The part of the variance that lies between the groups, beyond what any groups would explain.

    The adjusted coefficient of determination.
    """
    n, n_groups = len(features), len(np.unique(labels))
    if n_groups == n or not weights.any():
        return 0.0

    def spread(members):
        some, their = features[members], weights[members]
        if not their.any():
            return 0.0
        return their @ np.square(some - np.average(some, axis=0, weights=their)).sum(axis=1)

    whole = spread(np.ones(n, bool))
    within = sum(spread(labels == group) for group in np.unique(labels))
    return 1 - (within / (n - n_groups)) / (whole / (n - 1)) if whole > 0 else 0.0


def atom_energies(H, W) -> np.ndarray:
    """How much of the spectrogram every atom makes up.

    Parameters
    ----------
    H : array of shape (n_components, [template_length,] n_freqs)
        The atoms.
    W : array of shape (n_frames, n_components)
        Their activations.

    Returns
    -------
    energies : ndarray of shape (n_components,)
    """
    H, W = np.asarray(H), np.asarray(W)
    H = H.reshape(len(H), -1, H.shape[-1]).sum(axis=1)
    return W.sum(axis=0, dtype=float) * H.sum(axis=1, dtype=float)


def loudest_first(labels, energies) -> np.ndarray:
    """The same groups, numbered by decreasing energy.

    Parameters
    ----------
    labels : ndarray of shape (n_components,)
        The group of every atom, from 0.
    energies : ndarray of shape (n_components,)
        Those of the atoms.

    Returns
    -------
    labels : ndarray of shape (n_components,)
    """
    loudness = np.bincount(labels, energies)
    rank = np.empty(len(loudness), int)
    rank[np.argsort(-loudness, kind="stable")] = np.arange(len(loudness))
    return rank[labels]
