"""The mixture for every source: what a separator has to beat."""

import jax.numpy as jnp
import numpy as np

from skbss._runtime.device import is_jax_array
from skbss.separation._true_sources import TrueSourcesEstimator


class MixtureAsEstimate(TrueSourcesEstimator):
    """The mixture itself as the estimate of every source: the lower bound of a comparison.

    The improvement of a separator is what it scores more than this. The mixture is not divided by
    the number of sources: it is the recording as it is before any processing that tables call
    "input", "noisy" or "unprocessed". The estimates therefore add up to as many times the mixture
    as there are sources. Measures that do not depend on the level of an estimate, as SI-SDR and
    those of BSS Eval, are the same for any share of it; a signal-to-noise ratio is not.

    Attributes
    ----------
    n_sources_ : int
        Number of sources.
    takes_sources : bool
        True: `transform` takes the true sources, of which only the number matters.

    See Also
    --------
    IdealRatioMask : The upper bound.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.separation import MixtureAsEstimate
    >>> sources = np.random.default_rng(0).standard_normal((2, 8000))
    >>> mixture = sources.sum(axis=0)
    >>> estimates = MixtureAsEstimate().fit_transform(mixture, sources)
    >>> bool((estimates == mixture).all())
    True
    >>> round(MixtureAsEstimate().fit(mixture, sources).score(mixture, sources))
    0
    """

    def _settings(self):
        return None

    def _estimate(self, x, sources, settings):
        xp = jnp if is_jax_array(x) else np
        return xp.repeat(x[None], len(sources), axis=0)
