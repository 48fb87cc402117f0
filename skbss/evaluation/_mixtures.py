"""Mixtures for training, tuning and testing, from recordings."""

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.signal import fftconvolve
from sklearn.utils import Bunch, check_random_state

from skbss.evaluation._crops import crop, energies, repeated
from skbss.evaluation._recordings import (
    PARTS,
    Recording,
    apportion,
    check_all_differ,
    check_recordings,
    split_groups,
)
from skbss.evaluation._rooms import Room, check_rooms, impulse_responses
from skbss.evaluation._task import Task, TrainingClips

_PEAK = 0.9
# Less than this share of the energy is no sound of a source, but what filters have before it.
_HEARD = 1e-3


@dataclass(frozen=True)
class _Plan:
    """What one mixture is made of; all that is random about it comes from its own seed."""

    name: str
    clean: Recording
    interference: list[Recording]
    snr_db: Any
    room: Room | None
    seed: tuple[int, ...]


def make_mixtures(
    clean,
    interference,
    *,
    sample_rate,
    snr_db=0.0,
    rooms=None,
    split=(0.7, 0.1, 0.2),
    n_mixtures=None,
    seconds=None,
    source_names=("clean", "interference"),
    targets=(0,),
    name=None,
    random_state=0,
):
    r"""Mixtures of a target and what disturbs it, divided into train, dev and test.

    Recordings are divided first and mixed afterwards, the target's and the interference each by
    themselves, so that no recording is in two parts. Every mixture is the sum of its two sources,
    the interference scaled by the gain :math:`g` for which

    .. math:: 10 \log_{10} \frac{\|s_1\|^2}{\|g\, s_2\|^2}

    is the wanted signal-to-noise ratio; in rooms :math:`s_1, s_2` are what the first microphone
    hears. One gain for all brings the peak of the mixture to 0.9.

    Parameters
    ----------
    clean : sequence or mapping
        Recordings of the target: arrays of shape (length,), of one channel, finite and not
        silent. A mapping gives them names. In place of a recording there may be a group of them,
        such as all of one speaker: a sequence or a mapping. Groups are not divided.
    interference : sequence or mapping
        Recordings of what is mixed with it, noise or other speakers, likewise.
    sample_rate : float
        Of all recordings, in Hz.
    snr_db : float, sequence of float, or distribution, default=0.0
        Signal-to-noise ratio in dB, finite. A sequence holds the levels that mixtures take in
        turn: ``(-5, 5)`` is these two, not a range. A range is a distribution of `scipy.stats`,
        or whatever has a method `rvs`, as in
        :class:`~sklearn.model_selection.RandomizedSearchCV`:
        ``scipy.stats.uniform(-5, 15)`` draws from -5 dB to 10 dB.
    rooms : None, Room, str, or sequence of Room and str, default=None
        Rooms that mixtures take in turn. "anechoic", "mild" and "medium" are rooms of 6 m by 5 m
        by 3 m with a reverberation time of 0 s, 0.2 s and 0.4 s and two microphones 5 cm apart.
        Without rooms sources are added as they are, in one channel.
    split : tuple of 3 float, default=(0.7, 0.1, 0.2)
        Shares of the groups, or of the recordings where there are none, for train, dev and test;
        they add up to 1. Numbers are rounded by the method of largest remainders, and no part of
        a positive share stays empty.
    n_mixtures : int or tuple of 3 int, optional
        How many there are, divided as `split` says, or how many in each part. By default every
        clean recording once at every level in every room.
    seconds : float, optional
        Duration of every mixture. A longer clean recording is cropped at random, a shorter one is
        followed by silence. By default that of the clean recording.
    source_names : tuple of 2 str, default=("clean", "interference")
        What tables call the sources.
    targets : sequence of int, default=(0,)
        Which sources are scored: ``(0, 1)`` where the other speaker counts as well.
    name : str, default=None
        Begins the names of all tasks, which are "train 1", "test 1" and so on: what keeps the tasks
        of several calls apart in one evaluation.
    random_state : int, RandomState instance or None, default=0
        Decides the division and everything that is drawn for the mixtures. An int gives the same
        arrays in every session.

    Returns
    -------
    mixtures : :class:`~sklearn.utils.Bunch`
        With the attributes

        train, dev, test : list of Task
            The mixtures of every part, in float64, each exactly ``sources.sum(axis=0)``. Those of
            train are what the tasks of dev and test give to learn from. `tags` of a task hold
            ``part``, ``snr_db``, ``room`` ("none" without), and the names of the recordings,
            ``clean`` and ``interference``.

    Raises
    ------
    TypeError, ValueError
        If a recording is silent, not finite, of several channels or there twice, if there are
        fewer recordings than parts, or a parameter is out of its range.
    ImportError
        If `rooms` are given and pyroomacoustics is not installed:
        ``pip install "skbss[rooms]"``.

    See Also
    --------
    Task : One mixture.
    Room : Measures of a room.

    Notes
    -----
    Mixture :math:`k` of a part takes the clean recordings in turn, and levels and rooms such that
    each recording meets all of them before it meets one again. The interference is drawn; a
    longer one is cropped at random, a shorter one repeated from a random place on. Crops are
    drawn among those that are not 40 dB or more below their recording, so that no pause is
    amplified. What is drawn for one mixture depends on `random_state`, its part and its number,
    and not on the other mixtures.

    Only recordings are compared: that no speaker is in `clean` and in `interference` both, and
    thus in two parts, is up to the caller.

    Examples
    --------
    >>> import numpy as np
    >>> from skbss.evaluation import make_mixtures
    >>> rng = np.random.default_rng(0)
    >>> tones = [np.sin(np.arange(4000) * step) for step in np.linspace(0.1, 1, 10)]
    >>> noises = {name: rng.standard_normal(9000) for name in ("rain", "wind", "fan")}
    >>> mixtures = make_mixtures(tones, noises, sample_rate=8000, snr_db=[0, 10])
    >>> len(mixtures.train), len(mixtures.dev), len(mixtures.test)
    (14, 2, 4)
    >>> mixtures.test[0]
    Task('test 1', 2 sources, 1 channel, 0.5 s at 8000 Hz, 14 clips to train on)
    >>> mixtures.test[0].tags["snr_db"]
    0.0
    """
    clean = check_recordings(clean, "clean")
    interference = check_recordings(interference, "interference")
    check_all_differ([*clean, *interference])
    check_rate(sample_rate, rooms)
    if name is not None and (not isinstance(name, str) or not name):
        raise TypeError(f"name must be a str that is not empty, or None, got {name!r}.")
    length = checked_length(seconds, sample_rate)
    levels = _checked_levels(snr_db)
    split = _checked_split(split)
    counts = _checked_counts(n_mixtures, split)
    rooms = check_rooms(rooms)
    seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    conditions = list(itertools.product(rooms, levels))
    parts = [
        split_groups(groups, split, np.random.default_rng((seed, number)), parameter)
        for number, (groups, parameter) in enumerate(
            [(clean, "clean"), (interference, "interference")]
        )
    ]
    tasks: dict[str, list[Task]] = {}
    training: dict[str, Any] = {}
    for number, (part, of_clean, of_interference) in enumerate(zip(PARTS, *parts, strict=True)):
        count = len(of_clean) * len(conditions) if counts is None else counts[number]
        own_seed = (seed, 2 + number)
        plans = _plans(part, count, of_clean, of_interference, conditions, own_seed, name)
        tasks[part] = [
            _make_task(
                plan,
                length,
                sample_rate,
                tags={"part": part},
                source_names=source_names,
                targets=targets,
                **training,
            )
            for plan in plans
        ]
        if part == "train" and tasks["train"]:
            training = _as_training(tasks["train"])
    return Bunch(**tasks)


