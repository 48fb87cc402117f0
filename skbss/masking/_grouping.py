"""Which atoms make up a source, where nobody says."""

import numbers

import numpy as np
from scipy.fft import dct
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.utils import check_scalar
from sklearn.utils.validation import has_fit_parameter

_N_MELS = 40
_N_MFCC = 13
_ASSUMED_SAMPLE_RATE = 22050.0


def group_atoms(H, W, n_sources, grouping, *, exponent, sample_rate, random_state):
    """Label every atom with its source.

    Parameters
    ----------
    H : ndarray of shape (n_components, [template_length,] n_freqs)
        The atoms.
    W : ndarray of shape (n_frames, n_components)
        Their activations.
    n_sources : int or None
        How many sources; None leaves it to `grouping`.
    grouping : {"mfcc", "activations"}, clusterer or array of shape (n_components,)
        As `WienerMask` describes it.
    exponent : {1, 2}
        Whether the spectra are magnitudes or powers.
    sample_rate : float or None
        In Hz.
    random_state : RandomState
        Decides where the clustering starts.

    Returns
    -------
    labels : ndarray of shape (n_components,)
        From 0; the loudest source first unless the labels are given.
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
    if is_named and (n_sources is None or n_sources == n_components):
        return np.arange(n_components), n_components
    if n_sources == 1:
        return np.zeros(n_components, int), 1
    H = H.reshape(n_components, -1, H.shape[-1]).sum(axis=1)
    energies = W.sum(axis=0, dtype=float) * H.sum(axis=1, dtype=float)
    if is_named and grouping == "activations":
        features = rhythms(W)
    else:
        features = mel_cepstra(H, exponent=exponent, sample_rate=sample_rate)
    clusterer = grouping
    if is_named:
        clusterer = KMeans(n_sources, n_init=10, random_state=random_state)
    labels = _clustered(features, energies, clusterer, n_sources)
    _, labels = np.unique(labels, return_inverse=True)
    found = int(labels.max()) + 1
    if n_sources is not None and found > n_sources:
        raise ValueError(
            f"grouping={grouping!r} found {found} groups of atoms, but n_sources={n_sources}: "
            "set its number of clusters, or leave n_sources=None."
        )
    return _loudest_first(labels, energies), found if n_sources is None else n_sources


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
        if grouping not in ("mfcc", "activations"):
            raise ValueError(
                "grouping must be 'mfcc', 'activations', a clusterer or an array of labels, got "
                f"{grouping!r}."
            )
        return None
    if hasattr(grouping, "fit_predict") and not isinstance(grouping, type):
        return None
    labels = np.asarray(grouping)
    if labels.ndim == 0 or not np.issubdtype(labels.dtype, np.integer):
        raise TypeError(
            "grouping must be 'mfcc', 'activations', a clusterer or an array of integer labels, "
            f"got {grouping!r}."
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


def mel_cepstra(H, *, exponent, sample_rate):
    """Timbre of every atom: mel-frequency cepstral coefficients, the loudness left out.

    Parameters
    ----------
    H : ndarray of shape (n_components, n_freqs)
        Spectra.
    exponent : {1, 2}
        Whether they are magnitudes or powers.
    sample_rate : float or None
        In Hz; None places the mel bands as for 22050 Hz.

    Returns
    -------
    cepstra : ndarray of shape (n_components, 13)
        Coefficients 1 to 13. An atom of zeros has zeros.
    """
    peak = H.max(axis=1, keepdims=True)
    power = (H / np.where(peak > 0, peak, 1)) ** (2 / exponent)
    bands = power @ _mel_bands(H.shape[1], sample_rate or _ASSUMED_SAMPLE_RATE).T
    total = bands.sum(axis=1, keepdims=True)
    shares = np.where(total > 0, bands / np.where(total > 0, total, 1), 1 / _N_MELS)
    cepstra = dct(np.log10(1e4 * shares + 1e-3), type=2, norm="ortho", axis=1)
    return np.where(total > 0, cepstra[:, 1 : _N_MFCC + 1], 0)


def rhythms(W):
    """When every atom sounds, the loudness left out.

    Parameters
    ----------
    W : ndarray of shape (n_frames, n_components)
        Activations.

    Returns
    -------
    rhythms : ndarray of shape (n_components, n_frames)
        Unit vectors, of which half the squared distance is one minus the correlation. A constant
        activation has zeros.
    """
    rhythm = (W - W.mean(axis=0)).T
    norm = np.linalg.norm(rhythm, axis=1, keepdims=True)
    return rhythm / np.where(norm > 0, norm, 1)


def _mel_bands(n_freqs, sample_rate):
    # Triangles of unit area between the frequencies that lie evenly on the mel scale.
    top = np.log1p(sample_rate / 2 / 700)
    edges = 700 * np.expm1(np.linspace(0, top, _N_MELS + 2))[:, None]
    freqs = np.linspace(0, sample_rate / 2, n_freqs)
    low, center, high = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (freqs - low) / (center - low), (high - freqs) / (high - center)
    return np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)


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


def _loudest_first(labels, energies):
    loudness = np.bincount(labels, energies)
    rank = np.empty(len(loudness), int)
    rank[np.argsort(-loudness, kind="stable")] = np.arange(len(loudness))
    return rank[labels]
