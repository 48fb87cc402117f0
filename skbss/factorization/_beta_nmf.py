"""Non-negative matrix factorization with every beta-divergence."""

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import StrOptions

from skbss._runtime.warning import warn
from skbss.factorization._elastic_net import ElasticNetNMF
from skbss.factorization._joint_base import JointNMF
from skbss.factorization._start import check_factor, size_of_start


class BetaNMF(ElasticNetNMF, JointNMF):
    r"""Non-negative matrix factorization with every beta-divergence.

    Finds non-negative matrices whose product approximates a non-negative matrix,
    :math:`X \approx W H`, by minimizing

    .. math::

        L(W, H) = \sum_{n,f} m_{nf}\, d_\beta(x_{nf} \mid [W H]_{nf})
          &+ \alpha_W \ell\, F \|W\|_1 + \tfrac12 \alpha_W (1 - \ell)\, F \|W\|_F^2

          &+ \alpha_H \ell\, N \|H\|_1 + \tfrac12 \alpha_H (1 - \ell)\, N \|H\|_F^2

    over :math:`W` (activations, ``transform(X)``) and :math:`H` (``components_``), where `X` is
    :math:`N \times F`, :math:`m` are its weights (0 where it is NaN, else 1 unless given) and
    :math:`\ell` is `l1_ratio`. The beta-divergence is

    .. math::

        d_\beta(x \mid y) = \frac{x^\beta + (\beta - 1) y^\beta - \beta x y^{\beta - 1}}
                                 {\beta (\beta - 1)},

    half the squared error for :math:`\beta = 2`, Kullback-Leibler's divergence in the limit
    :math:`\beta \to 1` and that of Itakura and Saito for :math:`\beta \to 0`.

    It takes the place of :class:`sklearn.decomposition.NMF`, parameter for parameter; the user
    guide lists what it does otherwise, and why. In the audio literature the matrix is transposed:
    its dictionary is ``components_.T``, its activations are ``transform(X).T``.

    Parameters
    ----------
    n_components : int or {"auto"} or None, default="auto"
        Number of components, those of `fixed_components` included. None keeps one for every
        feature; "auto" takes the number from a custom H, and else does the same.
    init : {"random", "nndsvd", "nndsvda", "nndsvdar", "custom"} or None, default=None
        Where the search starts.

        - None: "nndsvda" if `n_components` is at most ``min(n_samples, n_features)`` and `n_init`
          is 1, else "random".
        - "random": non-negative random matrices, scaled to the data.
        - "nndsvd": from the leading singular vectors, with many zeros, which only "cd" leaves.
        - "nndsvda": the same with zeros replaced by the mean of the data, scaled like a factor.
        - "nndsvdar": the same with zeros replaced by small random numbers.
        - "custom": the `W` and `H` given to ``fit``; one that is not given is drawn. Exact zeros
          stay zeros, but for coordinate descent.
    solver : {"auto", "cd", "mu"}, default="auto"
        How the objective is minimized.

        - "cd": coordinate descent (HALS) on a component at a time, for ``beta_loss=2`` without
          weights or missing entries.
        - "mu": multiplicative (majorize-minimize) updates.
        - "auto": the same with momentum: coordinate descent where "cd" applies, else
          multiplicative updates. It needs a fraction of the iterations, and begins with a sample
          of the rows where the data has more than four million entries.
    beta_loss : float or {"frobenius", "kullback-leibler", "itakura-saito"}, default="frobenius"
        The beta of the divergence: any real number, or the name of 2, 1 or 0. For beta <= 0,
        where no model is close to an exact zero, zeros stand for 1e-12 of the mean of the data
        (in float32 for up to 1e-7, if beta is below -0.3).
    tol : float, default=1e-4
        When to stop. Coordinate descent: when the violation of the optimality conditions is at
        most `tol` times that of the first iteration. Else: when ten iterations lowered the square
        root of the loss by less than `tol` times its first value. 0 goes on to `max_iter` and does
        not warn there.
    max_iter : int, default=200
        Iterations at most, in ``fit`` and again in ``transform``.
    n_init : int, default=1
        Number of random starts, of which the fit with the lowest objective is kept; more than one
        needs an `init` that draws: "random", "nndsvdar" or "custom" with one factor left out.
    random_state : int, RandomState instance or None, default=None
        Seed of random starts and of `shuffle`.
    alpha_W, alpha_H : float, default=0.0, "same"
        Strength of the penalties on W and on H; ``alpha_H="same"`` takes that of W.
    l1_ratio : float, default=0.0
        Share, between 0 and 1, of the L1 penalty; the rest is the L2 penalty.
    verbose : int, default=0
        Whether to print the loss every ten iterations.
    shuffle : bool, default=False
        Whether "cd" visits the components in random order.
    fixed_components : array-like of shape (n_fixed, n_features), default=None
        Components that are known: the first rows of `components_`, held as they are while the
        other ``n_components - n_fixed`` are learned.

    Attributes
    ----------
    components_ : array of shape (n_components, n_features)
        The learned H, of the kind (NumPy or JAX) and precision of the data.
    n_components_ : int
        Number of components.
    reconstruction_err_ : float
        ``sqrt(2 * D)`` of the training data and ``W @ components_``, over the entries that were
        observed, with the W that was learned along with the components; for beta 2 the Frobenius
        norm of the difference.
    n_iter_ : int
        Iterations that the fit took, from the start that is kept. Those over a sample of the rows
        count by its share.
    loss_curve_ : array of shape (n_checks,)
        The objective at the start and at iterations 10, 20 …, but those that a sample of the rows
        took; empty if all components are fixed, where no callback is told of iterations either.
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
    MiniBatchBetaNMF : Learns from one batch of rows at a time.
    skbss.WienerMask : Separates a spectrogram by a factorization of it.

    Notes
    -----
    Without penalties the level of a component is free: ``solver="auto"`` returns all that are
    learned with the mean ``sqrt(X.mean() / n_components)``. Results do not depend on the level of
    the data: ``c * X`` gives ``c * W @ H``.

    A program is compiled for every new size of the data (rows in four steps an octave) and number
    of components (up to 16, 24, 40 …; in steps of 8 for large data), beta, precision and solver;
    iterations, tolerances and penalties can change freely.

    References
    ----------
    .. [1] C. Févotte and J. Idier, "Algorithms for nonnegative matrix factorization with the
       beta-divergence", Neural Computation 23(9), 2011, eqs. 4.1 and 4.6 ("mu").
    .. [2] A. Cichocki and A.-H. Phan, "Fast local algorithms for large scale nonnegative matrix
       and tensor factorizations", IEICE Transactions E92-A(3), 2009, algorithm 2 ("cd").
    .. [3] L. T. K. Hien, V. Leplat and N. Gillis, "Block majorization minimization with
       extrapolation and application to beta-NMF", arXiv:2401.06646, 2024, algorithm 2 ("auto").
    .. [4] A. M. S. Ang and N. Gillis, "Accelerating nonnegative matrix factorization algorithms
       using extrapolation", Neural Computation 31(2), 2019, algorithm 2 ("auto", for beta 2).

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import BetaNMF
    >>> X = np.array([[1, 1], [2, 1], [3, 1.2], [4, 1], [5, 0.8], [6, 1]])
    >>> model = BetaNMF(n_components=2, init="random", random_state=0, max_iter=1000)
    >>> W = model.fit_transform(X)
    >>> H = model.components_
    >>> np.abs(W @ H - X).max() < 0.05
    np.True_

    Entries that were not observed are NaN, and the model says what they would have been:

    >>> X[2, 1] = np.nan
    >>> model = BetaNMF(n_components=1, beta_loss="kullback-leibler").fit(X)
    >>> guess = model.inverse_transform(model.transform(X))
    >>> bool(0.5 < guess[2, 1] < 1.5)
    True
    """

    _works_by_shares = True

    _parameter_constraints: dict = {
        **JointNMF._parameter_constraints,
        **ElasticNetNMF._parameter_constraints,
        "solver": [StrOptions({"auto", "mu", "cd"})],
        "shuffle": ["boolean"],
    }

    def __init__(
        self,
        n_components="auto",
        *,
        init=None,
        solver="auto",
        beta_loss="frobenius",
        tol=1e-4,
        max_iter=200,
        n_init=1,
        random_state=None,
        alpha_W=0.0,
        alpha_H="same",
        l1_ratio=0.0,
        verbose=0,
        shuffle=False,
        fixed_components=None,
    ):
        self.n_components = n_components
        self.init = init
        self.solver = solver
        self.beta_loss = beta_loss
        self.tol = tol
        self.max_iter = max_iter
        self.n_init = n_init
        self.random_state = random_state
        self.alpha_W = alpha_W
        self.alpha_H = alpha_H
        self.l1_ratio = l1_ratio
        self.verbose = verbose
        self.shuffle = shuffle
        self.fixed_components = fixed_components

    @_fit_context(prefer_skip_nested_validation=True)
    def _solve_for(self, X, W, H, weights):
        """Activations of X for the components H; H; iterations."""
        self._check_solver()
        if W is not None:
            warn("When update_H=False, the provided initial W is not used.", RuntimeWarning)
        if self.fixed_components is not None:
            warn(
                "When update_H=False, all components are those of H, and fixed_components are not "
                "used.",
                RuntimeWarning,
            )
        if H is None:
            raise ValueError("update_H=False needs the components: pass H.")
        checked = self._check_input(X, weights, reset=True).completed()
        X = checked.X
        n_components = self.n_components
        if n_components == "auto":
            n_components = size_of_start(None, H, X.shape[1:])
        H = check_factor(H, (n_components or X.shape[1], X.shape[1]), "NMF (input H)")
        if H.dtype != X.dtype:
            raise TypeError(f"H should have the same dtype as X. Got H.dtype = {H.dtype}.")
        W, converged, n_iter = self._activations(checked, H)
        if not converged:
            self._warn_not_converged(self.max_iter)
        return checked.returned(W), H, n_iter

    def _check_solver(self):
        if self.solver == "cd" and self._beta != 2:
            raise ValueError(
                f"Invalid beta_loss parameter: solver {self.solver!r} does not handle "
                f"beta_loss = {self.beta_loss!r}"
            )
        if self.solver == "mu" and self.init == "nndsvd":
            warn(
                "The multiplicative update ('mu') solver cannot update "
                "zeros present in the initialization, and so leads to "
                "poorer results when used jointly with init='nndsvd'. "
                "You may try init='nndsvda' or init='nndsvdar' instead."
            )

    def _gains(self, H, free, scale, solver):
        # Momentum lets the levels of components drift apart; the plain solvers keep their meaning.
        gains = np.ones(len(H))
        if solver.startswith("extrapolated") and not (self.alpha_W or self._alpha_H):
            level = np.asarray(H.mean(axis=1), np.float64)
            movable = free & (level > 0)
            gains[movable] = 1 / (np.sqrt(len(level)) * level[movable])
        return gains
