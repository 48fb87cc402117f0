"""Non-negative matrix factorization with a regressor that predicts activations."""

from copy import copy
from numbers import Real

import jax.numpy as jnp
import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _num_samples, check_is_fitted

from skbss._kernels.penalties import ElasticNet
from skbss._runtime.callbacks import with_callbacks
from skbss._runtime.device import is_jax_array, movable, precision
from skbss.factorization._activation_regression import ActivationRegression, predicted_activations
from skbss.factorization._beta_nmf import BetaNMF
from skbss.factorization._content_sweeps import activations_near, couple
from skbss.factorization._divergence import Misfit, joint_objective, relative_power
from skbss.factorization._elastic_net import ElasticNetNMF
from skbss.factorization._joint import Watch
from skbss.factorization._joint_base import JointNMF
from skbss.factorization._normalized import norms_of
from skbss.factorization._observations import compute_dtype, mean_of, observe, weight_sums

# Without a prediction: enough to tell the rows apart.
_FIRST_ITERATIONS = 20


class _FirstPhase:
    """Callbacks of a fit that goes on."""

    def __init__(self, callbacks):
        self._callbacks, self.active, self.stopped = callbacks, callbacks.active, False
        self.begin = callbacks.begin

    def end(self, attributes):
        self.stopped = bool(self._callbacks.end(attributes))
        return self.stopped

    def finish(self, attributes):
        """Something follows."""


def _was_told(model):
    if not hasattr(model, "regressor_"):
        raise AttributeError(
            "This ContentAwareNMF has no predict: it was not fitted, or without side_information."
        )
    return True


