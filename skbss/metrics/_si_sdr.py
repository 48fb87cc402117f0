"""The scale-invariant signal-to-distortion ratio."""

import warnings

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.utils import check_array

# A residual this far below the target is what rounding leaves of none at all.
_ROUNDING = (16 * np.finfo(float).eps) ** 2


def si_sdr(references, estimates, *, zero_mean=True, permute=False):
    r"""Scale-invariant signal-to-distortion ratio of estimated sources.

    With the part :math:`t = \frac{\langle \hat s, s \rangle}{\|s\|^2} s` of the estimate
    :math:`\hat s` that is the reference :math:`s` at some gain,

    .. math:: \text{SI-SDR} = 10 \log_{10} \frac{\|t\|^2}{\|\hat s - t\|^2}.

    Neither gain nor sign of an estimate has any influence. Computed in float64.

    Parameters
    ----------
    references : array of shape (..., n_sources, length)
        The true sources.
    estimates : array of shape (..., n_sources, length)
        The estimated ones, in the same order, or with `permute` in any order; then there may be
        more of them.
    zero_mean : bool, default=True
        Whether the mean of every signal is subtracted first: an offset can not be heard.
    permute : bool, default=False
        Whether the estimates are first brought in the order that `best_permutation` gives.

    Returns
    -------
    ratios : ndarray of shape (..., n_sources)
        In dB, higher is better: infinity for an exact estimate, minus infinity for one that holds
        nothing of its reference. NaN with a warning where the reference or the estimate is silent.

    Raises
    ------
    ValueError
        If shapes differ, or a sample is NaN or infinite.

    Warns
    -----
    UserWarning
        If a reference or an estimate is silent.

    See Also
    --------
    best_permutation : Which estimate belongs to which reference.

    References
    ----------
    .. [1] J. Le Roux, S. Wisdom, H. Erdogan and J. R. Hershey, "SDR - half-baked or well done?",
       ICASSP 2019, eq. 5.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.metrics import si_sdr
    >>> time = np.arange(8000) / 8000
    >>> sources = np.sin(2 * np.pi * np.array([[300], [440]]) * time)
    >>> estimates = 0.5 * sources + 0.05 * sources[::-1]
    >>> si_sdr(sources, estimates).round(3)
    array([20., 20.])
    """
    references, estimates = _checked(references, estimates, equal_count=not permute)
    if permute:
        order = _best_permutation(references, estimates, zero_mean)
        estimates = np.take_along_axis(estimates, order[..., None], axis=-2)
    s, s_hat = _prepared(references, zero_mean), _prepared(estimates, zero_mean)
    energy = np.square(s).sum(axis=-1)
    silent = energy == 0
    gain = (s_hat * s).sum(axis=-1) / np.where(silent, 1, energy)
    target = gain[..., None] * s
    wanted = np.square(target).sum(axis=-1)
    unwanted = np.square(s_hat - target).sum(axis=-1)
    unwanted = np.where(unwanted <= _ROUNDING * wanted, 0, unwanted)
    wanted = np.where(wanted <= _ROUNDING * unwanted, 0, wanted)
    quiet = np.square(s_hat).sum(axis=-1) == 0
    _warn_of_silence(silent, "reference")
    _warn_of_silence(quiet & ~silent, "estimate")
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = 10 * np.log10(wanted / unwanted)
    return np.where(silent | quiet, np.nan, ratios)


def best_permutation(references, estimates, *, zero_mean=True):
    """Which estimate belongs to which reference: the assignment of the highest mean SI-SDR.

    Parameters
    ----------
    references : array of shape (..., n_sources, length)
        The true sources.
    estimates : array of shape (..., n_estimates, length)
        The estimated ones, at least as many.
    zero_mean : bool, default=True
        As in `si_sdr`.

    Returns
    -------
    permutation : ndarray of int of shape (..., n_sources)
        Position of the estimate that belongs to every reference, each used once at most. Silent
        signals are given what the others leave.

    Raises
    ------
    ValueError
        If shapes do not fit, there are fewer estimates than references, or a sample is NaN or
        infinite.

    See Also
    --------
    si_sdr : The ratios themselves.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.metrics import best_permutation
    >>> sources = np.random.default_rng(0).standard_normal((3, 1000))
    >>> best_permutation(sources, sources[[2, 0, 1]])
    array([1, 2, 0])
    """
    references, estimates = _checked(references, estimates, equal_count=False)
    return _best_permutation(references, estimates, zero_mean)


def _best_permutation(references, estimates, zero_mean):
    s, s_hat = _unit(_prepared(references, zero_mean)), _unit(_prepared(estimates, zero_mean))
    likeness = np.square(s @ s_hat.swapaxes(-1, -2))
    # Bounded, because the assignment can not be solved with infinite values.
    likeness = np.clip(likeness, 1e-15, 1 - 1e-15)
    ratios = 10 * np.log10(likeness / (1 - likeness))
    order = np.empty(ratios.shape[:-1], int)
    for index in np.ndindex(ratios.shape[:-2]):
        order[index] = linear_sum_assignment(ratios[index], maximize=True)[1]
    return order


def _checked(references, estimates, *, equal_count):
    checked = []
    for name, signals in (("references", references), ("estimates", estimates)):
        signals = check_array(
            signals, dtype=np.float64, ensure_2d=False, allow_nd=True, input_name=name
        )
        if signals.ndim < 2:
            raise ValueError(
                f"{name} must have the shape (..., n_sources, length), got {signals.shape}."
            )
        if 0 in signals.shape:
            raise ValueError(f"{name} of shape {signals.shape} are empty.")
        checked.append(signals)
    references, estimates = checked
    n_references, n_estimates = references.shape[-2], estimates.shape[-2]
    same_axes = references.ndim == estimates.ndim and (
        (*references.shape[:-2], references.shape[-1])
        == (*estimates.shape[:-2], estimates.shape[-1])
    )
    if not same_axes or (equal_count and n_references != n_estimates):
        raise ValueError(
            f"references of shape {references.shape} and estimates of shape {estimates.shape} do "
            "not belong together: both must be (..., n_sources, length)."
        )
    if n_estimates < n_references:
        raise ValueError(
            f"There are {n_estimates} estimates for {n_references} references: every reference "
            "needs an estimate."
        )
    return references, estimates


def _prepared(signals, zero_mean):
    # At unit peak, so that the energy of a signal of any level is an ordinary number.
    peak = np.abs(signals).max(axis=-1, keepdims=True)
    signals = signals / np.where(peak > 0, peak, 1)
    if zero_mean:
        signals = signals - signals.mean(axis=-1, keepdims=True)
        # What rounding leaves of a constant is silence.
        is_constant = np.abs(signals).max(axis=-1, keepdims=True) < 1e-14
        signals = np.where(is_constant, 0, signals)
    return signals


def _unit(signals):
    norm = np.linalg.norm(signals, axis=-1, keepdims=True)
    return signals / np.where(norm > 0, norm, 1)


def _warn_of_silence(is_silent, what):
    if is_silent.any():
        warnings.warn(
            f"{int(is_silent.sum())} {what}(s) are silent: their SI-SDR is NaN.", stacklevel=3
        )
