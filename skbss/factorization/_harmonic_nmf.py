"""Non-negative matrix factorization into the spectra of pitches."""

from dataclasses import replace
from numbers import Integral, Real

import jax.numpy as jnp
import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions

from skbss._kernels.patterned_data import PatternedData
from skbss._kernels.penalties import ElasticNet, Prices
from skbss._runtime.callbacks import with_callbacks
from skbss._runtime.device import is_jax_array
from skbss._runtime.warning import warn
from skbss.factorization._base import BaseNMF
from skbss.factorization._harmonic_patterns import frequency_of, harmonic_patterns
from skbss.factorization._joint_base import JointNMF
from skbss.factorization._row_base import RowNMF
from skbss.factorization._start import Given

_SOLVERS = {"auto": "extrapolated", "mu": "mu"}


class HarmonicNMF(JointNMF, RowNMF):
    r"""Non-negative matrix factorization into the spectra of pitches.

    Every component is the spectrum of one pitch: a sum of fixed patterns :math:`P_{kmf}`, which
    hold the partials of pitch :math:`k` in a narrow band :math:`m`. What is learned of it are the
    weights of the bands, how loud its partials are; where they lie is known:

    .. math::

        X \approx W H, \qquad h_{kf} = \sum_m e_{km} P_{kmf}, \qquad e_{km} \ge 0,

    to the lowest beta-divergence of :class:`BetaNMF`. ``transform(X)`` says how loud every pitch is
    in every frame, a piano roll.

    Partial :math:`j` of a pitch with the fundamental frequency :math:`f_0` lies at
    :math:`j f_0 \sqrt{(1 + B j^2) / (1 + B)}`, below half of the sample rate, and looks like the
    transform of the window of the spectrogram, up to six bins from there. Bands are triangles that
    overlap by half, evenly spaced on the scale of equivalent rectangular bandwidths from
    :math:`f_0` to half of the sample rate: they share every partial among them.

    Parameters
    ----------
    midi_range : tuple of int, default=(21, 108)
        The lowest and the highest pitch as MIDI numbers (69 is A4, at 440 Hz): by default those of
        a piano. There is one component for each.
    n_bands : int, default=8
        Number of bands of every pitch. More can follow any sound, and mistake one pitch for
        another; with 1 all partials are equally loud.
    inharmonicity : float or callable, default=0.0
        The :math:`B` of all pitches, at least 0, or a function of the MIDI number that returns it:
        0 for wind and bowed instruments, about 1e-4 to 1e-3 for the strings of a piano.
    n_free_components : int, default=0
        Number of components without patterns, for what is no pitch, such as noise and drums.
    sample_rate : float, default=22050
        Of the recording, in Hz.
    n_fft : int, default=None
        Length of a frame of the spectrogram in samples; by default twice the number of features
        less two.
    win_length : int, default=None
        Length of its window, at most `n_fft`, which is the default.
    window : str, tuple, float, callable or array of shape (win_length,), default="hann"
        The window, as in :class:`skbss.STFT`.
    spectrum : {"auto", "magnitude", "power"}, default="auto"
        What X is. "auto" is "power" for the divergence of Itakura and Saito, else "magnitude", as
        in :class:`skbss.WienerMask`.
    beta_loss : float or str, default="kullback-leibler"
        The beta of the divergence, as in :class:`BetaNMF`.
    solver : {"auto", "mu"}, default="auto"
        How the divergence is minimized: by multiplicative (majorize-minimize) updates, "auto" with
        momentum.
    tol : float, default=1e-4
        When to stop, as in :class:`BetaNMF`.
    max_iter : int, default=200
        Iterations at most, in ``fit`` and again in ``transform``.
    n_init : int, default=1
        Number of random starts, of which the fit with the lowest divergence is kept.
    random_state : int, RandomState instance or None, default=None
        Seed of random starts.
    verbose : int, default=0
        Whether to print the loss every ten iterations.

    Attributes
    ----------
    components_ : array of shape (n_components, n_features)
        The learned H, of the kind (NumPy or JAX) and precision of the data, with rows that sum to
        one: first the pitches, from low to high, then the free components. Rows of zeros for
        pitches that do not sound.
    pitches_ : ndarray of shape (n_pitches,)
        MIDI numbers of the pitches.
    harmonic_weights_ : array of shape (n_pitches, n_bands)
        The :math:`e_{km}`.
    n_components_ : int
        Number of components: ``n_pitches + n_free_components``.
    reconstruction_err_ : float
        ``sqrt(2 * D)`` of the training data and ``W @ components_``, over the entries that were
        observed, with the W that was learned along with the components.
    n_iter_ : int
        Iterations that the fit took, from the start that is kept.
    loss_curve_ : array of shape (n_checks,)
        The divergence at the start and at iterations 10, 20 …, as in :class:`BetaNMF`.
    restart_losses_ : array of shape (n_init,)
        The divergence that every start led to.
    restart_components_ : list of n_init arrays of the shape of `components_`
        The components that every start led to.
    n_features_in_ : int
        Number of features: the last axis of the training data.
    feature_names_in_ : array of shape (n_features,)
        Their names, if they are strings.

    See Also
    --------
    BetaNMF : Components that can be any spectrum.
    skbss.STFT : Makes the spectrogram.

    Notes
    -----
    Low pitches a semitone apart can be told apart from a frame of about
    ``sample_rate / (0.06 * f_0)`` samples on. A pitch and its octave share partials: which of them
    sounds is not always decided. Patterns take the memory of ``n_pitches * n_bands`` frames.

    References
    ----------
    .. [1] N. Bertin, R. Badeau and E. Vincent, "Enforcing harmonicity and smoothness in Bayesian
       non-negative matrix factorization applied to polyphonic music transcription", IEEE
       Transactions on Audio, Speech, and Language Processing 18(3), 2010.
    .. [2] E. Vincent, N. Bertin and R. Badeau, "Adaptive harmonic spectral decomposition for
       multiple pitch estimation", IEEE Transactions on Audio, Speech, and Language Processing
       18(3), 2010 (narrow-band patterns).

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import STFT, HarmonicNMF
    >>> from skbss.datasets import load_piano_notes
    >>> clip = load_piano_notes()
    >>> X = STFT(output="magnitude").fit_transform(clip.mixture)
    >>> model = HarmonicNMF((45, 64), sample_rate=clip.sample_rate, max_iter=1000, random_state=0)
    >>> W = model.fit_transform(X)
    >>> loudest = np.argsort(W.sum(axis=0))[-3:]
    >>> np.sort(model.pitches_[loudest]), clip.source_names
    (array([50, 54, 57]), ['D3', 'F#3', 'A3'])
    """

    _works_by_shares = True

    _parameter_constraints: dict = {
        **{
            name: JointNMF._parameter_constraints[name]
            for name in ("beta_loss", "tol", "max_iter", "n_init", "random_state", "verbose")
        },
        "midi_range": [tuple, list],
        "n_bands": [Interval(Integral, 1, None, closed="left")],
        "inharmonicity": [Interval(Real, 0, None, closed="left"), callable],
        "n_free_components": [Interval(Integral, 0, None, closed="left")],
        "sample_rate": [Interval(Real, 0, None, closed="neither")],
        "n_fft": [Interval(Integral, 2, None, closed="left"), None],
        "win_length": [Interval(Integral, 1, None, closed="left"), None],
        "window": [str, tuple, Real, callable, "array-like"],
        "spectrum": [StrOptions({"auto", "magnitude", "power"})],
        "solver": [StrOptions(set(_SOLVERS))],
    }

    _accepts_sparse = False
    # The start is drawn, and nothing held but patterns.
    init, fixed_components = None, None

    def __init__(
        self,
        midi_range=(21, 108),
        *,
        n_bands=8,
        inharmonicity=0.0,
        n_free_components=0,
        sample_rate=22050,
        n_fft=None,
        win_length=None,
        window="hann",
        spectrum="auto",
        beta_loss="kullback-leibler",
        solver="auto",
        tol=1e-4,
        max_iter=200,
        n_init=1,
        random_state=None,
        verbose=0,
    ):
        self.midi_range = midi_range
        self.n_bands = n_bands
        self.inharmonicity = inharmonicity
        self.n_free_components = n_free_components
        self.sample_rate = sample_rate
        self.n_fft = n_fft
        self.win_length = win_length
        self.window = window
        self.spectrum = spectrum
        self.beta_loss = beta_loss
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.n_init = n_init
        self.random_state = random_state
        self.verbose = verbose

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, weights=None):
        """Learn how the pitches of a spectrogram sound.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Non-negative training data, frames as rows; NaN where not observed.
        y : None
            Not used; it is there by convention.
        weights : array-like, broadcastable to the shape of X, default=None
            Non-negative weight of every entry in the divergence; None for 1 everywhere.

        Returns
        -------
        self : HarmonicNMF
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
        """Learn how the pitches of a spectrogram sound, and find when they do.

        Parameters
        ----------
        X : array-like of shape (..., n_features)
            Non-negative training data, frames as rows; NaN where not observed.
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
            If X has negative or infinite entries, or a column without any observed entry; if
            `weights` do not broadcast to X or are negative; if `midi_range` is not two pitches
            below half of `sample_rate`; if `n_fft`, `win_length`, `window` or `n_bands` do not go
            with the number of features.
        TypeError
            If X is sparse.
        FloatingPointError
            If the numbers overflow, which only a far-off `beta_loss` brings about.
        """
        return self._learn_and_transform(X, y, None, None, weights)

    def _learn(self, X, y, W, H, weights, lengths=None):
        low, high = self._check_range()
        self.pitches_ = np.arange(low, high + 1)
        try:
            return super()._learn(X, y, W, H, weights, lengths)
        finally:
            # They can be made again, and are the larger part of the model.
            self.__dict__.pop("_patterns", None)

    def _look_at(self, X, weights):
        frame = self._check_frame(X.shape[1])
        resolution, lowest = self.sample_rate / frame["win_length"], self.pitches_[0]
        if frequency_of(lowest) < resolution:
            warn(
                f"Frames of {frame['win_length']} samples at sample_rate={self.sample_rate!r} are "
                f"shorter than a period of {frequency_of(lowest):.0f} Hz, the pitch {lowest}: low "
                "pitches can not be told apart. Give the sample_rate of the recording, longer "
                "frames, or a midi_range that begins higher."
            )
        self._patterns = harmonic_patterns(
            self.pitches_,
            self.n_bands,
            inharmonicity=self._check_inharmonicity,
            sample_rate=float(self.sample_rate),
            exponent=2 if self._is_power() else 1,
            **frame,
        )

    def _is_power(self):
        return self._beta == 0 if self.spectrum == "auto" else self.spectrum == "power"

    def _check_range(self):
        pitches = self.midi_range
        if len(pitches) != 2 or not all(isinstance(pitch, Integral) for pitch in pitches):
            raise ValueError(
                "midi_range must be two integers, the lowest and the highest pitch, got "
                f"{pitches!r}."
            )
        low, high = pitches
        if low > high:
            raise ValueError(f"midi_range must not end below where it begins, got {pitches!r}.")
        if frequency_of(high) >= self.sample_rate / 2:
            raise ValueError(
                f"midi_range={pitches!r} reaches up to {frequency_of(high):.0f} Hz, which must be "
                f"below half of sample_rate={self.sample_rate!r}."
            )
        return low, high

    def _check_inharmonicity(self, pitch):
        if not callable(self.inharmonicity):
            return self.inharmonicity
        B = self.inharmonicity(pitch)
        if not (isinstance(B, Real) and 0 <= float(B) < np.inf):
            raise ValueError(
                "inharmonicity must return finite numbers from 0 on, got "
                f"{B!r} for the pitch {pitch}."
            )
        return float(B)

    def _check_frame(self, n_features):
        if n_features < max(2, self.n_bands):
            raise ValueError(
                f"X has {n_features} feature(s), but n_bands={self.n_bands} needs at least "
                f"{max(2, self.n_bands)} of them."
            )
        n_fft = 2 * (n_features - 1) if self.n_fft is None else self.n_fft
        if n_fft // 2 + 1 != n_features:
            raise ValueError(
                f"X has {n_features} features, but n_fft={n_fft} makes {n_fft // 2 + 1} of them."
            )
        win_length = n_fft if self.win_length is None else self.win_length
        if win_length > n_fft:
            raise ValueError(f"win_length={win_length} must not exceed n_fft={n_fft}.")
        window = float(self.window) if isinstance(self.window, Real) else self.window
        if not (callable(window) or isinstance(window, str | tuple | float)):
            window = np.asarray(window, float)
            if window.shape != (win_length,):
                raise ValueError(
                    f"window must have win_length={win_length} entries, got an array of shape "
                    f"{window.shape}."
                )
        return {"n_fft": n_fft, "win_length": win_length, "window": window}

    def _check_start(self, X, W, H):
        n_components = len(self.pitches_) + self.n_free_components
        return Given("random", n_components, None, None, None, X.shape[1:])

    def _penalty(self, shape, scale):
        return ElasticNet(0.0, 0.0, 0.0, 0.0)

    # Both factors are drawn, or found.
    _moves_zeros_because = BaseNMF._moves_zeros_because

    def _choose_solver(self, *, weighted):
        return _SOLVERS[self.solver]

    def _observe(self, checked, n_components, dtype):
        observed = super()._observe(checked, n_components, dtype)
        missing = observed.layout.width - observed.layout.n_columns
        patterns = np.pad(self._patterns, [(0, 0), (0, 0), (0, missing)])
        data = PatternedData(observed.data, jnp.asarray(patterns, dtype))
        return replace(observed, data=data)

    def _start(self, given, checked, scale, random_state):
        W, H = super()._start(given, checked, scale, random_state)
        n_pitches, n_bands, _ = self._patterns.shape
        level = H.mean()
        # All weights are alike; what is drawn are activations and components without patterns.
        H[:n_pitches] = 0
        H[:n_pitches, :n_bands] = 1
        means = self._as_components(H)[:n_pitches].mean(axis=1, keepdims=True)
        H[:n_pitches] *= level / means
        return W, H

    def _as_components(self, H):
        n_pitches, n_bands, _ = self._patterns.shape
        xp = jnp if is_jax_array(H) else np
        patterns = xp.asarray(self._patterns, H.dtype)
        pitched = xp.einsum("km,kmf->kf", H[:n_pitches, :n_bands], patterns)
        return xp.concatenate([pitched, H[n_pitches:]])

    def _keep(self, H):
        self.harmonic_weights_ = H[: len(self._patterns), : self.n_bands]

    def _gains(self, H, free, scale, solver):
        sums = np.asarray(self._as_components(H).sum(axis=1), np.float64)
        return np.where(sums > 0, 1 / (np.sqrt(scale) * np.where(sums > 0, sums, 1)), 1)

    def _row_terms(self, H, scale):
        return float(H.mean()) or 1.0, Prices(0.0, 0.0)
