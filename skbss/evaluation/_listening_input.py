"""What a listening test is made from, checked."""

import math
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_array

from skbss.evaluation._anchors import ANCHORS
from skbss.evaluation._stimuli import REFERENCE
from skbss.report import printable

_SHORTEST_SECONDS = 0.5
_RECOMMENDED_SECONDS = 12.0
_RECOMMENDED_SOUNDS = 12
# Uncompressed; a page of this size still opens within seconds.
_LARGEST_BYTES = 200_000_000


@dataclass(frozen=True)
class Item:
    """One source that several systems estimated.

    Attributes
    ----------
    name : str
        What raters read.
    task : str
        What tables call the recording.
    source : str or None
        What tables call the source of it.
    """

    name: str
    task: str
    source: str | None


def check_items(references, sample_rate):
    """The items and their sounds.

    Parameters
    ----------
    references : mapping of str or (str, str) to array of shape ([n_channels,] length)
        The true sources.
    sample_rate : float
        In Hz.

    Returns
    -------
    items : dict of Item to key
        In the order given, with what the caller calls each.
    sounds : list of ndarray of shape (n_channels, length)
        In float64.
    """
    if (
        isinstance(sample_rate, bool)
        or not isinstance(sample_rate, int | float | np.integer | np.floating)
        or not 0 < sample_rate < math.inf
    ):
        raise ValueError(f"sample_rate must be a positive number of Hz, got {sample_rate!r}.")
    if not isinstance(references, Mapping):
        raise TypeError(f"references must map items to arrays, got {type(references).__name__}.")
    if not references:
        raise ValueError("references must hold at least one item, got none.")
    items: dict[Item, object] = {}
    sounds: list = []
    for key, array in references.items():
        item = _checked_item(key)
        if item.name in {other.name for other in items}:
            raise ValueError(f"Two items of references are shown as {item.name!r}: rename one.")
        items[item] = key
        sounds.append(_checked_sound(array, f"references[{key!r}]"))
        if len(sounds[-1]) != len(sounds[0]):
            raise ValueError(
                "All items must have the same number of channels: the first has "
                f"{len(sounds[0])}, references[{key!r}] has {len(sounds[-1])}."
            )
        seconds = sounds[-1].shape[-1] / sample_rate
        if seconds < _SHORTEST_SECONDS:
            raise ValueError(
                f"references[{key!r}] lasts {seconds:.3g} s: what is to be rated must last "
                f"{_SHORTEST_SECONDS} s or more."
            )
    return items, sounds


def check_systems(estimates, items, sounds):
    """The estimates of every system, in the order of the items.

    Parameters
    ----------
    estimates : mapping of str to mapping of item to array
        As the caller gave them.
    items : dict of Item to key
        From `check_items`.
    sounds : list of ndarray
        The references.

    Returns
    -------
    systems : dict of str to list of ndarray of shape (n_channels, length)
    """
    if not isinstance(estimates, Mapping):
        raise TypeError(
            f"estimates must map systems to mappings of items, got {type(estimates).__name__}."
        )
    if not estimates:
        raise ValueError("estimates must hold at least one system, got none.")
    systems = {}
    for system, of_items in estimates.items():
        _check_name(system, "A system")
        if system in (REFERENCE, *ANCHORS):
            raise ValueError(
                f"A system must not be called {system!r}, as the sounds that are added to "
                "every trial are: rename it."
            )
        systems[system] = _sounds_of(of_items, items, sounds, f"estimates[{system!r}]")
    return systems


def check_mixtures(mixtures, items, sounds):
    """The mixtures in the order of the items, or None.

    Parameters
    ----------
    mixtures : mapping of item to array, or None
        As the caller gave them.
    items : dict of Item to key
        From `check_items`.
    sounds : list of ndarray
        The references.

    Returns
    -------
    mixtures : list of ndarray of shape (n_channels, length), or None
    """
    return None if mixtures is None else _sounds_of(mixtures, items, sounds, "mixtures")


def check_names(names, parameter, allowed):
    """Names, each known and given once, as a list.

    Parameters
    ----------
    names : sequence of str
        As the caller gave them.
    parameter : str
        What the caller calls them.
    allowed : collection of str
        What they may be.

    Returns
    -------
    names : list of str
    """
    if isinstance(names, str):
        raise TypeError(f"{parameter} must be a sequence of str, got the str {names!r}.")
    names = list(names)
    if not names or len(set(names)) < len(names) or not set(names) <= set(allowed):
        raise ValueError(
            f"{parameter} must be one or more of {', '.join(allowed)}, each once; got {names!r}."
        )
    return names


