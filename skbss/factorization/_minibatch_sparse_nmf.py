"""Non-negative matrix factorization with sparse activations, from one batch of rows at a time."""

import jax.numpy as jnp
import numpy as np

from skbss._kernels.penalties import Prices
from skbss._runtime.device import is_jax_array
from skbss.factorization._normalized import NormalizedPenalty
from skbss.factorization._online_base import OnlineNMF


class MiniBatchSparseNMF(NormalizedPenalty, OnlineNMF):
    r"""Sparse activations of components that are learned from one batch of rows at a time.

    Minimizes the objective of :class:`SparseNMF`, in the way of :class:`MiniBatchBetaNMF`: every
    batch updates its own activations, then the components, which remember what earlier batches
    asked of them. The price of the activations, :math:`\lambda \|h_k\|`, is part of what they ask
    for: the objective does not depend on the norms of components, which are 1 only in
    ``components_``.

    Parameters
    ----------
    n_components : int or {"auto"} or None, default="auto"
        Number of components, as in :class:`SparseNMF`.
    init : {"random", "nndsvd", "nndsvda", "nndsvdar", "custom"} or None, default=None
        Where the search starts, as in :class:`MiniBatchBetaNMF`.
    batch_size : int, default=1024
        Rows in a batch. Large batches converge further, and start slower.
    beta_loss : float or str, default="kullback-leibler"
        The beta of the divergence: any real number, or "frobenius" for 2, "kullback-leibler" for 1,
        "itakura-saito" for 0.
    sparsity : float, default=0.3
        Strength of the penalty, at least 0, as in :class:`SparseNMF`. In ``partial_fit`` it is
        relative to the mean of the first batch that is not silent.
    norm : {"l2", "l1"}, default="l2"
        Which norm of every component is one.
    tol : float, default=1e-4
        Stop when one batch moved the components by so little that a pass would move them by at
        most this share of their norm; 0 never stops for that reason.
    max_no_improvement : int or None, default=10
        Stop after so many batches in a row, and a whole pass after the first one, that did not
        lower the smoothed cost; None never stops for that reason.
    max_iter : int, default=200
        Passes over the data at most.
    forget_factor : float, default=0.7
        What is left of the past after one pass over the data, between 0 and 1, as in
        :class:`MiniBatchBetaNMF`.
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
        Components that are known: the first rows of `components_`, held as they are, of whatever
        norm.

    Attributes
    ----------
    components_ : array of shape (n_components, n_features)
        The learned H, of the kind (NumPy or JAX) and precision of the data, with rows of norm one;
        zeros for a component that is not worth its price.
    n_components_ : int
        Number of components.
    penalty_ : float
        The price of activations in the units of the data, :math:`\lambda`.
    reconstruction_err_ : float
        As in :class:`MiniBatchBetaNMF`.
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
    SparseNMF : Learns from all rows at once.
    MiniBatchBetaNMF : With L1 and L2 penalties on both factors, whose levels are free.

    References
    ----------
    .. [1] A. Lefèvre, F. Bach and C. Févotte, "Online algorithms for nonnegative matrix
       factorization with the Itakura-Saito divergence", WASPAA 2011, algorithm 1.
    .. [2] A. Marmin, J. H. de Morais Goulart and C. Févotte, "Majorization-minimization for
       sparse nonnegative matrix factorization with the beta-divergence", arXiv:2207.06316.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import MiniBatchSparseNMF
    >>> rng = np.random.default_rng(0)
    >>> X = rng.gamma(0.1, size=(600, 4)) @ rng.random((4, 30))
    >>> model = MiniBatchSparseNMF(4, sparsity=0.5, batch_size=100, random_state=0)
    >>> for batch in np.split(X, 6):
    ...     model = model.partial_fit(batch)
    >>> np.linalg.norm(model.components_, axis=1).round(6)
    array([1., 1., 1., 1.])
    """

    _parameter_constraints: dict = {
        **OnlineNMF._parameter_constraints,
        **NormalizedPenalty._parameter_constraints,
    }

    def __init__(
        self,
        n_components="auto",
        *,
        init=None,
        batch_size=1024,
        beta_loss="kullback-leibler",
        sparsity=0.3,
        norm="l2",
        tol=1e-4,
        max_no_improvement=10,
        max_iter=200,
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
        self.sparsity = sparsity
        self.norm = norm
        self.tol = tol
        self.max_no_improvement = max_no_improvement
        self.max_iter = max_iter
        self.forget_factor = forget_factor
        self.fresh_restarts = fresh_restarts
        self.fresh_restarts_max_iter = fresh_restarts_max_iter
        self.transform_max_iter = transform_max_iter
        self.random_state = random_state
        self.verbose = verbose
        self.fixed_components = fixed_components

    def _begin(self, X, rows, W, H, dtype):
        self._set_price(rows.mean)
        return super()._begin(X, rows, W, H, dtype)

    def _priced_alike(self, H, penalty):
        norms = self._norms(H)
        norms = jnp.where(norms > 0, norms, 1)
        return H / norms[:, None], norms[: self._n_components], Prices(penalty.weight, 0.0)

    def _levels(self, H):
        xp = jnp if is_jax_array(H) else np
        norms = self._norms(H)
        return xp.where((norms > 0) & xp.asarray(self._free), norms, 1)
