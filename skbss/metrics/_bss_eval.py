"""BSS Eval version 3 for sources: what of an estimate is its source through any short filter."""

from dataclasses import dataclass

import numpy as np

from skbss._version import __version__
from skbss.metrics._framing import (
    check_frame_length,
    check_positive_integer,
    frames_of,
    median_over_frames,
)
from skbss.metrics._pairs import check_pairs, warn_of_silence
from skbss.metrics._pairwise import NOTHING, assigned_scores, decibels
from skbss.metrics._projection import (
    correlations,
    energies,
    filtered_blocks,
    least_squares,
    own_filters,
    peaks,
    samples,
)

_SCORES = ("sdr", "sir", "sar")


@dataclass(frozen=True, eq=False)
class BSSEvalScores:
    """What `bss_eval` finds.

    Parameters
    ----------
    sdr : ndarray of shape (..., n_sources) or (..., n_sources, n_frames)
        Signal-to-distortion ratio in dB, higher is better, as all the others.
    sir : ndarray of the same shape
        Signal-to-interference ratio.
    sar : ndarray of the same shape
        Signal-to-artifacts ratio.
    permutation : ndarray of int of shape (..., n_sources)
        Position of the estimate that belongs to every reference.
    unmatched : ndarray of int of shape (..., n_estimates - n_sources)
        Positions of the estimates that belong to none.
    definition : str
        What was computed, for tables and figures.
    version : str
        Of skbss.

    See Also
    --------
    bss_eval : Computes them.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.metrics import bss_eval
    >>> sources = np.random.default_rng(0).standard_normal((2, 8000))
    >>> bss_eval(sources, sources).definition[:64]
    'BSS Eval v3, sources, 512-tap time-invariant distortion filters,'
    """

    sdr: np.ndarray
    sir: np.ndarray
    sar: np.ndarray
    permutation: np.ndarray
    unmatched: np.ndarray
    definition: str
    version: str

    def median(self):
        """The median of every ratio over the frames.

        Returns
        -------
        scores : BSSEvalScores
            With ratios of shape (..., n_sources); frames that are NaN are left out. The scores
            themselves where there are no frames.
        """
        return median_over_frames(self, _SCORES)


def bss_eval(
    references,
    estimates,
    *,
    filter_length=512,
    permute=True,
    window=None,
    hop=None,
    align=None,
    on_silent="nan",
):
    r"""SDR, SIR and SAR of estimated sources, forgiving any short filter.

    An estimate :math:`\hat s` is projected on its reference delayed by 0 to L - 1 samples,
    :math:`P_j \hat s`, and on all references so delayed, :math:`P \hat s`:

    .. math::
        \text{SDR} = 10 \log_{10} \frac{\|P_j \hat s\|^2}{\|\hat s - P_j \hat s\|^2}, \quad
        \text{SIR} = 10 \log_{10} \frac{\|P_j \hat s\|^2}{\|P \hat s - P_j \hat s\|^2}, \quad
        \text{SAR} = 10 \log_{10} \frac{\|P \hat s\|^2}{\|\hat s - P \hat s\|^2}.

    These are the ratios of the BSS Eval toolbox, version 3, ``bss_eval_sources``. Neither the gain
    of an estimate nor its filtering with up to L taps has any influence: a source that went
    through a lowpass counts as perfect. Never is the SDR higher than the SIR or the SAR.

    Parameters
    ----------
    references : array of shape (..., n_sources, length)
        The true sources.
    estimates : array of shape (..., n_estimates, length)
        The estimated ones; with `permute` in any order, and possibly more of them.
    filter_length : int, default=512
        Taps L of the filters that are forgiven. Published figures use 512, at any sample rate.
    permute : bool, default=True
        Whether estimates are assigned to references, such that the mean SIR is highest; with
        frames, one assignment for all of them. Otherwise their order is that of the references.
    window : int, default=None
        Length of the frames in samples, each of which is evaluated by itself, with filters of its
        own. By default the whole signal at once.
    hop : int, default=None
        Samples from the start of a frame to that of the next, by default `window`.
    align : {None, "trim"}, default=None
        Whether signals of different lengths are refused, or the longer are cut at their end.
    on_silent : {"nan", "raise"}, default="nan"
        What to do about silent signals.

    Returns
    -------
    scores : BSSEvalScores
        With ``sdr``, ``sir`` and ``sar`` of shape (..., n_sources), or with `window` of shape
        (..., n_sources, n_frames), in dB, higher is better, and ``permutation`` and ``unmatched``.
        A ratio beyond 120 dB, more than rounding allows to measure, is infinite: all of an exact
        estimate, the SIR of a single source, and that of sources that can not be told apart. It is
        minus infinity where nothing of the source is heard. NaN with a warning where the reference
        or the estimate is silent, and in frames where any of the other signals is; silent
        references are left out for the other sources.

    Raises
    ------
    ValueError
        If shapes do not fit, there are fewer estimates than references, a signal or a frame is
        shorter than `filter_length`, a sample is NaN or infinite, or a signal is silent and
        `on_silent` is "raise".
    TypeError
        If a number of samples is no integer.

    Warns
    -----
    UserWarning
        If a signal is silent; if references depend on one another or share empty frequencies, so
        that rounding decides on part of the result; if a signal or a frame is shorter than four
        filters.

    See Also
    --------
    bss_eval_images : For several channels; a filter counts as distortion there.
    si_sdr : Only the gain is forgiven.

    Notes
    -----
    The correlations are computed by FFTs in blocks, so that the memory does not grow with the
    length of the signals but is of the order of ``(n_sources * filter_length) ** 2`` numbers.
    High ratios, and all where the references are nearly dependent, come from the signals
    themselves rather than from differences of energies, which keeps them exact.

    References
    ----------
    .. [1] E. Vincent, R. Gribonval and C. Févotte, "Performance measurement in blind audio source
       separation", IEEE TASLP 14(4), 2006, sections III.B and IV.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.metrics import bss_eval
    >>> sources = np.random.default_rng(0).standard_normal((2, 8000))
    >>> mixed = sources + 0.1 * sources[::-1]
    >>> scores = bss_eval(sources, mixed[::-1])
    >>> scores.sir.round(1)
    array([20.3, 20.2])
    >>> scores.sar
    array([inf, inf])
    >>> scores.permutation
    array([1, 0])
    """
    check_positive_integer(filter_length, "filter_length")
    pairs = check_pairs(
        references, estimates, align=align, on_silent=on_silent, equal_count=not permute
    )
    frames = frames_of(pairs.references.shape[-1], window, hop)
    check_frame_length(frames[0].stop, filter_length)

    def score(references, estimates, wanted, frames):
        parts, conditions = zip(
            *(
                _parts(references[:, frame], estimates[:, frame], wanted, filter_length)
                for frame in frames
            ),
            strict=True,
        )
        target, interference, artifacts = np.stack(parts, axis=-1)
        ratios = [
            decibels(target, interference + artifacts),
            decibels(target, interference),
            decibels(target + interference, artifacts),
        ]
        if len(references) == 1:
            ratios[1][:] = np.inf
        return np.stack(ratios), max(conditions)

    found, permutation, unmatched = assigned_scores(
        pairs, score, 3, 1, frames, permute=permute, on_silent=on_silent
    )
    warn_of_silence(pairs.silent_references, pairs.silent_estimates, "SDR, SIR and SAR")
    definition = (
        f"BSS Eval v3, sources, {filter_length}-tap time-invariant distortion filters, "
        "Vincent, Gribonval & Févotte 2006"
    )
    if window is None:
        found = found[..., 0]
    else:
        window = frames[0].stop
        hop = window if hop is None else hop
        definition += f", in frames of {window} samples every {hop}, each with its own filters"
    sdr, sir, sar = found
    return BSSEvalScores(sdr, sir, sar, permutation, unmatched, definition, __version__)