def _as_training(tasks):
    return {
        "train_mixtures": TrainingClips(task.mixture for task in tasks),
        "train_sources": TrainingClips(task.sources for task in tasks),
    }


def _plans(part, count, clean, interference, conditions, seed, name):
    digits = len(str(count))
    title = part if name is None else f"{name} {part}"
    for k in range(count):
        turn, position = divmod(k, len(clean))
        room, snr_db = conditions[(position + turn) % len(conditions)]
        yield _Plan(
            name=f"{title} {k + 1:0{digits}d}",
            clean=clean[position],
            interference=interference,
            snr_db=snr_db,
            room=room,
            seed=(*seed, k),
        )


def _make_task(plan, length, sample_rate, *, tags, **options):
    rng = np.random.default_rng(plan.seed)
    snr_db = plan.snr_db
    if hasattr(snr_db, "rvs"):
        snr_db = _checked_level(snr_db.rvs(random_state=rng))
    disturbing = plan.interference[rng.integers(len(plan.interference))]
    target = crop(plan.clean.waveform, length, rng)
    dry = np.stack(
        [target, crop(repeated(disturbing.waveform, len(target), rng), len(target), rng)]
    )
    # At unit peak, so that the energy of recordings of any level is an ordinary number.
    images = dry / np.abs(dry).max(axis=1, keepdims=True)
    if plan.room is not None:
        responses = impulse_responses(plan.room, len(dry), int(sample_rate), rng)
        images = fftconvolve(images[:, None], responses, axes=-1)
        whole = energies(images)
        images = images[..., : len(target)].copy()
        if (energies(images) < _HEARD * whole).any():
            raise ValueError(
                f"Mixture {plan.name!r} of {plan.clean.name!r} and {disturbing.name!r} ends before "
                f"their sound has crossed room {plan.room.name!r}: use longer recordings, or "
                "make seconds longer."
            )
    of_clean, of_interference = energies(images)
    images[1] *= math.sqrt(of_clean / of_interference) * 10 ** (-snr_db / 20)
    images *= _PEAK / (np.abs(images.sum(axis=0)).max() or 1.0)
    return Task(
        plan.name,
        images.sum(axis=0),
        images,
        sample_rate,
        tags={
            **tags,
            "snr_db": snr_db,
            "room": "none" if plan.room is None else plan.room.name,
            "clean": plan.clean.name,
            "interference": disturbing.name,
        },
        **options,
    )


