"""The best that masks can do: those made from the true sources."""

import numbers

import numpy as np

from skbss.separation._ideal_filters import ideally_masked
from skbss.separation._parts import FrontEndMixin, resolve_front_end
from skbss.separation._true_sources import TrueSourcesEstimator


class IdealRatioMask(FrontEndMixin, TrueSourcesEstimator):
    r"""Sources of a mixture by the soft masks of the true sources: a bound for every soft mask.

    With the STFTs :math:`S_j` of the true sources and :math:`X` of the mixture, the estimate of
    source :math:`j` is the inverse STFT of

    .. math:: \hat S_j = \frac{|S_j|^p}{\sum_i |S_i|^p} \odot X,

    where :math:`p` is `exponent`. It is no separator, because it has to be told what it shall
    find, but a bound for those that share the mixture by masks on the same STFT.

    Parameters
    ----------
    exponent : float, default=2.0
        Exponent of the magnitudes: 2 shares a bin in proportion to the powers, as the oracle of
        the SiSEC campaigns does [1]_, 1 in proportion to the magnitudes [2]_. Infinity gives all
        to the loudest source, as `IdealBinaryMask` does.
    stft : STFT, default=None
        The front end, ``STFT()`` by default; its `output` has no influence.

    Attributes
    ----------
    n_sources_ : int
        Number of sources.
    takes_sources : bool
        True: `transform` takes the true sources.

    See Also
    --------
    IdealBinaryMask : Every bin to its loudest source.
    IdealWienerFilter : The bound for recordings of several channels.
    skbss.WienerMask : Masks of sources that are not known.

    Notes
    -----
    The estimates add up to the mixture. Every channel has masks of its own. Where no source
    sounds, all have an equal share of what the mixture holds there. The level of the mixture has
    no influence on the masks, nor has that of all sources of a clip together.

    Exponent 2 has the least expected error for phases of which nothing is known. The phases of a
    recording are what they are, so that an exponent of 3, or now and then even a binary mask, may
    do a little better there.

    References
    ----------
    .. [1] F.-R. Stöter, A. Liutkus and N. Ito, "The 2018 signal separation evaluation campaign",
       LVA/ICA 2018.
    .. [2] H. Erdogan, J. R. Hershey, S. Watanabe and J. Le Roux, "Phase-sensitive and
       recognition-boosted speech separation using deep recurrent neural networks", ICASSP 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import STFT
    >>> from skbss.separation import IdealRatioMask
    >>> time = np.arange(16000) / 8000
    >>> sources = np.sin(2 * np.pi * np.array([[300], [400]]) * time)
    >>> mixture = sources.sum(axis=0)
    >>> bound = IdealRatioMask(stft=STFT(512)).fit(mixture, sources)
    >>> estimates = bound.transform(mixture, sources)
    >>> bool(np.allclose(estimates.sum(axis=0), mixture))
    True
    >>> bound.score(mixture, sources) > 30
    True
    """

    def __init__(self, exponent=2.0, *, stft=None):
        self.exponent = exponent
        self.stft = stft

    def _settings(self):
        exponent = self.exponent
        if isinstance(exponent, bool) or not isinstance(exponent, numbers.Real):
            raise TypeError(f"exponent must be an instance of float, got {exponent!r}.")
        if not float(exponent) > 0:
            raise ValueError(
                f"exponent must be positive (infinity for a binary mask), got {exponent}."
            )
        return float(exponent), resolve_front_end(self.stft)

    def _estimate(self, x, sources, settings):
        exponent, framing = settings
        return ideally_masked(x, sources, exponent=exponent, framing=framing)


class IdealBinaryMask(FrontEndMixin, TrueSourcesEstimator):
    r"""Sources of a mixture by giving every bin to the loudest true source.

    With the STFTs :math:`S_j` of the true sources and :math:`X` of the mixture, the estimate of
    source :math:`j` is the inverse STFT of :math:`X` in the bins where :math:`|S_j|` is larger
    than that of all other sources, and of zero elsewhere. It is no separator, because it has to
    be told what it shall find, but a bound for those that deal out whole bins.

    Parameters
    ----------
    stft : STFT, default=None
        The front end, ``STFT()`` by default; its `output` has no influence.

    Attributes
    ----------
    n_sources_ : int
        Number of sources.
    takes_sources : bool
        True: `transform` takes the true sources.

    See Also
    --------
    IdealRatioMask : Shares instead of all or nothing: fewer artifacts, more interference.

    Notes
    -----
    The estimates add up to the mixture. Every channel has masks of its own. Sources that are
    equally loud share a bin equally, as all do where none sounds.

    References
    ----------
    .. [1] D. Wang, "On ideal binary mask as the computational goal of auditory scene analysis",
       in P. Divenyi (ed.), Speech Separation by Humans and Machines, Kluwer, 2005.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss import STFT
    >>> from skbss.separation import IdealBinaryMask
    >>> time = np.arange(16000) / 8000
    >>> sources = np.sin(2 * np.pi * np.array([[300], [400]]) * time)
    >>> mixture = sources.sum(axis=0)
    >>> bound = IdealBinaryMask(stft=STFT(512)).fit(mixture, sources)
    >>> estimates = bound.transform(mixture, sources)
    >>> bool(np.allclose(estimates.sum(axis=0), mixture))
    True
    >>> bound.score(mixture, sources) > 30
    True
    """

    def __init__(self, *, stft=None):
        self.stft = stft

    def _settings(self):
        return resolve_front_end(self.stft)

    def _estimate(self, x, sources, settings):
        return ideally_masked(x, sources, exponent=np.inf, framing=settings)