def _parts(references, estimates, wanted, filter_length):
    """Energies of target, interference and artifacts, relative to those of the estimates.

    All of shape (n_references, n_estimates), and the condition number of the references.
    """
    levels = peaks(references), peaks(estimates)
    among, between = correlations(references, levels[0], estimates, levels[1], filter_length)
    every, condition = least_squares(among, between)
    own = own_filters(among, between, condition)
    energy = energies(estimates, levels[1])
    target = np.maximum(np.einsum("jml,jml->jm", between, own), 0)
    target = np.where(target < NOTHING * energy, 0, target)
    projected = np.einsum("jml,mjl->m", between, every)
    interference = np.maximum(projected - target, 0)
    artifacts = np.maximum(energy - projected, 0)
    if len(references) == 1:
        interference[:] = 0
        wanted = np.zeros_like(wanted)
    # Where rounding would show in the eighth digit of a difference of energies.
    floor = 1e8 * np.finfo(float).eps * np.sqrt(condition) * energy
    pairs, whole = wanted & (interference < floor), artifacts < floor
    if pairs.any() or whole.any():
        found = _exact_parts(references, estimates, levels, every, own, pairs)
        artifacts, interference[pairs] = np.where(whole, found[0], artifacts), found[1]
    artifacts = np.broadcast_to(artifacts, target.shape)
    return np.stack([target, interference, artifacts]) / energy, condition


def _exact_parts(references, estimates, levels, every, own, pairs):
    """Energies of all artifacts and of the interference in some pairs, from the signals."""
    n_estimates = len(estimates)
    j, m = np.nonzero(pairs)
    filters = np.zeros((n_estimates + len(j), *every.shape[1:]))
    filters[:n_estimates] = every
    filters[n_estimates + np.arange(len(j)), j] = own[j, m]
    artifacts, interference = np.zeros(n_estimates), np.zeros(len(j))
    for start, block in filtered_blocks(references, levels[0], filters):
        whole, single = block[:n_estimates], block[n_estimates:]
        residual = samples(estimates, levels[1], start, block.shape[-1]) - whole
        artifacts += np.square(residual).sum(axis=-1)
        interference += np.square(whole[m] - single).sum(axis=-1)
    return artifacts, interference
