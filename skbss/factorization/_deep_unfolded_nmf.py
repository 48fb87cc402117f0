"""Sparse non-negative matrix factorization whose iterations are trained as layers."""

import os
from copy import copy
from numbers import Integral, Real
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from skbss._kernels.unfolded_losses import mask_error, si_sdr_loss, signal_error, snr_loss
from skbss._runtime.callbacks import CallbackSupportMixin, IterationCallbacks, with_callbacks
from skbss._runtime.device import is_jax_array, precision
from skbss._runtime.gains import check_gains, described
from skbss._version import __version__
from skbss.factorization._base import BETA_LOSSES
from skbss.factorization._held_back import check_groups, held_back
from skbss.factorization._observations import mean_of
from skbss.factorization._source_dictionaries import source_dictionaries
from skbss.factorization._sources_of_mixtures import check_sources_of
from skbss.factorization._sparse_nmf import SparseNMF
from skbss.factorization._unfolded_network import UnfoldedNetwork, as_tree

_LOSSES: dict[str, Any] = {
    "signal": signal_error,
    "mask": mask_error,
    "snr": snr_loss,
    "si-sdr": si_sdr_loss,
}


class DeepUnfoldedNMF(CallbackSupportMixin, UnfoldedNetwork):
    r"""Sparse non-negative matrix factorization whose iterations are trained as layers.

    With the sources of some mixtures known, the dictionaries of the last iterations are trained
    such that what is made of them after :math:`L` iterations is closest to the sources. With
    ``unfolding="mu"`` layer :math:`l` is a multiplicative update of the activations of
    :class:`SparseNMF`,

    .. math::

        W^{(l+1)} = W^{(l)} \odot \left(
          \frac{(X \odot A^{\beta - 2})\, H^{(l)\top}}{A^{\beta - 1} H^{(l)\top} + \lambda}
        \right)^{\gamma(\beta)} , \qquad A = W^{(l)} H^{(l)} ,

    from components that are all equally loud. The first :math:`L - C` layers have the components
    that were learned from every source by itself; those of the last :math:`C` and the ones that
    the masks are made of,

    .. math::

        M_j = \frac{W^{(L)}_j H^r_j}{\sum_i W^{(L)}_i H^r_i} ,

    are trained by Adam for the masked mixtures :math:`M_j \odot X` to come close to the sources
    :math:`Y_j`, as `loss` tells. Some ten layers separate better than any number of iterations.

    Parameters
    ----------
    n_components : int, default=50
        Components of every source.
    unfolding : {"mu", "pgd", "ista", "both"}, default="mu"
        What a layer does: a multiplicative update; a step along the gradient of the squared
        distance, with a threshold [4]_,

        .. math::

            W^{(l+1)} = \max\left(0,\, W^{(l)}
              - \eta_l (W^{(l)} H^{(l)} - X) H^{(l)\top} - \eta_l \lambda e^{\theta_l}\right) ;

        or such steps frame by frame, from where the frame before ended, on the objective [5]_

        .. math::

            \tfrac12 \|x_t - w_t H\|^2 + \lambda \|w_t\|_1
            + \tfrac\mu2 \|w_t - w_{t-1} D\|^2 ,

        with the rows of a recording as frames. These two need ``beta_loss="frobenius"``, and
        train the lengths :math:`\eta_l` of the steps, at first the largest that never raise the
        objective, the thresholds, and :math:`\mu` and :math:`D`, at first the identity, of all
        layers, too.

        With "both" a layer updates the components after the activations, each as `SparseNMF`
        does, and multiplies both by factors that are trained [6]_,

        .. math::

            W^{(l+1)} = e^{\theta_l} \odot \mathrm{MU}_W(W^{(l)}, H^{(l)}) , \qquad
            H^{(l+1)} = e^{\Theta_l} \odot \mathrm{MU}_H(W^{(l+1)}, H^{(l)}) ,

        from the components that were learned, so that every recording has components of its own:
        its masks are made of :math:`H^r \odot H^{(L)} / H^{(0)}` in place of :math:`H^r`. It
        separates speech best, in two to three times the time, and wants a `piece_length` of 128 or
        more. "mu" comes next, or with few components and layers "ista".
    n_layers : int, default=10
        Iterations :math:`L`.
    n_untied : int, default=None
        How many of them, :math:`C`, the last ones, have components of their own: all by default,
        which separates best. With 0 only those that the masks are made of are trained.
    beta_loss : float or str, default="kullback-leibler"
        The beta of the divergence, as in :class:`BetaNMF`. Below 0.5 gradients can be very large.
    sparsity : float, default=0.5
        Strength :math:`s` of the penalty on activations of components of norm one, at least 0:
        :math:`\lambda = s \bar x^{\beta - 1}`, where :math:`\bar x` is the mean of the training
        data.
    coupling : float, default=0.1
        With ``unfolding="ista"``: the weight :math:`\mu` at first, relative to the largest
        eigenvalue of :math:`H H^\top`; at least 0. It has no meaning for the others.
    context : int, default=0
        How many rows before and after a row its activations are found from. Rows beyond the ends
        of a recording are silent.
    init : list, default=None
        One item for every source: a fitted factorization such as `SparseNMF`, or its components,
        of shape (n_components, (2 * context + 1) * n_features). By default `SparseNMF` learns
        `n_components` from each source.
    loss : {"snr", "si-sdr", "signal", "mask"} or callable, default="snr"
        What is minimized. "snr" is the level of the errors in dB beside that of the source, a mean
        over sources and pieces,

        .. math::

            10 \log_{10} \frac{\|M_j \odot X - Y_j\|^2 + \tau \|X\|^2}
            {\|Y_j\|^2 + \tau \|X\|^2} , \qquad \tau = 10^{-3} ,

        in which loud and quiet pieces count alike [3]_. "si-sdr" takes the multiple of the source
        that is in the estimate for the source. "signal" is
        :math:`\sum_j \|M_j \odot X - Y_j\|^2 / \sum_j \|Y_j\|^2`, and "mask" the like of the masks
        and the ideal ones :math:`Y_j / X`, in proportion to :math:`X`. Also
        `skbss.factorization.MelLoss`, `skbss.factorization.MultiResolutionSTFTLoss`, or any
        function of JAX arrays, the estimated and the true spectra of some pieces, of shape
        (n_sources, n_pieces, n_rows, n_features), whose value is to become small.
    remix_db : float, distribution or list of them, default=None
        Pieces of the sources are drawn anew for every step and mixed at other levels: gains in dB
        relative to the levels in `y`, of all sources or, in a list, of each one. A distribution is
        one of `scipy.stats`, as ``uniform(-5, 10)`` from -5 to 5 dB, or whatever has a method
        `rvs`. Few seconds of sources make so many mixtures
        that training does not learn them by heart. By default the mixtures are those in `X`. What
        is drawn beyond 150 dB is taken for 150 dB.
    piece_length : int, default=64
        Rows of the pieces that recordings are cut into; beyond the ends of a piece is silence.
    n_epochs : int, default=20
        How often all training rows are seen, or as many when they are mixed anew, at most. With 0
        nothing is trained.
    steps_per_epoch : int, default=None
        Steps that make an epoch, whatever rows there are.
    batch_size : int, default=512
        Rows of a step: as many pieces as they make.
    learning_rate : float, default=0.06
        Of the first step, on the logarithms of the components; it falls to zero in the end.
    validation_fraction : float, default=0.1
        Share of the recordings, or of the rows of the only one, at its end, by which the epoch is
        chosen whose weights are kept; 0 keeps the last ones. A `Separator` holds back all channels
        and transpositions of a recording together.
    patience : int, default=5
        Training ends after more epochs than this in which the validation rows got no better.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights of the last one, on whatever data; the same
        recordings are held back if there are as many. A `Separator` fits a new one every time.
    checkpoint : str or path, default=None
        A file that ``fit`` writes after every epoch, and removes in the end. If it was cut off in
        between, fitting the same to the same data goes on from there, to the same weights. Not for
        several fits at once, as in a search.
    random_state : int, RandomState instance or None, default=None
        Seed of the start, the batches and the validation share.

    Attributes
    ----------
    components_ : array of shape (n_sources * n_components, n_features)
        Those that masks are made of. There are none with "both".
    atom_source_ : ndarray of shape (n_sources * n_components,)
        The source of every component.
    n_sources_ : int
        Number of sources.
    weights_ : dict of array
        What was trained. As logarithms, "layers" of shape (n_untied, n_sources * n_components,
        (2 * context + 1) * n_features), and "output", of the shape of `components_`; without
        "mu" also "steps", "thresholds" and, with "ista", "couplings", of shape (n_layers,), for
        components of norm one. "transitions", of shape (n_layers, k, k) for k components, are
        k times what is added to the identity to make :math:`D`. With "both", instead of "layers",
        :math:`\theta` as "activations", of shape (n_untied, k), and :math:`\Theta` as
        "components", of shape (n_untied, k, (2 * context + 1) * n_features).
    dictionary_ : array of shape (n_sources * n_components, (2 * context + 1) * n_features)
        Components of the first layers, of L2 norm one.
    penalty_ : float
        The weight :math:`\lambda`.
    loss_curve_ : ndarray
        The mean loss of the batches of every epoch: 0 is that of masks of zeros for a loss in dB,
        and 1 for "signal" and "mask".
    validation_curve_ : ndarray
        That of the validation share before the first and after every epoch that had one.
    n_iter_ : int
        Epochs.
    n_features_in_ : int
        Number of features: the last axis of the training data.
    feature_names_in_ : array of shape (n_features,)
        Their names, if they are strings.

    See Also
    --------
    SparseNMF : The same with components that are not trained, and any number of iterations.
    skbss.Separator : Trains it from recordings.

    Notes
    -----
    Without training the activations are those of ``SparseNMF(solver="mu", tol=0)`` after
    `n_layers` iterations, or of as many proximal gradient steps; with "both" those that its ``fit``
    would find in a recording, from the same components. Rows are found by themselves, but for
    their context and, with "ista", those before, or, with "both", the recording; their level
    matters as it does for
    `SparseNMF`: only without sparsity, or where it is that of the training data, are activations
    proportional to it.

    What is to be separated has to resemble the training data: training finds what tells these
    sources apart. Few seconds of audio become many by mixing them anew (`remix_db`), and by playing
    them at other speeds (`Separator(transpositions=...)`), which trained components need more than
    learned ones do. The levels of `remix_db` should be those that are expected.

    Of complex spectra, training knows which part of a source is in phase with the mixture, and with
    it what the best mask lets through. Of magnitudes it does not, and sources are added up as if
    all were in phase.

    References
    ----------
    .. [1] J. Le Roux, J. R. Hershey and F. Weninger, "Deep NMF for speech separation", ICASSP 2015
       (eq. 9 to 13; logarithms and Adam take the place of multiplicative back-propagation).
    .. [2] F. Weninger, J. Le Roux, J. R. Hershey and S. Watanabe, "Discriminative NMF and its
       application to single-channel source separation", Interspeech 2014 (loss "signal").
    .. [3] S. Wisdom, E. Tzinis, H. Erdogan, R. J. Weiss, K. Wilson and J. R. Hershey, "Unsupervised
       sound separation using mixture invariant training", NeurIPS 2020 (eq. 3, loss "snr").
    .. [4] F. Xiong, J. Zhou, S. Tao, J. Lu and Y. Qian, "SNMF-Net: learning a deep alternating
       neural network for hyperspectral unmixing", IEEE Trans. Geosci. Remote Sens. 60, 2022 (the
       steps of the activations; the components stay those that were trained).
    .. [5] S. Wisdom, T. Powers, J. Pitton and L. Atlas, "Deep recurrent NMF for speech separation
       by unfolding iterative thresholding", WASPAA 2017 (eq. 5 to 11; what is trained makes up the
       matrices of the paper).
    .. [6] C. Kervazo, A. Chetoui and J. E. Cohen, "Deep unrolling of the multiplicative updates
       algorithm for blind source separation, with application to hyperspectral unmixing", EUSIPCO
       2024 (the factors; there nothing but the reconstruction is trained, here the separation).

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import DeepUnfoldedNMF
    >>> rng = np.random.default_rng(0)
    >>> H = rng.gamma(0.3, size=(2, 4, 30))
    >>> sources = rng.gamma(0.3, size=(400, 2, 1, 4)) @ H
    >>> sources = sources[:, :, 0]
    >>> mixtures = sources.sum(axis=1)
    >>> network = DeepUnfoldedNMF(4, n_epochs=0, random_state=0)
    >>> untrained = network.fit(mixtures[:300], sources[:300]).score(mixtures[300:], sources[300:])
    >>> network.set_params(n_epochs=20, batch_size=64)
    DeepUnfoldedNMF(batch_size=64, n_components=4, random_state=0)
    >>> trained = network.fit(mixtures[:300], sources[:300]).score(mixtures[300:], sources[300:])
    >>> trained > untrained
    True
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "unfolding": [StrOptions({"mu", "pgd", "ista", "both"})],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "n_untied": [Interval(Integral, 0, None, closed="left"), None],
        "beta_loss": [StrOptions(set(BETA_LOSSES)), Real],
        "sparsity": [Interval(Real, 0, None, closed="left")],
        "coupling": [Interval(Real, 0, None, closed="left")],
        "context": [Interval(Integral, 0, None, closed="left")],
        "init": [list, tuple, None],
        "loss": [StrOptions(set(_LOSSES)), callable],
        "remix_db": [Real, HasMethods("rvs"), list, tuple, None],
        "piece_length": [Interval(Integral, 1, None, closed="left")],
        "n_epochs": [Interval(Integral, 0, None, closed="left")],
        "steps_per_epoch": [Interval(Integral, 1, None, closed="left"), None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "patience": [Interval(Integral, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "checkpoint": [str, os.PathLike, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components=50,
        *,
        unfolding="mu",
        n_layers=10,
        n_untied=None,
        beta_loss="kullback-leibler",
        sparsity=0.5,
        coupling=0.1,
        context=0,
        init=None,
        loss="snr",
        remix_db=None,
        piece_length=64,
        n_epochs=20,
        steps_per_epoch=None,
        batch_size=512,
        learning_rate=0.06,
        validation_fraction=0.1,
        patience=5,
        warm_start=False,
        checkpoint=None,
        random_state=None,
    ):
        self.n_components = n_components
        self.unfolding = unfolding
        self.n_layers = n_layers
        self.n_untied = n_untied
        self.beta_loss = beta_loss
        self.sparsity = sparsity
        self.coupling = coupling
        self.context = context
        self.init = init
        self.loss = loss
        self.remix_db = remix_db
        self.piece_length = piece_length
        self.n_epochs = n_epochs
        self.steps_per_epoch = steps_per_epoch
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.warm_start = warm_start
        self.checkpoint = checkpoint
        self.random_state = random_state

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, lengths=None, groups=None):
        """Learn a dictionary of every source, and train the layers.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Mixtures: non-negative or complex, complete. With more than two axes, those before the
            last two count recordings.
        y : array-like of shape (..., n_sources, n_features)
            What every source is in every row of X: non-negative, or complex as X is.
        lengths : list of int, default=None
            Numbers of rows of the recordings that lie below each other in a matrix X.
        groups : array-like of shape (n_recordings,), default=None
            Labels of the recordings: those of one label are held back for validation together, as
            channels or transpositions of one recording should be. If there is but one label, the
            end of every recording is held back. By default every recording is by itself.

        Returns
        -------
        self : DeepUnfoldedNMF
            The fitted estimator.

        Raises
        ------
        ValueError
            If X or y are negative, infinite or NaN; if shapes or kinds do not go together; if a
            source is silent everywhere; if the `checkpoint` is of another training; if `init`,
            `remix_db`, `loss` or `beta_loss` does not fit, or if `n_untied` exceeds `n_layers`.
        FloatingPointError
            If the numbers overflow; a smaller `learning_rate` helps, or a `beta_loss` from 1 to 2.

        Warns
        -----
        ConvergenceWarning
            If no epoch got better at what was held back: nothing was learned.
        """
        anew = not (self.warm_start and hasattr(self, "weights_"))
        self._train(X, y, lengths, groups, anew=anew, n_epochs=self.n_epochs, decays=True)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, lengths=None):
        """Train for one more epoch on these examples, at the learning rate of the first step.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Mixtures, as in `fit`.
        y : array-like of shape (..., n_sources, n_features)
            Their sources. Those of the first call also make up the dictionaries.
        lengths : list of int, default=None
            As in `fit`.

        Returns
        -------
        self : DeepUnfoldedNMF
            The fitted estimator. Nothing is held back for validation, and no `checkpoint` written.
        """
        anew = not hasattr(self, "weights_")
        self._train(X, y, lengths, None, anew=anew, n_epochs=1, decays=False)
        return self

    def _train(self, X, y, lengths, groups, *, anew, n_epochs, decays):
        """Train a copy, and become it when that is done: what is cut off leaves nothing behind."""
        learner = copy(self)
        # A single epoch has nothing to look on.
        learner._learn(X, y, lengths, groups, self if decays else None, anew, n_epochs)
        self.__dict__.update(learner._fitted())

    def _learn(self, X, y, lengths, groups, watched, anew, n_epochs):
        # Optax, which only training needs, takes longer to load than all the rest.
        from skbss._kernels.unfolded_training import Examples, SeparationError
        from skbss.factorization._checkpoint import Checkpoint
        from skbss.factorization._training import Recipe, Told
        from skbss.factorization._unfolded_training import Mixing, train_unfolded

        if self.unfolding in ("pgd", "ista") and self._beta != 2:
            raise ValueError(
                f"unfolding={self.unfolding!r} lowers the squared distance: beta_loss must be "
                f"'frobenius', got {self.beta_loss!r}."
            )
        if self._n_trained() > self.n_layers:
            raise ValueError(f"n_untied={self.n_untied} must not exceed n_layers={self.n_layers}.")
        if not anew:
            self._check_fitted()
        X, checked = self._check_spectra(X, reset=anew, lengths=lengths)
        y = check_sources_of(y, X, checked)
        if not anew:
            self._check_number(y)
        groups = check_groups(groups, len(checked.lengths))
        loss = self._check_loss(y, checked)
        gains = None
        if self.remix_db is not None:
            gains = check_gains(self.remix_db, y.shape[1], "remix_db")
        decays = watched is not None
        start = None if anew else (self.weights_, self._memory)
        checkpoint = Checkpoint(
            self.checkpoint if decays else None,
            jax.tree.map(
                _on_host, (__version__, self._decides(), X, y, checked.lengths, groups, start)
            ),
        )
        if anew:
            self._rng = _own_generator(self.random_state)
            self._begin(checked, y, checkpoint.stored)
        rng = self._rng
        checkpoint.keep(dictionary=self.dictionary_, labels=self.atom_source_)
        checkpoint.rewind(rng)
        recordings = self._recordings(checked.lengths, groups, rng, decays)
        xp = jnp if is_jax_array(checked.X) else np
        with precision(self.dictionary_.dtype):
            # Put there once: every step would copy what is not.
            examples, held = jax.tree.map(
                jnp.asarray,
                (
                    Examples(
                        self._with_silence(X, xp),
                        xp.moveaxis(self._with_silence(y, xp), 1, 0),
                        self._atoms(),
                    ),
                    self._held(xp),
                ),
            )
            course = self._course(anew)
            checkpoint.resume(course, rng)
            callbacks = IterationCallbacks(watched, X, y, n_epochs)
            watch = Told(
                callbacks,
                lambda: self._adopt_training(course, xp)._fitted(),
                lambda: checkpoint.write(course, rng),
            )
            try:
                train_unfolded(
                    course,
                    held,
                    examples,
                    recordings,
                    SeparationError(self._unfolding(), loss),
                    Mixing(self.batch_size, self.piece_length, gains, self.steps_per_epoch),
                    Recipe(n_epochs, float(self.learning_rate), self.patience, decays),
                    rng,
                    watch,
                )
            except FloatingPointError:
                # It would go on from there to overflow again.
                checkpoint.remove()
                raise
            callbacks.finish(self._adopt_training(course, xp)._fitted())
        checkpoint.remove()

    def _recordings(self, lengths, groups, rng, decays):
        """Those to train with and those to validate with, the same in later fits."""
        share = self.validation_fraction if decays else 0
        if share and self._split is None:
            self._split = rng.randint(2**31 - 1)
        return held_back(lengths, share, groups, np.random.RandomState(self._split or 0))

    def _fitted(self):
        """What is known, beside parameters."""
        names = self._get_param_names()
        return {
            name: one
            for name, one in vars(self).items()
            if name not in names and "callback" not in name
        }

    def _course(self, anew):
        from skbss.factorization._training import begin

        course = begin(jax.tree.map(jnp.asarray, as_tree(self.weights_)))
        if anew:
            return course
        if self._memory is not None:
            structure = jax.tree.structure(course.memory)
            course.memory = jax.tree.unflatten(structure, self._memory)
        course.losses = self.loss_curve_.tolist()
        course.validation_losses = self.validation_curve_.tolist()
        return course

    def _decides(self):
        """All parameters on which the weights depend."""
        parameters = self.get_params()
        # A generator is somewhere else whenever it is asked; a checkpoint tells where it was.
        if not isinstance(self.random_state, Integral):
            del parameters["random_state"]
        parameters["remix_db"] = described(self.remix_db)
        del parameters["checkpoint"]
        return parameters

    def _begin(self, checked, y, stored):
        """The untrained network, with the dictionary of a training that was cut off if any was."""
        if stored:
            H = (jnp if is_jax_array(checked.X) else np).asarray(stored["dictionary"])
            sources = stored["labels"]
        else:
            learner = SparseNMF(self.n_components, beta_loss=self.beta_loss, sparsity=self.sparsity)
            H, sources = source_dictionaries(
                abs(y), checked.lengths, self.context, self.init, learner, self._rng
            )
        self._adopt(H, sources, mean_of(checked.X, None) or 1.0)
        self.weights_ = self._untrained()

    def _check_loss(self, y, checked):
        """What is minimized: a function of estimates and sources, tried on their shapes."""
        if isinstance(self.loss, str):
            return _LOSSES[self.loss]
        try:
            hash(self.loss)
        except TypeError as error:
            raise TypeError(f"loss must be hashable, such as a function: {error}.") from error
        n_rows, n_sources, n_features = y.shape
        n_rows = min(self.piece_length, self.batch_size, n_rows)
        dtype = np.result_type(checked.X.dtype, *([np.complex64] if y.dtype.kind == "c" else []))
        with precision(checked.X.dtype):
            pieces = jax.ShapeDtypeStruct((n_sources, 1, n_rows, n_features), dtype)
            value = jax.eval_shape(self.loss, pieces, pieces)
        if getattr(value, "shape", None) != () or value.dtype.kind != "f":
            raise ValueError(
                f"loss must make one real number of estimates and sources, got {value}."
            )
        return self.loss

    def _adopt_training(self, course, xp):
        """Become what the training has made of it so far."""
        layers, output = jax.tree.map(xp.asarray, course.weights)
        self.weights_ = {**layers, "output": output}
        self.loss_curve_ = np.array(course.losses)
        self.validation_curve_ = np.array(course.validation_losses)
        self.n_iter_ = len(course.losses)
        # Of the weights that are kept, if these are the last ones. As plain arrays: a pickle shall
        # not depend on how optax calls what holds them.
        last = jax.tree.leaves(course.memory) if course.waited == 0 else None
        self._memory = last and [np.asarray(one) for one in last]
        return self


def _own_generator(random_state):
    """NumPy's global one is not kept: it belongs to nobody."""
    rng = check_random_state(random_state)
    return np.random.RandomState(rng.randint(2**31 - 1)) if random_state is None else rng


def _on_host(one):
    return np.asarray(one) if is_jax_array(one) else one
