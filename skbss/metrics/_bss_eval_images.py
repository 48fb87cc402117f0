"""BSS Eval version 4 for images: sources as they sound in every channel."""

from dataclasses import dataclass
from typing import NamedTuple

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
    filtered_blocks,
    least_squares,
    peaks,
    samples,
)

_SCORES = ("sdr", "isr", "sir", "sar")


@dataclass(frozen=True, eq=False)
class BSSEvalImageScores:
    """What `bss_eval_images` finds.

    Parameters
    ----------
    sdr : ndarray of shape (..., n_sources) or (..., n_sources, n_frames)
        Signal-to-distortion ratio in dB, higher is better, as all the others.
    isr : ndarray of the same shape
        Image-to-spatial-distortion ratio.
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
    bss_eval_images : Computes them.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.metrics import bss_eval_images
    >>> images = np.random.default_rng(0).standard_normal((2, 2, 8000))
    >>> scores = bss_eval_images(images, 0.9 * images, window=4000)
    >>> scores.sdr.shape, scores.median().sdr.round(1)
    ((2, 2), array([20., 20.]))
    """

    sdr: np.ndarray
    isr: np.ndarray
    sir: np.ndarray
    sar: np.ndarray
    permutation: np.ndarray
    unmatched: np.ndarray
    definition: str
    version: str

    def median(self):
        """The median of every ratio over the frames, as figures of whole songs are published.

        Returns
        -------
        scores : BSSEvalImageScores
            With ratios of shape (..., n_sources); frames that are NaN are left out. The scores
            themselves where there are no frames.
        """
        return median_over_frames(self, _SCORES)


