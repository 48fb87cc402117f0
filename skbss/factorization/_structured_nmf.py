"""Non-negative matrix factorization with structure: penalties that combine."""

from dataclasses import replace
from numbers import Integral, Real
from typing import Any

import jax.numpy as jnp
import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skbss._kernels.group_sparsity import GroupSparsity
from skbss._kernels.orthogonality import Orthogonality
from skbss._kernels.penalties import ElasticNet, Prices
from skbss._kernels.smoothness import Smoothness, smooth_start
from skbss._kernels.structure import Structure
from skbss._kernels.volume import Volume
from skbss._runtime.callbacks import with_callbacks
from skbss._runtime.device import is_jax_array
from skbss.factorization._divergence import relative_power
from skbss.factorization._joint_base import JointNMF
from skbss.factorization._observations import mean_of, observe
from skbss.factorization._recording_base import RecordingNMF
from skbss.factorization._recordings import positions
from skbss.factorization._row_base import RowNMF

_OPTIONS = ("smoothness", "orthogonality", "group_sparsity", "volume")
# Levels of groups that are as good as silence, and widths of spectra that are as good as none, as
# shares of those of flat spectra at the mean of the data.
_OFFSET, _WIDTH = 0.01, 0.1
_SOLVERS = {"auto": "momentum", "mu": "majorize-minimize"}


