"""Scale-invariant ratios: what of an estimate is its source, the other sources, and neither."""

import numpy as np

from skbss._runtime.warning import warn
from skbss.metrics._pairs import (
    at_unit_peak,
    check_on_silent,
    check_pairs,
    refuse_silence,
    warn_of_silence,
    without_mean,
)
from skbss.metrics._permutation import in_order, permutation_by_si_sdr

# A part of less than this share of the energy, 260 dB below it, is what rounding leaves of none.
_ROUNDING = 1e-26
_SMALLEST_SINGULAR_VALUE = 1e-10


def si_sdr(references, estimates, *, zero_mean=True, permute=False, align=None, on_silent="nan"):
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
    align : {None, "trim"}, default=None
        Whether signals of different lengths are refused, or the longer are cut at their end.
    on_silent : {"nan", "raise"}, default="nan"
        What to do about silent signals.

    Returns
    -------
    ratios : ndarray of shape (..., n_sources)
        In dB, higher is better: infinity for an exact estimate, minus infinity for one that holds
        nothing of its reference. NaN with a warning where the reference or the estimate is silent.

    Raises
    ------
    ValueError
        If shapes differ, a sample is NaN or infinite, or a signal is silent and `on_silent` is
        "raise".

    Warns
    -----
    UserWarning
        If a reference or an estimate is silent.

    See Also
    --------
    si_sir, si_sar : What of the distortion is other sources, and what is neither.
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
    parts = _decomposed(references, estimates, zero_mean, permute, align, on_silent, "SI-SDR")
    return parts.ratio(parts.target, parts.estimates - parts.target)


def si_sir(references, estimates, *, zero_mean=True, permute=False, align=None, on_silent="nan"):
    r"""Scale-invariant signal-to-interference ratio of estimated sources.

    With the part :math:`t` of the estimate that is its reference at some gain, and the orthogonal
    projection :math:`p` of the estimate on all references of the clip,

    .. math:: \text{SI-SIR} = 10 \log_{10} \frac{\|t\|^2}{\|p - t\|^2}.

    Parameters
    ----------
    references, estimates : array of shape (..., n_sources, length)
        True and estimated sources, as in `si_sdr`.
    zero_mean, permute : bool, optional
        As in `si_sdr`.
    align, on_silent : str, optional
        As in `si_sdr`.

    Returns
    -------
    ratios : ndarray of shape (..., n_sources)
        In dB, higher is better: infinity where no other source is heard, hence for a single
        source and for references that are the same; minus infinity where the source is not heard
        itself. NaN with a warning as in `si_sdr`.

    Raises
    ------
    ValueError
        As in `si_sdr`.

    Warns
    -----
    UserWarning
        If a reference or an estimate is silent, or the references depend on one another.

    See Also
    --------
    si_sdr : Which is also what there is of ``-10 * log10(10**(-SI-SIR/10) + 10**(-SI-SAR/10))``.
    bss_eval : The ratio that forgives a filter.

    References
    ----------
    .. [1] J. Le Roux, S. Wisdom, H. Erdogan and J. R. Hershey, "SDR - half-baked or well done?",
       ICASSP 2019, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.metrics import si_sir
    >>> time = np.arange(8000) / 8000
    >>> tones = np.sin(2 * np.pi * np.array([[300], [440], [600]]) * time)
    >>> sources, noise = tones[:2], tones[2]
    >>> si_sir(sources, sources + 0.1 * sources[::-1] + noise).round(3)
    array([20., 20.])
    """
    parts = _decomposed(references, estimates, zero_mean, permute, align, on_silent, "SI-SIR")
    return parts.ratio(parts.target, parts.projection() - parts.target)


