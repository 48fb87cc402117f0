"""Non-negative matrix factorization with sparse activations."""

from skbss.factorization._normalized import NormalizedNMF
from skbss.factorization._row_base import RowNMF


class SparseNMF(NormalizedNMF, RowNMF):
    r"""Non-negative matrix factorization with sparse activations.

    Finds non-negative matrices whose product approximates a non-negative matrix,
    :math:`X \approx W H`, with components of norm one and few activations at a time, by minimizing

    .. math::

        L(W, H) = \sum_{n,f} m_{nf}\, d_\beta(x_{nf} \mid [W H]_{nf})
          + \lambda \sum_{n,k} w_{nk}
        \quad\text{with}\quad \|h_k\| = 1,\ \lambda = s\, \bar x^{\beta - 1}

    over :math:`W` (activations, ``transform(X)``) and :math:`H` (``components_``), where
    :math:`d_\beta` is the beta-divergence of :class:`BetaNMF`, :math:`m` are the weights of the
    entries, :math:`s` is `sparsity` and :math:`\bar x` is the (weighted) mean of `X`. The norm is
    part of the objective, which is that of

    .. math::

        \sum_{n,f} m_{nf}\, d_\beta(x_{nf} \mid [W H]_{nf})
          + \lambda \sum_k \|w_k\|_1 \|h_k\|

    over all non-negative :math:`W, H`: to scale a component up and its activations down gains
    nothing, as it would with the penalties of :class:`BetaNMF`.

    Parameters
    ----------
    n_components : int or {"auto"} or None, default="auto"
        Number of components, those of `fixed_components` included. None keeps one for every
        feature; "auto" takes the number from a custom H, and else does the same.
    init : {"random", "nndsvd", "nndsvda", "nndsvdar", "custom"} or None, default=None
        Where the search starts, as in :class:`BetaNMF`.
    solver : {"auto", "mu"}, default="auto"
        How the objective is minimized.

        - "mu": multiplicative (majorize-minimize) updates, which never raise the objective.
        - "auto": the same with momentum, or coordinate descent with momentum for ``beta_loss=2``
          without weights or missing entries.
    beta_loss : float or str, default="kullback-leibler"
        The beta of the divergence: any real number, or "frobenius" for 2, "kullback-leibler" for 1,
        "itakura-saito" for 0.
    sparsity : float, default=0.3
        Strength :math:`s` of the penalty, at least 0. It does not depend on the level of the data.
        0 is :class:`BetaNMF` with components of norm one. Dictionaries of speech separate best with
        0.3 to 3, those of drums and melodies with up to 0.3.
    norm : {"l2", "l1"}, default="l2"
        Which norm of every component is one. With "l1", the penalty on activations that sum to
        what the data sums to is nearly constant for ``beta_loss=1``: it makes little sparse.
    tol : float, default=1e-4
        When to stop, as in :class:`BetaNMF`; 0 goes on to `max_iter` and does not warn there.
    max_iter : int, default=200
        Iterations at most, in ``fit`` and again in ``transform``.
    n_init : int, default=1
        Number of random starts, of which the fit with the lowest objective is kept.
    random_state : int, RandomState instance or None, default=None
        Seed of random starts.
    verbose : int, default=0
        Whether to print the loss every ten iterations.
    fixed_components : array-like of shape (n_fixed, n_features), default=None
        Components that are known: the first rows of `components_`, held as they are, of whatever
        norm, while the other ``n_components - n_fixed`` are learned. Their activations cost
        :math:`\lambda \|h_k\|`.

    Attributes
    ----------
    components_ : array of shape (n_components, n_features)
        The learned H, of the kind (NumPy or JAX) and precision of the data, with rows of norm one;
        zeros for a component that is not worth its price.
    n_components_ : int
        Number of components.
    penalty_ : float
        The weight :math:`\lambda` of the activations, of which ``transform`` makes use again.
    reconstruction_err_ : float
        ``sqrt(2 * D)`` of the training data and ``W @ components_``, over the entries that were
        observed, with the W that was learned along with the components.
    n_iter_ : int
        Iterations that the fit took, from the start that is kept.
    loss_curve_ : array of shape (n_checks,)
        The objective at the start and at iterations 10, 20 …, as in :class:`BetaNMF`.
    restart_losses_ : array of shape (n_init,)
        The objective that every start led to, of which the lowest is that of the fit; empty if all
        components are known.
    restart_components_ : list of n_init arrays of the shape of `components_`
        The components that every start led to: `skbss.metrics.component_stability` tells how alike
        they are.
    n_features_in_ : int
        Number of features: the last axis of the training data.
    feature_names_in_ : array of shape (n_features,)
        Their names, if they are strings.

    See Also
    --------
    BetaNMF : With L1 and L2 penalties on both factors, whose levels are free.
    MiniBatchSparseNMF : Learns from one batch of rows at a time.

    Notes
    -----
    Le Roux and others minimize the same objective with a heuristic that divides the gradient of the
    normalized components into two parts [1]_. It can raise the objective (for KL in one of a
    hundred random steps); the updates here are majorize-minimize steps [2]_, which cannot.

    References
    ----------
    .. [1] J. Le Roux, F. Weninger and J. R. Hershey, "Sparse NMF: half-baked or well done?",
       MERL TR2015-023, 2015 (the objective).
    .. [2] A. Marmin, J. H. de Morais Goulart and C. Févotte, "Majorization-minimization for
       sparse nonnegative matrix factorization with the beta-divergence", arXiv:2207.06316 (the
       updates for the L1 norm; the L2 norm is bounded by a parabola that touches it).

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import SparseNMF
    >>> rng = np.random.default_rng(0)
    >>> W = rng.gamma(0.1, size=(200, 4))
    >>> X = W @ rng.random((4, 30))
    >>> model = SparseNMF(n_components=4, sparsity=0.5, init="random", random_state=0)
    >>> W = model.fit_transform(X)
    >>> np.linalg.norm(model.components_, axis=1).round(6)
    array([1., 1., 1., 1.])
    """

    _works_by_shares = True

    def __init__(
        self,
        n_components="auto",
        *,
        init=None,
        solver="auto",
        beta_loss="kullback-leibler",
        sparsity=0.3,
        norm="l2",
        tol=1e-4,
        max_iter=200,
        n_init=1,
        random_state=None,
        verbose=0,
        fixed_components=None,
    ):
        self.n_components = n_components
        self.init = init
        self.solver = solver
        self.beta_loss = beta_loss
        self.sparsity = sparsity
        self.norm = norm
        self.tol = tol
        self.max_iter = max_iter
        self.n_init = n_init
        self.random_state = random_state
        self.verbose = verbose
        self.fixed_components = fixed_components
