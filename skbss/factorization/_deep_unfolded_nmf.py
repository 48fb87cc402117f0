"""Sparse non-negative matrix factorization whose iterations are trained as layers."""

from numbers import Integral, Real

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skbss._kernels.masks import soft_masks, source_models
from skbss._kernels.unfolded import Held, Weights, unfolded_rows
from skbss._kernels.unfolded_multiplicative import Multiplicative
from skbss._runtime.blocks import bucket
from skbss._runtime.device import for_kernels, is_jax_array, movable, precision
from skbss.factorization._atom_table import atom_table
from skbss.factorization._base import BETA_LOSSES, BaseNMF
from skbss.factorization._context import frames_of
from skbss.factorization._divergence import relative_power
from skbss.factorization._held_back import held_back
from skbss.factorization._observations import floor_of, has_missing, mean_of
from skbss.factorization._rules import step_rule
from skbss.factorization._sparse_nmf import SparseNMF

# Smaller entries of a component than this share of its largest could not be trained: a step of
# their logarithm changes nothing.
_SMALLEST = 1e-5
_ROWS_AT_ONCE = 1024
_STARTING_ITERATIONS = 60
# Of a source, for every component that is learned from them. Mixtures that were made of few
# recordings have the same rows again and again.
_STARTING_ROWS = 40


