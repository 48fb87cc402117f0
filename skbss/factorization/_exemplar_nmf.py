"""Rows of the data as components."""

from numbers import Integral, Real

import jax.numpy as jnp
import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from skbss._runtime.device import is_jax_array, precision
from skbss.factorization._base import BETA_LOSSES
from skbss.factorization._divergence import relative_power
from skbss.factorization._normalized import norms_of, sparse_row_terms
from skbss.factorization._observations import mean_of
from skbss.factorization._row_base import RowNMF
from skbss.factorization._start import check_fixed

# Rows below this share of the mean level are silence, and exemplars of nothing.
_SILENCE = 1e-3


class ExemplarNMF(RowNMF):
    r"""Sparse non-negative combinations of rows of the training data.

    Nothing is learned: `n_components` rows of the training data are drawn, brought to unit
    length, and kept as the components :math:`H`. The activations of new rows minimize

    .. math::

        L(w) = \sum_f m_f\, d_\beta(x_f \mid [w H]_f) + \lambda \sum_k w_k \|h_k\|_2 ,
        \qquad \lambda = s\, \bar x^{\beta - 1} ,

    where :math:`d_\beta` is the beta-divergence of :class:`BetaNMF`, :math:`m` are the weights of
    the entries, :math:`s` is `sparsity` and :math:`\bar x` is the (weighted) mean of the training
    data.

    With a few hundred frames of each source as its dictionary, a supervised `skbss.Separator`
    separates noise from speech better than with learned components, which also fit what never
    sounded; a long recording of every source is all that it asks for.

    Parameters
    ----------
    n_components : int, default=500
        How many rows are kept, `fixed_components` included; all that there are, if they are fewer.
    solver : {"auto", "mu"}, default="auto"
        How activations are found, as in :class:`SparseNMF`.
    beta_loss : float or str, default="kullback-leibler"
        The beta of the divergence, as in :class:`BetaNMF`.
    sparsity : float, default=1.0
        Strength :math:`s` of the penalty, at least 0. It does not depend on the level of the data.
    tol : float, default=1e-3
        When to stop in ``transform``, as in :class:`BetaNMF`; 0 goes on to `max_iter`. Masks settle
        long before activations of hundreds of similar components do.
    max_iter : int, default=200
        Iterations of ``transform`` at most.
    random_state : int, RandomState instance or None, default=None
        Seed of the draw.
    fixed_components : array-like of shape (n_fixed, n_features), default=None
        Components that are known: the first rows of `components_`, held as they are, of whatever
        norm. Only the others are drawn.

    Attributes
    ----------
    components_ : array of shape (n_components, n_features)
        What is held, then rows of the data, of L2 norm one, in their order; of the kind (NumPy or
        JAX) and precision of the data.
    exemplar_indices_ : ndarray of shape (n_drawn,)
        Which rows they are; with more than two axes, of the data as one matrix.
    n_components_ : int
        Number of components.
    penalty_ : float
        The weight :math:`\lambda`.
    n_iter_ : int
        Always 1: the draw looks at the data once.
    n_features_in_ : int
        Number of features: the last axis of the training data.
    feature_names_in_ : array of shape (n_features,)
        Their names, if they are strings.

    See Also
    --------
    SparseNMF : Learns the components for the same objective.

    Notes
    -----
    Each row is drawn as likely as any other, without replacement, but for those with missing
    entries and those of less than a thousandth of the mean level. Where all are silent, so are the
    components.

    References
    ----------
    .. [1] J. F. Gemmeke, T. Virtanen and A. Hurmalainen, "Exemplar-based sparse representations
       for noise robust automatic speech recognition", IEEE TASLP 19(7), 2011 (the model of
       section II for the KL divergence).

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import ExemplarNMF
    >>> rng = np.random.default_rng(0)
    >>> X = rng.gamma(0.3, size=(100, 3)) @ rng.random((3, 20))
    >>> model = ExemplarNMF(50, random_state=0).fit(X)
    >>> model.components_.shape
    (50, 20)
    >>> W = model.transform(X)
    >>> bool(np.abs(X - W @ model.components_).mean() < 0.2 * X.mean())
    True
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "solver": [StrOptions({"auto", "mu"})],
        "beta_loss": [StrOptions(set(BETA_LOSSES)), Real],
        "sparsity": [Interval(Real, 0, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
        "fixed_components": ["array-like", None],
    }

    _accepts_sparse = False

    def __init__(
        self,
        n_components=500,
        *,
        solver="auto",
        beta_loss="kullback-leibler",
        sparsity=1.0,
        tol=1e-3,
        max_iter=200,
        random_state=None,
        fixed_components=None,
    ):
        self.n_components = n_components
        self.solver = solver
        self.beta_loss = beta_loss
        self.sparsity = sparsity
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state
        self.fixed_components = fixed_components

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, weights=None):
        """Draw the components.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Non-negative training data; NaN where not observed.
        y : None
            Not used; it is there by convention.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry in the mean that the penalty is relative to.

        Returns
        -------
        self : ExemplarNMF
            The estimator itself.

        Raises
        ------
        ValueError
            If X has negative or infinite entries or no complete row, `weights` do not broadcast
            to X or are negative, or `fixed_components` do not fit.
        """
        self._draw(self._check_input(X, weights, reset=True))
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None, weights=None):
        """Draw the components and find the activations of the data that they are drawn from.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Non-negative training data; NaN where not observed.
        y : None
            Not used; it is there by convention.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry in the divergence.

        Returns
        -------
        W : array of shape (..., n_components)
            The same as ``fit(X).transform(X)``.

        Raises
        ------
        ValueError
            As ``fit``.
        """
        checked = self._check_input(X, weights, reset=True)
        self._draw(checked)
        return self._transform(checked)

    def _draw(self, checked):
        X = checked.X
        xp = jnp if is_jax_array(X) else np
        held = np.empty((0, X.shape[1]), X.dtype)
        if self.fixed_components is not None:
            whom = f"{type(self).__name__} (fixed_components)"
            held = check_fixed(self.fixed_components, X.shape[1:], self.n_components, whom)
        count = self.n_components - len(held)
        indices = self._exemplars(np.asarray(X.sum(axis=1)), count) if count else np.empty(0, int)
        with precision(X.dtype):
            drawn = X[indices]
            if len(drawn):
                norms = norms_of(drawn, 2)
                drawn = drawn / xp.where(norms > 0, norms, 1)[:, None]
            self.components_ = xp.concatenate([xp.asarray(held, X.dtype), drawn])
        self.exemplar_indices_, self.n_components_ = indices, len(self.components_)
        self.n_iter_ = 1
        completed = checked.completed()
        mean = mean_of(completed.X, completed.weights) or 1.0
        self.penalty_ = float(self.sparsity * relative_power(mean, self._beta - 1))

    def _exemplars(self, levels, count):
        complete = np.flatnonzero(~np.isnan(levels))
        if not len(complete):
            raise ValueError(
                "Every row of X has a missing entry: there is none to be a component. Use "
                "SparseNMF, which learns from incomplete rows."
            )
        sounding = complete[levels[complete] > _SILENCE * levels[complete].mean()]
        rows = sounding if len(sounding) else complete
        rng = check_random_state(self.random_state)
        return np.sort(rng.choice(rows, min(count, len(rows)), replace=False))

    def _row_terms(self, H, scale):
        price = self.penalty_ * relative_power(scale, 1 - self._beta)
        return sparse_row_terms(H, norms_of(H, 2), price)
