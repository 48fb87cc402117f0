"""Times, rates and tolerances that are given by hand, checked."""

import numbers
import reprlib

import numpy as np
from sklearn.utils import check_scalar

from skbss.frontend import STFT
from skbss.frontend._framing import Framing, resolve_framing


def check_framing(stft) -> Framing:
    """The frames of a front end.

    Parameters
    ----------
    stft : STFT or None
        None is ``STFT()``.

    Returns
    -------
    framing : Framing
    """
    stft = STFT() if stft is None else stft
    if not isinstance(stft, STFT):
        raise TypeError(f"stft must be an STFT, got {stft!r}.")
    return resolve_framing(stft)


def check_rate(sample_rate) -> float:
    """Refuse what is no sample rate.

    Parameters
    ----------
    sample_rate : float
        In Hz.

    Returns
    -------
    sample_rate : float
    """
    return _check_real(sample_rate, "sample_rate", include_boundaries="neither")


def check_not_negative(value, name) -> float:
    """Refuse what is no finite number of at least 0.

    Parameters
    ----------
    value : float
        Seconds, semitones ….
    name : str
        What the caller calls it.

    Returns
    -------
    value : float
    """
    return _check_real(value, name, include_boundaries="left")


def check_count(value, name) -> int:
    """Refuse what is no whole number of at least 1.

    Parameters
    ----------
    value : int
        Frames, components ….
    name : str
        What the caller calls it.

    Returns
    -------
    value : int
    """
    if isinstance(value, bool):
        raise TypeError(f"{name} must be an instance of int, not bool.")
    return int(check_scalar(value, name, numbers.Integral, min_val=1))


def check_instants(instants, name) -> np.ndarray:
    """Refuse what is no list of times in a clip.

    Parameters
    ----------
    instants : array-like of shape (n_instants,)
        In seconds, in any order.
    name : str
        What the caller calls them.

    Returns
    -------
    instants : ndarray of shape (n_instants,)
        float64.
    """
    instants = as_numbers(instants, name)
    if instants.ndim != 1:
        raise ValueError(f"{name} must have the shape (n_onsets,), got {instants.shape}.")
    refuse_negative(instants, name)
    return instants


def as_numbers(values, name) -> np.ndarray:
    """Real finite numbers as an array, which may be empty.

    Parameters
    ----------
    values : array-like
        As given by hand.
    name : str
        What the caller calls them.

    Returns
    -------
    values : ndarray
        float64.
    """
    values = as_table(values, name)
    try:
        # None would become NaN.
        has_none = values.dtype == object and any(one is None for one in values.flat)
        if has_none or np.iscomplexobj(values):
            raise TypeError
        real = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must be real numbers, got {reprlib.repr(values.tolist())}."
        ) from error
    if not np.isfinite(real).all():
        raise ValueError(f"{name} contains NaN or infinity: all numbers must be finite.")
    return real


def as_table(values, name) -> np.ndarray:
    """What is given by hand as an array, of whatever it holds.

    Parameters
    ----------
    values : array-like
        Lists in it must be of one length.
    name : str
        What the caller calls them.

    Returns
    -------
    values : ndarray
    """
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(
            f"{name} must have all rows of one length, got {reprlib.repr(values)}."
        ) from error


def check_listed(values, name, wanted) -> list:
    """Refuse what is no list with an item or more.

    Parameters
    ----------
    values : list, tuple or array
        Its first axis counts the items.
    name : str
        What the caller calls it.
    wanted : str
        What it must be a list of, for the message.

    Returns
    -------
    values : list
    """
    if isinstance(values, str) or not is_listed(values) or not len(values):
        raise ValueError(f"{name} must be a list of {wanted}, got {reprlib.repr(values)}.")
    return list(values)


def is_listed(item) -> bool:
    """Whether something holds items, which may be of unequal lengths."""
    return isinstance(item, list | tuple) or np.ndim(item) > 0


def refuse_negative(times, name) -> None:
    """Refuse times before the clip.

    Parameters
    ----------
    times : ndarray
        In seconds.
    name : str
        What the caller calls them.
    """
    if times.size and times.min() < 0:
        raise ValueError(
            f"{name} holds the time {times.min():g} s, before the clip begins: what sounds from "
            "the beginning on has the onset 0."
        )


def _check_real(value, name, *, include_boundaries):
    if isinstance(value, bool):
        raise TypeError(f"{name} must be an instance of float, not bool.")
    number = check_scalar(
        value, name, numbers.Real, min_val=0, include_boundaries=include_boundaries
    )
    if not np.isfinite(number):
        raise ValueError(f"{name} must be finite, got {value!r}.")
    return float(number)
