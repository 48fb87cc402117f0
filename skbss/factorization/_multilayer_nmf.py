"""A hierarchy of factorizations, learned one after the other."""

from numbers import Integral

from sklearn.utils._param_validation import Interval, StrOptions

from skbss.factorization._layered_base import LayeredNMF


class MultilayerNMF(LayeredNMF):
    r"""A hierarchy of components, each level a factorization of the one before.

    Factorizes the data, then the components that it found, then theirs:

    .. math::

        X \approx W_1 H_1, \qquad H_1 \approx W_2 H_2, \qquad \dots, \qquad
        H_{L-1} \approx W_L H_L,

    each to the lowest beta-divergence of :class:`BetaNMF`, one after the other. Every level has
    fewer components than the one before. All of them lie in the space of the features, so
    :math:`X \approx W_1 W_2 \cdots W_l H_l` at every level :math:`l`: from many small parts to few
    large ones. ``layers_`` holds all :math:`W_l` and :math:`H_l`. ``components_`` are those of the
    first level, which come closest to the data, unless `level` says otherwise; and ``parents_``
    tells to which component of the last level each of them belongs.

    Parameters
    ----------
    n_components : int or list of int or {"auto"}, default="auto"
        Numbers of components :math:`r_1 > r_2 > \dots > r_L` of the levels, of which the first is
        at most ``min(n_samples, n_features)``; an integer for a single level. "auto" is half of
        that minimum, and half of that half.
    level : int, default=1
        The level, from 1 to L, whose components are ``components_``: those of which ``transform``
        finds the activations.
    init : {"random", "nndsvd", "nndsvda", "nndsvdar"} or None, default=None
        Where the search starts on every level, as in :class:`BetaNMF`.
    solver : {"auto", "cd", "mu"}, default="auto"
        How the divergence is minimized, as in :class:`BetaNMF`.
    beta_loss : float or str, default="kullback-leibler"
        The beta of the divergence: any real number, or "frobenius" for 2, "kullback-leibler" for 1,
        "itakura-saito" for 0.
    tol : float, default=1e-4
        When to stop on a level, as in :class:`BetaNMF`; 0 goes on to `max_iter` and does not warn
        there.
    max_iter : int, default=200
        Iterations at most on each level, and again in ``transform``.
    n_init : int, default=1
        Number of random starts on each level, of which the one with the lowest divergence is kept.
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
        For every level the named tuple ``(activations, components)``, that is :math:`W_l` of shape
        (r_(l-1), r_l), where r_0 is n_samples, and :math:`H_l` of shape (r_l, n_features), as they
        were learned together. Every column of activations has mean one (or is zero), such that a
        component is what it adds to the mean row of the data of its level.
    parents_ : ndarray of shape (n_components,)
        The component of the last level that makes up most of each of ``components_``, from 0.
    level_losses_ : ndarray of shape (L,)
        The divergence of every level from its data.
    reconstruction_err_ : float
        ``sqrt(2 * D)`` of the training data and :math:`W_1 \cdots W_l H_l`, l the `level`, over the
        entries that were observed.
    n_iter_ : int
        Iterations of all levels together.
    n_features_in_ : int
        Number of features: the last axis of the training data.
    feature_names_in_ : array of shape (n_features,)
        Their names, if they are strings.

    See Also
    --------
    DeepNMF : Learns all levels at once.
    BetaNMF : A single level.

    Notes
    -----
    The literature transposes: its :math:`W_l, H_l` are :math:`H_l^\top, W_l^\top` here, and what
    it calls the features of a layer are the components of a level. Missing entries and weights are
    those of the data; its components have none.

    References
    ----------
    .. [1] A. Cichocki and R. Zdunek, "Multilayer nonnegative matrix factorisation", Electronics
       Letters 42(16), 2006 (factorizations in turn).
    .. [2] V. Leplat, L. T. K. Hien, A. Onwunta and N. Gillis, "Deep nonnegative matrix
       factorization with beta divergences", Neural Computation 36(11), 2024, arXiv:2309.08249
       (where its deep model starts).

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import MultilayerNMF
    >>> rng = np.random.default_rng(0)
    >>> whole = np.repeat(np.eye(2), 6, axis=1)
    >>> parts = np.repeat(np.eye(6), 2, axis=1) + 0.2 * np.repeat(whole, 3, axis=0)
    >>> X = rng.gamma(0.3, size=(200, 6)) @ parts
    >>> model = MultilayerNMF([6, 2], random_state=0).fit(X)
    >>> [layer.components.shape for layer in model.layers_]
    [(6, 12), (2, 12)]
    >>> np.bincount(model.parents_)
    array([3, 3])
    """

    _parameter_constraints: dict = {
        **LayeredNMF._parameter_constraints,
        "solver": [StrOptions({"auto", "cd", "mu"})],
        "n_init": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        n_components="auto",
        *,
        level=1,
        init=None,
        solver="auto",
        beta_loss="kullback-leibler",
        tol=1e-4,
        max_iter=200,
        n_init=1,
        random_state=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.level = level
        self.init = init
        self.solver = solver
        self.beta_loss = beta_loss
        self.tol = tol
        self.max_iter = max_iter
        self.n_init = n_init
        self.random_state = random_state
        self.verbose = verbose

    def _check_solver(self):
        if self.solver == "cd" and self._beta != 2:
            raise ValueError(
                f"Invalid beta_loss parameter: solver {self.solver!r} does not handle "
                f"beta_loss = {self.beta_loss!r}"
            )
        if self.n_init > 1 and self.init in ("nndsvd", "nndsvda"):
            raise ValueError(
                f"n_init={self.n_init} starts of a level would all be the same, since "
                f"init={self.init!r} draws nothing. Use init='random', or set n_init=1."
            )

    def _allows_missing(self):
        return self.solver != "cd"

    def _learn_layers(self, checked, ranks):
        self.layers_, fits, self.level_losses_ = self._one_by_one(
            checked, ranks, solver=self.solver, max_iter=self.max_iter, n_init=self.n_init
        )
        self.n_iter_ = sum(fit.n_iter_ for fit in fits)