class DeepUnfoldedNMF(BaseNMF):
    r"""Sparse non-negative matrix factorization whose iterations are trained as layers.

    With the sources of some mixtures known, the dictionaries of the last iterations are trained
    such that what is made of them after :math:`L` iterations is closest to the sources. Layer
    :math:`l` is a multiplicative update of the activations of :class:`SparseNMF`,

    .. math::

        W^{(l+1)} = W^{(l)} \odot \left(
          \frac{(X \odot A^{\beta - 2})\, H^{(l)\top}}{A^{\beta - 1} H^{(l)\top} + \lambda}
        \right)^{\gamma(\beta)} , \qquad A = W^{(l)} H^{(l)} ,

    from components that are all equally loud. The first :math:`L - C` layers have the components
    that were learned from every source by itself; those of the last :math:`C` and the ones that
    the masks are made of,

    .. math::

        M_j = \frac{W^{(L)}_j H^r_j}{\sum_i W^{(L)}_i H^r_i} ,

    are trained by Adam to minimize :math:`\sum_j \|M_j \odot X - Y_j\|^2` or the like, where
    :math:`Y_j` are the sources. Some ten layers separate better than any number of iterations.

    Parameters
    ----------
    n_components : int, default=50
        Components of every source.
    n_layers : int, default=10
        Iterations :math:`L`.
    n_untied : int, default=None
        How many of them, :math:`C`, the last ones, have components of their own: all by default,
        which separates best. With 0 only those that the masks are made of are trained.
    beta_loss : float or str, default="kullback-leibler"
        The beta of the divergence, as in :class:`BetaNMF`. Below 0.5 gradients can be very large.
    sparsity : float, default=0.5
        Strength :math:`s` of the penalty on activations of components of norm one, at least 0:
        :math:`\lambda = s \bar x^{\beta - 1}`, where :math:`\bar x` is the mean of the training
        data.
    context : int, default=0
        How many rows before and after a row its activations are found from. Rows beyond the ends
        of a recording are silent.
    init : list, default=None
        One item for every source: a fitted factorization such as `SparseNMF`, or its components,
        of shape (n_components, (2 * context + 1) * n_features). By default `SparseNMF` learns
        `n_components` from each source.
    loss : {"signal", "mask"}, default="signal"
        What is minimized: the distance of the masked mixtures from the sources, or that of the
        masks from the ideal ones :math:`Y_j / X`, in proportion to :math:`X`.
    n_epochs : int, default=20
        How often all training rows are seen, at most. With 0 nothing is trained.
    batch_size : int, default=512
        Rows of a step.
    learning_rate : float, default=0.06
        Of the first step, on the logarithms of the components; it falls to zero in the end.
    validation_fraction : float, default=0.1
        Share of the recordings, or of the rows of the only one, at its end, by which the epoch is
        chosen whose weights are kept; 0 keeps the last ones.
    patience : int, default=5
        Training ends after more epochs than this in which the validation rows got no better.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights of the last one.
    random_state : int, RandomState instance or None, default=None
        Seed of the start, the batches and the validation share.

    Attributes
    ----------
    components_ : array of shape (n_sources * n_components, n_features)
        Those that masks are made of.
    atom_source_ : ndarray of shape (n_sources * n_components,)
        The source of every component.
    n_sources_ : int
        Number of sources.
    weights_ : dict of array
        What was trained, as logarithms: "layers" of shape (n_untied, n_sources * n_components,
        (2 * context + 1) * n_features), and "output", of the shape of `components_`.
    dictionary_ : array of shape (n_sources * n_components, (2 * context + 1) * n_features)
        Components of the first layers, of L2 norm one.
    penalty_ : float
        The weight :math:`\lambda`.
    loss_curve_ : ndarray
        The mean loss of the batches of every epoch: 1 is that of masks of zeros.
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
    SparseNMF : The same with components that are not trained, and any number of iterations.
    skbss.Separator : Trains it from recordings.

    Notes
    -----
    Without training the activations are those of ``SparseNMF(solver="mu", tol=0)`` after
    `n_layers` iterations. Rows are found by themselves, but for their context; their level matters
    as it does for `SparseNMF`: only without sparsity, or where it is that of the training data, are
    activations proportional to it.

    What is to be separated has to resemble the training data: training finds what tells these
    sources apart. Few seconds of audio become many by mixing them anew at other levels, and at
    other speeds, which the trained components need more than learned ones do.

    References
    ----------
    .. [1] J. Le Roux, J. R. Hershey and F. Weninger, "Deep NMF for speech separation", ICASSP 2015
       (eq. 9 to 13; logarithms and Adam take the place of multiplicative back-propagation).
    .. [2] F. Weninger, J. Le Roux, J. R. Hershey and S. Watanabe, "Discriminative NMF and its
       application to single-channel source separation", Interspeech 2014 (the loss).

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import DeepUnfoldedNMF
    >>> rng = np.random.default_rng(0)
    >>> H = rng.gamma(0.3, size=(2, 4, 30))
    >>> sources = rng.gamma(0.3, size=(400, 2, 1, 4)) @ H
    >>> sources = sources[:, :, 0]
    >>> mixtures = sources.sum(axis=1)
    >>> network = DeepUnfoldedNMF(4, n_epochs=0, random_state=0)
    >>> untrained = network.fit(mixtures[:300], sources[:300]).score(mixtures[300:], sources[300:])
    >>> network.set_params(n_epochs=20, batch_size=64)
    DeepUnfoldedNMF(batch_size=64, n_components=4, random_state=0)
    >>> trained = network.fit(mixtures[:300], sources[:300]).score(mixtures[300:], sources[300:])
    >>> trained > untrained
    True
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "n_untied": [Interval(Integral, 0, None, closed="left"), None],
        "beta_loss": [StrOptions(set(BETA_LOSSES)), Real],
        "sparsity": [Interval(Real, 0, None, closed="left")],
        "context": [Interval(Integral, 0, None, closed="left")],
        "init": [list, tuple, None],
        "loss": [StrOptions({"signal", "mask"})],
        "n_epochs": [Interval(Integral, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "patience": [Interval(Integral, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
    }

    _accepts_sparse = False

    def __init__(
        self,
        n_components=50,
        *,
        n_layers=10,
        n_untied=None,
        beta_loss="kullback-leibler",
        sparsity=0.5,
        context=0,
        init=None,
        loss="signal",
        n_epochs=20,
        batch_size=512,
        learning_rate=0.06,
        validation_fraction=0.1,
        patience=5,
        warm_start=False,
        random_state=None,
    ):
        self.n_components = n_components
        self.n_layers = n_layers
        self.n_untied = n_untied
        self.beta_loss = beta_loss
        self.sparsity = sparsity
        self.context = context
        self.init = init
        self.loss = loss
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.warm_start = warm_start
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, lengths=None, targets=None):
        """Learn a dictionary of every source, and train the layers.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Mixtures: non-negative, complete. With more than two axes, those before the last two
            count recordings.
        y : array-like of shape (..., n_sources, n_features)
            What every source is in every row of X: non-negative.
        lengths : list of int, default=None
            Numbers of rows of the recordings that lie below each other in a matrix X.
        targets : array-like of shape (..., n_sources, n_features), default=None
            What masks times X shall come close to, where this is not y. Of spectrograms, those
            parts of the sources that are in phase with the mixture, which may be negative.

        Returns
        -------
        self : DeepUnfoldedNMF
            The fitted estimator.

        Raises
        ------
        ValueError
            If X or y are negative, infinite or NaN, or shapes do not go together; if a source is
            silent everywhere, if `init` does not fit, or if `n_untied` exceeds `n_layers`.
        FloatingPointError
            If the numbers overflow; a smaller `learning_rate` helps, or a `beta_loss` of 1.
        """
        anew = not (self.warm_start and hasattr(self, "weights_"))
        self._train(X, y, lengths, targets, anew=anew, n_epochs=self.n_epochs, decays=True)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, lengths=None, targets=None):
        """Train for one more epoch on these examples, at the learning rate of the first step.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Mixtures, as in `fit`.
        y : array-like of shape (..., n_sources, n_features)
            Their sources. Those of the first call also make up the dictionaries.
        lengths : list of int, default=None
            As in `fit`.
        targets : array-like of shape (..., n_sources, n_features), default=None
            As in `fit`.

        Returns
        -------
        self : DeepUnfoldedNMF
            The fitted estimator. Nothing is held back for validation.
        """
        anew = not hasattr(self, "weights_")
        self._train(X, y, lengths, targets, anew=anew, n_epochs=1, decays=False)
        return self

    def transform(self, X, lengths=None):
        """Find the activations of mixtures.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Mixtures.
        lengths : list of int, default=None
            Numbers of rows of the recordings in a matrix X, which matter with `context`.

        Returns
        -------
        W : array of shape (..., n_sources * n_components)
            After the last layer; zeros for a silent row.
        """
        check_is_fitted(self)
        checked = self._check_input(X, None, reset=False, lengths=lengths)
        W, _, _ = self._activations(checked)
        return W.reshape(*checked.leading, W.shape[-1])

    def predict(self, X, lengths=None):
        """Separate mixtures.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Mixtures.
        lengths : list of int, default=None
            As in `transform`.

        Returns
        -------
        sources : array of shape (..., n_sources, n_features)
            The mixtures under the masks. They add up to X.
        """
        check_is_fitted(self)
        checked = self._check_input(X, None, reset=False, lengths=lengths)
        sources = self._separated(checked)
        return sources.reshape(*checked.leading, *sources.shape[1:])

    def score(self, X, y, lengths=None):
        """How much of the energy of the sources is explained.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Mixtures.
        y : array-like of shape (..., n_sources, n_features)
            Their sources.
        lengths : list of int, default=None
            As in `transform`.

        Returns
        -------
        score : float
            One minus the energy of the difference between what is separated and the sources, over
            that of the sources; at most 1.
        """
        check_is_fitted(self)
        checked = self._check_input(X, None, reset=False, lengths=lengths)
        y = np.asarray(self._check_sources(y, checked, "y"), np.float64)
        self._check_number(y)
        distance = np.square(np.asarray(self._separated(checked), np.float64) - y).sum()
        energy = np.square(y).sum()
        if energy == 0:
            raise ValueError("All sources in y are silent: there is no energy to explain.")
        return float(1 - distance / energy)

    def _train(self, X, y, lengths, targets, *, anew, n_epochs, decays):
        # Optax, which only training needs, takes longer to load than all the rest.
        from skbss._kernels.unfolded_training import Examples
        from skbss.factorization._unfolded_training import Recipe, begin, go_on, train

        if self._n_trained() > self.n_layers:
            raise ValueError(f"n_untied={self.n_untied} must not exceed n_layers={self.n_layers}.")
        checked = self._check_input(X, None, reset=anew, lengths=lengths)
        y = self._check_sources(y, checked, "y")
        wanted = y if targets is None else self._check_sources(targets, checked, "targets")
        if wanted.shape != y.shape:
            raise ValueError(f"targets must have the shape of y, {y.shape}, got {wanted.shape}.")
        rng = check_random_state(self.random_state)
        if anew:
            self._begin(checked, y, rng)
        self._check_number(y)
        xp = jnp if is_jax_array(checked.X) else np
        dtype = self.dictionary_.dtype
        with precision(dtype):
            # Put there once: every step would copy what is not.
            examples, held = jax.tree.map(
                jnp.asarray,
                (
                    Examples(
                        self._frames(checked, xp),
                        self._scaled(xp.moveaxis(wanted, 1, 0), xp),
                        self._atoms(),
                    ),
                    self._held(xp),
                ),
            )
            weights = self._weights()
            course = begin(weights) if anew else go_on(weights, self._memory)
            if not anew:
                course.losses = self.loss_curve_.tolist()
                course.validation_losses = self.validation_curve_.tolist() if decays else []
            recipe = Recipe(
                self._unfolding(),
                self.loss,
                n_epochs,
                self.batch_size,
                float(self.learning_rate),
                self.patience,
                decays,
            )
            rows = held_back(checked.lengths, self.validation_fraction if decays else 0, rng)
            train(course, held, examples, rows, recipe, rng)
            self._keep(course, xp)
        self._refuse_overflow(np.asarray(self.components_), 0.0)

    def _begin(self, checked, y, rng):
        """The untrained network."""
        H, sources = self._starting_components(checked, y, rng)
        self._mean = mean_of(checked.X, None) or 1.0
        self.penalty_ = float(self.sparsity * relative_power(self._mean, self._beta - 1))
        self.n_sources_ = y.shape[1]
        self.atom_source_ = sources
        self.dictionary_ = H
        n_features = checked.X.shape[1]
        center = H[:, self.context * n_features : (self.context + 1) * n_features]
        xp = jnp if is_jax_array(H) else np
        with precision(H.dtype):
            layers = self._unfolding().untrained(jnp.asarray(H), self.n_layers, self._n_trained())
            self.weights_ = {name: xp.asarray(one) for name, one in layers.items()}
        self.weights_["output"] = xp.log(center)
        self.components_ = center
        self.loss_curve_ = self.validation_curve_ = np.array([])
        self.n_iter_ = 0

    def _starting_components(self, checked, y, rng):
        """Components of norm one, without zeros, and the source of each."""
        xp = jnp if is_jax_array(checked.X) else np
        n_sources, width = y.shape[1], (2 * self.context + 1) * y.shape[2]
        if self.init is not None and len(self.init) != n_sources:
            raise ValueError(
                f"init must have one item for each of the {n_sources} sources of y, got "
                f"{len(self.init)}."
            )
        dictionaries = []
        for source in range(n_sources):
            if not float(y[:, source].max()) > 0:
                raise ValueError(
                    f"Source {source} of y is silent in all rows: nothing can be learned about it."
                )
            if self.init is None:
                frames = frames_of(y[:, source], checked.lengths, self.context, xp)
                rows = _some_rows(y[:, source], _STARTING_ROWS * self.n_components, rng)
                stacked = frames.X[frames.neighbors[rows]].reshape(len(rows), width)
                model = SparseNMF(
                    self.n_components,
                    beta_loss=self.beta_loss,
                    sparsity=self.sparsity,
                    init="random",
                    tol=0,
                    max_iter=_STARTING_ITERATIONS,
                    random_state=rng.randint(np.iinfo(np.int32).max),
                )
                H = model.fit(stacked).components_
            else:
                H = self._given_components(source, width, xp, checked.X.dtype)
            dictionaries.append(H)
        sizes = [len(H) for H in dictionaries]
        H = xp.concatenate(dictionaries)
        peak = H.max(axis=1, keepdims=True)
        H = xp.where(peak > 0, H / xp.where(peak > 0, peak, 1), 1)
        H = xp.maximum(H, xp.asarray(_SMALLEST, H.dtype))
        H = H / xp.sqrt(xp.square(H).sum(axis=1, keepdims=True))
        return H, np.repeat(np.arange(n_sources), sizes)

    def _given_components(self, source, width, xp, dtype):
        given = self.init[source]
        H = np.asarray(getattr(given, "components_", given), dtype)
        if H.ndim != 2 or H.shape[1] != width:
            raise ValueError(
                f"init[{source}] must be components of shape (n_components, {width}), or a fitted "
                f"factorization that has such, got shape {H.shape}."
            )
        if not (np.isfinite(H).all() and (H >= 0).all()):
            raise ValueError(f"init[{source}] must be finite and non-negative.")
        return xp.asarray(H)

    def _check_sources(self, y, checked, name):
        """Of shape (n_rows, n_sources, n_features), in the precision of X."""
        xp = jnp if is_jax_array(checked.X) else np
        y = xp.asarray(movable(y, checked.X) if is_jax_array(y) else np.asarray(y))
        if y.ndim != len(checked.leading) + 2 or (*y.shape[:-2], y.shape[-1]) != (
            *checked.leading,
            checked.X.shape[1],
        ):
            wanted = ", ".join([*map(str, checked.leading), "n_sources", str(checked.X.shape[1])])
            raise ValueError(f"{name} must have the shape ({wanted}), got {y.shape}.")
        if not np.issubdtype(y.dtype, np.number) or np.issubdtype(y.dtype, np.complexfloating):
            raise ValueError(f"{name} must hold real numbers, got {y.dtype}.")
        y = y.reshape(-1, *y.shape[-2:]).astype(checked.X.dtype)
        if not bool(xp.isfinite(y).all()):
            raise ValueError(f"{name} must be finite, but holds NaN or infinity.")
        if name == "y" and bool((y < 0).any()):
            raise ValueError(
                "y must be non-negative; what masks shall come close to, and may be negative, are "
                "the targets."
            )
        return y

    def _check_number(self, y):
        if y.shape[1] != self.n_sources_:
            raise ValueError(
                f"y holds {y.shape[1]} sources, but the network separates {self.n_sources_}."
            )

    def _atoms(self):
        return atom_table(self.atom_source_, self.n_sources_)

    def _weights(self):
        layers = {name: one for name, one in self.weights_.items() if name != "output"}
        return Weights(layers, self.weights_["output"])

    def _unfolding(self):
        return Multiplicative(step_rule("mu", self._beta, quadratic=False))

    def _n_trained(self):
        return self.n_layers if self.n_untied is None else self.n_untied

    def _level(self):
        """At which the kernels take the components, so that the floor is small beside them."""
        return float(self.dictionary_.mean())

    def _scaled(self, X, xp):
        """As the kernels take it: divided by the mean of what was learned from."""
        dtype = self.dictionary_.dtype
        return X.astype(dtype) / xp.asarray(self._mean, dtype)

    def _frames(self, checked, xp):
        return frames_of(self._scaled(checked.X, xp), checked.lengths, self.context, xp)

    def _held(self, xp):
        dtype = self.dictionary_.dtype
        level = self._level()
        return Held(
            xp.asarray(self.dictionary_ / level, dtype),
            for_kernels(np.full(len(self.dictionary_), 1 / level), dtype),
            for_kernels(self.sparsity / level, dtype),
            for_kernels(floor_of(dtype, self._beta), dtype),
            for_kernels(self.n_layers - self._n_trained(), np.int32),
        )

    def _keep(self, course, xp):
        layers, output = jax.tree.map(xp.asarray, course.weights)
        self.weights_ = {**layers, "output": output}
        self.components_ = xp.exp(output)
        self._memory = jax.tree.map(np.asarray, course.training.memory)
        self.loss_curve_ = np.array(course.losses)
        self.validation_curve_ = np.array(course.validation_losses)
        self.n_iter_ = len(course.losses)

    def _activations(self, checked, H=None):
        X, dtype = checked.X, self.dictionary_.dtype
        xp = jnp if is_jax_array(X) else np
        unfolding = self._unfolding()
        n_rows = len(X)
        size = min(bucket(n_rows), _ROWS_AT_ONCE)
        with precision(dtype):
            frames = self._frames(checked, xp)
            weights, held = self._weights(), self._held(xp)
            parts = []
            for start in range(0, n_rows, size):
                rows = np.minimum(np.arange(start, start + size), n_rows - 1).astype(np.int32)
                W = unfolded_rows(weights, held, frames, rows, unfolding=unfolding)
                parts.append(xp.asarray(W)[: n_rows - start])
            gain = xp.asarray(self._mean / self._level(), dtype)
            W = (xp.concatenate(parts) * gain).astype(X.dtype)
        return W, True, self.n_layers

    def _separated(self, checked):
        """The sources of every row, in shape (n_rows, n_sources, n_features)."""
        W, _, _ = self._activations(checked)
        xp = jnp if is_jax_array(checked.X) else np
        with precision(W.dtype):
            H = xp.asarray(self.components_, W.dtype)
            models = source_models(W, H, self._atoms())
            masks = xp.asarray(soft_masks(models, for_kernels(1, W.dtype)))
        return xp.moveaxis(masks * checked.X, 0, 1)

    def _allows_missing(self):
        return False

    @staticmethod
    def _refuse_missing(X, weights):
        if has_missing(X):
            raise ValueError("Input X contains NaN, which DeepUnfoldedNMF does not handle.")


def _some_rows(y, most, rng):
    """At most so many that are not silent, drawn where there are more."""
    heard = np.flatnonzero(np.asarray((y > 0).any(axis=1)))
    return heard if len(heard) <= most else np.sort(rng.choice(heard, most, replace=False))