def check_rate(sample_rate, rooms):
    if not isinstance(sample_rate, int | float | np.number):
        raise TypeError(f"sample_rate must be a number, got {sample_rate!r} instead.")
    if not (math.isfinite(sample_rate) and sample_rate > 0):
        raise ValueError(f"sample_rate must be positive and finite, got {sample_rate!r}.")
    if rooms is not None and sample_rate != int(sample_rate):
        raise ValueError(f"In rooms sample_rate must be a whole number, got {sample_rate!r}.")


def checked_length(seconds, sample_rate):
    if seconds is None:
        return None
    if not (math.isfinite(seconds) and round(seconds * sample_rate) >= 1):
        raise ValueError(f"seconds must be at least that of one sample, got {seconds!r}.")
    return round(seconds * sample_rate)


def _checked_levels(snr_db):
    if hasattr(snr_db, "rvs"):
        return [snr_db]
    levels = [_checked_level(level) for level in np.atleast_1d(snr_db).tolist()]
    if not levels:
        raise ValueError("snr_db must hold at least one level.")
    return levels


def _checked_level(level) -> float:
    if not isinstance(level, int | float | np.number):
        raise TypeError(
            "snr_db must be a number, a sequence of numbers or a distribution with a method rvs, "
            f"got {level!r}."
        )
    value = float(level)
    # Beyond this the weaker source is less than what float64 resolves.
    if not abs(value) <= 150:
        raise ValueError(f"snr_db must be from -150 dB to 150 dB, got {value}.")
    return value


def _checked_split(split) -> tuple[float, ...]:
    shares = tuple(float(share) for share in split)
    if len(shares) != 3 or not all(share >= 0 for share in shares) or abs(sum(shares) - 1) > 1e-9:
        raise ValueError(
            f"split must be the shares of train, dev and test, adding up to 1, got {shares}."
        )
    return shares


def _checked_counts(n_mixtures, split: tuple[float, ...]):
    if n_mixtures is None:
        return None
    if isinstance(n_mixtures, int | np.integer) and not isinstance(n_mixtures, bool):
        return apportion(
            n_mixtures, split, f"n_mixtures is {n_mixtures}", "make more, or say how many in each"
        )
    counts = tuple(n_mixtures) if hasattr(n_mixtures, "__len__") else ()
    if len(counts) != 3 or not all(isinstance(one, int | np.integer) for one in counts):
        raise TypeError(f"n_mixtures must be an int or three of them, got {n_mixtures!r}.")
    for part, count, share in zip(PARTS, counts, split, strict=True):
        if count < 0 or (count > 0 and share == 0):
            raise ValueError(
                f"n_mixtures={counts} wants {count} mixtures for {part}, whose share of the "
                f"recordings is {share:g}."
            )
    return counts
