"""Separation of a complex STFT by the factorization of its magnitude."""

import numbers

import jax.numpy as jnp
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skbss._kernels.masks import masked_spectra
from skbss._runtime.blocks import blocks_of_rows, filled_up
from skbss._runtime.device import is_jax_array, movable, precision
from skbss._runtime.waveforms import check_spectra
from skbss.factorization._atom_table import atom_table
from skbss.masking._factorizer import (
    check_enough_atoms,
    check_factorizer,
    check_mask_exponent,
    check_non_negative_model,
    check_parents,
    check_same_sample_rate,
    frames_of_atoms,
    seeded_clone,
    spectrum_exponent,
    told_apart,
)
from skbss.masking._grouping import Timing, check_sample_rate, given_labels, group_atoms
from skbss.masking._level import level_of


class WienerMask(TransformerMixin, BaseEstimator):
    r"""Sources of a mixture by soft masks on its STFT, which add up to the mixture.

    A factorization :math:`|X|^a \approx W H` of the spectrogram is split into the models
    :math:`V_j` of the sources, each the sum of its own atoms. Source :math:`j` is

    .. math:: \hat S_j = \frac{V_j^{p/a}}{\sum_i V_i^{p/a}} \odot X,
              \qquad V_j = \sum_{k \in \mathcal{K}_j} w_k h_k,

    where :math:`p` is `mask_exponent` and :math:`a` is 1 for magnitude, 2 for power spectra, or
    what `spectrum` says.

    Parameters
    ----------
    factorizer : estimator
        Factorization of a non-negative matrix with ``fit_transform``, ``transform`` and
        ``components_``, such as `BetaNMF` or :class:`sklearn.decomposition.NMF`.
    n_sources : int, default=None
        How many sources the atoms make up. By default every atom is a source, or what `grouping`
        finds if that is a clusterer, an array or "parents".
    grouping : str, clusterer or array, default="auto"
        Which atoms belong together. What has a name finds it out by k-means, each atom weighted
        by its energy, but for "parents".

        - "auto": "sections" for 16 s or more in which that makes clear groups, which explain three
          quarters of the (adjusted) variance; else "timbre".
        - "timbre": those whose magnitudes lie in the same frequency regions, by Hellinger's
          distance of their shares in 12 mel bands.
        - "mfcc": those of similar mel-frequency cepstra.
        - "activations": those that sound at the same moments: of activations brought to zero
          mean and unit norm, such that correlation counts.
        - "sections": those that sound in the same parts of the recordings, by Hellinger's
          distance of their activity, blurred by two seconds (by an eighth of all if that is
          shorter): for instruments that come and go.
        - "parents": those that are parts of the same component of the last level of a
          `MultilayerNMF` or `DeepNMF`, whose number is `n_sources`.
        - A clusterer of scikit-learn, which sees the cepstra (13 features an atom), the energies
          as weights if it takes weights, and `n_sources` as its number of clusters if it has one.
          Atoms that it labels as noise form a source of their own.
        - An array of shape (n_components,): the source of every atom, from 0.
    mask_exponent : float, default=1.0
        Exponent of the magnitudes in the mask, whatever `spectrum` is: 1 shares a bin in
        proportion to the magnitudes, 2 to the powers (Wiener's filter), infinity gives it to the
        loudest source. Larger values trade artifacts for interference.
    spectrum : {"auto", "magnitude", "power"} or float, default="auto"
        What is factorized: the magnitude, its square, or what power of it the number says. "auto"
        is "power" for the divergence of Itakura and Saito (``beta_loss`` 0), which suits power
        spectra, else "magnitude". Powers below 1 bring quiet sounds forward.
    sample_rate : float, default=None
        In Hz; places the mel bands and, with a hop of a quarter of the window, the seconds of the
        groupings, by default as for 22050 Hz.
    random_state : int, RandomState instance or None, default=None
        Seed of the clustering, and of the factorizer if that has none.

    Attributes
    ----------
    factorizer_ : estimator
        The fitted factorizer.
    components_ : array of shape (n_components, [template_length,] n_freqs)
        Its atoms.
    labels_ : ndarray of shape (n_components,)
        The source of every atom. Sources are in order of decreasing energy, unless they are the
        atoms themselves or given.
    n_sources_ : int
        Number of sources.
    n_features_in_ : int
        Number of frequencies.

    See Also
    --------
    skbss.Separator : From waveforms to waveforms, with or without training.
    skbss.STFT : Makes the input.
    skbss.ISTFT : Turns the output into waveforms.

    Notes
    -----
    Before the factorization every clip is divided by the root mean square of its STFT, so that
    its level has no influence, whatever the factorizer. Silent bins, and bins where all models
    are zero, are shared equally.

    References
    ----------
    .. [1] A. Liutkus and R. Badeau, "Generalized Wiener filtering with fractional power
       spectrograms", ICASSP 2015, eq. 7.
    .. [2] M. Spiertz and V. Gnann, "Source-filter based clustering for monaural blind source
       separation", DAFx 2009.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import BetaNMF, ISTFT, STFT, WienerMask
    >>> time = np.arange(16000) / 8000
    >>> low, high = np.sin(2 * np.pi * 300 * time), np.sin(2 * np.pi * 1500 * time)
    >>> mixture = low * (time < 1.2) + high * (time > 0.8)
    >>> mask = WienerMask(BetaNMF(2, beta_loss="kullback-leibler", random_state=0))
    >>> X = STFT(n_fft=512).fit_transform(mixture)
    >>> S = mask.fit_transform(X)
    >>> S.shape
    (2, 126, 257)
    >>> bool(np.allclose(S.sum(axis=0), X))
    True
    """

    def __init__(
        self,
        factorizer,
        n_sources=None,
        *,
        grouping="auto",
        mask_exponent=1.0,
        spectrum="auto",
        sample_rate=None,
        random_state=None,
    ):
        self.factorizer = factorizer
        self.n_sources = n_sources
        self.grouping = grouping
        self.mask_exponent = mask_exponent
        self.spectrum = spectrum
        self.sample_rate = sample_rate
        self.random_state = random_state

    def fit(self, X, y=None):
        """Learn the atoms from mixtures and group them into sources.

        Parameters
        ----------
        X : complex array, or list of such arrays
            STFTs of shape (n_frames, n_freqs), (n_clips, n_frames, n_freqs) or
            (n_clips, n_channels, n_frames, n_freqs); a list may hold clips of unequal length.
            One dictionary is learned from the frames of all clips and channels.
        y : None
            Ignored.

        Returns
        -------
        self : WienerMask
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            If a parameter is not allowed, X is real, empty, or holds NaN or infinity.
        """
        self._fit(X)
        return self

    def fit_transform(self, X, y=None):
        """Learn the atoms and separate the mixtures that they were learned from.

        Parameters
        ----------
        X : complex array, or list of such arrays
            As in `fit`.
        y : None
            Ignored.

        Returns
        -------
        S : complex array, or list of such arrays
            As in `transform`. The activations are those that the factorizer's ``fit_transform``
            returns, which spares computing them again.
        """
        clips, activations = self._fit(X)
        return self._separated(clips, activations)

    def transform(self, X):
        """Separate mixtures.

        Parameters
        ----------
        X : complex array, or list of such arrays
            As in `fit`.

        Returns
        -------
        S : complex array of shape ([n_clips,] n_sources, [n_channels,] n_frames, n_freqs), or list
            One STFT per source; over the sources they add up to `X`. A JAX array where `X` is one.
        """
        check_is_fitted(self)
        clips = check_spectra(X, n_leading=2)
        self._check_frequencies(clips)
        exponent = spectrum_exponent(self.spectrum, self.factorizer)
        activations = (
            self.factorizer_.transform(
                _rows(one, exponent), **told_apart(self.factorizer_, _lengths(one))
            )
            for one in clips.each()
        )
        return self._separated(clips, activations)

    def _fit(self, X):
        check_factorizer(self.factorizer, self.n_sources)
        check_parents(self.factorizer, self.grouping, self.n_sources)
        check_mask_exponent(self.mask_exponent)
        check_sample_rate(self.sample_rate)
        check_same_sample_rate(self.factorizer, self.sample_rate)
        exponent = spectrum_exponent(self.spectrum, self.factorizer)
        n_components = getattr(self.factorizer, "n_components", None)
        if isinstance(n_components, numbers.Integral):
            given_labels(self.grouping, n_components, self.n_sources)
        random_state = check_random_state(self.random_state)
        clips = check_spectra(X, n_leading=2)
        frames = [_rows(one, exponent) for one in clips.each()]
        self._check_same_frequencies(frames)
        self.n_features_in_ = frames[0].shape[1]
        V = frames[0] if len(frames) == 1 else _concatenated(frames)
        ends = np.cumsum([len(one) for one in frames])[:-1]
        del frames
        self.factorizer_ = seeded_clone(self.factorizer, random_state)
        lengths = np.concatenate([_lengths(one) for one in clips.each()])
        W = self.factorizer_.fit_transform(V, **told_apart(self.factorizer_, lengths))
        check_non_negative_model(self.factorizer_, W)
        self.components_ = self.factorizer_.components_
        if self.n_sources is not None:
            check_enough_atoms(len(self.components_), self.n_sources)
        self.labels_, self.n_sources_ = group_atoms(
            np.asarray(self.components_),
            np.asarray(W),
            self.n_sources,
            self.grouping,
            exponent=exponent,
            timing=Timing(
                lengths,
                sum(one.shape[-2] for one in clips.each()),
                _usual_hop(self.n_features_in_),
                self.sample_rate,
            ),
            random_state=random_state,
            parents=getattr(self.factorizer_, "parents_", None),
        )
        return clips, (jnp.split if is_jax_array(W) else np.split)(W, ends)

    def _check_same_frequencies(self, frames):
        counts = sorted({one.shape[1] for one in frames})
        if len(counts) > 1:
            raise ValueError(f"All clips of X must have as many frequencies, got {counts}.")

    def _check_frequencies(self, clips):
        for one in clips.arrays:
            if one.shape[-1] != self.n_features_in_:
                raise ValueError(
                    f"X has {one.shape[-1]} features, but {type(self).__name__} is expecting "
                    f"{self.n_features_in_} features as input: use the same STFT."
                )

    def _separated(self, clips, activations):
        exponent = self.mask_exponent / spectrum_exponent(self.spectrum, self.factorizer)

        def masked(X, W):
            labels, W, H = frames_of_atoms(self.labels_, W, self.components_, _lengths(X))
            return _masked(X, W, H, atom_table(labels, self.n_sources_), exponent)

        return clips.gather(
            masked(one, W) for one, W in zip(clips.each(), activations, strict=True)
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _rows(X, exponent):
    """The spectrogram of a clip at unit level, all channels' frames below each other."""
    magnitude = abs(X)
    V = (magnitude / level_of(magnitude)) ** exponent
    return V.reshape(-1, V.shape[-1])


def _usual_hop(n_freqs):
    """Spectra do not tell their hop."""
    return max(1, (n_freqs - 1) / 2)


def _lengths(X):
    """Numbers of rows of the recordings in ``_rows``: every channel is one."""
    return [X.shape[-2]] * int(np.prod(X.shape[:-2]))


def _concatenated(frames):
    return (jnp if is_jax_array(frames[0]) else np).concatenate(frames)


def _masked(X, W, H, atoms, exponent):
    W = W.reshape(*X.shape[:-1], len(H))
    if is_jax_array(X):
        real = X.real.dtype
        return masked_spectra(
            X,
            jnp.asarray(W, real),
            jnp.asarray(movable(H, X), real),
            atoms,
            jnp.asarray(exponent, real),
        )
    real = X.real.dtype
    H, exponent = np.asarray(H, real), np.asarray(exponent, real)
    S = np.empty((len(atoms), *X.shape), X.dtype)
    with precision(X.dtype):
        for index in np.ndindex(X.shape[:-2]):
            for start, stop, size in blocks_of_rows(X.shape[-2], len(atoms) * X.shape[-1]):
                rows = slice(start, stop)
                block = masked_spectra(
                    filled_up(X[index][rows], size),
                    filled_up(np.asarray(W[index][rows], real), size),
                    H,
                    atoms,
                    exponent,
                )
                S[(slice(None), *index, rows)] = np.asarray(block)[:, : stop - start]
    return S