def bss_eval_images(
    references,
    estimates,
    *,
    filter_length=512,
    permute=False,
    window=None,
    hop=None,
    framewise_filters=False,
    align=None,
    on_silent="nan",
):
    r"""SDR, ISR, SIR and SAR of estimated sources of one or several channels.

    An estimate :math:`\hat s` of the image :math:`s`, that is of a source as it is heard in every
    channel, is projected on the channels of its reference delayed by 0 to L - 1 samples,
    :math:`P_j \hat s`, and on all channels of all references so delayed, :math:`P \hat s`:

    .. math::
        \text{SDR} &= 10 \log_{10} \frac{\|s\|^2}{\|\hat s - s\|^2}, &
        \text{ISR} &= 10 \log_{10} \frac{\|s\|^2}{\|P_j \hat s - s\|^2}, \\
        \text{SIR} &= 10 \log_{10} \frac{\|P_j \hat s\|^2}{\|P \hat s - P_j \hat s\|^2}, &
        \text{SAR} &= 10 \log_{10} \frac{\|P \hat s\|^2}{\|\hat s - P \hat s\|^2}.

    Unlike in `bss_eval`, gain and filter of an estimate count: as distortion in the SDR, as spatial
    distortion in the ISR.

    Parameters
    ----------
    references : array of shape (..., n_sources, n_channels, length)
        The true images.
    estimates : array of shape (..., n_estimates, n_channels, length)
        The estimated ones, in the same unit and order; with `permute` in any order, and possibly
        more of them.
    filter_length : int, default=512
        Taps L of the filters. Published figures use 512, at any sample rate.
    permute : bool, default=False
        Whether estimates are assigned to references, such that the mean SIR is highest; with
        frames, one assignment for all of them.
    window : int, default=None
        Length of the frames in samples. By default the whole signal at once.
    hop : int, default=None
        Samples from the start of a frame to that of the next, by default `window`.
    framewise_filters : bool, default=False
        Whether the filters of the projections are found in every frame anew, as in version 3,
        rather than once in the whole signal and then applied to the frames of the references.
    align : {None, "trim"}, default=None
        Whether signals of different lengths are refused, or the longer are cut at their end.
    on_silent : {"nan", "raise"}, default="nan"
        What to do about silent signals.

    Returns
    -------
    scores : BSSEvalImageScores
        With ``sdr``, ``isr``, ``sir`` and ``sar`` of shape (..., n_sources), or with `window` of
        shape (..., n_sources, n_frames), in dB, higher is better, and ``permutation`` and
        ``unmatched``. Its method ``median`` is the usual summary of frames. A ratio beyond 120 dB
        is infinite, as the SIR of a single source is; one below -120 dB is minus infinity. NaN
        with a warning where the reference or the estimate is silent in all channels, and in frames
        where any of the other signals is; silent references are left out for the other sources.

    Raises
    ------
    ValueError
        If shapes do not fit, there are fewer estimates than references, the signals from which
        filters are found are shorter than `filter_length`, a sample is NaN or infinite, or a
        signal is silent and `on_silent` is "raise".
    TypeError
        If a number of samples is no integer.

    Warns
    -----
    UserWarning
        If a signal is silent; if references depend on one another or share empty frequencies; if
        signals are shorter than four filters.

    See Also
    --------
    bss_eval : For sources of a single channel; forgives gain and filter.

    Notes
    -----
    ``museval.evaluate`` with windows and hops of one second is ``window=sample_rate``; there, time
    is the axis before the channels. The whole signal at once is version 3, ``bss_eval_images``.
    Correlations and projections are computed in blocks, so that the memory does not grow with the
    length of the signals; that for the filters is of the order of
    ``(n_sources * n_channels * filter_length) ** 2`` numbers.

    Where the channels of a source are filtered copies of one another, a warning says so: the
    filters of a frame's projections are not unique then, so that framewise SIR and SAR with filters
    of the whole signal may differ by several dB between implementations. Those of identical
    channels are not affected.

    References
    ----------
    .. [1] E. Vincent et al., "The signal separation evaluation campaign (2007-2010): achievements
       and remaining challenges", Signal Processing 92, 2012, section 4.
    .. [2] F.-R. Stöter, A. Liutkus and N. Ito, "The 2018 signal separation evaluation campaign",
       LVA/ICA 2018, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.metrics import bss_eval_images
    >>> images = np.random.default_rng(0).standard_normal((2, 2, 8000))
    >>> estimates = images + 0.1 * images[::-1]
    >>> scores = bss_eval_images(images, estimates)
    >>> scores.sdr.round(1), scores.sar
    (array([20., 20.]), array([inf, inf]))
    """
    check_positive_integer(filter_length, "filter_length")
    pairs = check_pairs(
        references,
        estimates,
        align=align,
        on_silent=on_silent,
        equal_count=not permute,
        n_signal_axes=2,
    )
    length = pairs.references.shape[-1]
    frames = frames_of(length, window, hop)
    check_frame_length(frames[0].stop if framewise_filters else length, filter_length)

    def score(references, estimates, wanted, frames):
        table = np.full((4, *wanted.shape, len(frames)), np.nan)
        worst = 0.0
        if not framewise_filters:
            projections, worst = _projections(references, estimates, wanted, filter_length)
        for t, frame in enumerate(frames):
            s, s_hat = references[..., frame], estimates[..., frame]
            if framewise_filters:
                projections, condition = _projections(s, s_hat, wanted, filter_length)
                worst = max(worst, condition)
            table[:, wanted, t] = _ratios(s, s_hat, wanted, projections)
        return table, worst

    found, permutation, unmatched = assigned_scores(
        pairs, score, 4, 2, frames, permute=permute, on_silent=on_silent
    )
    warn_of_silence(pairs.silent_references, pairs.silent_estimates, "SDR, ISR, SIR and SAR")
    definition = (
        f"BSS Eval v4, images, {filter_length}-tap time-invariant distortion filters, "
        "Stöter et al. 2018"
    )
    if window is None:
        found = found[..., 0]
    else:
        window = frames[0].stop
        hop = window if hop is None else hop
        filters = (
            "each with its own filters" if framewise_filters else "filters of the whole signal"
        )
        definition += f", in frames of {window} samples every {hop}, {filters}"
    sdr, isr, sir, sar = found
    return BSSEvalImageScores(sdr, isr, sir, sar, permutation, unmatched, definition, __version__)


class _Projections(NamedTuple):
    """Filters of the projections on all references, then on the one of every wanted pair.

    Attributes
    ----------
    filters : ndarray of shape (n_estimates + n_pairs, n_channels, n_flat, n_taps)
        From channels of references, of which there are n_flat, to channels of projections, all
        divided by their level.
    reference_levels : ndarray of shape (n_flat,)
        Of every channel of the references.
    estimate_levels : ndarray of shape (n_estimates,)
        Of all channels of an estimate together.
    """

    filters: np.ndarray
    reference_levels: np.ndarray
    estimate_levels: np.ndarray


