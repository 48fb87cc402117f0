"""Non-negative matrix factorization that finds its number of components."""

from numbers import Real
from typing import Literal

import jax.numpy as jnp
import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skbss._kernels.penalties import Prices
from skbss._kernels.relevance import RelevancePenalty
from skbss._runtime.device import is_jax_array
from skbss._runtime.loop import fetch
from skbss._runtime.warning import each_once, warn
from skbss.factorization._dispersion import relative_dispersion
from skbss.factorization._divergence import relative_power
from skbss.factorization._joint_base import JointNMF
from skbss.factorization._observations import mean_of
from skbss.factorization._row_base import RowNMF

_ORDERS: dict[str, Literal[1, 2]] = {"l1": 1, "l2": 2}
# The smallest shape that `a` is chosen to be: from about there on it decides little.
_SMALLEST_A = 2.5
# A component counts from this share on: of the least that a relevance can be, or, since components
# fade slowly where their squares are charged for, of the strongest component.
_USED = 1e-3


class ARDNMF(JointNMF, RowNMF):
    r"""Non-negative matrix factorization that finds its number of components.

    Automatic relevance determination: every component has a relevance :math:`\lambda_k`, which its
    activations :math:`w_k` (a column of :math:`W`) and itself (:math:`h_k`, a row of :math:`H`)
    share. The relevances of components that explain little fall as far as they can, and take the
    components with them. What is minimized over non-negative :math:`W, H` and over
    :math:`\lambda` is

    .. math::

        D_\beta(X \mid W H) + \varphi \sum_k
          \left[ \frac{f(w_k) + f(h_k) + b}{\lambda_k} + c \log \lambda_k \right]

    where :math:`D_\beta` is the (weighted) beta-divergence of :class:`BetaNMF`, :math:`\varphi` the
    `dispersion` of the data and :math:`f(v) = \sum_i v_i` or :math:`\tfrac12 \sum_i v_i^2`, by the
    `prior`. The best relevances are :math:`\lambda_k = (f(w_k) + f(h_k) + b) / c`; with them the
    objective is, but for a constant,

    .. math::

        D_\beta(X \mid W H)
          + \varphi\, c \sum_k \log\left(1 + \frac{f(w_k) + f(h_k)}{b}\right).

    For `X` of shape :math:`N \times F`, with the mean :math:`\bar x` and :math:`K` components,

    - "l1": :math:`c = N + F + a + 1`, :math:`b = \sqrt{(a - 1)(a - 2)\, \bar x / K}`;
    - "l2": :math:`c = (N + F) / 2 + a + 1`, :math:`b = \tfrac{\pi}{2} (a - 1)\, \bar x / K`.

    Parameters
    ----------
    n_components : int or {"auto"} or None, default="auto"
        The most components there can be, those of `fixed_components` included: two or three times
        as many as are expected. None allows for one for every feature; "auto" takes the number from
        a custom H, and else does the same.
    init : {"random", "nndsvd", "nndsvda", "nndsvdar", "custom"} or None, default="random"
        Where the search starts, as in :class:`BetaNMF`.
    beta_loss : float or str, default="kullback-leibler"
        The beta of the divergence: any real number, or "frobenius" for 2, "kullback-leibler" for 1,
        "itakura-saito" for 0.
    prior : {"l1", "l2"}, default="l1"
        What is known beforehand of the entries of a component: they have an exponential
        distribution of mean :math:`\lambda_k`, or a half-normal one of variance
        :math:`\lambda_k`. "l1" makes factors sparser, and tells better what is to go.
    dispersion : float or {"auto"}, default="auto"
        How far the data strays from :math:`W H`, above 0 and in units of ``X**beta``: entries have
        a variance of about :math:`\varphi\, [W H]^{2 - \beta}`. That is the variance of Gaussian
        noise for beta 2, 1 for counts (beta 1), 1 for powers of a Gaussian signal (beta 0). **This
        is what decides how many components remain: twice the dispersion, fewer of them.** "auto" is
        estimated from the data: the mean deviance of a factorization without penalties, at least
        0.01 for data of mean one.
    a : float or {"auto"}, default="auto"
        Shape of the distribution of the relevances, above 2 for "l1" and above 1 for "l2".
        "auto" is :math:`\log(N + F)`, at least 2.5. From 2.5 to 20 it decides little; very large
        ones keep everything.
    prune : bool, default=True
        Whether components that are not relevant are left out of what was learned. Otherwise they
        keep their place, as rows of zeros.
    tol : float, default=1e-5
        When to stop, as in :class:`BetaNMF`; 0 goes on to `max_iter` and does not warn there.
        Larger ones stop before all that is to go has gone.
    max_iter : int, default=3000
        Iterations at most, in ``fit`` and again in ``transform``. It takes several times as many as
        in :class:`BetaNMF`.
    n_init : int, default=1
        Number of random starts, of which the fit with the lowest objective is kept.
    random_state : int, RandomState instance or None, default=None
        Seed of random starts.
    verbose : int, default=0
        Whether to print the loss every ten iterations.
    fixed_components : array-like of shape (n_fixed, n_features), default=None
        Components that are known: the first rows of `components_`, held as they are, while of the
        other ``n_components - n_fixed`` the relevant ones are learned. They are relevant whatever
        they explain, and cost nothing.

    Attributes
    ----------
    n_components_ : int
        Number of relevant components, `n_relevant`.
    components_ : array of shape (n_relevant, n_features)
        The relevant rows of H, of the kind (NumPy or JAX) and precision of the data; with
        ``prune=False`` as many rows as there could be. One row of zeros if none is relevant.
    relevance_ : ndarray of shape (n_relevant,)
        The :math:`\lambda_k` of the rows of `components_`, at least :math:`b / c`, in units of the
        square root of `X` ("l1") or of `X` ("l2"); infinite for those that are known.
    dispersion_ : float
        The :math:`\varphi` that was used. It is not there if all components are known.
    reconstruction_err_ : float
        ``sqrt(2 * D)`` of the training data and the product of all components and their
        activations, over the entries that were observed, with the activations that were learned
        along with the components.
    n_iter_ : int
        Iterations that the fit took, from the start that is kept.
    loss_curve_ : array of shape (n_checks,)
        The objective in its second form at the start and at iterations 10, 20 …, as in
        :class:`BetaNMF`.
    restart_losses_ : array of shape (n_init,)
        The objective that every start led to, of which the lowest is that of the fit; empty if all
        components are known.
    restart_components_ : list of n_init arrays of shape (n_components, n_features)
        All components that every start led to, zeros for those that are not relevant:
        `skbss.metrics.component_stability` tells how alike they are.
    n_features_in_ : int
        Number of features: the last axis of the training data.
    feature_names_in_ : array of shape (n_features,)
        Their names, if they are strings.

    See Also
    --------
    BetaNMF : As many components as it is told.
    select_n_components : Chooses their number by how well hidden entries are predicted.

    Notes
    -----
    The relevances are at their minimum in every update: the logarithm is bounded by the line that
    touches it, which makes the updates majorize-minimize steps with the prices
    :math:`\varphi / \lambda_k`. They go with momentum; for beta 2, without weights or missing
    entries, it is coordinate descent with momentum. Without momentum, components go so slowly that
    several times the dispersion of the data has been advised for beta 2.

    ``transform`` charges nothing: the activations that it finds are those by which the components
    that remain describe a row best, as in :class:`BetaNMF`.

    Results do not depend on the level of the data if the dispersion is estimated; a number has to
    go with ``X**beta``. Counts whose mean is far below 1 stray less from their means, in terms of
    the deviance, than counts do: say ``dispersion=1``.

    References
    ----------
    .. [1] V. Y. F. Tan and C. Févotte, "Automatic relevance determination in nonnegative matrix
       factorization with the beta-divergence", IEEE Transactions on Pattern Analysis and Machine
       Intelligence 35(7), 2013, arXiv:1111.6085 (algorithms 1 and 2; section 4 for c and b).

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import ARDNMF
    >>> rng = np.random.default_rng(0)
    >>> counts = rng.poisson(20 * rng.gamma(0.5, size=(100, 4)) @ rng.gamma(0.5, size=(4, 50)))
    >>> model = ARDNMF(n_components=12, random_state=0).fit(counts)
    >>> model.n_components_, model.components_.shape
    (4, (4, 50))
    """

    _works_by_shares = True

    _parameter_constraints: dict = {
        **JointNMF._parameter_constraints,
        "prior": [StrOptions(set(_ORDERS))],
        "dispersion": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "a": [StrOptions({"auto"}), Interval(Real, 1, None, closed="neither")],
        "prune": ["boolean"],
    }

    # Plain updates end where the divergence stops falling, which it does while components go.
    solver = "auto"

    def __init__(
        self,
        n_components="auto",
        *,
        init="random",
        beta_loss="kullback-leibler",
        prior="l1",
        dispersion="auto",
        a="auto",
        prune=True,
        tol=1e-5,
        max_iter=3000,
        n_init=1,
        random_state=None,
        verbose=0,
        fixed_components=None,
    ):
        self.n_components = n_components
        self.init = init
        self.beta_loss = beta_loss
        self.prior = prior
        self.dispersion = dispersion
        self.a = a
        self.prune = prune
        self.tol = tol
        self.max_iter = max_iter
        self.n_init = n_init
        self.random_state = random_state
        self.verbose = verbose
        self.fixed_components = fixed_components

    def _check_solver(self):
        if self.prior == "l1" and self.a != "auto" and self.a <= 2:
            raise ValueError(f"a must be above 2 with prior='l1', got {self.a!r}.")

    def _learn(self, X, y, W, H, weights, lengths=None):
        self.__dict__.pop("dispersion_", None)
        with each_once():
            learned = super()._learn(X, y, W, H, weights, lengths)
        shape = learned.checked.X.shape
        n_known = self.n_components_ if learned.by_row else self._n_known
        amounts = self._amounts(learned.W, 0) + self._amounts(self.components_, 1)
        self._offset_of_data = offset = self._offset(shape, self._mean)
        self.relevance_ = (amounts + offset) / self._count(shape)
        self.relevance_[:n_known] = np.inf
        relevant = self._are_relevant(amounts, n_known)
        self.n_components_ = int(relevant.sum())
        if not self.n_components_ and self._mean > 0:
            warn(
                f"No component is worth its price with dispersion={self.dispersion_:g}: the model "
                "is silence. Use a smaller dispersion."
            )
        # What has almost gone would come back where nothing is charged.
        xp = jnp if is_jax_array(learned.W) else np
        W = xp.where(xp.asarray(relevant), learned.W, 0)
        H = xp.where(xp.asarray(relevant)[:, None], self.components_, 0)
        if self.prune:
            kept = np.flatnonzero(relevant) if self.n_components_ else slice(1)
            W, H, self.relevance_ = W[:, kept], H[kept], self.relevance_[kept]
        self.components_ = H
        # At a minimum both factors amount to the same.
        self.restart_components_ = [
            xp.where(
                xp.asarray(self._are_relevant(2 * self._amounts(H, 1), n_known))[:, None], H, 0
            )
            for H in self.restart_components_
        ]
        return learned._replace(W=W)

    def _are_relevant(self, amounts, n_known):
        """Which components count, by what they amount to in both factors."""
        least = self._offset_of_data if self.prior == "l1" else amounts[n_known:].max(initial=0)
        relevant = amounts > _USED * least
        relevant[:n_known] = True
        return relevant

    def _look_at(self, X, weights):
        self._mean = mean_of(X, weights)

    def _observe(self, checked, n_components, dtype):
        # Before the data is laid out: both need memory for as much.
        if self.dispersion == "auto":
            X, weights = checked.X, checked.weights
            self._strays = relative_dispersion(X, weights, n_components, self._beta)
            self.dispersion_ = float(self._strays * relative_power(self._mean or 1.0, self._beta))
        else:
            self.dispersion_ = float(self.dispersion)
            self._strays = float(self.dispersion * relative_power(self._mean or 1.0, -self._beta))
        return super()._observe(checked, n_components, dtype)

    @property
    def _n_known(self):
        return 0 if self.fixed_components is None else len(self.fixed_components)

    def _amounts(self, A, axis):
        """What every component amounts to in a factor: f."""
        A = np.asarray(fetch(A) if is_jax_array(A) else A, np.float64)
        return (A if self.prior == "l1" else A * A / 2).sum(axis)

    def _shape(self, shape):
        return max(np.log(sum(shape)), _SMALLEST_A) if self.a == "auto" else float(self.a)

    def _count(self, shape):
        n_entries = sum(shape) / _ORDERS[self.prior]
        return n_entries + self._shape(shape) + 1

    def _offset(self, shape, mean):
        """The b of data of this mean."""
        a, mean = self._shape(shape), mean / self._n_components
        return (
            np.sqrt((a - 1) * (a - 2) * mean) if self.prior == "l1" else np.pi / 2 * (a - 1) * mean
        )

    def _penalty(self, shape, scale):
        return RelevancePenalty(
            self._strays * self._count(shape),
            float(self._offset(shape, 1.0)),
            self._n_known,
            1.0,
            _ORDERS[self.prior],
        )

    def _gains(self, H, free, scale, solver):
        return np.ones(len(H))

    def _row_terms(self, H, scale):
        return float(H.mean()) or 1.0, Prices(0.0, 0.0)
