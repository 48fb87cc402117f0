"""Separation of recordings of several channels by a matrix, as for sources without delays."""

import jax.numpy as jnp
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import FastICA
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skbss._runtime.device import is_jax_array, precision
from skbss._runtime.waveforms import check_sources, check_waveforms
from skbss.masking._level import level_of
from skbss.separation._channels import centered, check_same_channels, count_channels
from skbss.separation._parts import with_made_parts
from skbss.separation._score import check_enough_estimates, mean_si_sdr
from skbss.separation._unmixing import check_unmixer, learn_unmixing, sources_wanted


class UnmixingSeparator(TransformerMixin, BaseEstimator):
    r"""Sources of recordings of several channels by linear unmixing of the channels.

    Where every channel holds the same sources at other gains, :math:`x(t) = A s(t)`, a matrix
    :math:`B` of as many rows as sources finds them again. A decomposition of scikit-learn learns
    it from the samples: independent component analysis by default, which needs sources that are
    independent and, all but one, not Gaussian [1]_. What `transform` returns are the images of the
    sources in the channels,

    .. math:: \hat x_j(t) = a_j \, b_j^T x(t),

    where :math:`b_j^T` is the row of source :math:`j`, and :math:`a_j` the column of the mixing
    matrix that comes closest to the recording by least squares. The scale and the sign of a
    component, which nobody can know, cancel [2]_.

    The model knows no delays and no reverberation: it suits recordings that were mixed at a desk
    by gains alone, and fails for microphones in a room.

    Parameters
    ----------
    unmixer : estimator, default=None
        A linear decomposition such as :class:`sklearn.decomposition.FastICA` or
        :class:`sklearn.decomposition.PCA`; a clone of it is fitted to samples as rows and
        channels as columns. By default ``FastICA(max_iter=1000, tol=1e-8)``: at the tolerance
        that FastICA has by itself, it takes some of its random starts for the end.
    n_sources : int, default=None
        Number of sources, at most that of the channels; sets the unmixer's `n_components`. By
        default that of the unmixer itself counts: for most of them, as many as channels.
    random_state : int, RandomState instance or None, default=None
        Seed of the unmixer, if it has none of its own.

    Attributes
    ----------
    mixing_ : ndarray of shape (n_channels, n_sources)
        Column :math:`j` holds the gains of source :math:`j` in the channels.
    unmixing_ : ndarray of shape (n_sources, n_channels)
        What finds the components of the sources in the channels.
    n_sources_ : int
        Number of sources, by decreasing energy of their images in the recordings of `fit`.
    n_channels_ : int
        Number of channels.
    unmixer_ : estimator
        The fitted unmixer; None where the recordings are silent.

    See Also
    --------
    ESADSeparator : For microphones in a room.
    Separator : By spectra; for any number of channels.
    sklearn.decomposition.FastICA : The default unmixer.

    Notes
    -----
    The images add up to the mixture if there are as many sources as channels and `unmixing_` has
    an inverse, as independent and principal components give it; with fewer sources, to that part
    of it that `mixing_` can reach. `fit` looks at every clip at unit level and without the means
    of its channels. `transform` treats a constant offset as it treats every other sample: the
    images share it as they share the rest.

    Where fewer channels than there shall be sources are independent of each other, because some
    are silent or the same, the last sources are silent, and a warning says so.

    References
    ----------
    .. [1] A. Hyvärinen and E. Oja, "Independent component analysis: algorithms and applications",
       Neural Networks 13(4-5), 2000.
    .. [2] K. Matsuoka and S. Nakashima, "Minimal distortion principle for blind source
       separation", ICA 2001.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.separation import UnmixingSeparator
    >>> signals = np.random.default_rng(0).laplace(size=(2, 8000))
    >>> gains = np.array([[1.0, 0.5], [0.3, 1.0]])     # of every source in every channel
    >>> images = gains[:, :, None] * signals[:, None]  # (n_sources, n_channels, length)
    >>> mixture = images.sum(axis=0)
    >>> separator = UnmixingSeparator(random_state=0)
    >>> estimates = separator.fit_transform(mixture[None])[0]
    >>> estimates.shape
    (2, 2, 8000)
    >>> bool(np.allclose(estimates.sum(axis=0), mixture))
    True
    >>> separator.score(mixture[None], images[None]) > 20
    True
    """

    def __init__(self, unmixer=None, *, n_sources=None, random_state=None):
        self.unmixer = unmixer
        self.n_sources = n_sources
        self.random_state = random_state

    def set_params(self, **params):
        """Set parameters of the separator and, as ``unmixer__…``, of its unmixer.

        Parameters
        ----------
        **params : dict
            As everywhere in scikit-learn; an unmixer that was left to its default comes into
            being with the first parameter that is set on it.

        Returns
        -------
        self : UnmixingSeparator
            The estimator itself.
        """
        return super().set_params(**with_made_parts(self, params, unmixer=_default_unmixer))

    def fit(self, X, y=None):
        """Learn the matrices.

        Parameters
        ----------
        X : array of shape (n_clips, n_channels, length), or list
            Mixtures; a list may hold clips of unequal length. One matrix is learned from all.
        y : array or list, default=None
            Ignored: nothing but the mixtures is learned from.

        Returns
        -------
        self : UnmixingSeparator
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            If a parameter is not allowed, a clip is empty or holds NaN or infinity, there is only
            one channel, there are fewer channels than sources, or the unmixer is not linear.

        Warns
        -----
        ConvergenceWarning
            If the unmixer stops at its `max_iter`.
        UserWarning
            If fewer channels are independent of each other than there shall be sources.
        """
        unmixer = _default_unmixer() if self.unmixer is None else self.unmixer
        check_unmixer(unmixer, self.n_sources)
        random_state = check_random_state(self.random_state)
        clips = check_waveforms(X).each()
        n_channels = count_channels(clips)
        if n_channels == 1:
            raise ValueError(
                "X has one channel, which no matrix can divide: linear unmixing needs at least as "
                "many channels as sources. Use a Separator, or pass the channels of one clip as "
                "an array of shape (1, n_channels, length)."
            )
        wanted = sources_wanted(unmixer, self.n_sources, n_channels)
        channels = np.concatenate([centered(x) for x in clips], axis=1)
        rounding = 64 * np.finfo(clips[0].dtype).eps
        learned = learn_unmixing(channels, unmixer, wanted, random_state, rounding=rounding)
        self.unmixer_, self.unmixing_, self.mixing_ = learned
        self.n_sources_, self.n_channels_ = len(self.unmixing_), n_channels
        return self

    def transform(self, X):
        """Separate mixtures.

        Parameters
        ----------
        X : array of shape (n_clips, n_channels, length), or list
            Mixtures of any length.

        Returns
        -------
        images : array of shape (n_clips, n_sources, n_channels, length), or list of arrays
            What every source contributes to every channel, of the length and precision of the
            mixtures; a list for clips of unequal length, a JAX array where `X` is one. Silence
            gives silence.
        """
        check_is_fitted(self)
        clips = check_waveforms(X)
        return clips.gather(self._images(clips))

    def score(self, X, y):
        """Mean scale-invariant signal-to-distortion ratio of the separated mixtures.

        Sources are compared in the order that fits best in each clip. Channels count as one long
        signal.

        Parameters
        ----------
        X : array or list
            Mixtures, as in `transform`.
        y : array of shape (n_clips, n_sources, n_channels, length), or list
            The images of their true sources; there may be fewer than the separator finds.

        Returns
        -------
        score : float
            Mean over clips and sources in dB, without sources that are silent; NaN if an
            estimate is silent whose source is not, or all sources are silent.
        """
        check_is_fitted(self)
        clips = check_waveforms(X)
        references = check_sources(y, clips)
        check_enough_estimates(len(references[0]), self.n_sources_)
        return mean_si_sdr(references, self._images(clips), n_known=0)

    def _images(self, clips):
        clips = clips.each()
        check_same_channels(clips, self)
        for x in clips:
            xp, level = jnp if is_jax_array(x) else np, level_of(x)
            with precision(x.dtype):
                components = xp.asarray(self.unmixing_, x.dtype) @ (x / level)
                gains = xp.asarray(self.mixing_.T, x.dtype) * level
                images = gains[:, :, None] * components[:, None]
            yield images

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _default_unmixer():
    return FastICA(max_iter=1000, tol=1e-8)
