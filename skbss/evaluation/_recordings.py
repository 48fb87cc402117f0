"""Recordings that mixtures are made of, and how they are divided before anything is mixed."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

PARTS = ("train", "dev", "test")


@dataclass(frozen=True)
class Recording:
    """One waveform of one channel.

    Attributes
    ----------
    name : str
        What messages and tags call it.
    waveform : ndarray of shape (length,)
        In float64, finite and not silent.
    """

    name: str
    waveform: np.ndarray


def check_recordings(recordings, parameter):
    """Groups of recordings from what the caller gave.

    Parameters
    ----------
    recordings : sequence or mapping
        Of arrays of shape (length,), or of groups, which are sequences or mappings of them.
    parameter : str
        What the caller calls them, for messages and default names.

    Returns
    -------
    groups : list of lists of Recording
        A recording without a group is one by itself.

    Raises
    ------
    TypeError, ValueError
        For what holds no recordings, for more channels than one, for silence, NaN and infinity.
    """
    groups = [
        _group(name, value, path)
        for name, value, path in _entries(recordings, parameter, parameter)
    ]
    if not groups or not all(groups):
        raise ValueError(f"{parameter} must hold at least one recording, and no empty group.")
    return groups


def check_all_differ(groups):
    """Refuse a recording that is there twice, because both may end up in different parts.

    Parameters
    ----------
    groups : list of lists of Recording
        All of them, of the target and of the interference.

    Raises
    ------
    ValueError
        Naming both.
    """
    seen: dict[bytes, str] = {}
    for recording in (one for group in groups for one in group):
        digest = hashlib.blake2b(recording.waveform.data).digest()
        if digest in seen:
            raise ValueError(
                f"{seen[digest]!r} and {recording.name!r} hold the same samples: a recording must "
                "be given once, so that it is in one part only."
            )
        seen[digest] = recording.name


def split_groups(groups, shares, rng, parameter):
    """Divide groups at random.

    Parameters
    ----------
    groups : list of lists of Recording
        None is divided.
    shares : tuple of 3 float
        Of the groups in every part.
    rng : numpy.random.Generator
        Decides which group goes where.
    parameter : str
        What the caller calls them, for messages.

    Returns
    -------
    parts : list of 3 lists of Recording
        In the order in which they were given.
    """
    has_groups = any(len(group) > 1 for group in groups)
    what = "groups" if has_groups else "recordings"
    counts = apportion(
        len(groups),
        shares,
        f"{parameter} holds {len(groups)} {what}",
        f"give more {what}, such as the pieces of a long recording that do not overlap"
        if not has_groups
        else f"give more {what}",
    )
    places = rng.permutation(np.repeat(np.arange(len(shares)), counts))
    return [
        [one for group, place in zip(groups, places, strict=True) if place == part for one in group]
        for part in range(len(shares))
    ]


def apportion(total, shares, having, advice):
    """Whole numbers in proportion to shares, by the method of largest remainders.

    No part of a positive share stays empty: it takes one from the largest part.

    Parameters
    ----------
    total : int
        What the numbers add up to.
    shares : sequence of float
        Adding up to 1.
    having, advice : str
        First and last words of the error.

    Returns
    -------
    counts : list of int
        As many as shares; of equal remainders the first is served first.

    Raises
    ------
    ValueError
        If there are fewer than parts of a positive share.
    """
    needed = sum(share > 0 for share in shares)
    if total < needed:
        raise ValueError(
            f"{having}, but split={tuple(shares)} has {needed} parts: at least {needed} are "
            f"needed; {advice}."
        )
    # Rounded, so that 0.7 of 10 is 7 and leaves no remainder.
    quotas = np.round(np.asarray(shares, float) * total, 9)
    counts = np.floor(quotas).astype(int)
    order = np.argsort(counts - quotas, kind="stable")
    counts[order[: total - counts.sum()]] += 1
    for part, share in enumerate(shares):
        if share > 0 and counts[part] == 0:
            counts[np.argmax(counts)] -= 1
            counts[part] = 1
    return counts.tolist()


def _entries(values, prefix, path):
    """Name, value and place of everything in a mapping or a sequence."""
    if isinstance(values, Mapping):
        for name, value in values.items():
            if not isinstance(name, str) or not name:
                raise TypeError(f"Every key of {path} must be a str that names it, got {name!r}.")
            yield name, value, f"{path}[{name!r}]"
        return
    if isinstance(values, str) or not hasattr(values, "__len__"):
        raise TypeError(f"{path} must be a sequence or a mapping of recordings, got {values!r}.")
    for position, value in enumerate(values):
        yield f"{prefix} {position + 1}", value, f"{path}[{position}]"


def _group(name, value, path):
    if isinstance(value, Mapping):
        entries = [(f"{name} {key}", one, at) for key, one, at in _entries(value, name, path)]
    elif isinstance(value, list | tuple) and not (len(value) and np.ndim(value[0]) == 0):
        entries = list(_entries(value, name, path))
    else:
        entries = [(name, value, path)]
    return [Recording(one_name, _waveform(one, at)) for one_name, one, at in entries]


def _waveform(value, path):
    waveform = np.asarray(value)
    if waveform.ndim != 1:
        hint = (
            " A single recording is given in a list."
            if waveform.ndim == 0
            else " Several channels are made by rooms; of a recording of several pass one."
        )
        raise ValueError(f"{path} must have the shape (length,), got {waveform.shape}.{hint}")
    if not (
        np.issubdtype(waveform.dtype, np.floating) or np.issubdtype(waveform.dtype, np.integer)
    ):
        raise TypeError(f"{path} must hold real samples, got an array of {waveform.dtype}.")
    waveform = np.ascontiguousarray(waveform, np.float64)
    if not len(waveform):
        raise ValueError(f"{path} is empty.")
    if not np.isfinite(waveform).all():
        raise ValueError(f"{path} holds NaN or infinity.")
    if not waveform.any():
        raise ValueError(f"{path} is silent: leave it out.")
    return waveform
