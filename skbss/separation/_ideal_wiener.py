"""The best that filters of all channels can do."""

from skbss.separation._ideal_filters import ideally_filtered
from skbss.separation._parts import FrontEndMixin, resolve_front_end
from skbss.separation._true_sources import TrueSourcesEstimator


class IdealWienerFilter(FrontEndMixin, TrueSourcesEstimator):
    r"""Sources of a mixture by the multichannel Wiener filters of the true sources.

    With the STFTs :math:`s_{jtf}` of the true source images, vectors over the channels, and
    :math:`x_{tf}` of the mixture, the estimate of source :math:`j` is the inverse STFT of

    .. math:: \hat s_{jtf} = v_{jtf} R_{jf}
              \Bigl(\sum_i v_{itf} R_{if}\Bigr)^{-1} x_{tf},

    where :math:`v_{jtf} = \|s_{jtf}\|^2 / n_{channels}` is the power in a bin and :math:`R_{jf} =
    \sum_t s_{jtf} s_{jtf}^H / \sum_t v_{jtf}` the spatial covariance, how a source spreads over
    the channels at a frequency over the whole clip. It is no separator, because it has to be told
    what it shall find, but a bound for those that filter all channels together. With one channel
    it is ``IdealRatioMask(2)``.

    Parameters
    ----------
    stft : STFT, default=None
        The front end, ``STFT()`` by default; its `output` has no influence. Frames that are long
        against the reverberation take more of it for a place in the room.

    Attributes
    ----------
    n_sources_ : int
        Number of sources.
    takes_sources : bool
        True: `transform` takes the true sources.

    See Also
    --------
    IdealRatioMask : Every channel by itself.

    Notes
    -----
    The estimates add up to the mixture. A source whose image does not change from place to place
    in a clip, as an instantaneous mixture gives it, is found almost exactly as long as there are
    as many channels as sources; so that the matrix has an inverse then too, a millionth (at single
    precision, else 1e-10) of every covariance is the same in all directions. Where no source
    sounds, all have an equal share of what the mixture holds there.

    References
    ----------
    .. [1] N. Q. K. Duong, E. Vincent and R. Gribonval, "Under-determined reverberant audio source
       separation using a full-rank spatial covariance model", IEEE TASLP 18(7), 2010.
    .. [2] F.-R. Stöter, A. Liutkus and N. Ito, "The 2018 signal separation evaluation campaign",
       LVA/ICA 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import STFT
    >>> from skbss.separation import IdealWienerFilter
    >>> signals = np.random.default_rng(0).standard_normal((2, 8000))
    >>> gains = np.array([[1.0, 0.5], [0.3, 1.0]])     # of every source in every channel
    >>> images = gains[:, :, None] * signals[:, None]  # (n_sources, n_channels, length)
    >>> mixture = images.sum(axis=0)
    >>> bound = IdealWienerFilter(stft=STFT(512)).fit(mixture[None], images[None])
    >>> estimates = bound.transform(mixture[None], images[None])
    >>> estimates.shape
    (1, 2, 2, 8000)
    >>> bound.score(mixture[None], images[None]) > 100
    True
    """

    def __init__(self, *, stft=None):
        self.stft = stft

    def _settings(self):
        return resolve_front_end(self.stft)

    def _estimate(self, x, sources, settings):
        if x.ndim == 1:
            return ideally_filtered(x[None], sources[:, None], framing=settings)[:, 0]
        return ideally_filtered(x, sources, framing=settings)
