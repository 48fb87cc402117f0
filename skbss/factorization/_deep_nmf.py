"""A hierarchy of factorizations, learned at once."""

from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import Interval

from skbss._runtime.device import precision
from skbss.factorization._beta_nmf import BetaNMF
from skbss.factorization._deep_levels import DeepLevels
from skbss.factorization._layered_base import LayeredNMF
from skbss.factorization._observations import observe, weight_sums

# Of the weights of two levels.
_LARGEST_RATIO = 1e12


class DeepNMF(LayeredNMF):
    r"""A hierarchy of components whose levels are learned together.

    The model is that of :class:`MultilayerNMF`: every level factorizes the components of the one
    before, :math:`H_{l-1} \approx W_l H_l` with :math:`H_0 = X`. But they are not learned one after
    the other. All of them minimize

    .. math::

        L = \sum_{l=1}^{L} \lambda_l\, D(H_{l-1} \mid W_l H_l), \qquad
        \lambda_l = \frac{\omega_l}{D_l^{(0)}},

    where :math:`D` is the Kullback-Leibler divergence, weighted by the weights of the entries on
    the first level, :math:`D_l^{(0)}` is that of level :math:`l` in the beginning and
    :math:`\omega` are `level_weights`, such that the components of a level are pulled towards what
    the next one can make of them. Every column of all :math:`W_l` has mean one; without it a level
    could be had for nothing, by shrinking its data.

    The start is a :class:`MultilayerNMF`.

    Parameters
    ----------
    n_components : int or list of int or {"auto"}, default="auto"
        Numbers of components :math:`r_1 > r_2 > \dots > r_L` of the levels, of which the first is
        at most ``min(n_samples, n_features)``; an integer for a single level. "auto" is half of
        that minimum, and half of that half.
    level : int, default=1
        The level, from 1 to L, whose components are ``components_``: those of which ``transform``
        finds the activations.
    level_weights : array-like of shape (L,), default=None
        The :math:`\omega_l`, above 0: what every level adds to the objective in the beginning, the
        largest at most 1e12 times the smallest. They do not depend on the level of the data or of
        the weights of its entries. None for 1 everywhere.
    init : {"random", "nndsvd", "nndsvda", "nndsvdar"} or None, default=None
        Where the search for the start starts on every level, as in :class:`BetaNMF`.
    start_max_iter : int, default=100
        Iterations on every level of the start, at most.
    solver : {"auto", "mu"}, default="auto"
        How the start, and ``transform``, minimize the divergence, as in :class:`BetaNMF`: by
        multiplicative updates, "auto" with momentum. Sweeps over all levels have no momentum.
    beta_loss : {"kullback-leibler"} or 1, default="kullback-leibler"
        The divergence. For no other one components that are data and model at a time have a known
        update: use :class:`MultilayerNMF`.
    tol : float, default=1e-4
        When to stop: when ten sweeps lowered the square root of the objective by less than `tol`
        times its first value, as in :class:`BetaNMF`; 0 goes on to `max_iter` and does not warn
        there.
    max_iter : int, default=500
        Sweeps over all levels at most, and iterations of ``transform``.
    random_state : int, RandomState instance or None, default=None
        Seed of random starts.
    verbose : int, default=0
        Whether to print the loss every ten iterations.

    Attributes
    ----------
    components_ : array of shape (n_components, n_features)
        The components of `level`, of the kind (NumPy or JAX) and precision of the data.
    n_components_ : int
        Their number.
    layers_ : list of L tuples
        For every level the named tuple ``(activations, components)``, :math:`W_l` and :math:`H_l`,
        as in :class:`MultilayerNMF`.
    parents_ : ndarray of shape (n_components,)
        The component of the last level that makes up most of each of ``components_``, from 0.
    level_losses_ : ndarray of shape (L,)
        The divergence of every level from its data.
    level_weights_ : ndarray of shape (L,)
        The :math:`\lambda_l`.
    loss_curve_ : ndarray of shape (n_checks,)
        The objective at the start and after 10, 20 … sweeps, and the last one. It begins with the
        sum of `level_weights`.
    reconstruction_err_ : float
        ``sqrt(2 * D)`` of the training data and :math:`W_1 \cdots W_l H_l`, l the `level`, over the
        entries that were observed.
    n_iter_ : int
        Sweeps over all levels, those of the start not counted.
    n_features_in_ : int
        Number of features: the last axis of the training data.
    feature_names_in_ : array of shape (n_features,)
        Their names, if they are strings.

    See Also
    --------
    MultilayerNMF : Learns the levels one by one, for every beta-divergence.

    Notes
    -----
    A sweep goes from the first level to the last. On each it brings the activations, and then the
    components, to the minimum of what bounds the objective. For the activations it is the lowest
    value of all whose columns have mean one: :math:`w = b / (a + \mu)` with a number :math:`\mu`
    for every column; without weights or missing entries, a multiplicative update divided by its
    mean. For the components it is the root of
    :math:`a - b / h + (\lambda_{l+1} / \lambda_l) \log (h / m)` in every entry, where :math:`m` is
    the model of it by the next level, a Lambert W function. So no sweep raises the objective,
    whatever zeros, weights and missing entries there are. A zero of components does not stay one
    where the next level says otherwise: it becomes :math:`m \exp(-a \lambda_l / \lambda_{l+1})`.

    Does it pay? On planted hierarchies with noise (three families of four parts, half of whose
    spectra is that of the family, counts with a mean of 1, twenty draws) the components of its last
    level are closer to the truth than those of :class:`MultilayerNMF` in every draw: a mean cosine
    of 0.90 against 0.84, and its parts more often find their family. With ten times the counts both
    are right (0.99). But a :class:`BetaNMF` of the last number of components by itself comes closer
    yet (0.986 and 0.996), and parts that are assigned to the nearest of its components
    find their family at least as often. As groups of sounds for blind separation, its families were
    worse than those of :class:`MultilayerNMF` for piano notes and speakers, and better for a band.
    It is for those who want one chain of models that agree with each other, of noisy data; not for
    a better model of any single level.

    A level that the start explains up to a hundred-millionth of its data counts as if it had left
    that much.

    References
    ----------
    .. [1] V. Leplat, L. T. K. Hien, A. Onwunta and N. Gillis, "Deep nonnegative matrix
       factorization with beta divergences", Neural Computation 36(11), 2024, arXiv:2309.08249 (the
       model without regularization; transposed: its :math:`W_l, H_l` are
       :math:`H_l^\top, W_l^\top` here).

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import DeepNMF
    >>> rng = np.random.default_rng(0)
    >>> whole = np.repeat(np.eye(2), 6, axis=1)
    >>> parts = np.repeat(np.eye(6), 2, axis=1) + 0.2 * np.repeat(whole, 3, axis=0)
    >>> X = rng.poisson(100 * rng.gamma(0.3, size=(200, 6)) @ parts)
    >>> model = DeepNMF([6, 2], random_state=0).fit(X)
    >>> np.bincount(model.parents_)
    array([3, 3])
    >>> bool(model.loss_curve_[-1] < model.loss_curve_[0])
    True
    """

    _parameter_constraints: dict = {
        **LayeredNMF._parameter_constraints,
        "level_weights": ["array-like", None],
        "start_max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        n_components="auto",
        *,
        level=1,
        level_weights=None,
        init=None,
        start_max_iter=100,
        solver="auto",
        beta_loss="kullback-leibler",
        tol=1e-4,
        max_iter=500,
        random_state=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.level = level
        self.level_weights = level_weights
        self.init = init
        self.start_max_iter = start_max_iter
        self.solver = solver
        self.beta_loss = beta_loss
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state
        self.verbose = verbose

    def _check_solver(self):
        if self._beta != 1:
            raise ValueError(
                "beta_loss of DeepNMF must be 'kullback-leibler' or 1, the only divergence for "
                "which components that are data and model at a time have a known update; got "
                f"{self.beta_loss!r}. Use MultilayerNMF, which learns one level after the other."
            )

    def _check_level_weights(self, n_levels):
        if self.level_weights is None:
            return np.ones(n_levels)
        try:
            weights = np.asarray(self.level_weights, float)
        except (TypeError, ValueError):
            weights = np.empty(0)
        if weights.shape != (n_levels,) or not ((weights > 0) & np.isfinite(weights)).all():
            raise ValueError(
                f"level_weights must be {n_levels} numbers above 0, one for every level; got "
                f"{self.level_weights!r}."
            )
        if weights.max() / _LARGEST_RATIO > weights.min():
            raise ValueError(
                f"level_weights must not differ by a factor of more than {_LARGEST_RATIO:.0e}, "
                f"beyond which the lesser level has no influence; got {self.level_weights!r}."
            )
        return weights

    def _learn_layers(self, checked, ranks):
        shares = self._check_level_weights(len(ranks))
        start, _, _ = self._one_by_one(
            checked, ranks, way=_Start, solver=self.solver, max_iter=self.start_max_iter
        )
        completed = checked.completed()
        X, weights = completed.X, completed.weights
        with precision(X.dtype):
            observed = observe(X, weights, ranks[0], beta=1.0, dtype=X.dtype)
            levels = DeepLevels(
                observed,
                ranks,
                tol=float(self.tol),
                max_iter=self.max_iter,
                # The mean of what is observed is taken out.
                total=float(weight_sums(X, weights, 1).sum()),
                dtype=X.dtype,
            )
            # Silence is explained.
            fit = levels.solve(start, shares, self.verbose, at_rest=bool(observed.silent))
        self.layers_, self.n_iter_ = fit.layers, fit.n_iter
        self.level_losses_ = fit.divergences
        self.level_weights_, self.loss_curve_ = fit.weights, np.array(fit.losses)
        if not fit.converged:
            self._warn_not_converged(self.max_iter)


class _Start(BetaNMF):
    """What sweeps go on from need not have converged."""

    @staticmethod
    def _warn_not_converged(max_iter):
        pass
