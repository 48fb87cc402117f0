"""The score of a separation whose sources may come in any order."""

import numpy as np

from skbss.metrics import best_permutation, si_sdr


def mean_si_sdr(references, estimates, n_known):
    """Mean over all clips and sources that are not silent.

    Parameters
    ----------
    references : iterable of arrays of shape (n_references, [n_channels,] length)
        True sources of every clip.
    estimates : iterable of arrays of shape (n_sources, [n_channels,] length)
        At least as many estimates of every clip.
    n_known : int
        How many sources come in their own order; the others fit best.

    Returns
    -------
    ratio : float
        In dB; NaN without any audible source.
    """
    ratios = np.concatenate(
        [
            _ratios(np.asarray(one), np.asarray(estimated), n_known)
            for one, estimated in zip(references, estimates, strict=True)
        ]
    )
    return float(ratios.mean()) if len(ratios) else float("nan")


def _ratios(references, estimates, n_known):
    references = references.reshape(len(references), -1)
    estimates = estimates.reshape(len(estimates), -1)
    n_known = min(n_known, len(references))
    order = np.arange(len(references))
    if n_known < len(references):
        free = best_permutation(references[n_known:], estimates[n_known:])
        order[n_known:] = n_known + free
    audible = np.ptp(references, axis=1) > 0
    if not audible.any():
        return np.empty(0)
    return si_sdr(references[audible], estimates[order][audible])