def check_instructions(instructions):
    """Paragraphs, or None for the usual text.

    Parameters
    ----------
    instructions : str or None
        As the caller gave it.

    Returns
    -------
    paragraphs : list of str, or None
        Each on one line.
    """
    if instructions is None:
        return None
    if not isinstance(instructions, str):
        raise TypeError(f"instructions must be a str or None, got {type(instructions).__name__}.")
    paragraphs = [paragraph.split() for paragraph in re.split(r"\n\s*\n", instructions)]
    return [" ".join(map(printable, words)) for words in paragraphs if words]


def check_counts(n_items, n_practice, n_available):
    """How many items each rater hears, and for practice.

    Parameters
    ----------
    n_items, n_practice : int
        As the caller gave them; None items are all.
    n_available : int
        Items of the test.

    Returns
    -------
    n_items, n_practice : int
    """
    n_items = n_available if n_items is None else n_items
    for name, value, least in [("n_items", n_items, 1), ("n_practice", n_practice, 0)]:
        if (
            isinstance(value, bool)
            or not isinstance(value, int | np.integer)
            or not least <= value <= n_available
        ):
            raise ValueError(
                f"{name} must be an integer from {least} to {n_available}, got {value!r}."
            )
    return int(n_items), int(n_practice)


def check_sizes(sounds, systems, anchors, kind, *, seconds_per_sample, bytes_per_second):
    """Refuse what no page can hold, warn of what listeners can not bear.

    Parameters
    ----------
    sounds : list of ndarray of shape (n_channels, length)
        The references.
    systems, anchors : collection of str
        What is rated beside the hidden reference.
    kind : {"mushra", "mos"}
        Of the test.
    seconds_per_sample : float
        Of the recordings.
    bytes_per_second : float
        Of a sound in the page, uncompressed.
    """
    lengths = [sound.shape[-1] * seconds_per_sample for sound in sounds]
    n_rated = len(systems) + len(anchors) + 1
    size = sum(lengths) * bytes_per_second * (n_rated + 2)
    if size > _LARGEST_BYTES:
        raise ValueError(
            f"The sounds would take about {size / 1e6:.0f} MB, and {_LARGEST_BYTES / 1e6:.0f} MB "
            "are the most that one page holds: cut the items to about 10 s, or give fewer."
        )
    if max(lengths) > _RECOMMENDED_SECONDS:
        warnings.warn(
            f"An item lasts {max(lengths):.1f} s: ITU-R BS.1534-3 recommends at most "
            f"{_RECOMMENDED_SECONDS:.0f} s, as listeners do not remember more.",
            UserWarning,
            stacklevel=3,
        )
    if kind == "mushra" and n_rated > _RECOMMENDED_SOUNDS:
        warnings.warn(
            f"{n_rated} sounds are rated in a trial: ITU-R BS.1534-3 recommends at most "
            f"{_RECOMMENDED_SOUNDS}, the reference and anchors included.",
            UserWarning,
            stacklevel=3,
        )


def _checked_item(key):
    if isinstance(key, tuple) and len(key) == 2:
        for part in key:
            _check_name(part, "An item")
        task, source = key
        return Item(printable(f"{task} · {source}"), task, source)
    _check_name(key, "An item")
    return Item(printable(key), key, None)


def _check_name(name, what):
    if not isinstance(name, str) or not name:
        pair = ", or a pair of them" if what == "An item" else ""
        raise TypeError(f"{what} must be named by a str that is not empty{pair}; got {name!r}.")


def _checked_sound(array, name):
    array = check_array(
        array,
        dtype="float64",
        ensure_2d=False,
        allow_nd=True,
        ensure_min_samples=0,
        ensure_min_features=0,
        input_name=name,
    )
    if array.ndim not in (1, 2) or 0 in array.shape:
        raise ValueError(
            f"{name} must have shape (length,) or (n_channels, length) and hold samples, got shape "
            f"{array.shape}."
        )
    return array if array.ndim == 2 else array[None]


def _sounds_of(of_items, items, sounds, name):
    if not isinstance(of_items, Mapping):
        raise TypeError(f"{name} must map items to arrays, got {type(of_items).__name__}.")
    for key in of_items:
        if key not in items.values():
            raise ValueError(f"{name} holds {key!r}, which is no item of references.")
    found = []
    for key, reference in zip(items.values(), sounds, strict=True):
        if key not in of_items:
            raise ValueError(f"{name} lacks the item {key!r}: every trial needs all systems.")
        found.append(_checked_sound(of_items[key], f"{name}[{key!r}]"))
        if found[-1].shape != reference.shape:
            raise ValueError(
                f"{name}[{key!r}] must have the shape of its reference, {reference.shape}, got "
                f"{found[-1].shape} (channels, length)."
            )
    return found
