"""Non-negative matrix factorization that begins with a sparse adaptive decomposition."""

from numbers import Integral, Real

import jax.numpy as jnp
import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions

from skbss._runtime.callbacks import with_callbacks
from skbss._runtime.device import has_shared_rows, is_jax_array
from skbss._runtime.sharded_rows import gathered
from skbss._runtime.warning import warn
from skbss.factorization._base import BaseNMF
from skbss.factorization._beta_nmf import BetaNMF
from skbss.factorization._row_base import RowNMF
from skbss.factorization._sparse_adaptive import Plan, decompose
from skbss.factorization._start import completed_data, with_held

# A code counts as used from this share of the largest one on.
_USED = 1e-3
# What is added to sparse codes and atoms, as a share of their mean: updates never move a zero.
_FLAT = 0.1


class ESADNMF(BetaNMF):
    r"""Non-negative matrix factorization that begins with a sparse adaptive decomposition.

    The data, divided by its peak, is first decomposed into sparse codes :math:`S` of atoms
    :math:`A` of norm one, by minimizing

    .. math::

        J(S, A) = \sum_{n,f} (x_{nf} - [S A]_{nf})^2 + \alpha \sum_{n,k} s_{nk}

    over non-negative :math:`S` and :math:`A`, a few frames at a time: their codes by ten proximal
    gradient steps with momentum, then the atoms by a step of Adam, whose rate after :math:`t` of
    them is :math:`\alpha_t = \alpha_0 / (1 + \delta t)`. From there a factorization
    :math:`X \approx W H` goes on as in :class:`BetaNMF`, to the lowest beta-divergence. This is the
    method of [1]_, made precise where it leaves questions open.

    Parameters
    ----------
    n_components : int or {"auto"} or None, default=40
        Number of components, those of `fixed_components` included; "auto" and None keep one for
        every feature.
    alpha : float, default=0.01
        Strength of the sparsity of the codes, at least 0, for data of peak one. From 0.001 to 0.05
        the share of codes of a speech mixture that are used falls from 0.35 to 0.2.
    learning_rate : float, default=0.001
        The rate :math:`\alpha_0` of the first step of the atoms.
    decay : float, default=0.0001
        How the rate decays, :math:`\delta`, at least 0; with 0 it is constant.
    batch_size : int, default=16
        Frames from one step of the atoms to the next. The order of the frames is drawn anew in
        every epoch.
    sad_max_iter : int, default=300
        Epochs of the decomposition at most.
    sad_tol : float, default=0.0001
        It ends after five epochs whose relative fall of the error is less; 0 goes on to the last.
    beta_loss : float or str, default="kullback-leibler"
        The beta of the divergence, as in :class:`BetaNMF`.
    solver : {"auto", "mu", "cd"}, default="auto"
        How the divergence is minimized, as in :class:`BetaNMF`.
    tol : float, default=1e-4
        When the factorization stops, as in :class:`BetaNMF`.
    max_iter : int, default=200
        Its iterations at most, in ``fit`` and again in ``transform``.
    random_state : int, RandomState instance or None, default=None
        Draws the frames from which the atoms start, and the order of the frames.
    verbose : int, default=0
        Whether to print the loss every ten iterations of the factorization.
    fixed_components : array-like of shape (n_fixed, n_features), default=None
        Components that are known: the first atoms and the first rows of `components_`, held as they
        are, while the other ``n_components - n_fixed`` are learned.

    Attributes
    ----------
    components_ : array of shape (n_components, n_features)
        The learned H, of the kind (NumPy or JAX) and precision of the data.
    sparse_codes_ : array of shape (n_samples, n_components)
        S, in units of the data. This and the next three are not there if all components are known.
    atoms_ : array of shape (n_components, n_features)
        A.
    sparsity_index_ : float
        Share of the codes that are used: that are above a thousandth of the largest one. Lower is
        sparser; it is `skbss.metrics.sparsity_index` of the codes.
    sad_errors_ : array of shape (n_epochs,)
        Squared error of the decomposition after every epoch, as a share of the energy of the data.
        It is computed from the codes as they are, which were found for atoms as they were.
    n_components_ : int
        Number of components.
    reconstruction_err_ : float
        ``sqrt(2 * D)`` of the training data and ``W @ components_``, as in :class:`BetaNMF`.
    n_iter_ : int
        Iterations of the factorization.
    loss_curve_ : array of shape (n_checks,)
        Its objective at the start and at iterations 10, 20 …
    n_features_in_ : int
        Number of features: the last axis of the training data.
    feature_names_in_ : array of shape (n_features,)
        Their names, if they are strings.

    See Also
    --------
    BetaNMF : From other starts.
    SparseNMF : Sparse activations in the end, not only in the beginning. With ``beta_loss=2`` it
        minimizes the objective of the decomposition, in a fraction of the time.

    Notes
    -----
    The codes make a start from which the divergence falls faster than from a random one; it does
    not end lower. What the schedule of the rate brings by itself can not be told from a constant
    rate.

    Missing entries have no weight in the factorization; in the decomposition they are filled by the
    product of their row's and their column's mean, and weights do not count there.

    References
    ----------
    .. [1] P. G. Ayyavu, E. R. Dayakar, N. Vigneshwari and K. Jayaram, on enhanced sparse adaptive
       decomposition (ESAD) with NMF, ICTACT Journal on Communication Technology,
       https://ictactjournals.in/IJCT/ArticleDetails?id=22416.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import ESADNMF
    >>> rng = np.random.default_rng(0)
    >>> X = rng.gamma(0.2, size=(100, 4)) @ rng.gamma(0.5, size=(4, 30))
    >>> model = ESADNMF(4, sad_max_iter=50, max_iter=1000, random_state=0)
    >>> W = model.fit_transform(X)
    >>> np.linalg.norm(X - W @ model.components_) < 0.1 * np.linalg.norm(X)
    np.True_
    >>> sparser = ESADNMF(4, alpha=0.1, sad_max_iter=50, max_iter=1000, random_state=0).fit(X)
    >>> sparser.sparsity_index_ < model.sparsity_index_
    True
    """

    _parameter_constraints: dict = {
        **{
            name: RowNMF._parameter_constraints[name]
            for name in (
                "n_components",
                "beta_loss",
                "tol",
                "max_iter",
                "random_state",
                "verbose",
                "fixed_components",
            )
        },
        "solver": [StrOptions({"auto", "mu", "cd"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "decay": [Interval(Real, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "sad_max_iter": [Interval(Integral, 1, None, closed="left")],
        "sad_tol": [Interval(Real, 0, None, closed="left")],
    }

    _accepts_sparse = False
    # The factorization has one start, and no penalties.
    init, n_init, shuffle = None, 1, False
    alpha_W, alpha_H, l1_ratio = 0.0, "same", 0.0

    def __init__(
        self,
        n_components=40,
        *,
        alpha=0.01,
        learning_rate=0.001,
        decay=0.0001,
        batch_size=16,
        sad_max_iter=300,
        sad_tol=1e-4,
        beta_loss="kullback-leibler",
        solver="auto",
        tol=1e-4,
        max_iter=200,
        random_state=None,
        verbose=0,
        fixed_components=None,
    ):
        self.n_components = n_components
        self.alpha = alpha
        self.learning_rate = learning_rate
        self.decay = decay
        self.batch_size = batch_size
        self.sad_max_iter = sad_max_iter
        self.sad_tol = sad_tol
        self.beta_loss = beta_loss
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state
        self.verbose = verbose
        self.fixed_components = fixed_components

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, weights=None):
        """Learn the components of data.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Non-negative training data; NaN where not observed.
        y : None
            Not used; it is there by convention.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry in the divergence; None for 1 everywhere.

        Returns
        -------
        self : ESADNMF
            The estimator itself.

        Raises
        ------
        ValueError, TypeError
            As ``fit_transform``.
        """
        self._learn(X, y, None, None, weights)
        return self

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None, weights=None):
        """Learn the components of data and find its activations.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Non-negative training data; NaN where not observed.
        y : None
            Not used; it is there by convention.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry in the divergence; None for 1 everywhere.

        Returns
        -------
        W : array of shape (..., n_components)
            The same as ``fit(X).transform(X)``.

        Raises
        ------
        ValueError
            If X has negative or infinite entries, a column without any observed entry, or NaN
            where ``solver="cd"``; if `weights` do not broadcast to X or are negative; if
            `fixed_components` do not fit; if ``solver="cd"`` meets another `beta_loss` than 2.
        TypeError
            If X is sparse.
        FloatingPointError
            If the numbers overflow, which only a far-off `beta_loss` brings about.

        Warns
        -----
        UserWarning
            If `alpha` is so large that no code is used.
        """
        return self._learn_and_transform(X, y, None, None, weights)

    # Both factors are drawn, or found.
    _moves_zeros_because = BaseNMF._moves_zeros_because

    def _start(self, given, checked, scale, random_state):
        # Frames are learned from one after another: that is work for one device.
        X = gathered(checked.X) if has_shared_rows(checked.X) else checked.X
        X = X / scale
        if checked.weights is not None:
            xp = jnp if is_jax_array(checked.X) else np
            X = xp.asarray(completed_data(checked.X, checked.weights, scale))
        plan = Plan(
            float(self.alpha),
            float(self.learning_rate),
            float(self.decay),
            self.batch_size,
            float(self.sad_tol),
            self.sad_max_iter,
        )
        found = decompose(X, given.n_components, plan, random_state, given.fixed)
        S, A = found.S, found.A
        self.sparse_codes_, self.atoms_ = (S * scale).astype(checked.X.dtype), A
        self.sparsity_index_ = float((_USED * S.max() < S).mean())
        self.sad_errors_ = np.array(found.errors)
        used = bool(S.max() > 0)
        if not used and bool(X.max() > 0):
            warn(
                f"alpha={self.alpha} leaves no sparse code that is not zero: the factorization "
                "begins with equal activations. Use a smaller alpha."
            )
        # Without codes, all atoms are equally loud and together as loud as the data.
        level = _FLAT * S.mean() if used else 1 / (float(A.sum(axis=0).mean()) or 1)
        return with_held(S + level, A + _FLAT * A.mean(), given, scale)
