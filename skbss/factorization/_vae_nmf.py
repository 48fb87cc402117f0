"""Speech that a variational autoencoder knows, and noise that a factorization finds."""

from numbers import Integral, Real

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from skbss._kernels.variational import Autoencoder, Standard
from skbss._kernels.variational_noise import begin, em_step, share_of_source
from skbss._runtime.blocks import bucket
from skbss._runtime.callbacks import CallbackSupportMixin, IterationCallbacks, with_callbacks
from skbss._runtime.checks import check_matrix
from skbss._runtime.device import for_kernels, is_jax_array, precision
from skbss.factorization._checked import check_lengths
from skbss.factorization._held_back import check_groups, held_back, rows_of
from skbss.factorization._observations import has_missing


class VAENMF(CallbackSupportMixin, BaseEstimator):
    r"""Separate a source that was trained on, such as speech, from noise that was never heard.

    The power of every bin of a mixture is modeled as

    .. math::

        v_{tf} = g_t\, \sigma_f^2(z_t) + (W H)_{tf} , \qquad z_t \sim \mathcal N(0, I) ,

    where the decoder :math:`\sigma^2` is a network trained on the clean source, as one half of a
    variational autoencoder, and all else is found from the mixture itself: the gains :math:`g`,
    which leave the loudness open, the noise :math:`W H`, and the :math:`z_t` that the source may
    stem from. Bins are complex Gaussian, so that spectra are compared by the divergence of Itakura
    and Saito, both in training,

    .. math::

        \min \sum_{tf} d_{IS}\big(P_{tf}, \sigma_f^2(z_t)\big)
          + \sum_t KL\big(q(z_t \mid P_t) \,\|\, \mathcal N(0, I)\big) ,

    and here. Expectation, by a random walk through the :math:`z_t` of every row, alternates with
    multiplicative updates of W, H and g for the draws; in the end
    :math:`E_z[g \sigma^2(z) / v]` is the Wiener filter of the source.

    Parameters
    ----------
    n_components : int, default=8
        Components of the noise in every recording.
    n_latent : int, default=16
        Dimension of :math:`z`.
    n_hidden : int, default=128
        Units of the hidden layers of encoder and decoder.
    n_epochs : int, default=200
        How often all training rows are seen, at most. With 0 nothing is trained.
    batch_size : int, default=128
        Rows of a step.
    learning_rate : float, default=0.002
        Of the first step of Adam; it falls to zero in the end.
    validation_fraction : float, default=0.1
        Share of the recordings, or of the rows of the only one, at its end, by which the epoch is
        chosen whose weights are kept; 0 keeps the last ones.
    patience : int, default=20
        Training ends after more epochs than this in which the validation rows got no better.
    max_iter : int, default=100
        Iterations of expectation and maximization for every recording.
    burn_in : int, default=30
        Steps of the random walk in each of them that are not used.
    n_samples : int, default=10
        Steps that are used.
    step : float, default=0.3
        Standard deviation of a step. Larger ones are accepted less often, and with smaller ones, as
        in [1]_, the noise takes up the source before the walk has found it.
    random_state : int, RandomState instance or None, default=None
        Seed of the weights, the batches, the start of the noise and the random walk.

    Attributes
    ----------
    weights_ : dict of ndarray
        Weights and biases of the networks: ``encoder`` of shape (n_features, n_hidden), ``mean``
        and ``log_variance`` of shape (n_hidden, n_latent), ``decoder`` of shape
        (n_latent, n_hidden), ``output`` of shape (n_hidden, n_features), and after each
        ``_bias``.
    input_mean_, input_scale_ : ndarray of shape (n_features,), ndarray of shape ()
        What the encoder subtracts from the logarithms of powers, and divides them by.
    loss_curve_ : ndarray
        What is minimized, as a mean over all bins, in the batches of every epoch.
    validation_curve_ : ndarray
        That of the validation share before the first and after every epoch; empty without one.
    n_iter_ : int
        Epochs.
    n_features_in_ : int
        Number of features: the last axis of the training data.
    feature_names_in_ : array of shape (n_features,)
        Their names, if they are strings.

    See Also
    --------
    SparseNMF : With `fixed_components`, a dictionary in place of the network.
    DeepUnfoldedNMF : Trained with all sources of the mixtures.
    skbss.Separator : Trains it from recordings, and separates recordings.

    Notes
    -----
    There is no divergence to choose: it belongs to the model. Recordings are brought to one level,
    in training too, without rows that are silent, and each is separated by itself: only what is in
    it decides about its noise. The random walk makes results vary, less with more `n_samples` and
    `max_iter`; a `random_state` that is an int fixes them. An iteration holds `n_samples`
    spectrograms.

    A network knows what it was taught: it was published with hours of many speakers. From few
    seconds of one, the best dictionary of `SparseNMF` beside free components was as good for speech
    among dishes, and better for voices among drums.

    References
    ----------
    .. [1] S. Leglaive, L. Girin and R. Horaud, "A variance modeling framework based on variational
       autoencoders for speech enhancement", MLSP 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import VAENMF
    >>> rng = np.random.default_rng(0)
    >>> voice = rng.gamma(0.3, size=(400, 4)) @ rng.gamma(0.3, size=(4, 30))
    >>> noise = np.outer(rng.gamma(2, size=100), rng.gamma(0.3, size=30))
    >>> model = VAENMF(1, n_latent=4, n_hidden=32, n_epochs=30, random_state=0).fit(voice[:300])
    >>> parts = model.predict(voice[300:] + noise)
    >>> parts.shape
    (100, 2, 30)
    >>> bool(np.allclose(parts.sum(axis=1), voice[300:] + noise))
    True
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "n_latent": [Interval(Integral, 1, None, closed="left")],
        "n_hidden": [Interval(Integral, 1, None, closed="left")],
        "n_epochs": [Interval(Integral, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "patience": [Interval(Integral, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "burn_in": [Interval(Integral, 0, None, closed="left")],
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "step": [Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components=8,
        *,
        n_latent=16,
        n_hidden=128,
        n_epochs=200,
        batch_size=128,
        learning_rate=0.002,
        validation_fraction=0.1,
        patience=20,
        max_iter=100,
        burn_in=30,
        n_samples=10,
        step=0.3,
        random_state=None,
    ):
        self.n_components = n_components
        self.n_latent = n_latent
        self.n_hidden = n_hidden
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.max_iter = max_iter
        self.burn_in = burn_in
        self.n_samples = n_samples
        self.step = step
        self.random_state = random_state

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, lengths=None, groups=None):
        """Train the autoencoder on the clean source.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Magnitude spectra of the source alone: non-negative, complete. With more than two axes,
            those before the last two count recordings. Rows of zeros are left out.
        y : Ignored
            Nothing else is learned from.
        lengths : list of int, default=None
            Numbers of rows of the recordings that lie below each other in a matrix X. Each is
            brought to the same level.
        groups : array-like of shape (n_recordings,), default=None
            Labels of the recordings: those of one label are held back for validation together, as
            channels or transpositions of one recording should be. If there is but one label, the
            end of every recording is held back. By default every recording is by itself.

        Returns
        -------
        self : VAENMF
            The fitted estimator.

        Raises
        ------
        ValueError
            If X is negative, infinite or NaN, or silent everywhere.
        FloatingPointError
            If the numbers overflow; a smaller `learning_rate` helps.

        Warns
        -----
        ConvergenceWarning
            If no epoch got better at what was held back: nothing was learned.
        """
        # Optax, which only training needs, takes longer to load than all the rest.
        from skbss.factorization._training import Recipe, Told
        from skbss.factorization._training import begin as begin_training
        from skbss.factorization._variational_training import train_autoencoder, untrained

        X, _, lengths = self._check_input(X, lengths, reset=True)
        groups = check_groups(groups, len(lengths))
        rng = check_random_state(self.random_state)
        with precision(X.dtype):
            parts = self._powers_of_sounds(X, lengths)
            P = (jnp if is_jax_array(X) else np).concatenate(parts)
            weights, standard = untrained(np.asarray(P), self.n_hidden, self.n_latent, rng)
            course = begin_training(weights)
            recipe = Recipe(self.n_epochs, float(self.learning_rate), self.patience)
            rows = held_back([len(one) for one in parts], self.validation_fraction, groups, rng)
            rows = [rows_of(some) for some in rows]
            callbacks = IterationCallbacks(self, X, y, self.n_epochs)
            watch = Told(callbacks, lambda: self._trained(course, standard))
            train_autoencoder(course, standard, P, rows, self.batch_size, recipe, rng, watch)
            attributes = self._trained(course, standard)
            callbacks.finish(attributes)
        for name, one in attributes.items():
            setattr(self, name, one)
        return self

    @staticmethod
    def _trained(course, standard):
        """What is known of a training, as attributes."""
        return {
            "weights_": jax.tree.map(np.asarray, course.weights)._asdict(),
            "input_mean_": standard.mean,
            "input_scale_": standard.scale,
            "loss_curve_": np.array(course.losses),
            "validation_curve_": np.array(course.validation_losses),
            "n_iter_": len(course.losses),
        }

    def predict(self, X, lengths=None):
        """Separate mixtures.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Magnitude spectra of mixtures. With more than two axes, those before the last two count
            recordings.
        lengths : list of int, default=None
            Numbers of rows of the recordings that lie below each other in a matrix X. Each has
            noise of its own.

        Returns
        -------
        parts : array of shape (..., 2, n_features)
            The source and the rest: X under masks in [0, 1], which add up to X. Times the phases
            of the mixture they are the spectra of the parts. Zeros for a silent row.
        """
        check_is_fitted(self)
        X, leading, lengths = self._check_input(X, lengths, reset=False)
        xp = jnp if is_jax_array(X) else np
        rng = check_random_state(self.random_state)
        seed = rng.randint(np.iinfo(np.int32).max)
        with precision(X.dtype):
            shares = [self._share_of_source(one, seed) for one in self._recordings(X, lengths)]
            source = X * xp.concatenate([xp.asarray(one) for one in shares])
            parts = xp.stack([source, X - source], axis=1)
            return parts.reshape(*leading, *parts.shape[1:])

    def score(self, X, y=None, lengths=None):
        """How well the autoencoder knows a clean source.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Magnitude spectra of the source alone.
        y : Ignored
            Nothing is compared with.
        lengths : list of int, default=None
            As in `fit`.

        Returns
        -------
        score : float
            Minus what training minimizes, as a mean over all bins of rows that are not silent; at
            most 0. One draw is made for every row.
        """
        from skbss.factorization._variational_training import bound

        check_is_fitted(self)
        X, _, lengths = self._check_input(X, lengths, reset=False)
        rng = check_random_state(self.random_state)
        with precision(X.dtype):
            P = (jnp if is_jax_array(X) else np).concatenate(self._powers_of_sounds(X, lengths))
            noise = rng.standard_normal((len(P), self.n_latent)).astype(X.dtype)
            weights, standard = self._networks(X.dtype)
            return -bound(weights, standard, P, np.arange(len(P)), noise)

    def _share_of_source(self, X, seed):
        """The mask of the source in one recording."""
        P, sounds = _powers(X)
        xp, dtype, n_rows = jnp if is_jax_array(X) else np, X.dtype, len(X)
        # What fills up is silent, and influences nothing.
        more = bucket(n_rows) - n_rows
        P, sounds = xp.pad(P, [(0, more), (0, 0)]), xp.pad(sounds, (0, more))
        rng = np.random.RandomState(seed)
        # Noise of the level of the mixture.
        H = rng.uniform(size=(self.n_components, X.shape[1])) * (4 / self.n_components)
        W = rng.uniform(size=(n_rows + more, self.n_components))
        weights, standard = self._networks(dtype)
        mixed = begin(weights, standard, P, sounds, W.astype(dtype), H.astype(dtype))
        walk = for_kernels(self.step, dtype), for_kernels(self.burn_in, np.int32)
        key = jax.random.key(seed)
        for iteration in range(self.max_iter):
            there = jax.random.fold_in(key, iteration)
            mixed = em_step(weights, P, mixed, there, *walk, n_samples=self.n_samples)
            # Waiting here leaves Ctrl-C heard between the iterations.
            mixed.gain.block_until_ready()
        last = jax.random.fold_in(key, self.max_iter)
        share = share_of_source(weights, P, mixed, last, *walk, n_samples=self.n_samples)
        return share[:n_rows]

    def _networks(self, dtype):
        weights = Autoencoder(**{name: one.astype(dtype) for name, one in self.weights_.items()})
        return weights, Standard(self.input_mean_.astype(dtype), self.input_scale_.astype(dtype))

    def _check_input(self, X, lengths, *, reset):
        if isinstance(X, list | tuple) and any(np.ndim(one) == 2 for one in X):
            raise ValueError(
                "X is a list of recordings: pass np.concatenate(X), and lengths=[len(one) for one "
                "in X]."
            )
        X, leading = check_matrix(self, X, reset=reset, accept_sparse=False)
        if has_missing(X):
            raise ValueError("Input X contains NaN, which VAENMF does not handle.")
        return X, leading, check_lengths(lengths, leading)

    def _powers_of_sounds(self, X, lengths):
        """Powers of every recording that is not silent, without the rows that are."""
        parts = [_powers(one) for one in self._recordings(X, lengths)]
        parts = [P[sounds] for P, sounds in parts if bool(sounds.any())]
        if not parts:
            raise ValueError("X is silent in all rows: it tells nothing about the source.")
        return parts

    @staticmethod
    def _recordings(X, lengths):
        for stop, length in zip(np.cumsum(lengths), lengths, strict=True):
            yield X[stop - length : stop]

    def __sklearn_tags__(self):
        """Non-negative input."""
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags


def _powers(X):
    """Powers relative to their mean over the rows that sound; which rows these are."""
    xp = jnp if is_jax_array(X) else np
    sounds = (X > 0).any(axis=1)
    largest = X.max()
    P = xp.square(X / xp.where(largest > 0, largest, 1))
    # The mean of sums that can not overflow.
    mean = P.mean(axis=1).sum() / xp.maximum(sounds.sum(), 1).astype(X.dtype)
    return P / xp.where(mean > 0, mean, 1), sounds