def si_sar(
    references,
    estimates,
    *,
    numerator="target",
    zero_mean=True,
    permute=False,
    align=None,
    on_silent="nan",
):
    r"""Scale-invariant signal-to-artifacts ratio of estimated sources.

    With the parts :math:`t` and :math:`p` of `si_sir`,

    .. math:: \text{SI-SAR} = 10 \log_{10} \frac{\|t\|^2}{\|\hat s - p\|^2}.

    Parameters
    ----------
    references, estimates : array of shape (..., n_sources, length)
        True and estimated sources, as in `si_sdr`.
    numerator : {"target", "projection"}, default="target"
        Whether the artifacts are compared with :math:`t`, as the definition has it, or with
        :math:`p`, in the manner of BSS Eval.
    zero_mean, permute : bool, optional
        As in `si_sdr`.
    align, on_silent : str, optional
        As in `si_sdr`.

    Returns
    -------
    ratios : ndarray of shape (..., n_sources)
        In dB, higher is better: infinity for a sum of references at any gains; minus infinity
        where the source is not heard. NaN with a warning as in `si_sdr`.

    Raises
    ------
    ValueError
        As in `si_sdr`, or if `numerator` is neither of the two.

    Warns
    -----
    UserWarning
        If a reference or an estimate is silent, or the references depend on one another.

    See Also
    --------
    si_sir : The ratio to the other sources.
    si_sdr : The ratio to all distortion.

    References
    ----------
    .. [1] J. Le Roux, S. Wisdom, H. Erdogan and J. R. Hershey, "SDR - half-baked or well done?",
       ICASSP 2019, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.metrics import si_sar
    >>> time = np.arange(8000) / 8000
    >>> tones = np.sin(2 * np.pi * np.array([[300], [440], [600]]) * time)
    >>> sources, noise = tones[:2], tones[2]
    >>> si_sar(sources, sources + sources[::-1] + 0.1 * noise).round(3)
    array([20., 20.])
    """
    if numerator not in ("target", "projection"):
        raise ValueError(f"numerator must be 'target' or 'projection', got {numerator!r}.")
    parts = _decomposed(references, estimates, zero_mean, permute, align, on_silent, "SI-SAR")
    projection = parts.projection()
    wanted = parts.target if numerator == "target" else projection
    return parts.ratio(wanted, parts.estimates - projection)


class _Parts:
    """Estimates and what of them is their reference, all at unit peak."""

    def __init__(self, references, estimates):
        self.references, self.estimates = references, estimates
        self.silent_references = ~references.any(axis=-1)
        self.silent_estimates = ~estimates.any(axis=-1)
        energy = np.square(references).sum(axis=-1)
        gain = (estimates * references).sum(axis=-1) / np.where(energy > 0, energy, 1)
        self.target = gain[..., np.newaxis] * references

    def projection(self):
        """The estimates' projections on all references."""
        norm = np.linalg.norm(self.references, axis=-1, keepdims=True)
        unit = self.references / np.where(norm > 0, norm, 1)
        _, sizes, basis = np.linalg.svd(unit, full_matrices=False)
        kept = sizes > _SMALLEST_SINGULAR_VALUE
        if (kept.sum(axis=-1) < (~self.silent_references).sum(axis=-1)).any():
            warn(
                "There are dependent references: one is a sum of the others, so that it can not be "
                "told from them, and no interference is found where there may be some."
            )
        basis = basis * kept[..., np.newaxis]
        return (self.estimates @ basis.swapaxes(-1, -2)) @ basis

    def ratio(self, wanted, unwanted):
        """In dB; NaN for what is silent."""
        wanted, unwanted = np.square(wanted).sum(axis=-1), np.square(unwanted).sum(axis=-1)
        total = np.square(self.estimates).sum(axis=-1)
        wanted = np.where(wanted <= _ROUNDING * total, 0, wanted)
        unwanted = np.where(unwanted <= _ROUNDING * total, 0, unwanted)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = 10 * np.log10(wanted / unwanted)
        # Nothing of the source, and nothing of what it is compared with: the source is not heard.
        ratios = np.where((wanted == 0) & (unwanted == 0), -np.inf, ratios)
        return np.where(self.silent_references | self.silent_estimates, np.nan, ratios)


def _decomposed(references, estimates, zero_mean, permute, align, on_silent, measure):
    check_on_silent(on_silent)
    pairs = check_pairs(references, estimates, align=align, equal_count=not permute)
    references, estimates = pairs.references, pairs.estimates
    if permute:
        order = permutation_by_si_sdr(references, estimates, zero_mean)
        estimates = in_order(estimates, order)
    references, estimates = at_unit_peak(references)[0], at_unit_peak(estimates)[0]
    if zero_mean:
        references, estimates = without_mean(references), without_mean(estimates)
    parts = _Parts(references, estimates)
    if on_silent == "raise":
        refuse_silence(parts.silent_references, "references")
        refuse_silence(parts.silent_estimates, "estimates")
    warn_of_silence(
        parts.silent_references,
        parts.silent_estimates & ~parts.silent_references,
        measure,
    )
    return parts
