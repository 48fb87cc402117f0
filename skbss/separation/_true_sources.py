"""What all estimators share that are told the true sources."""

from abc import ABC, abstractmethod

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skbss._runtime.waveforms import check_sources, check_waveforms
from skbss.separation._score import mean_si_sdr


class TrueSourcesEstimator(TransformerMixin, BaseEstimator, ABC):
    """Bounds of separators: `transform` takes the sources that it shall find.

    Attributes
    ----------
    takes_sources : bool
        True: by this, those who run separators know what to pass to `transform`.
    """

    takes_sources = True

    def fit(self, X, y=None):
        """Check parameters and recordings; nothing is learned but the number of sources.

        Parameters
        ----------
        X : array of shape (length,), (n_clips, length) or (n_clips, n_channels, length), or list
            Mixtures; a list may hold clips of unequal length.
        y : array of shape (n_clips, n_sources, [n_channels,] length) or list
            Isolated sources of the mixtures, without the first axis where `X` is one clip. They
            are required, although their place in the signature is that of scikit-learn.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            If a parameter is not allowed, a clip is empty or holds NaN or infinity, or `y` is
            missing or does not fit to `X`.
        """
        self._settings()
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None: it "
                "takes the true sources, of shape ([n_clips,] n_sources, [n_channels,] length)."
            )
        self.n_sources_ = len(check_sources(y, check_waveforms(X))[0])
        return self

    def fit_transform(self, X, y=None):
        """Estimates of the sources of mixtures, made with those sources.

        Parameters
        ----------
        X : array or list
            As in `fit`.
        y : array or list
            As in `fit`.

        Returns
        -------
        estimates : array or list of arrays
            As in `transform`.
        """
        return self.fit(X, y).transform(X, y)

    def transform(self, X, sources=None):
        """Estimates of the sources of mixtures, made with those sources.

        Parameters
        ----------
        X : array of shape (length,), (n_clips, length) or (n_clips, n_channels, length), or list
            Mixtures of any length.
        sources : array of shape (n_clips, n_sources, [n_channels,] length) or list
            The true sources of the very clips of `X`, without the first axis where `X` is one
            clip. All that is in the mixtures belongs to one of them, noise too.

        Returns
        -------
        estimates : array of shape ([n_clips,] n_sources, [n_channels,] length), or list of arrays
            In the order of `sources`, of the length and precision of the mixtures; a list for
            clips of unequal length, a JAX array where `X` is one. Silence gives silence.

        Raises
        ------
        TypeError, ValueError
            If `sources` are missing, do not fit to `X`, or are not as many as in `fit`.
        """
        clips, sources = self._checked(X, sources, name="sources")
        return clips.gather(self._estimates(clips, sources))

    def score(self, X, y):
        """Mean scale-invariant signal-to-distortion ratio of the estimates.

        Parameters
        ----------
        X : array or list
            Mixtures, as in `transform`.
        y : array or list
            Their true sources, in `transform` called `sources`. Channels count as one long signal.

        Returns
        -------
        score : float
            Mean over clips and sources in dB, without sources that are silent; NaN if all are.
        """
        clips, references = self._checked(X, y, name="y")
        estimates = self._estimates(clips, references)
        return mean_si_sdr(references, estimates, n_known=self.n_sources_)

    @abstractmethod
    def _settings(self):
        """What `_estimate` needs to know; refuses parameters that are not allowed."""

    @abstractmethod
    def _estimate(self, x, sources, settings):
        """The estimates for one clip, of the shape of its sources."""

    def _checked(self, X, sources, *, name):
        check_is_fitted(self)
        if sources is None:
            raise TypeError(
                f"{type(self).__name__} is made from the true sources of the very clips that it is "
                f"applied to: pass them as {name}, of shape ([n_clips,] n_sources, [n_channels,] "
                "length). A Separator does without."
            )
        clips = check_waveforms(X)
        sources = check_sources(sources, clips, name=name)
        if len(sources[0]) != self.n_sources_:
            raise ValueError(
                f"{name} holds {len(sources[0])} sources, but {type(self).__name__} was fitted "
                f"for {self.n_sources_}."
            )
        return clips, sources

    def _estimates(self, clips, sources):
        settings = self._settings()
        for x, one in zip(clips.each(), sources, strict=True):
            yield self._estimate(x, one, settings)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.target_tags.required = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
