"""References and estimates that are to be compared: checked in one place for every metric."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse
from sklearn.utils import assert_all_finite

from skbss._runtime.warning import warn

_SHAPES = {1: "(..., n_sources, length)", 2: "(..., n_sources, n_channels, length)"}


@dataclass(frozen=True)
class Pairs:
    """True and estimated sources, in float64.

    Attributes
    ----------
    references : ndarray of shape (..., n_references, [n_channels,] length)
        Finite.
    estimates : ndarray of shape (..., n_estimates, [n_channels,] length)
        Finite; no fewer than the references.
    silent_references : ndarray of bool of shape (..., n_references)
        Where every sample is zero.
    silent_estimates : ndarray of bool of shape (..., n_estimates)
        Likewise.
    """

    references: np.ndarray
    estimates: np.ndarray
    silent_references: np.ndarray
    silent_estimates: np.ndarray


def check_pairs(
    references, estimates, *, align=None, on_silent="nan", equal_count=True, n_signal_axes=1
):
    """Refuse what can not be compared.

    Parameters
    ----------
    references, estimates : array-like of shape (..., n_sources, [n_channels,] length)
        True and estimated sources.
    align : {None, "trim"}
        What to do where lengths differ: refuse, or cut the longer signals at the end.
    on_silent : {"nan", "raise"}
        Whether silent signals are left to the metric, or refused.
    equal_count : bool
        Whether there must be as many estimates as references, rather than at least as many.
    n_signal_axes : {1, 2}
        The axes of one signal: its length, or channels and length.

    Returns
    -------
    pairs : Pairs
        The checked signals.

    Raises
    ------
    ValueError
        If an array holds NaN or infinity, is empty, or the shapes do not belong together.
    """
    if align not in (None, "trim"):
        raise ValueError(f"align must be None or 'trim', got {align!r}.")
    check_on_silent(on_silent)
    references = _checked(references, "references", n_signal_axes)
    estimates = _checked(estimates, "estimates", n_signal_axes)
    if align == "trim":
        length = min(references.shape[-1], estimates.shape[-1])
        references, estimates = references[..., :length], estimates[..., :length]
    _check_shapes(references, estimates, equal_count, n_signal_axes)
    axes = tuple(range(-n_signal_axes, 0))
    silent_references = ~references.any(axis=axes)
    silent_estimates = ~estimates.any(axis=axes)
    if on_silent == "raise":
        refuse_silence(silent_references, "references")
        refuse_silence(silent_estimates, "estimates")
    return Pairs(references, estimates, silent_references, silent_estimates)


def check_pairs_of_mixture(references, estimates, mixture, *, align=None, on_silent="nan"):
    """Refuse sources of one channel that can not be compared, or not with their mixture.

    Parameters
    ----------
    references, estimates : array-like of shape (..., n_sources, length)
        True and estimated sources.
    mixture : array-like of shape (..., length)
        What was separated.
    align, on_silent : str, optional
        As in `check_pairs`.

    Returns
    -------
    pairs : Pairs
        The checked signals.
    mixtures : ndarray of shape (..., n_sources, length)
        The mixture for every source, a view.

    Raises
    ------
    ValueError
        As `check_pairs`, and the same about the mixture.
    """
    pairs = check_pairs(references, estimates, align=align, on_silent=on_silent)
    references, estimates = pairs.references, pairs.estimates
    mixture = checked_signals(mixture, "mixture")
    if align == "trim" and mixture.ndim:
        length = min(references.shape[-1], mixture.shape[-1])
        mixture = mixture[..., :length]
        if length < references.shape[-1]:
            pairs = check_pairs(
                references[..., :length], estimates[..., :length], on_silent=on_silent
            )
            references = pairs.references
    check_mixture_shape(
        mixture.shape,
        references.shape,
        (*references.shape[:-2], references.shape[-1]),
        " Where only the ends differ, align='trim' cuts the longer.",
    )
    return pairs, np.broadcast_to(mixture[..., np.newaxis, :], references.shape)


def check_mixture_shape(shape, references_shape, wanted, advice=""):
    """Refuse a mixture that is not one of these references.

    Parameters
    ----------
    shape : tuple of int
        That of the mixture.
    references_shape : tuple of int
        That of the references.
    wanted : tuple of int
        What the mixture must have.
    advice : str
        What can be done where the lengths alone differ.
    """
    if shape == wanted:
        return
    if shape[:-1] == wanted[:-1] and len(shape) == len(wanted):
        raise ValueError(
            f"mixture has {shape[-1]} samples, but references of shape {references_shape} have "
            f"{wanted[-1]}.{advice}"
        )
    raise ValueError(
        f"mixture of shape {shape} and references of shape {references_shape} do not belong "
        f"together: the mixture must have the shape of one source, {wanted}."
    )


def checked_signals(signals, name):
    """Numbers in float64, of any shape.

    Parameters
    ----------
    signals : array-like
        Waveforms.
    name : str
        What they are, for the message.

    Returns
    -------
    signals : ndarray
        Finite.

    Raises
    ------
    TypeError, ValueError
        If they are sparse, complex, no numbers, or hold NaN or infinity.
    """
    # Not by check_array, which changes the filters of warnings for all threads.
    if scipy.sparse.issparse(signals):
        raise TypeError(f"{name} are sparse, but signals must be dense: use .toarray().")
    try:
        signals = np.asarray(signals)
    except ValueError:
        raise ValueError(
            f"{name} must be one array, but hold signals of different shapes: cut them to one "
            "length, or score clips of different lengths one by one."
        ) from None
    if np.iscomplexobj(signals):
        raise ValueError(f"Complex data not supported, but {name} are complex.")
    try:
        signals = signals.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold numbers, got dtype {signals.dtype}.") from error
    assert_all_finite(signals, input_name=name)
    return signals


def check_on_silent(on_silent):
    """Refuse what says nothing about silence.

    Parameters
    ----------
    on_silent : {"nan", "raise"}
        As in `check_pairs`.
    """
    if on_silent not in ("nan", "raise"):
        raise ValueError(f"on_silent must be 'nan' or 'raise', got {on_silent!r}.")


def refuse_silence(is_silent, name):
    """Raise where a signal is silent.

    Parameters
    ----------
    is_silent : ndarray of bool
        Which signals are.
    name : str
        What they are, for the message.
    """
    if is_silent.any():
        where = ", ".join(map(str, np.argwhere(is_silent)[0]))
        raise ValueError(
            f"{name}[{where}] is silent, so that no ratio to it exists: leave it out, or pass "
            "on_silent='nan' for a NaN in its place."
        )


def warn_of_silence(silent_references, silent_estimates, measure):
    """Say that results are NaN because signals are silent.

    Parameters
    ----------
    silent_references, silent_estimates : ndarray of bool
        Which signals are.
    measure : str
        What is NaN.
    """
    counts = (
        (int(np.sum(silent_references)), "reference"),
        (int(np.sum(silent_estimates)), "estimate"),
    )
    for count, what in counts:
        if count:
            warn(f"{count} {what}(s) are silent: their {measure} is NaN.")


def at_unit_peak(signals, *, n_signal_axes=1):
    """Signals scaled such that the energy of one of any level is an ordinary number.

    Parameters
    ----------
    signals : ndarray of shape (..., [n_channels,] length)
        Waveforms.
    n_signal_axes : {1, 2}
        The axes of one signal.

    Returns
    -------
    signals : ndarray
        Of the same shape, silence left as it is.
    peak : ndarray
        What each was divided by, its signal axes of size 1.
    """
    axes = tuple(range(-n_signal_axes, 0))
    peak = np.abs(signals).max(axis=axes, keepdims=True)
    peak = np.where(peak > 0, peak, 1)
    return signals / peak, peak


def without_mean(signals):
    """Signals with their mean subtracted.

    Parameters
    ----------
    signals : ndarray of shape (..., length)
        Waveforms at unit peak.

    Returns
    -------
    signals : ndarray
        Of the same shape; a constant becomes exact silence, which rounding would hide.
    """
    signals = signals - signals.mean(axis=-1, keepdims=True)
    is_constant = np.abs(signals).max(axis=-1, keepdims=True) < 1e-14
    return np.where(is_constant, 0, signals)


def _checked(signals, name, n_signal_axes):
    signals = checked_signals(signals, name)
    if signals.ndim < 1 + n_signal_axes:
        raise ValueError(
            f"{name} must have the shape {_SHAPES[n_signal_axes]}, got {signals.shape}."
        )
    if 0 in signals.shape:
        raise ValueError(f"{name} of shape {signals.shape} are empty.")
    if max(signals.shape[-1 - n_signal_axes : -1], default=0) > signals.shape[-1]:
        raise ValueError(
            f"Time is the last axis, {_SHAPES[n_signal_axes]}, but {name} of shape "
            f"{signals.shape} have fewer samples than sources or channels: exchange the axes, as "
            f"by np.moveaxis({name}, 0, -1)."
        )
    return signals


def _check_shapes(references, estimates, equal_count, n_signal_axes):
    axis = -1 - n_signal_axes
    n_references, n_estimates = references.shape[axis], estimates.shape[axis]

    def others(shape):
        return shape[:axis], shape[axis + 1 :]

    if others(references.shape) != others(estimates.shape) or (
        equal_count and n_references != n_estimates
    ):
        advice = ""
        if references.shape[:-1] == estimates.shape[:-1]:
            advice = " Where only the ends differ, align='trim' cuts the longer."
        raise ValueError(
            f"references of shape {references.shape} and estimates of shape {estimates.shape} do "
            f"not belong together: both must be {_SHAPES[n_signal_axes]}.{advice}"
        )
    if n_estimates < n_references:
        raise ValueError(
            f"There are {n_estimates} estimates for {n_references} references: every reference "
            "needs an estimate."
        )
