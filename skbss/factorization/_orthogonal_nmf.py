"""Non-negative matrix factorization with components that share no feature."""

from copy import copy

import jax.numpy as jnp
import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import StrOptions

from skbss._kernels.disjoint_supports import best_activations, heard_activations
from skbss._kernels.penalties import ElasticNet, Prices
from skbss._runtime.callbacks import with_callbacks
from skbss._runtime.device import is_jax_array, movable, precision
from skbss._runtime.loop import fetch
from skbss.factorization._distinct_features import distinct_features
from skbss.factorization._joint_base import JointNMF
from skbss.factorization._normalized import norms_of
from skbss.factorization._observations import compute_dtype, floor_of, observe
from skbss.factorization._row_base import RowNMF
from skbss.factorization._solvers import disjoint_bounds
from skbss.factorization._start import start_factors


class OrthogonalNMF(JointNMF, RowNMF):
    r"""Non-negative matrix factorization with components that share no feature.

    Minimizes the divergence of :class:`BetaNMF` under a constraint that holds exactly,

    .. math::

        \min_{W \ge 0,\, H \ge 0} \sum_{n,f} m_{nf}\, d_\beta(x_{nf} \mid [W H]_{nf})
        \quad \text{with} \quad H H^\top = I .

    Non-negative rows are orthogonal where none of them has a feature that another one has: every
    feature belongs to one component at most, and :math:`H` is a clustering of the features, in
    which each is a multiple of the activations of its cluster. For beta 2 that is a weighted
    spherical k-means [1]_. To put every sample into one cluster instead, factorize ``X.T``.

    Take :class:`StructuredNMF` with ``orthogonality`` where components shall overlap little rather
    than not at all, which is the better model of most sound: two instruments sound in the same
    bins. This one is for features that are to be told apart: bands, sensors, words.

    Parameters
    ----------
    n_components : int or {"auto"} or None, default="auto"
        Number of components. None keeps one for every feature; "auto" takes the number from a
        custom W or H, and else does the same. More than there are features are left without any.
    init : {"k-means++", "random", "custom"}, default="k-means++"
        Where the search starts.

        - "k-means++": from the activations of features that are drawn to be unlike each other.
        - "random": from random activations.
        - "custom": from the activations `W` given to ``fit``, or from the best ones for the
          components `H`, of which a feature goes to the one with its largest entry. Either decides
          what the other one is, so only one of them is taken.
    beta_loss : float or str, default="kullback-leibler"
        The beta of the divergence: any real number, or "frobenius" for 2, "kullback-leibler" for 1,
        "itakura-saito" for 0; zeros in the data are taken as in :class:`BetaNMF`.
    tol : float, default=1e-4
        When to stop: when ten iterations lowered the square root of the loss by less than `tol`
        times its first value. 0 goes on to `max_iter` and does not warn there.
    max_iter : int, default=200
        Iterations at most. ``transform`` takes none.
    n_init : int, default=1
        Number of starts, of which the fit with the lowest objective is kept; more than one needs
        an `init` that draws. There are many local minima, as in k-means: take ten, or more.
    random_state : int, RandomState instance or None, default=None
        Seed of the starts.
    verbose : int, default=0
        Whether to print the loss every ten iterations.

    Attributes
    ----------
    components_ : array of shape (n_components, n_features)
        The learned H, of the kind (NumPy or JAX) and precision of the data: rows of L2 norm one,
        so that activations carry the level of the data, or of zeros, if there is nothing left to
        explain.
    labels_ : ndarray of shape (n_features,)
        The component of every feature; -1 for one that has none: below beta 2 those are the ones
        that are nowhere above 1e-12 of the mean of the data, else those that are zero everywhere.
    n_components_ : int
        Number of components.
    reconstruction_err_ : float
        ``sqrt(2 * D)`` of the training data and ``W @ components_``, over the entries that were
        observed.
    n_iter_ : int
        Iterations that the fit took, from the start that is kept.
    loss_curve_ : array of shape (n_checks,)
        The objective of the first components for the activations of the start, and at iterations
        10, 20 …; but for rounding it never rises. No constant is added to the model in it, so that
        exact zeros in the data count otherwise than in `reconstruction_err_` for beta below 0.5.
    restart_losses_ : array of shape (n_init,)
        The objective that every start led to, of which the lowest is that of the fit.
    restart_components_ : list of n_init arrays of the shape of `components_`
        The components that every start led to: `skbss.metrics.component_stability` tells how alike
        they are.
    n_features_in_ : int
        Number of features: the last axis of the training data.
    feature_names_in_ : array of shape (n_features,)
        Their names, if they are strings.

    See Also
    --------
    StructuredNMF : Charges for what components share, and lets them.
    BetaNMF : Without the constraint.

    Notes
    -----
    An iteration puts every feature where it costs least and finds its entry, then finds all
    activations. Both are minima in closed form for every beta: for a feature of component k

    .. math::

        h_{kf} = \frac{\sum_n m_{nf}\, x_{nf}\, w_{nk}^{\beta - 1}}
                      {\sum_n m_{nf}\, w_{nk}^\beta} ,
        \qquad
        D_k = \sum_n \frac{m_{nf}\, x_{nf}^\beta}{\beta (\beta - 1)}
          - \frac{\big(\sum_n m_{nf}\, x_{nf}\, w_{nk}^{\beta - 1}\big)^\beta
                  \big(\sum_n m_{nf}\, w_{nk}^\beta\big)^{1 - \beta}}{\beta (\beta - 1)}

    (and the limits for beta 0 and 1), and for activations the same over the features of a
    component. So the objective never rises, which the multiplicative updates for orthogonal
    components [2]_ [3]_ do not grant. For beta 2 it is algorithm 1 of [1]_ with one step of the
    power method in an iteration. A component that loses its last feature starts anew from the
    feature that is explained worst, which can not raise the objective either.

    Activations are raised to 1e-12 of their mean while components are learned (in float32 for up
    to 1e-7, if beta is below -0.3). ``transform`` solves for each row by itself and exactly.
    Components can not be held: known ones that overlap would leave no feature to others. Results
    do not depend on the level of the data: ``c * X`` has the same components.

    References
    ----------
    .. [1] F. Pompili, N. Gillis, P.-A. Absil and F. Glineur, "Two algorithms for orthogonal
       nonnegative matrix factorization with application to clustering", Neurocomputing 141, 2014,
       arXiv:1201.0901 (EM-like algorithm, for beta 2).
    .. [2] S. Choi, "Algorithms for orthogonal nonnegative matrix factorization", IJCNN 2008.
    .. [3] C. Ding, T. Li, W. Peng and H. Park, "Orthogonal nonnegative matrix t-factorizations for
       clustering", KDD 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import OrthogonalNMF
    >>> rng = np.random.default_rng(0)
    >>> parts = np.kron(np.eye(3), [[3, 2, 1, 1]])
    >>> X = rng.poisson(10 * rng.gamma(1, size=(50, 3)) @ parts)
    >>> model = OrthogonalNMF(3, n_init=10, random_state=0).fit(X)
    >>> H = model.components_
    >>> np.allclose(H @ H.T, np.eye(3), atol=1e-12), int((H > 0).sum())
    (True, 12)
    >>> [len(set(model.labels_[first : first + 4])) for first in (0, 4, 8)]
    [1, 1, 1]
    """

    _works_by_shares = True

    _parameter_constraints: dict = {
        **{
            name: allowed
            for name, allowed in JointNMF._parameter_constraints.items()
            if name != "fixed_components"
        },
        "init": [StrOptions({"k-means++", "random", "custom"})],
    }

    _accepts_sparse = False
    fixed_components = None

    def __init__(
        self,
        n_components="auto",
        *,
        init="k-means++",
        beta_loss="kullback-leibler",
        tol=1e-4,
        max_iter=200,
        n_init=1,
        random_state=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.init = init
        self.beta_loss = beta_loss
        self.tol = tol
        self.max_iter = max_iter
        self.n_init = n_init
        self.random_state = random_state
        self.verbose = verbose

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, W=None, H=None, weights=None):
        """Learn the components of data.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Non-negative training data, dense; NaN where not observed.
        y : None
            Not used; it is there by convention.
        W : array-like of shape (n_samples, n_components), default=None
            Where the activations start if ``init="custom"``.
        H : array-like of shape (n_components, n_features), default=None
            Where the components start if ``init="custom"`` and W is not given.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry in the divergence; None for 1 everywhere.

        Returns
        -------
        self : object
            The estimator itself.

        Raises
        ------
        ValueError, TypeError
            As ``fit_transform``.
        """
        self._learn(X, y, W, H, weights)
        return self

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None, W=None, H=None, weights=None):
        """Learn the components of data and find its activations.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Non-negative training data, dense; NaN where not observed.
        y : None
            Not used; it is there by convention.
        W : array-like of shape (n_samples, n_components), default=None
            Where the activations start if ``init="custom"``.
        H : array-like of shape (n_components, n_features), default=None
            Where the components start if ``init="custom"`` and W is not given.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry in the divergence; None for 1 everywhere.

        Returns
        -------
        W : array of shape (..., n_components)
            The same as ``fit(X).transform(X)``.

        Raises
        ------
        ValueError
            If X has negative or infinite entries or a column without any observed entry; if
            `weights` do not broadcast to X or are negative; if W or H do not fit, or both are
            given; if `n_init` is more than 1 and nothing is drawn.
        TypeError
            If X is sparse, or W or H have another precision than X.
        FloatingPointError
            If the numbers overflow, which only a far-off `beta_loss` brings about.
        """
        learned = self._learn(X, y, W, H, weights)
        W, _, _ = self._activations(learned.checked)
        return learned.checked.returned(W)

    def _learn(self, X, y, W, H, weights, lengths=None):
        learned = super()._learn(X, y, W, H, weights, lengths)
        H = np.asarray(self.components_)
        self.labels_ = np.where(H.any(axis=0), H.argmax(axis=0), -1)
        return learned

    def _allows_missing(self):
        return True

    @property
    def _moves_zeros_because(self):
        return "decides by itself which activations are zeros: use BetaNMF(solver='mu')"

    def _choose_solver(self, *, weighted):
        return "disjoint"

    def _rows_solver(self, *, weighted):
        return "disjoint"

    def _check_start(self, X, W, H):
        if self.init == "custom":
            if W is not None and H is not None:
                raise ValueError(
                    "init='custom' of OrthogonalNMF takes W or H, and both were given: either "
                    "decides what the other one is. Leave one of them out."
                )
            if self.n_init > 1:
                raise ValueError(
                    f"n_init={self.n_init} starts would all be the same, since init='custom' draws "
                    "nothing. Use init='k-means++', init='random' or set n_init=1."
                )
        drawn = copy(self)
        if self.init != "custom":
            # There can be more components than samples.
            drawn.init = "random"
        return super(OrthogonalNMF, drawn)._check_start(X, W, H)._replace(init=self.init)

    def _start(self, given, checked, scale, random_state):
        X, weights, K = checked.X, checked.weights, given.n_components
        xp = jnp if is_jax_array(X) else np
        if given.init == "k-means++":
            smallest = max(floor_of(X.dtype, self._beta), float(np.finfo(X.dtype).tiny))
            positive = np.maximum(np.asarray(X) / X.dtype.type(scale), X.dtype.type(smallest))
            if weights is not None:
                host = fetch(weights) if is_jax_array(weights) else weights
                weights = np.broadcast_to(host[: len(X)], X.shape)
            W = distinct_features(positive, weights, K, self._beta, random_state)
        elif given.H is not None:
            H = xp.asarray(given.H)
            largest = H.argmax(axis=0)[None, :] == xp.arange(K)[:, None]
            W, _, _ = self._activations(checked, xp.where(largest, H, 0))
        elif given.W is not None:
            W = given.W
        else:
            W, _ = start_factors(given, X, weights, scale, random_state)
        W = xp.asarray(W, X.dtype)
        peaks = W.max(axis=0, keepdims=True)
        # A row of zeros would be none. The levels of the columns mean nothing.
        W = xp.maximum(W / xp.where(peaks > 0, peaks, 1), xp.asarray(1e-12, W.dtype))
        return W, xp.zeros((K, X.shape[1]), X.dtype)

    def _gains(self, H, free, scale, solver):
        norms = np.asarray(norms_of(H, 2), np.float64)
        return 1 / np.where(norms > 0, np.sqrt(scale) * norms, 1)

    def _penalty(self, shape, scale):
        return ElasticNet(0.0, 0.0, 0.0, 0.0)

    def _row_terms(self, H, scale):
        """Components of entries about one; there are no prices."""
        sizes = (H > 0).sum(axis=1, keepdims=True)
        levels = H.sum(axis=1, keepdims=True) / sizes.clip(1)
        return (jnp if is_jax_array(H) else np).where(sizes > 0, levels, 1), Prices(0.0, 0.0)

    def _solve_rows(self, solver, X, weights, H):
        xp = jnp if is_jax_array(X) else np
        beta, dtype = self._beta, compute_dtype(X.dtype, self._beta)
        with precision(dtype):
            observed = observe(X, weights, len(H), beta=beta, dtype=dtype, by_row=True)
            layout = observed.layout
            H = xp.asarray(movable(H, X), dtype)
            levels, _ = self._row_terms(H, observed.scale)
            bounds = disjoint_bounds(floor_of(dtype, beta), dtype)
            ones = layout.lay_out(np.ones((len(X), len(H)), dtype), dtype, layout.rank)
            H = layout.lay_out_components(H / levels)
            W = best_activations(observed.data, ones, H, beta=beta)
            W = layout.gather(heard_activations(observed.data, W, H, bounds), len(levels), xp)
            W = W * xp.asarray(observed.scale, dtype) / levels.reshape(-1).astype(dtype)
            return W.astype(X.dtype), True, 1
