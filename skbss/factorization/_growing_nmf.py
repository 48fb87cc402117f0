"""Non-negative matrix factorization that grows until more components gain little."""

from copy import copy
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, StrOptions

from skbss._runtime.warning import each_once, warn
from skbss.factorization._beta_nmf import BetaNMF
from skbss.factorization._divergence import Misfit
from skbss.factorization._misfit_of_means import misfit_of_means
from skbss.factorization._start import size_of_start
from skbss.factorization._worst_explained import with_worst_explained

# Between what the first components of notes and counts gain, and what those of noise do.
_GAIN = 0.02


class GrowingNMF(BetaNMF):
    r"""Non-negative matrix factorization that grows until more components gain little.

    It begins with few components and adds others, one after the other, until those that there are
    explain enough, or more of them would explain hardly more. For every number of components the
    objective of :class:`BetaNMF` is minimized, from what the smaller model found and from what that
    explains worst. What is explained is the share

    .. math::

        E = 1 - \frac{D_\beta(X \mid W H)}{D_\beta(X \mid \mathbf{1} \bar x^\top)}

    of the (weighted) divergence of the data from :math:`\bar x`, the mean of every column: of all
    models that are the same for every row it is the best, for every beta. :math:`E` is 1 for a
    perfect model, depends neither on the level of the data nor on how much there is of it, and is
    the coefficient of determination :math:`R^2` (over all columns, weighted by their variance) for
    beta 2, the explained deviance for the others.

    Parameters
    ----------
    n_components : int or {"auto"} or None, default="auto"
        The most components there can be, those of `fixed_components` included. "auto" and None
        stand for ``min(n_samples, n_features)``, of which every X is a product.
    n_components_min : int, default=1
        With how many to begin, those of `fixed_components` included; at least one more than these,
        if `n_components` allows for it. With ``init="custom"``, W and H say it instead.
    step : int, default=1
        How many to add at a time.
    min_explained : float or None, default=None
        The share :math:`E` of the data, from 0 to 1, that is enough: growth ends at the first
        number of components that explains it. None leaves it to `min_gain`.
    min_gain : float or {"auto"}, default="auto"
        The least by which a component has to raise :math:`E`, from 0 to below 1: growth ends at a
        number after which neither one nor two more steps gain as much for every component. 0 takes
        any. "auto" is 0.02, and 0 if `min_explained` is given.
    init : {"random", "nndsvd", "nndsvda", "nndsvdar", "custom"} or None, default=None
        Where the first model starts, as in :class:`BetaNMF`.
    solver : {"auto", "cd", "mu"}, default="auto"
        How the objective is minimized, as in :class:`BetaNMF`.
    beta_loss : float or str, default="kullback-leibler"
        The beta of the divergence: any real number, or "frobenius" for 2, "kullback-leibler" for 1,
        "itakura-saito" for 0.
    tol : float, default=1e-4
        When to stop with one number of components, as in :class:`BetaNMF`.
    max_iter : int, default=200
        Iterations at most for each number of components, and again in ``transform``.
    random_state : int, RandomState instance or None, default=None
        Seed of the first start; what is added is not drawn.
    alpha_W, alpha_H : float, default=0.0, "same"
        Strength of the penalties on W and on H, as in :class:`BetaNMF`.
    l1_ratio : float, default=0.0
        Share, between 0 and 1, of the L1 penalty; the rest is the L2 penalty.
    verbose : int, default=0
        Whether to print the loss every ten iterations.
    fixed_components : array-like of shape (n_fixed, n_features), default=None
        Components that are known: the first rows of `components_`, held as they are.

    Attributes
    ----------
    components_ : array of shape (n_components, n_features)
        The learned H, of the kind (NumPy or JAX) and precision of the data. Those that came later
        stand further below.
    n_components_ : int
        How many there are.
    explained_ : float
        The share :math:`E` that they explain; 1 if all rows are the same, up to rounding.
    stop_reason_ : {"explained", "gain", "n_components", "callback"}
        Why growth ended: `min_explained` was reached (or all explained by components that gain
        enough), more components would gain less than `min_gain`, there were as many as there can
        be, or a callback asked for it.
    growth_ : Bunch
        What was tried, in the order of the trials, those after the chosen one included: arrays
        ``n_components``, ``explained``, ``divergence`` (of the training data) and ``n_iter``.
    reconstruction_err_ : float
        ``sqrt(2 * D)`` of the training data and ``W @ components_``, over the entries that were
        observed, with the W that was learned along with the components.
    n_iter_ : int
        Iterations of the fit with the chosen number of components.
    loss_curve_ : array of shape (n_checks,)
        Its objective at the start and at iterations 10, 20 …, as in :class:`BetaNMF`.
    n_features_in_ : int
        Number of features: the last axis of the training data.
    feature_names_in_ : array of shape (n_features,)
        Their names, if they are strings.

    See Also
    --------
    ARDNMF : Begins with too many components and leaves some out.
    select_n_components : Chooses their number by how well hidden entries are predicted.
    BetaNMF : As many components as it is told.

    Notes
    -----
    A component that is added begins as the positive residual of the row with the largest
    divergence, which two passes of least squares blend with the residuals of rows alike. Nothing is
    taken back: all components go on from where they were. The fit can be a worse one than the best
    of several random starts with as many components, above all for beta 0.

    A ``ConvergenceWarning`` says if growth ended at `n_components` though the last components
    gained enough, and if it ended below `min_explained`.

    References
    ----------
    .. [1] S. Rebhan, W. Sharif and J. Eggert, "Incremental learning in the non-negative matrix
       factorization", ICONIP 2008 (components are added until data is described).
    .. [2] Y. Guo and T. E. Holy, "GSVD-NMF: recovering missing features in non-negative matrix
       factorization", arXiv:2408.08260, 2024 (another start for what is added).

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import GrowingNMF
    >>> rng = np.random.default_rng(0)
    >>> counts = rng.poisson(20 * rng.gamma(0.5, size=(100, 4)) @ rng.gamma(0.5, size=(4, 50)))
    >>> model = GrowingNMF().fit(counts)
    >>> model.n_components_, model.stop_reason_
    (4, 'gain')

    Or as many as it takes to explain four fifths of the data:

    >>> model = GrowingNMF(min_explained=0.8).fit(counts)
    >>> model.n_components_ < 4, model.explained_ >= 0.8
    (True, True)
    """

    _parameter_constraints: dict = {
        **{
            name: allowed
            for name, allowed in BetaNMF._parameter_constraints.items()
            if name not in ("n_init", "shuffle")
        },
        "n_components_min": [Interval(Integral, 1, None, closed="left")],
        "step": [Interval(Integral, 1, None, closed="left")],
        "min_explained": [Interval(Real, 0, 1, closed="both"), None],
        "min_gain": [Interval(Real, 0, 1, closed="left"), StrOptions({"auto"})],
    }

    n_init = 1
    shuffle = False

    def __init__(
        self,
        n_components="auto",
        *,
        n_components_min=1,
        step=1,
        min_explained=None,
        min_gain="auto",
        init=None,
        solver="auto",
        beta_loss="kullback-leibler",
        tol=1e-4,
        max_iter=200,
        random_state=None,
        alpha_W=0.0,
        alpha_H="same",
        l1_ratio=0.0,
        verbose=0,
        fixed_components=None,
    ):
        self.n_components = n_components
        self.n_components_min = n_components_min
        self.step = step
        self.min_explained = min_explained
        self.min_gain = min_gain
        self.init = init
        self.solver = solver
        self.beta_loss = beta_loss
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state
        self.alpha_W = alpha_W
        self.alpha_H = alpha_H
        self.l1_ratio = l1_ratio
        self.verbose = verbose
        self.fixed_components = fixed_components

    def _learn(self, X, y, W, H, weights, lengths=None):
        with each_once():
            learned = super()._learn(X, y, W, H, weights, lengths)
        if learned.by_row:
            only = _Fit(None, self.components_, self.n_iter_, [], [], learned.misfit)
            means = self._misfit_of_means(learned.checked)
            self._keep_record([only], [self._explained(only, means)], 0, "n_components")
        # There is one start.
        del self.restart_losses_, self.restart_components_
        return learned

    def _check_start(self, X, W, H):
        n_known = 0 if self.fixed_components is None else len(self.fixed_components)
        most = self.n_components
        is_limited = isinstance(most, Integral)
        if not is_limited:
            most = max(min(X.shape), self.n_components_min, n_known)
        if self.init == "custom" and not (W is None and H is None):
            size = size_of_start(W, H, self._component_shape(X))
            most = most if is_limited else max(most, size)
        else:
            if self.n_components_min > most:
                raise ValueError(
                    f"n_components_min={self.n_components_min} must not exceed n_components={most}."
                )
            size = max(self.n_components_min, n_known + 1)
        self._most, self._suffices = most, most >= min(X.shape)
        first = copy(self)
        first.n_components = min(size, most)
        return super(GrowingNMF, first)._check_start(X, W, H)

    def _iterations_at_most(self):
        return None

    def _factorize(self, checked, given, callbacks):
        means = self._misfit_of_means(checked)
        told = _AllSizes(callbacks)
        fits = [_Fit(*super()._factorize(checked, given, told))]
        explained = [self._explained(fits[0], means)]
        while (stop := self._stop([len(fit.H) for fit in fits], explained, told.stopped)) is None:
            last = fits[-1]
            count = min(self.step, self._most - len(last.H))
            W, H = with_worst_explained(
                checked.X, checked.weights, last.W, last.H, count, self._beta
            )
            larger = given._replace(init="custom", n_components=len(H), W=W, H=H)
            fits.append(_Fit(*super()._factorize(checked, larger, told)))
            explained.append(self._explained(fits[-1], means))
            # No other activations than these can be those of the fit.
            fits[:-3] = [fit._replace(W=None) for fit in fits[:-3]]
        reason, kept = stop
        chosen = fits[kept]
        callbacks.finish({"components_": chosen.H, "n_components_": len(chosen.H)})
        self._keep_record(fits, explained, kept, reason)
        return chosen

    def _stop(self, sizes, explained, interrupted):
        """Why to stop, and with which of the fits that were made; None to go on."""
        last = len(sizes) - 1
        if interrupted:
            return "callback", last
        if self.min_explained is not None and explained[last] >= self.min_explained:
            return "explained", last
        # A start can be a poor one: that one step gains little does not say that two do.
        if last > 1 and all(
            self._gains_little(sizes, explained, last - 2, i) for i in (last - 1, last)
        ):
            return "gain", last - 2
        # No step could gain more after a perfect fit, nor after the last one.
        is_perfect = self.min_explained is None and explained[last] >= 1
        at_end = sizes[last] >= self._most
        if not (is_perfect or at_end):
            return None
        if last and self._gains_little(sizes, explained, last - 1, last):
            return "gain", last - 1
        return "explained" if is_perfect else "n_components", last

    def _gains_little(self, sizes, explained, smaller, larger):
        gain, least = explained[larger] - explained[smaller], self._least_gain
        return least > 0 and gain < least * (sizes[larger] - sizes[smaller])

    @property
    def _least_gain(self):
        if self.min_gain == "auto":
            return _GAIN if self.min_explained is None else 0.0
        return self.min_gain

    def _misfit_of_means(self, checked):
        means = misfit_of_means(checked.X, checked.weights, self._beta)
        self._refuse_overflow(np.zeros((1, 1), checked.X.dtype), means.divergence)
        return means

    def _explained(self, fit, means):
        """The share of the divergence from the means that a fit explains."""
        share = fit.misfit.share_of(means, self._beta) if means.divergence > 0 else 0.0
        self._refuse_overflow(fit.H, share)
        return 1 - share

    def _keep_record(self, fits, explained, kept, reason):
        self.explained_, self.stop_reason_ = explained[kept], reason
        with np.errstate(over="ignore"):
            divergence = np.square([fit.misfit.error(self._beta) for fit in fits]) / 2
        self.growth_ = Bunch(
            n_components=np.array([len(fit.H) for fit in fits]),
            explained=np.array(explained),
            divergence=divergence,
            n_iter=np.array([fit.n_iter for fit in fits]),
        )
        least = self._least_gain
        missed = self.min_explained is not None and self.explained_ < self.min_explained
        # Rounded, what is explained could be what was to be explained.
        found = f"all but {1 - self.explained_:.3g} of the data"
        aim = f"less than min_explained={self.min_explained}"
        if reason == "gain" and missed:
            warn(
                f"More components gain less than min_gain={least:g} each: {len(fits[kept].H)} of "
                f"them explain {found}, {aim}. Decrease min_gain to go on.",
                ConvergenceWarning,
            )
        elif reason == "n_components" and (missed or len(fits) > 1):
            if not missed:
                gained = f"the last ones gained at least min_gain={least:g} each"
                aim = f"and {gained if least else 'min_gain=0 takes any more'}"
            more = "" if self._suffices else " Increase n_components to go on."
            warn(
                f"Growth ended at n_components={self._most}: these explain {found}, {aim}.{more}",
                ConvergenceWarning,
            )


class _Fit(NamedTuple):
    """What a fit of one size found: as ``JointNMF._factorize`` returns it."""

    W: Any
    H: Any
    n_iter: int
    losses: list[float]
    restarts: list[Any]
    misfit: Misfit


class _AllSizes:
    """Callbacks that take the fits of all sizes for one."""

    def __init__(self, callbacks):
        self._callbacks = callbacks
        self.active, self.stopped = callbacks.active, False

    def begin(self, n_iter):
        self._callbacks.begin(n_iter)

    def end(self, attributes):
        self.stopped = bool(self._callbacks.end(attributes))
        return self.stopped

    def finish(self, attributes):
        """There may be more to come."""
