"""Non-negative matrix factorization that learns the transform of its own spectrogram."""

from numbers import Integral, Real
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from scipy.fft import dct
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skbss._kernels.masks import soft_masks
from skbss._kernels.orthogonal_transform import Turning
from skbss._kernels.penalties import ElasticNet
from skbss._kernels.transform_learning import LearnedTransform, learn_transform
from skbss._runtime.blocks import bucket
from skbss._runtime.checks import check_matrix
from skbss._runtime.device import for_kernels, is_jax_array, movable, precision
from skbss._runtime.loop import fetch, run_loop
from skbss._runtime.warning import warn
from skbss.factorization._beta_nmf import BetaNMF
from skbss.factorization._checked import check_lengths
from skbss.factorization._divergence import row_divergences
from skbss.factorization._frame_levels import rms_of_frames, sounding_frames
from skbss.factorization._observations import floor_of, has_missing
from skbss.factorization._rules import CHECK_EVERY, step_rules
from skbss.factorization._start import check_start, start_factors

# How far a basis that is given may be from orthogonal: what float32 makes of one.
_LARGEST_DEVIATION = 1e-4


class _State(NamedTuple):
    """What was learned, and the objective when it was last looked at."""

    found: LearnedTransform
    loss: float
    n_iter: int
    done: bool


