"""Waveforms at one level."""

import numbers
from typing import Any

import jax.numpy as jnp
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_scalar

from skbss._runtime.device import is_jax_array
from skbss._runtime.waveforms import check_waveforms

_MEASURES = ("peak", "rms")


class AmplitudeNormalizer(TransformerMixin, BaseEstimator):
    """Waveforms brought to one level.

    Parameters
    ----------
    measure : {"peak", "rms"}, default="peak"
        What is brought to `level`: the largest absolute value, or the root mean square.
    level : float, default=1.0
        To which, above 0.
    channels_together : bool or "per_source", default=True
        Whether the channels of a clip, of shape (n_clips, n_channels, length), share one gain,
        which keeps their balance. Otherwise every waveform has its own. With "per_source", clips
        hold sources, ([n_clips,] n_sources, [n_channels,] length), and each source has its own
        gain, which its channels share. An array of three axes then is (n_clips, n_sources,
        length).

    See Also
    --------
    SpectralSubtraction : Less noise in waveforms.

    Notes
    -----
    Estimates of sources that add up to a mixture do not do so any more when each is brought to a
    level of its own.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import AmplitudeNormalizer
    >>> AmplitudeNormalizer().fit_transform(np.array([[0.1, -0.2], [3.0, 1.5]]))
    array([[ 0.5, -1. ],
           [ 1. ,  0.5]])
    """

    def __init__(self, measure="peak", *, level=1.0, channels_together=True):
        self.measure = measure
        self.level = level
        self.channels_together = channels_together

    def fit(self, X, y=None):
        """Check parameters and clips; there is nothing to learn.

        Parameters
        ----------
        X : array of shape (length,), (n_clips, length) or (n_clips, n_channels, length), or list
            Waveforms; a list may hold clips of unequal length.
        y : None
            Ignored.

        Returns
        -------
        self : AmplitudeNormalizer
            The estimator itself.
        """
        self._check(X)
        return self

    def transform(self, X):
        """Bring clips to the level.

        Parameters
        ----------
        X : array of shape (length,), (n_clips, length) or (n_clips, n_channels, length), or list
            Waveforms; a list may hold clips of unequal length.

        Returns
        -------
        X : array or list of arrays
            Of the same shape and precision; a JAX array where `X` is one. Silence stays silence.

        Raises
        ------
        TypeError, ValueError
            If a parameter is not allowed, or a clip is empty or holds NaN or infinity.
        """
        clips = self._check(X)
        return clips.gather(self._normalized(x) for x in clips.each())

    def _normalized(self, x):
        xp = jnp if is_jax_array(x) else np
        axes: Any = None if self.channels_together else -1
        if self.channels_together == "per_source":
            axes = (-2, -1) if x.ndim == 3 else -1
        # Relative to the peak, no square can overflow or vanish.
        peak = abs(x).max(axis=axes, keepdims=True)
        x = x / xp.where(peak > 0, peak, 1)
        if self.measure == "rms":
            rms = xp.sqrt(xp.square(x).mean(axis=axes, keepdims=True))
            x = x / xp.where(rms > 0, rms, 1)
        return x * self.level

    def _check(self, X):
        if self.measure not in _MEASURES:
            raise ValueError(f"measure must be 'peak' or 'rms', got {self.measure!r}.")
        check_scalar(self.level, "level", numbers.Real, min_val=0, include_boundaries="neither")
        per_source = isinstance(self.channels_together, str)
        if per_source and self.channels_together != "per_source":
            raise ValueError(
                "channels_together must be True, False or 'per_source', got "
                f"{self.channels_together!r}."
            )
        if not per_source and not isinstance(self.channels_together, bool | np.bool_):
            raise TypeError(
                "channels_together must be True, False or 'per_source', got "
                f"{self.channels_together!r}."
            )
        return check_waveforms(X, of_sources=per_source)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
