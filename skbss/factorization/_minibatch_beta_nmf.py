"""Non-negative matrix factorization from one batch of rows at a time."""

from skbss.factorization._elastic_net import ElasticNetNMF
from skbss.factorization._online_base import OnlineNMF


class MiniBatchBetaNMF(ElasticNetNMF, OnlineNMF):
    r"""Non-negative matrix factorization from one batch of rows at a time.

    Minimizes the objective of :class:`BetaNMF`. Every batch updates its own activations, then the
    components, which remember what earlier batches asked of them: with the parts :math:`n_H, d_H`
    of the gradient over the batch (penalties included in :math:`d_H`),

    .. math::

        A \leftarrow \rho A + n_H \odot H^{1/\gamma}, \qquad
        B \leftarrow \rho B + d_H, \qquad H \leftarrow (A / B)^{\gamma},

    where :math:`\gamma` is the exponent of the multiplicative updates and :math:`\rho` is
    ``forget_factor ** (batch_size / n_samples)``. It takes the place of
    :class:`sklearn.decomposition.MiniBatchNMF`, parameter for parameter.

    Parameters
    ----------
    n_components : int or {"auto"} or None, default="auto"
        Number of components, as in :class:`BetaNMF`.
    init : {"random", "nndsvd", "nndsvda", "nndsvdar", "custom"} or None, default=None
        Where the search starts, as in :class:`BetaNMF`. The singular vectors are those of all rows,
        or of every second, fourth, … so that there are at most 16384 of them and, if there are not
        more components, 32 million entries.
    batch_size : int, default=1024
        Rows in a batch. Large batches converge further, and start slower.
    beta_loss : float or {"frobenius", "kullback-leibler", "itakura-saito"}, default="frobenius"
        The beta of the divergence: any real number, or the name of 2, 1 or 0.
    tol : float, default=1e-4
        Stop when one batch moved the components by so little that a pass would move them by at
        most this share of their norm; 0 never stops for that reason.
    max_no_improvement : int or None, default=10
        Stop after so many batches in a row, and a whole pass after the first one, that did not
        lower the smoothed cost; None never stops for that reason.
    max_iter : int, default=200
        Passes over the data at most.
    alpha_W, alpha_H : float, default=0.0, "same"
        Strength of the penalties on W and on H; ``alpha_H="same"`` takes that of W.
    l1_ratio : float, default=0.0
        Share, between 0 and 1, of the L1 penalty; the rest is the L2 penalty.
    forget_factor : float, default=0.7
        What is left of the past after one pass over the data, between 0 and 1. After one batch
        of `batch_size` rows, ``forget_factor ** (batch_size / n_samples)`` is left. ``partial_fit``
        takes its first batch for all of the data: a batch of at most `batch_size` rows leaves
        `forget_factor`.
    fresh_restarts : bool, default=False
        Whether the activations of a batch are solved for at every step, instead of updated once.
    fresh_restarts_max_iter : int, default=30
        Iterations at most to do so, also in ``partial_fit``, which always does.
    transform_max_iter : int or None, default=None
        Iterations at most in ``transform``; None for `max_iter`.
    random_state : int, RandomState instance or None, default=None
        Seed of random starts.
    verbose : int, default=0
        Whether to print the cost of every batch.
    fixed_components : array-like of shape (n_fixed, n_features), default=None
        Components that are known: the first rows of `components_`, held as they are.

    Attributes
    ----------
    components_ : array of shape (n_components, n_features)
        The learned H, of the kind (NumPy or JAX) and precision of the data.
    n_components_ : int
        Number of components.
    reconstruction_err_ : float
        ``sqrt(2 * D)`` of the training data and ``fit_transform(X) @ components_``; after
        ``fit_transform``, and after ``fit`` to data in memory.
    n_iter_ : int
        Passes over the data that were started; only after ``fit`` or ``fit_transform``.
    n_steps_ : int
        Batches that were processed.
    n_features_in_ : int
        Number of features: the last axis of the training data.
    feature_names_in_ : array of shape (n_features,)
        Their names, if they are strings.

    See Also
    --------
    BetaNMF : Learns from all rows at once.

    Notes
    -----
    A feature that a batch leaves out (NaN in all of its rows) keeps what earlier batches asked of
    it. ``fit`` refuses a feature that no row observes; ``partial_fit`` leaves it where it started.
    Batches of silence before anything was heard teach nothing: learning begins with the first batch
    that has an entry above 0.

    Data that is not in memory, but can be read more than once, is read once to begin with, to check
    all of it, and then in every pass; to rounding, the result is that for the same data in memory.
    Activations are kept in a temporary file meanwhile, or not at all if `fresh_restarts`. Memory
    does not grow with the number of rows.

    References
    ----------
    .. [1] A. Lefèvre, F. Bach and C. Févotte, "Online algorithms for nonnegative matrix
       factorization with the Itakura-Saito divergence", WASPAA 2011, algorithm 1.
    .. [2] C. Févotte and J. Idier, "Algorithms for nonnegative matrix factorization with the
       beta-divergence", Neural Computation 23(9), 2011, eqs. 4.1 and 4.6.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import MiniBatchBetaNMF
    >>> X = np.random.default_rng(0).random((300, 8))
    >>> model = MiniBatchBetaNMF(n_components=2, batch_size=100, random_state=0)
    >>> for batch in np.split(X, 3):
    ...     model = model.partial_fit(batch)
    >>> model.transform(X[:5]).shape
    (5, 2)
    """

    _parameter_constraints: dict = {
        **OnlineNMF._parameter_constraints,
        **ElasticNetNMF._parameter_constraints,
    }

    def __init__(
        self,
        n_components="auto",
        *,
        init=None,
        batch_size=1024,
        beta_loss="frobenius",
        tol=1e-4,
        max_no_improvement=10,
        max_iter=200,
        alpha_W=0.0,
        alpha_H="same",
        l1_ratio=0.0,
        forget_factor=0.7,
        fresh_restarts=False,
        fresh_restarts_max_iter=30,
        transform_max_iter=None,
        random_state=None,
        verbose=0,
        fixed_components=None,
    ):
        self.n_components = n_components
        self.init = init
        self.batch_size = batch_size
        self.beta_loss = beta_loss
        self.tol = tol
        self.max_no_improvement = max_no_improvement
        self.max_iter = max_iter
        self.alpha_W = alpha_W
        self.alpha_H = alpha_H
        self.l1_ratio = l1_ratio
        self.forget_factor = forget_factor
        self.fresh_restarts = fresh_restarts
        self.fresh_restarts_max_iter = fresh_restarts_max_iter
        self.transform_max_iter = transform_max_iter
        self.random_state = random_state
        self.verbose = verbose
        self.fixed_components = fixed_components
