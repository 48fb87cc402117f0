"""Separation of recordings of several channels by sparse adaptive decomposition."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skbss._runtime.device import precision
from skbss._runtime.warning import warn
from skbss._runtime.waveforms import check_sources
from skbss.frontend import STFT
from skbss.frontend._framing import resolve_framing
from skbss.masking._factorizer import check_factorizer
from skbss.masking._level import level_of
from skbss.separation._channels import (
    centered,
    check_recordings,
    check_same_channels,
    count_channels,
)
from skbss.separation._convolutive_unmixing import ConvolutiveUnmixing
from skbss.separation._fir_unmixing import learn_fir_unmixing
from skbss.separation._frequency_unmixing import learn_frequency_unmixing
from skbss.separation._post_filter import learn_post_filter, post_filtered
from skbss.separation._score import check_enough_estimates, mean_si_sdr
from skbss.separation._sparse_component_analysis import SparseComponentAnalysis
from skbss.separation._suspicions import warn_if_too_short_to_unmix
from skbss.separation._unmixing import (
    check_enough_channels,
    check_number_of_sources,
    independent_directions,
    warn_of_dependent_channels,
)
from skbss.separation._unmixing_separator import UnmixingSeparator

# What suits each of them.
_MAX_ITER = {"instantaneous": 30, "frequency": 200, "fir": 1000}
_RATES = {"instantaneous": (0.03, 0.01), "fir": (0.001, 0.0001)}
_N_FFT = {"instantaneous": 1024, "frequency": 4096}


class ESADSeparator(TransformerMixin, BaseEstimator):
    r"""Sources of recordings of several channels by sparse adaptive decomposition.

    It looks for those filters of the channels whose outputs are sparse in time and frequency, as
    single sources are and mixtures are not. `mixing` says how the sources got into the channels:

    - "frequency", for microphones in a room. With the STFT :math:`z_{fn}` of the channels, a
      complex matrix :math:`U_f` unmixes every frequency, :math:`y_{fn} = U_f z_{fn}`, such that

      .. math::

          J = \frac{2}{N \sqrt F} \sum_{k,n} \sqrt{\sum_f |y_{kfn}|^2}
              - \frac{2}{F} \sum_f \log |\det U_f|

      is least [1]_: the frequencies of a source are a group, which sounds or is silent as a whole,
      so that those of different sources are not confused. It goes down by the rules of [2]_, none
      of whose steps raises :math:`J`, from the principal components of every frequency on, and
      again from the channels on.
    - "fir": filters of `n_taps` taps unmix the waveforms. With their spectra in the place of
      :math:`U_f` and :math:`\sigma_{kf}^2` the mean of :math:`|y_{kfn}|^2` over the frames,

      .. math::

          J = \frac{2}{N \sqrt F} \sum_{k,n} \sqrt{\sum_f |y_{kfn}|^2 / \sigma_{kf}^2}
              - \frac1F \sum_f \Bigl(2 \log |\det U_f| - \sum_k \log \sigma_{kf}^2\Bigr)

      goes down by steps of Adam, whose rate after :math:`t` of them is
      ``learning_rate / (1 + decay * t)``, from the unmixing by frequencies on.
    - "instantaneous", for channels that hold the same sources at other gains, without delays: one
      real matrix for all frequencies, as :class:`SparseComponentAnalysis` finds it.

    What `transform` returns are the images of the sources in the channels: every source by the
    gains at every frequency with which it comes closest to the recording. Scales and phases of the
    sources, which nobody can know, cancel.

    Parameters
    ----------
    n_sources : int, default=None
        Number of sources, at most that of the channels, and by default as many. If they are fewer,
        the channels are reduced to their principal components first.
    mixing : {"frequency", "fir", "instantaneous"}, default="frequency"
        How the sources got into the channels.
    n_fft : int, default=None
        Samples of a frame, best a power of two; frames are a quarter of that apart. By default
        4096 for "frequency", four times `n_taps` for "fir" and 1024 for "instantaneous". Frames
        should be longer than the reverberation that counts, and the recording much longer than a
        frame: at 16 kHz, 512 (filters of 256 taps) where there is none, 4096 to 8192 in rooms.
    n_taps : int, default=256
        Length of the filters; only for "fir".
    max_iter : int, default=None
        Iterations at most. By default 200 for "frequency", 1000 for "fir" and 30 passes through
        all frames for "instantaneous".
    tol : float, default=1e-3
        It ends when ten iterations lower the objective by less than this share of what it fell
        since the start; for "fir", which may rise for a while, five times in a row. 0 goes on to
        `max_iter`. Without influence on "instantaneous".
    learning_rate : float, default=None
        The first rate of Adam, by default 0.001 for "fir" and 0.03 for "instantaneous". "frequency"
        needs none.
    decay : float, default=None
        How the rate decays, by default 0.0001 for "fir" and 0.01 for "instantaneous"; "frequency"
        has no rate.
    n_init : int, default=2
        Number of starts, of which the one with the lowest objective is kept. The first are the
        principal components, the second, where there are as many sources as channels, the
        channels; the others are random. For "instantaneous" all are random, and for "fir" they are
        those of the unmixing by frequencies.
    post_filter : estimator, default=None
        Factorization of a non-negative matrix, such as ``ESADNMF()``, of the spectrogram of each
        source. Masks made of these models, as `WienerMask` makes them, take out of every source
        what rather belongs to the others. That leaves less of them and makes more artifacts.
    post_n_fft : int, default=1024
        Samples of a frame of the post-filter.
    random_state : int, RandomState instance or None, default=None
        Draws the starts, and the seeds of the post-filter if it has none.

    Attributes
    ----------
    unmixing_ : ndarray
        What finds the sources: for "frequency" matrices of shape (n_freqs, n_sources, n_channels),
        for "fir" filters of shape (n_sources, n_channels, n_taps) whose middle tap, ``n_taps //
        2``, is no delay, for "instantaneous" a matrix of shape (n_sources, n_channels).
    mixing_ : ndarray
        The gains of the sources in the channels, of shape (n_freqs, n_channels, n_sources), or for
        "instantaneous" (n_channels, n_sources).
    objectives_ : ndarray of shape (n_looks,)
        The objective at the start and at iterations 10, 20 …; for "instantaneous" after every pass.
    n_iter_ : int
        Number of iterations.
    n_sources_ : int
        Number of sources, by decreasing energy of their images in the recordings of `fit`.
    n_channels_ : int
        Number of channels.
    post_filters_ : list of estimator
        The fitted post-filter of every source; only if there is one.

    See Also
    --------
    UnmixingSeparator : One matrix, by any linear decomposition of scikit-learn.
    Separator : One channel, and more sources than channels, by spectra.
    skbss.ESADNMF : Sparse adaptive decomposition of spectrograms.

    Notes
    -----
    For "frequency" the images add up to the mixture if there are as many sources as channels; with
    fewer, to its projection on the principal components of every frequency. For "fir" they add up
    to what comes closest to it in the outputs of the filters. With a post-filter they add up to
    less. `fit` looks at every clip at unit level and, to find filters, without the means of its
    channels.

    Sources that move, and fewer channels than sources, are beyond it. Where fewer channels than
    there shall be sources are independent of each other, because some are silent or the same, the
    last sources are silent, and a warning says so.

    References
    ----------
    .. [1] T. Kim, H. T. Attias, S.-Y. Lee and T.-W. Lee, "Blind source separation exploiting
       higher-order frequency dependencies", IEEE TASLP 15(1), 2007.
    .. [2] N. Ono, "Stable and fast update rules for independent vector analysis based on auxiliary
       function technique", WASPAA 2011, eqs. 18 to 20.
    .. [3] K. Matsuoka and S. Nakashima, "Minimal distortion principle for blind source
       separation", ICA 2001.

    Examples
    --------
    >>> from skbss.datasets import load_two_speakers
    >>> from skbss.separation import ESADSeparator
    >>> room = load_two_speakers(room=True)
    >>> separator = ESADSeparator(n_fft=2048, random_state=0)
    >>> estimates = separator.fit_transform(room.mixture)
    >>> estimates.shape                        # (n_sources, n_channels, length)
    (2, 2, 119360)
    >>> separator.score(room.mixture, room.sources) > 4
    True
    """

    _parameter_constraints: dict = {
        "mixing": [StrOptions({"frequency", "fir", "instantaneous"})],
        "n_fft": [Interval(Integral, 2, None, closed="left"), None],
        "n_taps": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left"), None],
        "tol": [Interval(Real, 0, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
        "decay": [Interval(Real, 0, None, closed="left"), None],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "post_n_fft": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_sources=None,
        *,
        mixing="frequency",
        n_fft=None,
        n_taps=256,
        max_iter=None,
        tol=1e-3,
        learning_rate=None,
        decay=None,
        n_init=2,
        post_filter=None,
        post_n_fft=1024,
        random_state=None,
    ):
        self.n_sources = n_sources
        self.mixing = mixing
        self.n_fft = n_fft
        self.n_taps = n_taps
        self.max_iter = max_iter
        self.tol = tol
        self.learning_rate = learning_rate
        self.decay = decay
        self.n_init = n_init
        self.post_filter = post_filter
        self.post_n_fft = post_n_fft
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the filters.

        Parameters
        ----------
        X : array of shape (n_channels, length) or (n_clips, n_channels, length), or list
            Mixtures; a list may hold clips of unequal length. The same filters are learned from
            all: nothing may have moved from one to the other.
        y : array or list, default=None
            Ignored: nothing but the mixtures is learned from.

        Returns
        -------
        self : ESADSeparator
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            If a parameter is not allowed, a clip is empty or holds NaN or infinity, there is only
            one channel, or there are fewer channels than sources.

        Warns
        -----
        ConvergenceWarning
            If it stops at `max_iter`.
        UserWarning
            If fewer channels are independent of each other than there shall be sources, or the
            recordings hold fewer frames than there are channels.
        """
        check_number_of_sources(self.n_sources)
        n_fft = self._samples_of_frame()
        if self.post_filter is not None:
            check_factorizer(self.post_filter, None)
        random_state = check_random_state(self.random_state)
        recordings = check_recordings(X)
        clips = recordings.each()
        n_channels = count_channels(clips)
        if n_channels == 1:
            raise ValueError(
                "X has one channel, which nothing can unmix: there must be at least as many "
                "channels as sources. Use a Separator."
            )
        n_sources = n_channels if self.n_sources is None else int(self.n_sources)
        check_enough_channels(n_sources, n_channels)
        warn_if_too_short_to_unmix(clips, n_fft)
        self.n_channels_, self.n_sources_ = n_channels, n_sources
        if self.mixing == "instantaneous":
            self._fit_instantaneous(clips, n_fft, random_state)
        else:
            self._fit_convolutive(clips, n_fft, random_state)
        self._post_filter = None
        if self.post_filter is not None:
            framing = resolve_framing(STFT(self.post_n_fft))
            images = [self._unmixed(x) for x in clips]
            self._post_filter = learn_post_filter(self.post_filter, images, framing, random_state)
            self.post_filters_ = self._post_filter.factorizers
        return self

    def transform(self, X):
        """Separate mixtures.

        Parameters
        ----------
        X : array of shape (n_channels, length) or (n_clips, n_channels, length), or list
            Mixtures of any length.

        Returns
        -------
        images : array of shape ([n_clips,] n_sources, n_channels, length), or list of arrays
            What every source contributes to every channel, of the length and precision of the
            mixtures; a list for clips of unequal length, a JAX array where `X` is one. Silence
            gives silence.
        """
        check_is_fitted(self)
        recordings = check_recordings(X)
        return recordings.gather(self._images(recordings))

    def score(self, X, y):
        """Mean scale-invariant signal-to-distortion ratio of the separated mixtures.

        Sources are compared in the order that fits best in each clip. Channels count as one long
        signal.

        Parameters
        ----------
        X : array or list
            Mixtures, as in `transform`.
        y : array of shape ([n_clips,] n_sources, n_channels, length), or list
            The images of their true sources; there may be fewer than the separator finds.

        Returns
        -------
        score : float
            Mean over clips and sources in dB, without sources that are silent; NaN if an
            estimate is silent whose source is not, or all sources are silent.
        """
        check_is_fitted(self)
        recordings = check_recordings(X)
        references = check_sources(y, recordings)
        check_enough_estimates(len(references[0]), self.n_sources_)
        return mean_si_sdr(references, self._images(recordings), n_known=0)

    def _samples_of_frame(self):
        if self.mixing != "fir":
            return _N_FFT[self.mixing] if self.n_fft is None else self.n_fft
        if self.n_fft is None:
            return max(4 * self.n_taps, 2)
        if self.n_fft < self.n_taps:
            raise ValueError(
                f"n_fft={self.n_fft} must be at least n_taps={self.n_taps}: a frame holds a filter."
            )
        return self.n_fft

    def _rates(self):
        given, usual = (self.learning_rate, self.decay), _RATES[self.mixing]
        return [
            default if rate is None else rate for rate, default in zip(given, usual, strict=True)
        ]

    def _limit(self):
        return _MAX_ITER[self.mixing] if self.max_iter is None else self.max_iter

    def _fit_instantaneous(self, clips, n_fft, random_state):
        learning_rate, decay = self._rates()
        unmixer = SparseComponentAnalysis(
            n_fft=n_fft,
            learning_rate=learning_rate,
            decay=decay,
            max_iter=self._limit(),
            n_init=self.n_init,
        )
        separator = UnmixingSeparator(unmixer, n_sources=self.n_sources_, random_state=random_state)
        self._learned = separator.fit(clips)
        self.unmixing_, self.mixing_ = separator.unmixing_, separator.mixing_
        is_silent = separator.unmixer_ is None
        self.objectives_ = np.zeros(1) if is_silent else separator.unmixer_.objectives_
        self.n_iter_ = 0 if is_silent else separator.unmixer_.n_iter_

    def _fit_convolutive(self, clips, n_fft, random_state):
        dtype = clips[0].dtype
        channels = [centered(x) for x in clips]
        rounding = 64 * np.finfo(dtype).eps
        directions = independent_directions(np.concatenate(channels, axis=1), rounding)
        if len(directions) < self.n_sources_:
            warn_of_dependent_channels(self.n_channels_, len(directions), self.n_sources_)
        n_found = min(self.n_sources_, max(1, len(directions)))
        framing = resolve_framing(STFT(n_fft))
        channels = [x.astype(dtype) for x in channels]
        limits = {"n_init": self.n_init, "max_iter": self._limit(), "tol": self.tol}
        with precision(dtype):
            learned: ConvolutiveUnmixing
            if self.mixing == "frequency":
                learned = learn_frequency_unmixing(
                    channels, n_found, framing, random_state, **limits
                )
            else:
                learned = learn_fir_unmixing(
                    channels,
                    [np.asarray(x) / level_of(x) for x in clips],
                    n_found,
                    framing,
                    random_state,
                    n_taps=self.n_taps,
                    rates=self._rates(),
                    **limits,
                )
        self._learned = learned.with_silent_sources(self.n_sources_ - n_found)
        self.unmixing_, self.mixing_ = self._learned.unmixing, self._learned.mixing
        self.objectives_ = np.array(learned.objectives)
        self.n_iter_ = learned.n_iter
        if not np.isfinite(self.objectives_[-1]):
            raise FloatingPointError(
                f"The objective is {self.objectives_[-1]} after {self.n_iter_} iterations"
                + (": use a smaller learning_rate." if self.mixing == "fir" else ".")
            )
        if self.tol > 0 and not learned.converged:
            warn(
                f"Maximum number of iterations {self.n_iter_} reached. Increase it to improve "
                "convergence.",
                ConvergenceWarning,
            )

    def _unmixed(self, x):
        if self.mixing == "instantaneous":
            return self._learned.transform(x[np.newaxis])[0]
        return self._learned.images(x)

    def _images(self, recordings):
        clips = recordings.each()
        check_same_channels(clips, self)
        for x in clips:
            images = self._unmixed(x)
            yield images if self._post_filter is None else post_filtered(images, self._post_filter)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
