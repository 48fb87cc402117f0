"""Non-negative matrix factorization with components that last for several frames."""

from dataclasses import replace
from numbers import Integral

import jax.numpy as jnp
import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skbss._kernels.convolutive_data import ConvolutiveData, flat_activations
from skbss._runtime.callbacks import with_callbacks
from skbss._runtime.device import is_jax_array, movable, precision
from skbss.factorization._checked import check_lengths
from skbss.factorization._normalized import NormalizedNMF
from skbss.factorization._observations import observe
from skbss.factorization._recording_base import RecordingNMF
from skbss.factorization._recordings import as_product, positions

# The components are filled up to a multiple of this.
_COMPONENTS = 4
_SOLVERS = {"auto": "extrapolated", "mu": "mu", "averaged": "mu"}


class ConvNMF(RecordingNMF, NormalizedNMF):
    r"""Non-negative matrix factorization with components that last for several frames.

    Convolutive NMF (non-negative matrix factor deconvolution, NMFD) explains a spectrogram by
    templates, each a short spectrogram of `template_length` frames that sounds wherever its
    activation is, by minimizing

    .. math::

        L(W, H) = {} & \sum_{n,f} m_{nf}\, d_\beta(x_{nf} \mid y_{nf})
          + \lambda \sum_{n,k} w_{nk}

        \text{with}\quad & y_{nf} = \sum_{\tau=0}^{T-1} \sum_k w_{n-\tau,k}\, h_{k \tau f},

        & \|h_k\| = 1,\ \lambda = s\, \bar x^{\beta - 1}

    over the non-negative activations :math:`W` (``transform(X)``) and templates :math:`H`
    (``components_``), where :math:`d_\beta` is the beta-divergence of :class:`BetaNMF`, :math:`m`
    are the weights of the entries, :math:`T` is `template_length`, :math:`s` is `sparsity`,
    :math:`\bar x` the (weighted) mean of `X`, and the norm is over all frames of a template. The
    rows of `X` are frames in order of time; before the first one there was silence.

    Parameters
    ----------
    n_components : int or {"auto"} or None, default=8
        Number of templates, those of `fixed_components` included. None keeps one for every
        feature; "auto" takes the number from a custom H, and else does the same.
    template_length : int, default=8
        Frames of a template, at least 1; with 1 it is :class:`SparseNMF`, and without `sparsity`
        :class:`BetaNMF`. Drums last for 8 to 16 frames of 10 ms, phonemes for 4 to 10.
    init : {"random", "custom"} or None, default=None
        Where the search starts: random numbers at the level of the data (None does the same), or
        W, H or both as passed to ``fit``. No update moves an exact zero: a custom W of zeros but
        around the onsets of a score, or templates of zeros outside of a band, keep them.
    solver : {"auto", "mu", "averaged"}, default="auto"
        How the objective is minimized.

        - "mu": multiplicative (majorize-minimize) updates of all frames of the templates at once,
          which never raise the objective.
        - "auto": the same with momentum, in a fifth to two thirds of the iterations.
        - "averaged", for ``sparsity=0`` only: activations move by the mean of the ratios that the
          frames of a template ask for [1]_, as in other libraries. It can raise the objective, and
          ends higher: by a few percent at best, several times where templates are longer than
          the sounds.
    beta_loss : float or str, default="kullback-leibler"
        The beta of the divergence: any real number, or "frobenius" for 2, "kullback-leibler" for 1,
        "itakura-saito" for 0.
    sparsity : float, default=0.3
        Strength :math:`s` of the penalty, at least 0. It does not depend on the level of the data.
        0 is plain NMFD. Templates of speech separate best with 0.3 to 1.
    norm : {"l2", "l1"}, default="l2"
        Which norm of every template is one.
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
    fixed_components : array-like of shape (n_fixed, template_length, n_features), default=None
        Templates that are known: the first rows of `components_`, held as they are, of whatever
        norm, while the other ``n_components - n_fixed`` are learned. Their activations cost
        :math:`\lambda \|h_k\|`.

    Attributes
    ----------
    components_ : array of shape (n_components, template_length, n_features)
        The learned H, of the kind (NumPy or JAX) and precision of the data, with templates of norm
        one; zeros for a template that is not worth its price, and for frames of it that no row of
        the data reaches.
    n_components_ : int
        Number of templates.
    penalty_ : float
        The weight :math:`\lambda` of the activations, of which ``transform`` makes use again.
    reconstruction_err_ : float
        ``sqrt(2 * D)`` of the training data and its model, over the entries that were observed,
        with the W that was learned along with the templates.
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
    BetaNMF : Components of one frame.
    SparseNMF : Sparse activations of components of one frame.

    Notes
    -----
    Recordings that lie below each other in `X` must be told apart by `lengths`, or be axes of their
    own, (n_recordings, n_frames, n_features): nothing of one then reaches into the next, and
    ``transform`` solves for each by itself; those of about the same length are computed together,
    as many as fit into some 32 MB, and stop each where it would alone. Cross-validation over the
    rows of a matrix cuts recordings to pieces; give it recordings as the first axis. A frame
    without any observed entry is explained by what is around it, a recording without any by zeros,
    with a warning.

    Of templates that are longer than every recording, the frames that none of these reaches are
    zeros.

    A template can as well be a few frames later and its activations earlier: where in its template
    a sound begins is a matter of the start. An iteration takes the time of one of :class:`BetaNMF`
    with ``n_components * template_length`` components, where `n_components` is filled up to a
    multiple of 4, and the memory of as many activations beyond the data and two models of it.

    References
    ----------
    .. [1] P. Smaragdis, "Non-negative matrix factor deconvolution; extraction of multiple sound
       sources from monophonic inputs", ICA 2004, eqs. 3 and 5 to 7.
    .. [2] D. Fagot, H. Wendt, C. Févotte and P. Smaragdis, "Majorization-minimization algorithms
       for convolutive NMF with the beta-divergence", ICASSP 2019 (the updates of "mu").
    .. [3] P. D. O'Grady and B. A. Pearlmutter, "Convolutive non-negative matrix factorisation with
       a sparseness constraint", MLSP 2006 (sparse activations of templates of norm one).

    Examples
    --------
    Two sounds that decay, each with its own spectrum:

    >>> import numpy as np
    >>> from skbss import ConvNMF
    >>> decay = 0.5 ** np.arange(4)[:, None]
    >>> templates = np.array([decay * [4, 1, 0, 0], decay * [0, 0, 3, 2]])
    >>> X = np.zeros((30, 4))
    >>> for frame, sound in [(2, 0), (9, 1), (12, 0), (20, 1), (21, 0)]:
    ...     X[frame : frame + 4] += templates[sound]
    >>> model = ConvNMF(2, template_length=4, sparsity=0.01, random_state=0, max_iter=1000)
    >>> W = model.fit_transform(X)
    >>> W.shape, model.components_.shape
    ((30, 2), (2, 4, 4))
    >>> np.abs(model.inverse_transform(W) - X).max() < 0.1
    np.True_
    """

    _parameter_constraints: dict = {
        **NormalizedNMF._parameter_constraints,
        "init": [StrOptions({"random", "custom"}), None],
        "solver": [StrOptions(set(_SOLVERS))],
        "template_length": [Interval(Integral, 1, None, closed="left")],
    }

    _accepts_sparse = False

    def __init__(
        self,
        n_components=8,
        *,
        template_length=8,
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
        self.template_length = template_length
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

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, W=None, H=None, weights=None, lengths=None):
        """Learn the templates of recordings.

        Parameters
        ----------
        X : array-like of shape (..., n_samples, n_features)
            Non-negative training data in order of time; NaN where not observed.
        y : None
            Not used; it is there by convention.
        W : array-like of shape (n_samples, n_components), default=None
            Where the activations start if ``init="custom"``.
        H : array-like of shape (n_components, template_length, n_features), default=None
            Where the templates start if ``init="custom"``.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry in the divergence; None for 1 everywhere.
        lengths : array-like of int, default=None
            Numbers of rows of the recordings that lie below each other in a matrix; by default it
            is one recording. With more axes, those before the last two count recordings.

        Returns
        -------
        self : ConvNMF
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
        """Learn the templates of recordings and find their activations.

        Parameters
        ----------
        X : array-like of shape (..., n_samples, n_features)
            Non-negative training data in order of time; NaN where not observed.
        y : None
            Not used; it is there by convention.
        W : array-like of shape (n_samples, n_components), default=None
            Where the activations start if ``init="custom"``.
        H : array-like of shape (n_components, template_length, n_features), default=None
            Where the templates start if ``init="custom"``.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry in the divergence; None for 1 everywhere.
        lengths : array-like of int, default=None
            Numbers of rows of the recordings, as in ``fit``.

        Returns
        -------
        W : array of shape (..., n_samples, n_components)
            The same as ``fit(X).transform(X)``; with ``init="custom"`` the activations that were
            learned along with the templates.

        Raises
        ------
        ValueError
            If X has negative or infinite entries or a column without any observed entry; if
            `weights` do not broadcast to X or are negative; if W, H, `fixed_components` or
            `lengths` do not fit; if ``solver="averaged"`` meets `sparsity`; if `n_init` is more
            than 1 and nothing is drawn.
        TypeError
            If X is sparse, or W or H have another precision than X.
        FloatingPointError
            If the numbers overflow, which only a far-off `beta_loss` brings about.
        """
        return self._learn_and_transform(X, y, W, H, weights, lengths)

    def transform(self, X, weights=None, lengths=None):
        """Find the activations of the templates in new recordings.

        Parameters
        ----------
        X : array-like of shape (..., n_samples, n_features)
            Non-negative data in order of time; NaN where not observed.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry in the divergence; None for 1 everywhere.
        lengths : array-like of int, default=None
            Numbers of rows of the recordings, as in ``fit``. Each is solved by itself, from the
            same start: its activations do not depend on the others, and scale with it.

        Returns
        -------
        W : array of shape (..., n_samples, n_components)
            Activations, of the kind (NumPy or JAX) and precision of X.

        Raises
        ------
        ValueError
            If X has negative or infinite entries or another number of features than in ``fit``, or
            if `weights` or `lengths` do not fit to X.
        """
        check_is_fitted(self)
        return self._transform(self._check_input(X, weights, reset=False, lengths=lengths))

    def inverse_transform(self, X, lengths=None):
        """Put recordings back together from activations.

        Parameters
        ----------
        X : array-like of shape (..., n_samples, n_components)
            Activations.
        lengths : array-like of int, default=None
            Numbers of rows of the recordings, as in ``fit``.

        Returns
        -------
        X_original : array of shape (..., n_samples, n_features)
            The model: every template, wherever and as loud as its activation is.

        Raises
        ------
        ValueError, TypeError
            If there are no samples, or if `lengths` do not fit to X.
        """
        check_is_fitted(self)
        W = X if is_jax_array(X) else np.asarray(X)
        if W.ndim < 2 or not W.size:
            raise ValueError(
                "Activations must have shape (..., n_samples, n_components), with one sample at "
                f"least, got {W.shape}."
            )
        if not np.issubdtype(W.dtype, np.floating):
            W = W.astype(jnp.result_type(float) if is_jax_array(W) else np.float64)
        lengths = check_lengths(lengths, W.shape[:-1])
        with precision(W.dtype):
            H = movable(self.components_, W).astype(W.dtype)
            U, D = as_product(W.reshape(-1, W.shape[-1]), H, lengths)
            return (U @ D).reshape(*W.shape[:-1], D.shape[-1])

    def score(self, X, y=None, weights=None, lengths=None):
        """Tell how well the templates describe recordings: higher is better.

        Parameters
        ----------
        X : array-like of shape (..., n_samples, n_features)
            Non-negative data in order of time; NaN where not observed.
        y : array-like of shape (..., n_samples, n_features), default=None
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

    def _transform(self, checked):
        self._check_solver()
        return super()._transform(checked)

    def _check_solver(self):
        if self.solver == "averaged" and self.sparsity > 0:
            raise ValueError(
                f"solver='averaged' does not handle sparsity={self.sparsity!r}: its steps minimize "
                "no objective. Use solver='auto' or 'mu', or sparsity=0."
            )

    def _choose_solver(self, *, weighted):
        return _SOLVERS[self.solver]

    def _component_shape(self, X):
        return self.template_length, X.shape[1]

    def _observe(self, checked, n_components, dtype):
        X, weights, _, lengths = checked
        observed = observe(
            X,
            weights,
            n_components,
            beta=self._beta,
            dtype=dtype,
            # Frames that hang together can not be cut into blocks.
            rows_per_block=len(X),
            # Every component that fills up takes the time of all its frames.
            rank=-(-n_components // _COMPONENTS) * _COMPONENTS,
        )
        position = observed.layout.lay_out(positions(lengths), np.int32)
        data = ConvolutiveData(observed.data, position, self.solver == "averaged")
        return replace(observed, data=data)

    _product = staticmethod(as_product)

    def _start_of_recording(self, observed, H):
        return flat_activations(observed.data, H)

    def _values_per_frame(self, n_features, n_components):
        # The data and two models, and activations beside their delays.
        return 3 * n_features + 2 * n_components * self.template_length

    def _level_of_components(self, H):
        return float(H.mean()) or 1.0

    def _penalty_on_recording(self, recording, observed):
        return self._learned_penalty(observed.scale)

    def _recording_solver(self):
        return _SOLVERS[self.solver]