class ContentAwareNMF(ElasticNetNMF, JointNMF):
    r"""Non-negative matrix factorization with a regressor that predicts activations.

    Rows of a matrix are often known by more than their entries: songs that users listened to by
    their sound, films by their genre, documents by their authors. This factorization learns
    activations together with a regressor that predicts them from such side information,

    .. math::

        \min_{W \ge 0,\, H \ge 0,\, g} \sum_{n,f} m_{nf}\, d_\beta(x_{nf} \mid [W H]_{nf})
        + \frac{\lambda}{2} \sum_k \|h_k\|_2^2 \sum_n \big(w_{nk} - g_k(u_n)\big)^2 ,

    over :math:`W` (activations, ``transform(X)``), :math:`H` (``components_``) and the regressor
    :math:`g` (``regressor_``), where :math:`u_n` is the side information about row n,
    :math:`d_\beta` the beta-divergence of :class:`BetaNMF` and :math:`m` the weights of entries
    (0 where X is NaN). Rows of which few entries were observed lean on their side information, and
    ``predict`` tells what rows look like of which there is nothing else.

    The strength :math:`\lambda` is `coupling` times :math:`\bar x^{\beta - 2}` for data of mean
    :math:`\bar x`, so that its level does not matter. With 0 it is :class:`BetaNMF`, and a
    regressor that is fitted to its activations; with much, :math:`W = g(U)`.

    Parameters
    ----------
    n_components : int or {"auto"} or None, default="auto"
        Number of components. None keeps one for every feature; "auto" takes the number from a
        custom H, and else does the same.
    regressor : scikit-learn regressor or None, default=None
        What predicts activations from side information: cloned, and fitted anew every ten
        iterations; one with ``warm_start=True`` goes on from its last fit. One that predicts a
        single output is fitted for every component. None stands for
        :class:`sklearn.linear_model.Ridge`. One that reproduces what it was fitted to, such as
        nearest neighbors with one of them or a tree that is not pruned, asks nothing of
        activations, whatever the `coupling`.
    coupling : float, default=0.3
        How close activations are to what is predicted, at least 0; for beta 2 the weight of a
        squared distance in units of the data beside that of an entry.
    init : {"random", "nndsvd", "nndsvda", "nndsvdar", "custom"} or None, default=None
        Where the search starts, as in :class:`BetaNMF`.
    solver : {"auto", "cd", "mu"}, default="auto"
        How the objective is minimized before there is anything to predict, as in :class:`BetaNMF`.
        After that it is by majorize-minimize updates.
    beta_loss : float or str, default="frobenius"
        The beta of the divergence: any real number, or "frobenius" for 2, "kullback-leibler" for 1,
        "itakura-saito" for 0; zeros in the data are taken as in :class:`BetaNMF`.
    tol : float, default=1e-4
        When to stop. Before anything is predicted, as :class:`BetaNMF`; then, and for a row in
        ``transform``, when ten iterations lowered the square root of the objective by less than
        `tol` times its first value. 0 goes on to `max_iter` and does not warn there.
    max_iter : int, default=200
        Iterations at most, and again in ``transform``. Before there is a first prediction, 20 at
        most, if `coupling` is above 0.
    n_init : int, default=1
        Number of random starts, of which the one with the lowest divergence goes on.
    random_state : int, RandomState instance or None, default=None
        Seed of random starts and of a regressor that has none of its own.
    verbose : int, default=0
        Whether to print the loss of the first iterations, those without a prediction, every ten.

    Attributes
    ----------
    components_ : array of shape (n_components, n_features)
        The learned H, of the kind (NumPy or JAX) and precision of the data.
    regressor_ : estimator
        The fitted regressor. It predicts activations times the L2 norms of their components,
        divided by the mean of these. Not there after a fit without side information.
    n_components_ : int
        Number of components.
    reconstruction_err_ : float
        ``sqrt(2 * D)`` of the training data and ``W @ components_``, over the entries that were
        observed, with the W that was learned along with the components.
    n_iter_ : int
        Iterations that the fit took after the first prediction; without side information, all.
    loss_curve_ : array of shape (n_checks,)
        The objective after the first prediction and ten, 20 … iterations later: it never rises.
        Without side information as in :class:`BetaNMF`.
    restart_losses_ : array of shape (n_init,)
        The divergence that every start led to before anything was predicted.
    restart_components_ : list of n_init arrays of the shape of `components_`
        The components that every start led to.
    n_features_in_ : int
        Number of features: the last axis of the training data.
    feature_names_in_ : array of shape (n_features,)
        Their names, if they are strings.

    See Also
    --------
    BetaNMF : Without side information.

    Notes
    -----
    An iteration is a sweep over W, then H, that minimizes a bound of the objective, so that it can
    not rise for any beta: what is predicted adds :math:`\lambda \|h_k\|^2 g_k(u_n)` to the
    numerator of the multiplicative update of :math:`w_{nk}`, and :math:`\lambda \|h_k\|^2 w_{nk}`
    to its denominator, under the exponent for quadratic penalties (for beta 1 there is the exact
    root instead). For beta 2 and components of norm one that is the update of [1]_. A new
    regressor replaces the one before only if its predictions are closer to W, so that the
    objective falls for any kind. Predictions below zero count as zero.

    [1]_ penalizes the distance of activations without the norms of components. Activations and
    predictions could then shrink together, while components grow, until there is no penalty left.

    References
    ----------
    .. [1] P. Magron and C. Févotte, "Neural content-aware collaborative filtering for cold-start
       music recommendation", Data Mining and Knowledge Discovery 36, 2022.

    Examples
    --------
    Activations depend on two properties of a row, and half of all entries are missing:

    >>> import numpy as np
    >>> from skbss import ContentAwareNMF
    >>> rng = np.random.default_rng(0)
    >>> U = rng.random((60, 2))
    >>> X = np.c_[U, U.sum(axis=1)] @ rng.random((3, 8))
    >>> seen = np.where(rng.random((50, 8)) < 0.5, X[:50], np.nan)
    >>> model = ContentAwareNMF(3, random_state=0, tol=1e-3)
    >>> model = model.fit(seen, side_information=U[:50])

    Rows of which nothing is known but these properties:

    >>> error = np.abs(model.predict(U[50:]) - X[50:]).mean() / X[50:].mean()
    >>> bool(error < 0.1)
    True
    """

    _parameter_constraints: dict = {
        **{
            name: allowed
            for name, allowed in JointNMF._parameter_constraints.items()
            if name != "fixed_components"
        },
        "solver": [StrOptions({"auto", "mu", "cd"})],
        "regressor": [HasMethods(["fit", "predict"]), None],
        "coupling": [Interval(Real, 0, None, closed="left")],
    }

    _accepts_sparse = False
    fixed_components = None
    alpha_W = alpha_H = l1_ratio = 0.0
    # Side information: about the training data while it is learned from, and what it says of the
    # rows of one call.
    _about_rows = None
    _predicted = None

    def __init__(
        self,
        n_components="auto",
        *,
        regressor=None,
        coupling=0.3,
        init=None,
        solver="auto",
        beta_loss="frobenius",
        tol=1e-4,
        max_iter=200,
        n_init=1,
        random_state=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.regressor = regressor
        self.coupling = coupling
        self.init = init
        self.solver = solver
        self.beta_loss = beta_loss
        self.tol = tol
        self.max_iter = max_iter
        self.n_init = n_init
        self.random_state = random_state
        self.verbose = verbose

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None, W=None, H=None, weights=None, side_information=None):
        """Learn the components of data, and to predict their activations.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Non-negative training data, dense; NaN where not observed. Activations of rows without
            any observed entry are those predicted; nothing is learned from these rows.
        y : None
            Not used; it is there by convention.
        W : array-like of shape (n_samples, n_components), default=None
            Where the activations start if ``init="custom"``.
        H : array-like of shape (n_components, n_features), default=None
            Where the components start if ``init="custom"``.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry in the divergence; None for 1 everywhere.
        side_information : array-like of shape (n_samples, n_side_features), default=None
            What else is known of the rows of X, those before the last axis one after another:
            whatever the regressor takes, data frames included. With None it is
            :class:`BetaNMF`, and there is no ``predict``.

        Returns
        -------
        self : object
            The estimator itself.

        Raises
        ------
        ValueError, TypeError
            As ``fit_transform``.
        """
        self._learn_with(side_information, X, y, W, H, weights)
        return self

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=False)
    def fit_transform(self, X, y=None, W=None, H=None, weights=None, side_information=None):
        """Learn the components of data, and find its activations.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Non-negative training data, dense; NaN where not observed.
        y : None
            Not used; it is there by convention.
        W : array-like of shape (n_samples, n_components), default=None
            Where the activations start if ``init="custom"``.
        H : array-like of shape (n_components, n_features), default=None
            Where the components start if ``init="custom"``.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry in the divergence; None for 1 everywhere.
        side_information : array-like of shape (n_samples, n_side_features), default=None
            What else is known of the rows of X.

        Returns
        -------
        W : array of shape (..., n_components)
            The same as ``fit(X, side_information=U).transform(X, side_information=U)``; with
            ``init="custom"`` the activations that were learned along with the components.

        Raises
        ------
        ValueError
            If X has negative or infinite entries, a column without any observed entry, or NaN
            where ``solver="cd"``; if `weights` do not broadcast to X or are negative; if
            `side_information` has another number of rows than X; if W or H do not fit; if
            ``solver="cd"`` meets another `beta_loss` than 2; if `n_init` is more than 1 and
            nothing is drawn.
        TypeError
            If X is sparse, or W or H have another precision than X.
        FloatingPointError
            If the numbers overflow, or the regressor predicts none.
        """
        learned = self._learn_with(side_information, X, y, W, H, weights)
        W, checked = learned.W, learned.checked
        if not (learned.by_row or self.init == "custom"):
            W, _, _ = self._told_of(side_information, checked)._activations(checked)
        return W.reshape(*checked.leading, W.shape[-1])

    def transform(self, X, weights=None, side_information=None):
        """Find the activations of the components in new data.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Non-negative data; NaN where not observed.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry in the divergence; None for 1 everywhere.
        side_information : array-like of shape (n_samples, n_side_features), default=None
            What else is known of the rows of X. With it the objective of the fit is minimized,
            with the components and the regressor held; without it the divergence alone.

        Returns
        -------
        W : array of shape (..., n_components)
            Activations, of the kind (NumPy or JAX) and precision of X, for every row by itself; for
            a row without any observed entry those predicted, without side information zeros, with
            a warning.

        Raises
        ------
        ValueError
            If X has negative or infinite entries, another number of features than in ``fit``, or
            NaN where ``solver="cd"``; if `weights` do not broadcast to X; if `side_information`
            has another number of rows than X, or there was none in ``fit``.
        """
        check_is_fitted(self)
        checked = self._check_input(X, weights, reset=False)
        return self._told_of(side_information, checked)._transform(checked)

    @available_if(_was_told)
    def predict(self, side_information):
        """Tell what rows look like of which nothing but side information is known.

        Parameters
        ----------
        side_information : array-like of shape (n_samples, n_side_features)
            As in ``fit``, which must have been given some.

        Returns
        -------
        X_predicted : array of shape (n_samples, n_features)
            The predicted activations times ``components_``.
        """
        xp = jnp if is_jax_array(self.components_) else np
        with precision(self.components_.dtype):
            G = predicted_activations(self.regressor_, self._regressor_gains, side_information)
            return xp.asarray(G, self.components_.dtype) @ self.components_

    def score(self, X, y=None, weights=None, side_information=None):
        """Tell how well the components describe data: higher is better.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Non-negative data; NaN where not observed.
        y : array-like of shape (..., n_features), default=None
            The full matrix, read only where X is NaN: the score is then taken over these held-out
            entries alone, as in :meth:`BetaNMF.score`.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry, in the fit of the activations and in the mean.
        side_information : array-like of shape (n_samples, n_side_features), default=None
            What else is known of the rows of X, as in ``transform``.

        Returns
        -------
        score : float
            Minus the (weighted) mean beta-divergence over the entries.

        Raises
        ------
        ValueError
            If there is no entry to score, or if X has missing entries and `y` another shape.
        """
        check_is_fitted(self)
        held_out = None if y is X else y
        checked = self._check_input(X, weights, reset=False)
        return self._told_of(side_information, checked)._score(checked, held_out)

    # A column of momentum drifts in level as in BetaNMF.
    _gains = BetaNMF._gains
    _check_solver = BetaNMF._check_solver

    def _learn_with(self, side_information, X, y, W, H, weights):
        for name in ("regressor_", "_regressor_gains"):
            if hasattr(self, name):
                delattr(self, name)
        self._about_rows = side_information
        try:
            return self._learn(X, y, W, H, weights)
        finally:
            del self._about_rows

    def _told_of(self, side_information, checked):
        """The model for rows of which there is such side information."""
        if side_information is None:
            return self
        if not hasattr(self, "regressor_"):
            raise ValueError(
                "side_information was given, but there was none in fit: nothing has been learned "
                "to predict from it."
            )
        _check_rows(side_information, checked.X)
        told = copy(self)
        told._predicted = predicted_activations(
            self.regressor_, self._regressor_gains, side_information
        )
        return told

    def _iterations_at_most(self):
        return (self.n_init + (self._about_rows is not None)) * self.max_iter

    def _look_at(self, X, weights):
        if self._about_rows is not None:
            _check_rows(self._about_rows, X)
        self._level = float(mean_of(X, weights)) or 1.0

    def _penalty(self, shape, scale):
        # The one on distances is told to the sweeps that know of a prediction.
        return ElasticNet(0.0, 0.0, 0.0, 0.0)

    def _factorize(self, checked, given, callbacks):
        if self._about_rows is None:
            return super()._factorize(checked, given, callbacks)
        first = _FirstPhase(callbacks)
        beginner = copy(self)
        if self.coupling > 0:
            # Where few entries were observed, activations of most divergences run away for good.
            beginner.max_iter = min(self.max_iter, _FIRST_ITERATIONS)
        begun = super(ContentAwareNMF, beginner)._factorize(checked, given, first)
        W, H, n_iter, losses, restarts, misfit = begun
        X, beta = checked.X, self._beta
        xp, dtype = jnp if is_jax_array(X) else np, compute_dtype(X.dtype, beta)
        seen = np.asarray(weight_sums(X, checked.weights, axis=1)) > 0
        regression = ActivationRegression(self.regressor, self.random_state)

        def predict(W, H):
            return regression.learn(self._about_rows, seen, W, H)

        with precision(dtype):
            observed = self._observe_at_once(checked, len(H), dtype)
            root, loss_gain = np.sqrt(observed.scale), float(relative_power(observed.scale, beta))
            W0, H0 = (np.asarray(A, dtype) / np.asarray(root, dtype) for A in (W, H))
            if self.coupling == 0:
                predict(W0, H0)
            else:

                def attributes(H):
                    H = (xp.asarray(H) * xp.asarray(root, dtype)).astype(X.dtype)
                    return {"components_": H, "n_components_": len(H)}

                watch = Watch(
                    callbacks.begin,
                    lambda _, H, __: callbacks.end(lambda: attributes(H())),
                    closely=callbacks.active,
                )
                max_iter = 0 if first.stopped else self.max_iter
                settings = self._settings(None, dtype, len(H), max_iter)
                state = couple(observed, W0, H0, predict, settings, self.coupling, watch)
                layout = observed.layout
                W = layout.gather(state.W, layout.n_components, xp)
                H = attributes(layout.gather_components(state.H, xp))["components_"]
                W = (W * xp.asarray(root, dtype)).astype(X.dtype)
                n_iter, losses = state.n_iter, [loss * loss_gain for loss in state.losses]
                divergence, _ = joint_objective(
                    observed.data, state.W, state.H, state.penalty, beta
                )
                misfit = Misfit(max(0.0, divergence), float(observed.scale))
                self._refuse_overflow(H, divergence)
        callbacks.finish({"components_": H, "n_components_": len(H)})
        self.regressor_, self._regressor_gains = regression.regressor, regression.gains * root
        return W, H, n_iter, losses, restarts, misfit

    def _observe_at_once(self, checked, n_components, dtype, scale=None):
        """What is predicted of the rows lies beside them, so they are not cut into blocks."""
        return observe(
            checked.X,
            checked.weights,
            n_components,
            beta=self._beta,
            dtype=dtype,
            scale=scale,
            rows_per_block=checked.X.shape[0],
        )

    def _activations(self, checked, H=None):
        if self._predicted is None:
            return super()._activations(checked, H)
        if self.coupling == 0:
            W, converged, n_iter = super()._activations(checked, H)
            seen = np.asarray(weight_sums(checked.X, checked.weights, axis=1)) > 0
            xp = jnp if is_jax_array(W) else np
            W = xp.where(xp.asarray(seen)[:, None], W, xp.asarray(self._predicted, W.dtype))
            return W, converged, n_iter
        X, xp = checked.X, jnp if is_jax_array(checked.X) else np
        dtype = compute_dtype(X.dtype, self._beta)
        with precision(dtype):
            observed = self._observe_at_once(
                checked, self.components_.shape[0], dtype, scale=self._level
            )
            H = np.asarray(movable(self.components_, X), np.float64)
            norms = np.asarray(norms_of(H, 2), np.float64)
            norms = np.where(norms > 0, norms, 1)
            H = (H / norms[:, None]).astype(dtype)
            predicted = self._predicted * norms / self._level
            flat = 0.1 / max(float(H.mean()) * len(H), np.finfo(np.float32).tiny)
            start = (predicted + flat).astype(dtype)
            settings = self._settings(None, dtype, len(H), self.max_iter)
            W, n_iter, converged = activations_near(
                observed, start, H, predicted, settings, self.coupling
            )
            layout = observed.layout
            W = layout.gather(W, layout.n_components, xp)
            W = (W * xp.asarray(self._level / norms, dtype)).astype(X.dtype)
        return W, converged or self.tol == 0, n_iter

    def _clear_unobserved(self, X, weights, W):
        # A row of which nothing was observed is as predicted.
        told = self._about_rows is not None or self._predicted is not None
        return W if told else super()._clear_unobserved(X, weights, W)


def _check_rows(side_information, X):
    n_rows = _num_samples(side_information)
    if n_rows != X.shape[0]:
        raise ValueError(
            f"side_information has {n_rows} rows, but X has {X.shape[0]}: there must be one for "
            "every row of X."
        )