def _projections(references, estimates, wanted, filter_length):
    """The filters, and the condition number of the references."""
    n_channels, length = references.shape[1:]
    n_estimates = len(estimates)
    flat, flat_estimates = references.reshape(-1, length), estimates.reshape(-1, length)
    peak = peaks(flat)
    levels = np.where(peak > 0, peak, 1)
    estimate_levels = peaks(estimates).max(axis=1)
    among, between = correlations(
        flat, levels, flat_estimates, np.repeat(estimate_levels, n_channels), filter_length
    )
    between = between.reshape(len(flat), n_estimates, n_channels, filter_length)

    def solved(chosen, m):
        right = between[np.ix_(chosen, m)].reshape(len(chosen), -1, filter_length)
        found, condition = least_squares(among[np.ix_(chosen, chosen)], right)
        filters = np.zeros((len(found), len(flat), filter_length))
        filters[:, chosen] = found
        return filters.reshape(len(m), n_channels, len(flat), filter_length), condition

    # A silent channel explains nothing.
    heard = np.flatnonzero(peak)
    j, m = np.nonzero(wanted)
    every, condition = solved(heard, np.arange(n_estimates))
    own = [solved(heard[heard // n_channels == i], m[j == i])[0] for i in np.unique(j)]
    return _Projections(np.concatenate([every, *own]), levels, estimate_levels), condition


def _ratios(references, estimates, wanted, projections):
    """The four ratios of every wanted pair in a frame."""
    n_references, n_channels, length = references.shape
    j, m = np.nonzero(wanted)
    flat, flat_estimates = references.reshape(-1, length), estimates.reshape(-1, length)
    peak = peaks(flat)
    levels = np.where(peak > 0, peak, 1)
    filters, estimate_levels = _at_level_of_frame(projections, peak, estimates, m)
    repeated = np.repeat(estimate_levels, n_channels)
    # What is compared with the image is brought to the louder of both.
    image_levels = peak.reshape(-1, n_channels)[j]
    common = np.maximum(image_levels.max(axis=1), estimate_levels[m])
    image_gains = (image_levels / common[:, None])[..., None]
    gains = (estimate_levels[m] / common)[:, None, None]
    shares = np.zeros((8, len(j)))
    for start, block in filtered_blocks(flat, levels, filters.reshape(-1, *filters.shape[2:])):
        shape = (-1, n_channels, block.shape[-1])
        block = block.reshape(shape)
        whole, own = block[: len(estimates)][m], block[len(estimates) :]
        s = samples(flat, levels, start, shape[-1]).reshape(shape)[j] * image_gains
        s_hat = samples(flat_estimates, repeated, start, shape[-1]).reshape(shape)[m]
        parts = (
            *(s, gains * s_hat - s, gains * own - s),
            *(own, whole - own, whole, s_hat - whole, s_hat),
        )
        shares += [np.square(part).sum(axis=(1, 2)) for part in parts]
    image, error, spatial, target, interference, projection, artifacts, total = shares
    target = np.where(target < NOTHING * total, 0, target)
    ratios = np.stack(
        [
            decibels(image, error),
            decibels(image, spatial),
            decibels(target, interference),
            decibels(projection, artifacts),
        ]
    )
    if n_references == 1:
        ratios[2] = np.inf
    return ratios


def _at_level_of_frame(projections, peak, estimates, m):
    """Filters for references at the levels that they have in a frame, and levels of estimates.

    An estimate and its projections, divided by its level, are at most 1. Without this, squares of
    signals far from the level of the references would vanish.
    """
    quieter = peak / projections.reference_levels
    filters = projections.filters * quieter[:, None]
    largest = np.abs(filters).sum(axis=(2, 3)).max(axis=1)
    level = peaks(estimates).max(axis=1) / projections.estimate_levels
    owner = np.concatenate([np.arange(len(estimates)), m])
    np.maximum.at(level, owner, largest)
    limits = np.finfo(float)
    with np.errstate(over="ignore"):
        level = np.clip(level, limits.tiny, limits.max / projections.estimate_levels)
    return filters / level[owner][:, None, None, None], level * projections.estimate_levels
