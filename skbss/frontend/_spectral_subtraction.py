"""Less steady noise in recordings."""

import numbers

import jax.numpy as jnp
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_scalar

from skbss._runtime.device import is_jax_array
from skbss._runtime.waveforms import check_waveforms
from skbss.frontend._framing import resolve_framing
from skbss.frontend._stft import STFT
from skbss.frontend._transforms import analyze, power, synthesize

# Fewer frames say too little about a spectrum.
_FEWEST_SILENT = 5
# What noise alone is told from quiet sound by. The power of the quietest tenth of the frames varies
# by 5 to 15 percent where they hold steady noise, by 30 and more where they hold music or speech.
_MOST_VARIATION = 0.2
# The power of a bin of noise varies by as much as its mean, that of a steady tone not at all. A
# tone that is always there is noise too, if other sound is this much louder.
_LEAST_DISPERSION, _CONTRAST = 0.7, 4


class SpectralSubtraction(TransformerMixin, BaseEstimator):
    r"""Recordings with less steady noise, by subtraction of its mean power spectrum.

    Every bin of the STFT :math:`Z` of a clip is multiplied by

    .. math::

        G_{nf} = \sqrt{\max\left(1 - o \frac{N_f}{|Z_{nf}|^2},\;
                 \eta \min\left(1, \frac{N_f}{|Z_{nf}|^2}\right)\right)} \in [0, 1],

    where :math:`N_f` is the mean power of the noise at that frequency, :math:`o` is
    `oversubtraction` and :math:`\eta` is `floor`.

    Parameters
    ----------
    stft : STFT, default=None
        The front end, by default ``STFT(512)``; its `output` has no influence.
    noise : array of shape ([n_channels,] length), default=None
        A recording of the noise alone, in the same units. By default the noise of a clip is taken
        from its own quietest frames.
    silent_share : float, default=0.1
        The share of the frames of a clip that are taken for noise alone: the quietest ones, five at
        least. If their power varies as that of music or speech does there is no silence among them,
        and the clip stays as it is.
    oversubtraction : float, default=2.0
        How many times the mean power is subtracted, at least 0: what is left of the noise where it
        is louder than its mean becomes less, and so do quiet sounds.
    floor : float, default=0.02
        What is left of a bin in which there is noise alone, as a share of its power, from 0 to 1.
        More of it masks the tones that come and go where little is left ("musical noise").

    See Also
    --------
    STFT : The front end.
    skbss.Separator : A trained dictionary of the noise takes out noise that is not steady.

    References
    ----------
    .. [1] M. Berouti, R. Schwartz and J. Makhoul, "Enhancement of speech corrupted by acoustic
       noise", ICASSP 1979, eq. 4.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import SpectralSubtraction
    >>> rng = np.random.default_rng(0)
    >>> time = np.arange(16000) / 16000
    >>> tone = np.sin(2 * np.pi * 440 * time) * (time > 0.25)
    >>> noisy = tone + 0.1 * rng.standard_normal(16000)
    >>> clean = SpectralSubtraction().fit_transform(noisy)
    >>> np.mean((clean - tone) ** 2) < 0.2 * np.mean((noisy - tone) ** 2)
    np.True_
    """

    def __init__(self, stft=None, *, noise=None, silent_share=0.1, oversubtraction=2.0, floor=0.02):
        self.stft = stft
        self.noise = noise
        self.silent_share = silent_share
        self.oversubtraction = oversubtraction
        self.floor = floor

    def fit(self, X, y=None):
        """Check parameters and clips; there is nothing to learn.

        Parameters
        ----------
        X : array of shape (length,), (n_clips, length) or (n_clips, n_channels, length), or list
            Recordings; a list may hold clips of unequal length.
        y : None
            Ignored.

        Returns
        -------
        self : SpectralSubtraction
            The estimator itself.
        """
        self._check(X)
        return self

    def transform(self, X):
        """Take noise out of clips.

        Parameters
        ----------
        X : array of shape (length,), (n_clips, length) or (n_clips, n_channels, length), or list
            Recordings; a list may hold clips of unequal length. Which frames of a clip are silent
            its channels decide together; each has its own noise.

        Returns
        -------
        X : array or list of arrays
            Of the same shape and precision; a JAX array where `X` is one. Silence stays silence.

        Raises
        ------
        TypeError, ValueError
            If a parameter is not allowed, a clip is empty or too short for a frame, or holds NaN or
            infinity, or if `noise` does not have as many channels as a clip.
        """
        clips, framing = self._check(X)
        noise = None
        if self.noise is not None:
            (recording,) = check_waveforms(self.noise, name="noise").arrays
            noise = power(analyze(recording, framing, _as_it_is)).mean(axis=-2, keepdims=True)
        return clips.gather(self._cleaned(x, noise, framing) for x in clips.each())

    def _cleaned(self, x, noise, framing):
        Z = analyze(x, framing, _as_it_is)
        xp = jnp if is_jax_array(x) else np
        # Relative to the peak, no square can overflow or vanish.
        peak = abs(Z).max()
        peak = xp.where(peak > 0, peak, 1)
        P = power(Z / peak)
        if noise is None:
            noise = _noise_power(P, self.silent_share, xp)
        else:
            noise = xp.asarray(noise, P.dtype) / peak**2
        heard = P > 0
        ratio = noise / xp.where(heard, P, 1)
        kept = xp.maximum(1 - self.oversubtraction * ratio, self.floor * xp.minimum(1, ratio))
        gain = xp.where(heard, xp.sqrt(kept), 0)
        return synthesize(gain * Z, framing, x.shape[-1])

    def _check(self, X):
        stft = STFT(512) if self.stft is None else self.stft
        if not isinstance(stft, STFT):
            raise TypeError(f"stft must be an STFT, got {stft!r}.")
        framing = resolve_framing(stft)
        framing.check_invertible()
        share, floor = self.silent_share, self.floor
        check_scalar(share, "silent_share", numbers.Real, min_val=0, max_val=1)
        check_scalar(self.oversubtraction, "oversubtraction", numbers.Real, min_val=0)
        check_scalar(floor, "floor", numbers.Real, min_val=0, max_val=1)
        clips = check_waveforms(X)
        for x in clips.each():
            framing.check_length(x.shape[-1])
        if self.noise is not None:
            noise = check_waveforms(self.noise, name="noise").arrays[0]
            framing.check_length(noise.shape[-1])
            for x in clips.each():
                if noise.shape[:-1] not in ((), x.shape[:-1]):
                    raise ValueError(
                        f"noise of shape {noise.shape} does not fit to a clip of shape {x.shape}: "
                        "give one waveform, or as many channels as the clip has."
                    )
        return clips, framing

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _noise_power(P, share, xp):
    """Mean power of the quietest frames, at every frequency; zeros if they are not quiet."""
    n_frames = P.shape[-2]
    n_silent = min(n_frames, max(_FEWEST_SILENT, int(np.ceil(share * n_frames))))
    energies = P.mean(axis=-1)
    energies = energies.reshape(-1, n_frames).mean(axis=0)
    silent = xp.argsort(energies)[:n_silent]
    quietest, P = energies[silent], P[..., silent, :]
    noise = P.mean(axis=-2, keepdims=True)
    is_steady = quietest.std() <= _MOST_VARIATION * quietest.mean()
    is_noisy = P.std(axis=-2).sum() >= _LEAST_DISPERSION * noise.sum()
    is_quiet = energies.mean() > _CONTRAST * quietest.mean()
    return xp.where(is_steady & (is_noisy | is_quiet), noise, 0)


def _as_it_is(Z):
    return Z