class StructuredNMF(RecordingNMF, RowNMF, JointNMF):
    r"""Non-negative matrix factorization with structure: penalties that combine.

    Finds non-negative matrices whose product approximates a non-negative matrix,
    :math:`X \approx W H`, with activations that are smooth in time, components that share little,
    few groups of components at a time, components of a small volume, or several of these at once,
    by minimizing

    .. math::

        L(W, H) = {} & \sum_{n,f} m_{nf}\, d_\beta(x_{nf} \mid [W H]_{nf})

        & + \mu \sum_k \|h_k\|_2^2 \sum_n (w_{nk} - w_{n-1,k})^2

        & + \nu \sum_{k<l} \|w_k\|_1 \|w_l\|_1 \langle h_k, h_l \rangle

        & + \rho \sum_{n,g} \log\Big(1 + \tfrac1a \sum_{k \in g} w_{nk} \|h_k\|_1\Big)

        & + \lambda \log \det\Big(I + \tfrac{F}{\delta} H H^\top\Big)
          \quad\text{with}\quad \|h_k\|_1 = 1

    over :math:`W` (activations, ``transform(X)``) and :math:`H` (``components_``), where
    :math:`d_\beta` is the beta-divergence of :class:`BetaNMF` and :math:`m` are the weights of the
    entries. The level of a component matters to none: it can not be scaled up to save a price of
    its activations, nor down. The strengths are relative to the data, of mean :math:`\bar x` and
    shape (N, F), so that its level and its size matter little: :math:`\mu` is `smoothness` times
    :math:`\bar x^{\beta - 2}`, :math:`\nu` is `orthogonality` times :math:`\bar x^{\beta - 2} / N`,
    :math:`\rho` is `group_sparsity` times :math:`F \bar x^\beta`, and :math:`\lambda` is `volume`
    times :math:`N F \bar x^\beta`; :math:`a = 0.01 F \bar x` and :math:`\delta = 0.1`. What is 0 is
    left out; with all of them 0 it is :class:`BetaNMF` with components that sum to one.

    Parameters
    ----------
    n_components : int or {"auto"} or None, default="auto"
        Number of components, those of `fixed_components` included. None keeps one for every
        feature; "auto" takes the number from a custom H, and else does the same.
    init : {"random", "nndsvd", "nndsvda", "nndsvdar", "custom"} or None, default=None
        Where the search starts, as in :class:`BetaNMF`.
    solver : {"auto", "mu"}, default="auto"
        How the objective is minimized.

        - "mu": majorize-minimize updates, which never raise the objective.
        - "auto": the same with momentum; without any penalty that of :class:`BetaNMF`.
    beta_loss : float or str, default="kullback-leibler"
        The beta of the divergence: any real number, or "frobenius" for 2, "kullback-leibler" for 1,
        "itakura-saito" for 0.
    smoothness : float, default=0
        Strength of the penalty on changes from one frame to the next, at least 0. Rows of `X` are
        then frames in order of time. For notes and noise that last, 0.03 to 1; attacks are smeared,
        and speech separates worse with any.
    orthogonality : float, default=0
        Strength of the penalty on features that components share, at least 0: each feature then
        belongs to few components. Parts and clusters show from 0.01 on; sounds, which do share
        frequencies, separate no better with it. Where they may share none at all, take
        :class:`OrthogonalNMF`.
    group_sparsity : float, default=0
        Strength of the penalty on groups of components that sound together, at least 0: in every
        frame it silences those that matter least. With dictionaries of known sources 0.003 to 0.01;
        0.1 leaves hardly more than one group.
    groups : int or array-like of shape (n_components,), default=None
        The groups of `group_sparsity`: how many there are, of neighboring components, as equal in
        size as can be, or the group of every component. None makes every component a group of
        its own, which gives sparse activations.
    volume : float, default=0
        Strength of the penalty on the volume that the components span, at least 0: the smallest
        around the data, where larger ones would describe it as well. 1e-5 to 1e-3 find spectra that
        never sound alone; much more makes all alike. It is for few components.
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
        level, while the other ``n_components - n_fixed`` are learned. They count in all penalties,
        in `volume` as if they summed to one.

    Attributes
    ----------
    components_ : array of shape (n_components, n_features)
        The learned H, of the kind (NumPy or JAX) and precision of the data, with rows that sum to
        one; zeros for a component that is not worth its price.
    n_components_ : int
        Number of components.
    level_ : float
        The (weighted) mean of the training data; 1 if it is silent.
    penalties_ : dict of str to float
        The weights :math:`\mu, \nu, \rho, \lambda` of the penalties that are on, by the names of
        their parameters; ``transform`` makes use of those of activations again.
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
    BetaNMF : Without structure, or with L1 and L2 penalties on both factors.
    SparseNMF : Sparse activations by a penalty on their sum.
    ConvNMF : Components that last for several frames.
    OrthogonalNMF : Components without any common feature.

    Notes
    -----
    Orthogonality and volume are learned: with the components held, as in ``transform``, they ask
    nothing of activations. Group sparsity does, in every row by itself. With smoothness,
    ``transform`` solves every recording as a whole, and a frame without any observed entry is
    explained by those around it. Recordings that lie below each other in `X` must then be told
    apart by `lengths`, or be axes of their own, (n_recordings, n_frames, n_features): no change is
    charged across their borders.

    All penalties are bounded by functions that touch them at the present factors and are sums over
    entries, so that they combine, at any beta: smoothness as in [1]_ with the norms of components
    in the place of those of activations, group sparsity as in [2]_. The exponents of the steps are
    those at which the sum of the bounds can only fall. With `volume` [3]_ the minimum of the bound
    is taken among components that sum to one [4]_. For beta 1 it is the exact minimum.

    References
    ----------
    .. [1] T. Virtanen, "Monaural sound source separation by nonnegative matrix factorization with
       temporal continuity and sparseness criteria", IEEE Transactions on Audio, Speech, and
       Language Processing 15(3), 2007.
    .. [2] A. Lefèvre, F. Bach and C. Févotte, "Itakura-Saito nonnegative matrix factorization with
       group sparsity", ICASSP 2011.
    .. [3] V. Leplat, N. Gillis and A. M. S. Ang, "Blind audio source separation with minimum-volume
       beta-divergence NMF", IEEE Transactions on Signal Processing 68, 2020.
    .. [4] V. Leplat, N. Gillis and J. Idier, "Multiplicative updates for NMF with beta-divergences
       under disjoint equality constraints", SIAM Journal on Matrix Analysis and Applications 42(2),
       2021.

    Examples
    --------
    Two sounds that fade in and out, in noise: smooth activations follow them, not the noise.

    >>> import numpy as np
    >>> from skbss import StructuredNMF
    >>> rng = np.random.default_rng(0)
    >>> fades = 1 + np.sin(np.arange(200)[:, np.newaxis] / [10, 17])
    >>> X = rng.poisson(fades @ [[4, 2, 1, 0, 0], [0, 0, 1, 3, 3]]).astype(float)
    >>> def roughness(smoothness):
    ...     model = StructuredNMF(2, smoothness=smoothness, random_state=0, max_iter=1000)
    ...     W = model.fit_transform(X)
    ...     return np.abs(np.diff(W, axis=0)).sum() / W.sum()
    >>> bool(roughness(0.3) < 0.5 * roughness(0))
    True
    """

    _parameter_constraints: dict = {
        **JointNMF._parameter_constraints,
        "solver": [StrOptions({"auto", "mu"})],
        **{option: [Interval(Real, 0, None, closed="left")] for option in _OPTIONS},
        "groups": [Interval(Integral, 1, None, closed="left"), "array-like", None],
    }

    def __init__(
        self,
        n_components="auto",
        *,
        init=None,
        solver="auto",
        beta_loss="kullback-leibler",
        smoothness=0.0,
        orthogonality=0.0,
        group_sparsity=0.0,
        groups=None,
        volume=0.0,
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
        self.smoothness = smoothness
        self.orthogonality = orthogonality
        self.group_sparsity = group_sparsity
        self.groups = groups
        self.volume = volume
        self.tol = tol
        self.max_iter = max_iter
        self.n_init = n_init
        self.random_state = random_state
        self.verbose = verbose
        self.fixed_components = fixed_components

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, W=None, H=None, weights=None, lengths=None):
        """Learn the components of data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (..., n_features)
            Non-negative training data, with `smoothness` in order of time; NaN where not observed.
        y : None
            Not used; it is there by convention.
        W : array-like of shape (n_samples, n_components), default=None
            Where the activations start if ``init="custom"``.
        H : array-like of shape (n_components, n_features), default=None
            Where the components start if ``init="custom"``.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry in the divergence; None for 1 everywhere.
        lengths : array-like of int, default=None
            Numbers of rows of the recordings that lie below each other in a matrix, between which
            `smoothness` asks for nothing; by default it is one recording. With more axes, those
            before the last two count recordings.

        Returns
        -------
        self : StructuredNMF
            The estimator itself.

        Raises
        ------
        ValueError, TypeError
            As ``fit_transform``.
        """
        self._learn(X, y, W, H, weights, lengths)
        return self

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X, y=None, W=None, H=None, weights=None, lengths=None):
        """Learn the components of data and find its activations.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (..., n_features)
            Non-negative training data, with `smoothness` in order of time; NaN where not observed.
        y : None
            Not used; it is there by convention.
        W : array-like of shape (n_samples, n_components), default=None
            Where the activations start if ``init="custom"``.
        H : array-like of shape (n_components, n_features), default=None
            Where the components start if ``init="custom"``.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry in the divergence; None for 1 everywhere.
        lengths : array-like of int, default=None
            Numbers of rows of the recordings that lie below each other in a matrix, between which
            `smoothness` asks for nothing; by default it is one recording. With more axes, those
            before the last two count recordings.

        Returns
        -------
        W : array of shape (..., n_components)
            The same as ``fit(X).transform(X)``; with ``init="custom"`` the activations that were
            learned along with the components.

        Raises
        ------
        ValueError
            If X has negative or infinite entries or a column without any observed entry; if
            `weights` do not broadcast to X or are negative; if W, H, `fixed_components`, `groups`
            or `lengths` do not fit; if with `volume` a component of H is all zeros; if `n_init` is
            more than 1 and nothing is drawn.
        TypeError
            If W or H have another precision than X.
        FloatingPointError
            If the numbers overflow, which only a far-off `beta_loss` brings about.
        """
        return self._learn_and_transform(X, y, W, H, weights, lengths)

    def transform(self, X, weights=None, lengths=None):
        """Find the activations of the components in new data.

        Every row is solved by itself, with `smoothness` every recording, from the same start: its
        activations do not depend on the others.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (..., n_features)
            Non-negative data, with `smoothness` in order of time; NaN where not observed.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry in the divergence; None for 1 everywhere.
        lengths : array-like of int, default=None
            Numbers of rows of the recordings, as in ``fit``.

        Returns
        -------
        W : array of shape (..., n_components)
            Activations, of the kind (NumPy or JAX) and precision of X; zeros, with a warning, for a
            row (with `smoothness`, for a recording) without any observed entry.

        Raises
        ------
        ValueError
            If X has negative or infinite entries or another number of features than in ``fit``, or
            if `weights` or `lengths` do not fit to X.
        """
        check_is_fitted(self)
        return self._transform(self._check_input(X, weights, reset=False, lengths=lengths))

    def score(self, X, y=None, weights=None, lengths=None):
        """Tell how well the components describe data: higher is better.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (..., n_features)
            Non-negative data, with `smoothness` in order of time; NaN where not observed.
        y : array-like of shape (..., n_features), default=None
            The full matrix, read only where X is NaN: the score is then taken over these held-out
            entries alone, as in :meth:`BetaNMF.score`.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry, in the fit of the activations and in the mean.
        lengths : array-like of int, default=None
            Numbers of rows of the recordings, as in ``fit``.

        Returns
        -------
        score : float
            Minus the (weighted) mean beta-divergence over the entries.

        Raises
        ------
        ValueError
            If there is no entry to score, or if X has missing entries and `y` another shape.
        """
        check_is_fitted(self)
        held_out = None if y is X else y
        return self._score(self._check_input(X, weights, reset=False, lengths=lengths), held_out)

    def _look_at(self, X, weights):
        self.level_ = float(mean_of(X, weights)) or 1.0
        strengths = {option: float(getattr(self, option)) for option in _OPTIONS}
        self._strengths = {option: value for option, value in strengths.items() if value > 0}
        self.penalties_ = self._weights(X.shape, 1.0)

    def _weights(self, shape, scale):
        """Those of the penalties that are on, for data of a shape divided by a scale."""
        (n_samples, n_features), beta = shape, self._beta
        degrees = {
            "smoothness": (1, beta - 2),
            "orthogonality": (1 / n_samples, beta - 2),
            "group_sparsity": (n_features, beta),
            "volume": (n_samples * n_features, beta),
        }
        # A power of the quotient: that of a level may be beyond all numbers.
        relative = self.level_ / np.asarray(scale, np.float64)
        weights = {}
        for option, strength in self._strengths.items():
            factor, degree = degrees[option]
            weight = strength * factor * relative_power(relative, degree)
            weights[option] = weight if np.ndim(weight) else float(weight)
        return weights

    def _factorize(self, checked, given, callbacks):
        self._labels(given.n_components)
        if "volume" in self._strengths and given.H is not None:
            silent = np.flatnonzero(np.asarray(given.H.sum(axis=1) == 0) & given.free)
            if len(silent):
                raise ValueError(
                    f"Component {silent[0]} of the given H is all zeros, which no update moves: "
                    "with volume > 0 every component sums to one."
                )
        return super()._factorize(checked, given, callbacks)

    def _labels(self, n_components):
        """The group of every component, from 0."""
        groups = self.groups
        if groups is None:
            return np.arange(n_components)
        if isinstance(groups, Integral):
            if groups > n_components:
                raise ValueError(
                    f"groups={groups} must be at most the number of components, {n_components}."
                )
            return np.arange(n_components) * groups // n_components
        labels = np.asarray(groups)
        if labels.shape != (n_components,):
            raise ValueError(
                "groups must be a number of groups or the group of every component, of shape "
                f"({n_components},); got shape {labels.shape}."
            )
        return np.unique(labels, return_inverse=True)[1]

    def _penalty(self, shape, scale):
        # Nothing at all: what the options cost is told by _penalty_on.
        return ElasticNet(0.0, 0.0, 0.0, 0.0)

    def _penalty_on(self, checked, observed):
        if not self._strengths:
            return self._penalty(checked.X.shape, observed.scale)
        weights = self._weights(checked.X.shape, observed.scale)
        return self._structure(weights, checked, observed)

    def _penalty_on_recording(self, recording, observed):
        weights = self._weights(recording.X.shape, observed.scale)
        for option in ("orthogonality", "volume"):
            # They ask nothing of activations with the components held.
            weights.pop(option, None)
        return self._structure(weights, recording, observed)

    def _structure(self, weights, checked, observed):
        layout = observed.layout
        parts: list[Any] = []
        if "smoothness" in weights:
            follows = (positions(checked.lengths) > 0).astype(np.float32)
            follows = np.asarray(layout.lay_out(follows[:, np.newaxis], np.float32))
            parts.append(Smoothness(weights["smoothness"], follows))
        if "orthogonality" in weights:
            parts.append(Orthogonality(weights["orthogonality"]))
        if "group_sparsity" in weights:
            groups = self._group_sparsity(
                weights["group_sparsity"],
                observed.scale,
                layout.n_components,
                checked.X.shape[1],
            )
            # Components that fill up are in no group.
            members = np.pad(groups.membership, [(0, layout.rank - layout.n_components), (0, 0)])
            parts.append(replace(groups, membership=members))
        if "volume" in weights:
            parts.append(Volume(weights["volume"], _WIDTH / checked.X.shape[1]))
        return Structure(tuple(parts))

    def _group_sparsity(self, weight, scale, n_components, n_features):
        offset = _OFFSET * n_features * self.level_ / np.asarray(scale)
        members = self._labels(n_components)[:, np.newaxis] == np.arange(n_components)
        # Beside data that is too loud for an offset, every group is louder than nothing.
        offset = np.maximum(offset, np.finfo(np.float32).tiny)
        return GroupSparsity(weight, offset, members.astype(np.float32))

    def _observe(self, checked, n_components, dtype):
        return observe(
            checked.X,
            checked.weights,
            n_components,
            beta=self._beta,
            dtype=dtype,
            # Frames that hang together can not be cut into blocks.
            rows_per_block=checked.X.shape[0] if self._is_smooth else None,
        )

    def _start(self, given, checked, scale, random_state):
        W, H = super()._start(given, checked, scale, random_state)
        if "volume" not in self._strengths:
            return W, H
        xp = jnp if is_jax_array(H) else np
        level = H.sum(axis=1)
        # Those that are known to be silent stay so, others sound.
        flat = xp.asarray((np.asarray(level) == 0) & given.free)
        H = xp.where(flat[:, None], 1, H) / xp.where(level > 0, level, 1)[:, None]
        H = xp.where(flat[:, None], 1 / H.shape[1], H)
        return W * level.astype(W.dtype), H

    def _gains(self, H, free, scale, solver):
        level = np.asarray(H.sum(axis=1), np.float64)
        gains = np.ones_like(level)
        movable = free & (level > 0)
        gains[movable] = 1 / (np.sqrt(scale) * level[movable])
        if "volume" in self._strengths and not free.all():
            known = np.asarray(self.fixed_components, np.float64).sum(axis=1) / np.sqrt(scale)
            gains[: len(known)] = np.where(known > 0, known, 1)
        return gains

    def _choose_solver(self, *, weighted):
        # By the parameters: it is asked for before a fit as well.
        if any(getattr(self, option) > 0 for option in _OPTIONS):
            return _SOLVERS[self.solver]
        return super()._choose_solver(weighted=weighted)

    def _recording_solver(self):
        return _SOLVERS[self.solver]

    def _rows_solver(self, *, weighted):
        if "group_sparsity" in self._strengths:
            return "extrapolated" if self.solver == "auto" else self.solver
        return super()._rows_solver(weighted=weighted)

    @property
    def _works_by_shares(self) -> bool:
        # Frames that hang together have to lie beside each other.
        return self.smoothness == 0

    @property
    def _is_smooth(self):
        return "smoothness" in self._strengths

    def _activations(self, checked, H=None):
        by = RecordingNMF if self._is_smooth else RowNMF
        return by._activations(self, checked, H)

    def _clear_unobserved(self, X, weights, W):
        # A frame between others is explained by them.
        return W if self._is_smooth else super()._clear_unobserved(X, weights, W)

    def _start_of_recording(self, observed, H):
        return smooth_start(observed.data, H, observed.layout.holds_data)

    def _values_per_frame(self, n_features, n_components):
        # The data and two models, and activations, theirs before, and what bounds their price.
        return 3 * n_features + 5 * n_components

    def _level_of_components(self, H):
        xp = jnp if is_jax_array(H) else np
        level = H.sum(axis=1, keepdims=True)
        level = xp.where(level > 0, level, 1)
        return level * (float((H / level).mean()) or 1.0)

    def _row_terms(self, H, scale):
        level = self._level_of_components(H)
        if "group_sparsity" not in self._strengths:
            return level, Prices(0.0, 0.0)
        weight = self._weights((1, H.shape[1]), scale)["group_sparsity"]
        return level, self._group_sparsity(weight, scale, *H.shape)