class TransformLearningNMF(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    r"""Non-negative matrix factorization that learns the transform of its own spectrogram.

    Takes windowed frames of waveforms, :math:`Y`, instead of a spectrogram, and finds the
    orthogonal transform :math:`\Phi` whose squared coefficients have the best factorization [1]_,

    .. math::

        \min_{\Phi^\top \Phi = I,\, W \ge 0,\, H \ge 0} \frac{1}{N M} \sum_{n,m}
          d_{IS}(v_{nm} \mid [W H]_{nm}) ,
        \qquad v_{nm} = [Y \Phi^\top]_{nm}^2 + \epsilon\, e_n ,
        \qquad e_n = \tfrac1M \sum_m y_{nm}^2 ,

    where :math:`d_{IS}(v \mid \hat v) = v / \hat v - \log(v / \hat v) - 1` is the divergence of
    Itakura and Saito, the one of :class:`BetaNMF` for beta 0; or, with ``objective="likelihood"``,
    :math:`v / \hat v + \log \hat v`. The transform begins as the discrete cosine transform, and
    turns into waveforms that the recording is made of.

    Parameters
    ----------
    n_components : int, default=8
        Number of components.
    objective : {"divergence", "likelihood"}, default="divergence"
        What is minimized. For one basis both are the same but for a constant.

        - "divergence": that of Itakura and Saito, as in [1]_. It asks for coefficients whose
          squares are close to the model, which those of noise are in no basis.
        - "likelihood": twice the negative log-likelihood of coefficients that are normal and
          independent, of variance :math:`W H`, but for constants. It finds the basis of such
          coefficients [2]_.
    init : {"random", "custom"}, default="random"
        Where the factors start: from non-negative random matrices, or from the `W` and `H` given to
        ``fit``, of which one that is not given is drawn. Exact zeros stay zeros.
    init_basis : {"dct", "random"} or array-like of shape (n_features, n_features), default="dct"
        Where the transform starts: from the discrete cosine transform (DCT-II), from a random
        orthogonal matrix, or from an orthogonal matrix, which may be the `basis_` of another model.
    learn_basis : bool, default=True
        Whether the transform is learned. Without, it is held as it starts.
    power_floor : float, default=1e-5
        The :math:`\epsilon`, what is added to squared coefficients as a share of their mean in the
        frame, above 0. Coefficients below it count as noise. The smaller it is, the more the
        transform strives for zeros, and the longer that takes.
    top_db : float, default=60.0
        Frames by more decibels than this below the loudest of their recording are not learned from.
    tol : float, default=1e-3
        When to stop: when ten iterations lowered the objective, which is one per coefficient, by
        less than `tol`. 0 goes on to `max_iter` and does not warn there. In ``transform`` as in
        :class:`BetaNMF`.
    max_iter : int, default=300
        Iterations at most, in ``fit`` and again in ``transform``.
    random_state : int, RandomState instance or None, default=None
        Seed of all that is drawn.

    Attributes
    ----------
    basis_ : array of shape (n_features, n_features)
        The learned :math:`\Phi`, of the kind (NumPy or JAX) and precision of the data: rows are
        waveforms, orthogonal and of norm one.
    components_ : array of shape (n_components, n_features)
        The learned H: spectra of the components, as power by row of `basis_`, which sum to one.
    n_components_ : int
        Number of components.
    n_iter_ : int
        Iterations that the fit took.
    loss_curve_ : ndarray of shape (n_checks,)
        The objective at the start and at iterations 10, 20 …, of frames brought to a mean square of
        one; but for rounding it never rises.
    n_features_in_ : int
        Number of samples in a frame.
    feature_names_in_ : array of shape (n_features,)
        Their names, if they are strings.

    See Also
    --------
    BetaNMF : The factorization alone, of a spectrogram.
    skbss.Separator : Separates by the spectrogram of the short-time Fourier transform.

    Notes
    -----
    An iteration makes one multiplicative update of W, one of H, and one step of the transform,
    along the steepest slope (for the likelihood divided by its curvature [3]_), which Cayley's
    transform keeps orthogonal, and which is halved until it lowers the objective enough. It takes
    :math:`O(N M^2 + M^3)`, which is for frames of a few hundred samples. All that is learned is
    computed in double precision, in which the basis is orthogonal up to 1e-12; for float32 data it
    is rounded in the end.

    The objective does not depend on the level of a frame, so each frame counts the same: ``c * X``
    changes nothing but W, by :math:`c^2`. That is also why faint frames are left out: their noise
    would be learned as eagerly as the music. ``transform`` solves for each frame by itself, faint
    ones too; frames of zeros have activations of zero.

    A program is compiled for every new length of a frame, number of frames (in four steps an
    octave), number of components and objective.

    Signs and order of the rows of the basis mean nothing. There are many local minima: rounding, or
    another precision, is enough to lead to another basis that is about as good.

    References
    ----------
    .. [1] D. Fagot, H. Wendt and C. Févotte, "Nonnegative matrix factorization with transform
       learning", ICASSP 2018, arXiv:1705.04193.
    .. [2] S. Zhang, E. Soubies and C. Févotte, "On the identifiability of transform learning for
       non-negative matrix factorization", IEEE Signal Processing Letters 27, 2020.
    .. [3] P. Ablin, D. Fagot, H. Wendt, A. Gramfort and C. Févotte, "A quasi-Newton algorithm on
       the orthogonal manifold for NMF with transform learning", ICASSP 2019.

    Examples
    --------
    From a waveform to waveforms. With frames of which each begins in the middle of the one before,
    the squares of a sine as window sum to one:

    >>> import numpy as np
    >>> from librosa.util import frame
    >>> from skbss import TransformLearningNMF
    >>> from skbss.datasets import load_piano_notes
    >>> mixture = load_piano_notes().mixture[:8000].astype(float)
    >>> M = 64
    >>> window = np.sin(np.pi * (np.arange(M) + 0.5) / M)
    >>> padded = np.pad(mixture, (M // 2, M // 2 + -len(mixture) % (M // 2)))
    >>> X = frame(padded, frame_length=M, hop_length=M // 2, axis=0) * window
    >>> model = TransformLearningNMF(3, tol=0, max_iter=20, random_state=0).fit(X)
    >>> held = TransformLearningNMF(3, tol=0, max_iter=20, random_state=0, learn_basis=False)
    >>> bool(model.score(X) > held.fit(X).score(X))
    True
    >>> parts = model.predict(X) * window
    >>> parts.shape[1:]
    (3, 64)
    >>> sources = np.zeros((3, len(padded)))
    >>> for n in range(len(X)):
    ...     sources[:, n * M // 2 : n * M // 2 + M] += parts[n]
    >>> sources = sources[:, M // 2 : M // 2 + len(mixture)]
    >>> bool(np.allclose(sources.sum(axis=0), mixture))
    True
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "objective": [StrOptions({"divergence", "likelihood"})],
        "init": [StrOptions({"random", "custom"})],
        "init_basis": [StrOptions({"dct", "random"}), "array-like"],
        "learn_basis": ["boolean"],
        "power_floor": [Interval(Real, 0, None, closed="neither")],
        "top_db": [Interval(Real, 0, None, closed="neither")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    # What the checks of a start ask of every factorization.
    fixed_components = None

    # Of waveforms, not spectra: no factorizer of a Separator.
    takes_frames = True

    def __init__(
        self,
        n_components=8,
        *,
        objective="divergence",
        init="random",
        init_basis="dct",
        learn_basis=True,
        power_floor=1e-5,
        top_db=60.0,
        tol=1e-3,
        max_iter=300,
        random_state=None,
    ):
        self.n_components = n_components
        self.objective = objective
        self.init = init
        self.init_basis = init_basis
        self.learn_basis = learn_basis
        self.power_floor = power_floor
        self.top_db = top_db
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, W=None, H=None, lengths=None):
        """Learn the transform and the components of frames.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Windowed frames of waveforms: real, complete, of any sign. With more than two axes,
            those before the last two count recordings.
        y : None
            Not used; it is there by convention.
        W : array-like of shape (n_frames, n_components), default=None
            Where the activations start if ``init="custom"``, in units of the square of X. Zeros say
            which components a frame can not have: so each source gets components of its own where
            it is known when it sounds alone.
        H : array-like of shape (n_components, n_features), default=None
            Where the components start if ``init="custom"``.
        lengths : list of int, default=None
            Numbers of frames of the recordings that lie below each other in a matrix X. Which
            frames are too faint to learn from is told in each by itself.

        Returns
        -------
        self : TransformLearningNMF
            The fitted estimator.

        Raises
        ------
        ValueError
            If X is infinite or NaN, or silent everywhere; if `init_basis` is not an orthogonal
            matrix of the size of a frame; if W or H do not fit.
        TypeError
            If W or H have another precision than X.
        """
        X, leading = self._check_frames(X, reset=True)
        lengths = check_lengths(lengths, leading)
        xp, dtype = jnp if is_jax_array(X) else np, X.dtype
        given = check_start(self, X, W, H)
        rng = check_random_state(self.random_state)
        with precision(np.float64):
            level = rms_of_frames(xp.asarray(X, np.float64))
            sounds = sounding_frames(np.asarray(level), lengths, self.top_db)
            if not sounds.any():
                raise ValueError("X is silent in all frames: there is nothing to learn from.")
            level = level[sounds]
            Y = xp.asarray(X[sounds], np.float64) / level
            if given.W is not None:
                W = xp.asarray(movable(given.W, X), np.float64)[sounds] / level / level
                given = given._replace(W=W)
            if given.H is not None:
                given = given._replace(H=xp.asarray(movable(given.H, X), np.float64))
            W, H = start_factors(given, Y, None, 1.0, rng)
            basis = self._first_basis(X.shape[1], rng)
            state, losses = self._learn(Y, W, H, basis)
            # Rounding adds up over the iterations.
            left, _, right = np.linalg.svd(fetch(state.found.turning.basis))
            H = fetch(state.found.H)
            sizes = H.sum(axis=1, keepdims=True)
            self.basis_ = xp.asarray((left @ right).astype(dtype))
            self.components_ = xp.asarray((H / np.where(sizes > 0, sizes, 1)).astype(dtype))
        self.n_components_ = len(H)
        self.n_iter_ = state.n_iter
        self.loss_curve_ = np.array(losses)
        if self.tol > 0 and not state.done:
            warn(
                f"Maximum number of iterations {self.max_iter} reached. Increase it to improve "
                "convergence.",
                ConvergenceWarning,
            )
        return self

    def fit_transform(self, X, y=None, W=None, H=None, lengths=None):
        """Learn the transform and the components of frames, and find their activations.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Windowed frames of waveforms, as ``fit`` takes them.
        y : None
            Not used; it is there by convention.
        W : array-like of shape (n_frames, n_components), default=None
            Where the activations start if ``init="custom"``.
        H : array-like of shape (n_components, n_features), default=None
            Where the components start if ``init="custom"``.
        lengths : list of int, default=None
            Numbers of frames of the recordings that lie below each other in a matrix X.

        Returns
        -------
        W : array of shape (..., n_components)
            The same as ``fit(X).transform(X)``.

        Raises
        ------
        ValueError, TypeError
            As ``fit``.
        """
        return self.fit(X, y, W=W, H=H, lengths=lengths).transform(X)

    def transform(self, X):
        """Find the activations of frames for the transform and the components that were learned.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Windowed frames. Each is solved for by itself.

        Returns
        -------
        W : array of shape (..., n_components)
            Energy of every component in every frame, in units of the square of X, which add up to
            about the energy of the frame; zeros for a frame of zeros, infinite where no number of
            the precision of X is large enough.
        """
        check_is_fitted(self)
        X, leading = self._check_frames(X, reset=False)
        C, level = self._coefficients(X)
        with precision(X.dtype), np.errstate(over="ignore"):
            W = self._activations(self._powers(C, level)) * level * level
            return W.reshape(*leading, W.shape[-1])

    def predict(self, X):
        """Separate frames into the parts that belong to the components.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Windowed frames. Each is separated by itself.

        Returns
        -------
        parts : array of shape (..., n_components, n_features)
            Frames of every component, which add up to X: its share of the model, as a mask in
            [0, 1] on the coefficients, transformed back. Those of components that make up one
            source can be added. Windowed once more, overlapping frames add up to waveforms.
        """
        check_is_fitted(self)
        X, leading = self._check_frames(X, reset=False)
        C, level = self._coefficients(X)
        xp = jnp if is_jax_array(X) else np
        with precision(X.dtype):
            W, H = self._activations(self._powers(C, level)), movable(self.components_, X)
            models = xp.asarray(W.T[:, :, None] * H[:, None, :])
            masks = xp.asarray(soft_masks(models, for_kernels(1, X.dtype)))
            parts = (xp.moveaxis(masks, 0, 1) * C[:, None, :]) @ movable(self.basis_, X)
            parts = parts * level[:, None]
            return parts.reshape(*leading, *parts.shape[1:])

    def coefficients(self, X):
        """Coefficients of frames in the learned basis.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Windowed frames.

        Returns
        -------
        C : array of shape (..., n_features)
            ``X @ basis_.T``, of the same energy as X; ``C @ basis_`` is X again.
        """
        check_is_fitted(self)
        X, leading = self._check_frames(X, reset=False)
        C, level = self._coefficients(X)
        with precision(X.dtype):
            return (C * level).reshape(*leading, C.shape[-1])

    def score(self, X, y=None):
        """How well the model explains frames.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Windowed frames.
        y : None
            Not used; it is there by convention.

        Returns
        -------
        score : float
            Minus the objective of the frames that are not zeros, brought to a mean square of one.
            For the divergence at most 0.

        Raises
        ------
        ValueError
            If all frames are zeros.
        """
        check_is_fitted(self)
        X, _ = self._check_frames(X, reset=False)
        C, level = self._coefficients(X)
        sounds = np.asarray(level)[:, 0] > 0
        if not sounds.any():
            raise ValueError("X is silent in all frames: there is nothing to score.")
        with precision(X.dtype):
            V = self._powers(C, level)[sounds]
            W = self._activations(V)
        score = -float(row_divergences(V, None, W, self.components_, 0.0).sum()) / V.size
        if self.objective == "divergence":
            return score
        return score - 1 - float(np.log(np.asarray(V, np.float64)).mean())

    def _check_frames(self, X, *, reset):
        if isinstance(X, list | tuple) and any(np.ndim(one) == 2 for one in X):
            raise ValueError(
                "X is a list of recordings: pass np.concatenate(X), and lengths=[len(one) for one "
                "in X] where fit takes lengths."
            )
        X, leading = check_matrix(self, X, reset=reset, accept_sparse=False, accept_negative=True)
        if has_missing(X):
            raise ValueError("Input X contains NaN, which TransformLearningNMF does not handle.")
        return X, leading

    def _first_basis(self, size, rng):
        if isinstance(self.init_basis, str):
            if self.init_basis == "dct":
                return dct(np.eye(size), norm="ortho", axis=0)
            Q, R = np.linalg.qr(rng.standard_normal((size, size)))
            # Else the distribution would not be uniform.
            return Q * np.where(np.diag(R) < 0, -1, 1)
        basis = check_array(np.asarray(self.init_basis), dtype=np.float64)
        if basis.shape != (size, size):
            raise ValueError(
                f"init_basis must be of shape ({size}, {size}), as a frame of X has {size} "
                f"samples; got one of shape {basis.shape}."
            )
        deviation = abs(basis @ basis.T - np.eye(size)).max()
        if deviation > _LARGEST_DEVIATION:
            raise ValueError(
                "init_basis must be orthogonal: its rows times each other are off the identity by "
                f"up to {deviation:.2g}, and {_LARGEST_DEVIATION:g} is allowed."
            )
        left, _, right = np.linalg.svd(basis)
        return left @ right

    def _learn(self, Y, W, H, basis):
        """The last state, and the objective at every look."""
        xp, (n_frames, size) = jnp if is_jax_array(Y) else np, Y.shape
        floor = floor_of(np.float64, 0.0)
        # What fills up is equal to a model of silence.
        more = bucket(n_frames) - n_frames
        least = np.where(np.arange(n_frames + more) < n_frames, self.power_floor, floor)[:, None]
        Y, W = xp.pad(Y, [(0, more), (0, 0)]), xp.pad(W, [(0, more), (0, 0)])
        rules = step_rules("mu", 0.0, ElasticNet(0.0, 0.0, 0.0, 0.0))

        def iterate(found, count):
            return learn_transform(
                Y,
                least,
                found,
                for_kernels(floor, np.float64),
                for_kernels(count, np.int32),
                rules=rules,
                learns_basis=bool(self.learn_basis),
                likelihood=self.objective == "likelihood",
            )

        def look(found):
            filled = more * size * (1 + np.log(floor)) if self.objective == "likelihood" else 0
            return (float(fetch(found.misfit)) - filled) / (n_frames * size)

        def advance(state, until):
            found = iterate(state.found, until - state.n_iter)
            loss = look(found)
            state = state._replace(found=found, n_iter=until)
            if until % CHECK_EVERY and until != self.max_iter:
                return state
            settled = self.tol > 0 and state.loss - loss < self.tol
            losses.append(loss)
            return state._replace(loss=loss, done=settled)

        unknown = for_kernels(np.inf, np.float64)
        turning = Turning(basis, for_kernels(1, np.float64))
        found = iterate(LearnedTransform(W, H, turning, unknown), 0)
        losses = [look(found)]
        start = _State(found, losses[0], 0, False)
        return run_loop(advance, start, self.max_iter, stride=CHECK_EVERY), losses

    def _coefficients(self, X):
        """Those of frames brought to a mean square of one, and the levels that they had."""
        xp = jnp if is_jax_array(X) else np
        with precision(X.dtype):
            level = rms_of_frames(X)
            Y = X / xp.where(level > 0, level, 1)
            return Y @ movable(self.basis_, X).T.astype(X.dtype), level

    def _powers(self, C, level):
        """What is factorized: zeros for frames of zeros."""
        xp = jnp if is_jax_array(C) else np
        return xp.where(level > 0, xp.square(C) + xp.asarray(self.power_floor, C.dtype), 0)

    def _activations(self, V):
        inner = BetaNMF(len(self.components_), beta_loss=0.0, tol=self.tol, max_iter=self.max_iter)
        H = movable(self.components_, V).astype(V.dtype)
        return inner._solve_for(V, None, H, None)[0]

    @property
    def _n_features_out(self):
        return self.components_.shape[0]

    def __sklearn_tags__(self):
        """Dense input of any sign, with its precision preserved."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
