"""Unmixing of channels whose sources are sparse in time and frequency."""

from numbers import Integral, Real

import jax.numpy as jnp
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted, validate_data

from skbss._kernels.sparse_adaptive import Rates
from skbss._kernels.sparse_mixing import AdaptingMixing, adapt_mixing_for_an_epoch
from skbss._runtime.blocks import bucket
from skbss._runtime.device import for_kernels, precision
from skbss._runtime.loop import fetch
from skbss.frontend import STFT


class SparseComponentAnalysis(TransformerMixin, BaseEstimator):
    r"""Linear unmixing of channels whose sources are sparse in time and frequency.

    Where few sources are loud at a time in a frequency, as voices are, the mixing matrix can be
    told from the STFT of the channels. It minimizes

    .. math::

        J(M, S) = \sum_{c,n,f} |z_{cnf} - [M s_{nf}]_c|^2 + \alpha \sum_{j,n,f} |s_{jnf}|,
        \quad \|m_j\|_2 = 1,

    over real mixing matrices :math:`M` and complex sources :math:`S`, a few frames at a time: the
    sources by ten proximal gradient steps with momentum, then the matrix by a step of Adam. The
    channels are unmixed by the inverse of the matrix, not by :math:`S`, whose penalty distorts.

    It takes the place of :class:`sklearn.decomposition.FastICA` in
    :class:`UnmixingSeparator`, and asks for sparsity where that asks for independence. Rows are
    samples in order of time.

    Parameters
    ----------
    n_components : int, default=None
        Number of sources, at most that of channels; as many by default.
    n_fft : int, default=1024
        Samples of a frame, best a power of two: voices are sparsest in frames of 50 to 100 ms.
    alpha : float, default=0.003
        Strength of the sparsity, above 0, for spectra of peak one.
    learning_rate : float, default=0.03
        The rate of the first step of the matrix.
    decay : float, default=0.01
        How the rate decays: after t steps it is divided by 1 + t * decay.
    batch_size : int, default=16
        Frames from one step of the matrix to the next.
    max_iter : int, default=30
        How often to go through all frames.
    n_init : int, default=2
        Number of random starts, of which the one with the lowest objective is kept.
    random_state : int, RandomState instance or None, default=None
        Draws the starts and the order of the batches.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_channels)
        What finds the sources in the channels: the pseudoinverse of `mixing_`.
    mixing_ : ndarray of shape (n_channels, n_components)
        The gains of every source in the channels, a column of norm one each.
    objectives_ : ndarray of shape (max_iter,)
        J after every pass through the frames, from the start that is kept.
    n_iter_ : int
        How often it went through all frames: `max_iter`.
    n_features_in_ : int
        Number of channels.

    See Also
    --------
    UnmixingSeparator : From recordings to recordings, with it as its `unmixer`.
    sklearn.decomposition.FastICA : Needs sources that are independent.

    References
    ----------
    .. [1] P. Bofill and M. Zibulevsky, "Underdetermined blind source separation using sparse
       representations", Signal Processing 81(11), 2001, eqs. 6 and 7.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.separation import SparseComponentAnalysis, UnmixingSeparator
    >>> from skbss.datasets import load_two_speakers
    >>> voices = load_two_speakers().sources
    >>> gains = np.array([[1.0, 0.6], [0.5, 1.0]])
    >>> images = gains.T[:, :, None] * voices[:, None]
    >>> unmixer = SparseComponentAnalysis()
    >>> separator = UnmixingSeparator(unmixer, random_state=0).fit(images.sum(axis=0)[None])
    >>> separator.score(images.sum(axis=0)[None], images[None]) > 20
    True
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "n_fft": [Interval(Integral, 2, None, closed="left")],
        "alpha": [Interval(Real, 0, None, closed="neither")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "decay": [Interval(Real, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components=None,
        *,
        n_fft=1024,
        alpha=0.003,
        learning_rate=0.03,
        decay=0.01,
        batch_size=16,
        max_iter=30,
        n_init=2,
        random_state=None,
    ):
        self.n_components = n_components
        self.n_fft = n_fft
        self.alpha = alpha
        self.learning_rate = learning_rate
        self.decay = decay
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.n_init = n_init
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the mixing matrix of channels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_channels)
            Samples in order of time.
        y : None
            Not used; it is there by convention.

        Returns
        -------
        self : SparseComponentAnalysis
            The estimator itself.

        Raises
        ------
        ValueError
            If `n_components` exceeds the number of channels, or X holds NaN or infinity.
        """
        X = validate_data(self, X, dtype=[np.float64, np.float32])
        n_channels = X.shape[1]
        n_components = n_channels if self.n_components is None else self.n_components
        if n_components > n_channels:
            raise ValueError(
                f"n_components={n_components} must not exceed the {n_channels} channels of X: a "
                "matrix finds at most as many sources as there are channels."
            )
        rng = check_random_state(self.random_state)
        with precision(np.float32):
            Z, n_batches = self._batches(X)
            found = [self._search(Z, n_batches, n_components, rng) for _ in range(self.n_init)]
        mixing, self.objectives_ = min(found, key=lambda one: one[1][-1])
        self.mixing_ = mixing.astype(X.dtype)
        self.n_iter_ = self.max_iter
        self.components_ = np.linalg.pinv(mixing).astype(X.dtype)
        return self

    def transform(self, X):
        """Find the sources in channels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_channels)
            Samples.

        Returns
        -------
        S : ndarray of shape (n_samples, n_components)
            ``X @ components_.T``.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return X @ self.components_.T.astype(X.dtype)

    def _batches(self, X):
        """The spectra of peak one, of shape (n_batches, n_channels, n_bins), filled up."""
        X = X.astype(float)
        peak = np.abs(X).max() or 1.0
        spectra = STFT(self.n_fft).fit_transform((X / peak).T.astype(np.float32))
        spectra = spectra / (np.abs(spectra).max() or 1)
        n_channels, n_frames, n_freqs = spectra.shape
        n_batches = -(-n_frames // self.batch_size)
        filled = np.zeros((n_channels, bucket(n_batches) * self.batch_size, n_freqs), np.complex64)
        filled[:, :n_frames] = spectra
        batches = filled.reshape(n_channels, -1, self.batch_size * n_freqs)
        return np.ascontiguousarray(batches.swapaxes(0, 1)), n_batches

    def _search(self, Z, n_batches, n_components, rng):
        n_filled, n_channels, n_bins = Z.shape
        M = rng.standard_normal((n_channels, n_components))
        M = (M / np.linalg.norm(M, axis=0)).astype(np.float32)
        S = np.zeros((n_filled, n_components, n_bins), np.complex64)
        start = S, M, np.zeros_like(M), np.zeros_like(M), np.zeros((), np.int32)
        state = AdaptingMixing(*map(jnp.asarray, start))
        rates = Rates(
            *(
                for_kernels(number, np.float32)
                for number in (self.alpha, self.learning_rate, self.decay)
            )
        )
        objectives = []
        order = np.zeros(n_filled, np.int32)
        for _ in range(self.max_iter):
            order[:n_batches] = rng.permutation(n_batches)
            state, objective = adapt_mixing_for_an_epoch(
                Z, state, rates, order, for_kernels(n_batches, np.int32)
            )
            objectives.append(float(fetch(objective)))
        return np.asarray(state.M, float), np.array(objectives)
