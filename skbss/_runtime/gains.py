"""Gains in dB of the sources of a mixture: given, or to be drawn."""

import numpy as np


def check_gains(gain_db, n_sources, name="gain_db"):
    """For every source a distribution or a number.

    Parameters
    ----------
    gain_db : float, distribution or list of them
        In dB: a distribution has a method `rvs`, as those of `scipy.stats`.
    n_sources : int
        How many there are.
    name : str, default="gain_db"
        What it is called.

    Returns
    -------
    gains : list
    """
    gains = list(gain_db) if isinstance(gain_db, list | tuple) else [gain_db] * n_sources
    if len(gains) != n_sources:
        raise ValueError(
            f"{name} must be one gain, or a list of one for each of the {n_sources} sources, got "
            f"{len(gains)}."
        )
    return [one if hasattr(one, "rvs") else _checked(one, name) for one in gains]


def draw_gains(gains, rng, name="gain_db"):
    """One of every source.

    Parameters
    ----------
    gains : list
        From `check_gains`.
    rng : RandomState or Generator
        What draws.
    name : str, default="gain_db"
        What they are called.

    Returns
    -------
    decibels : ndarray of shape (n_sources,)
    """
    drawn = [
        _checked(gain.rvs(random_state=rng), name) if hasattr(gain, "rvs") else gain
        for gain in gains
    ]
    return np.array(drawn)


def _checked(gain_db, name):
    if isinstance(gain_db, bool) or not isinstance(gain_db, int | float | np.number):
        raise TypeError(
            f"{name} must be a number or a distribution with a method rvs, got {gain_db!r}."
        )
    if not abs(float(gain_db)) <= 150:
        raise ValueError(f"{name} must be from -150 dB to 150 dB, got {gain_db}.")
    return float(gain_db)


def described(gains):
    """What compares as gains do: a distribution holds a generator that is always somewhere else.

    Parameters
    ----------
    gains : float, distribution or list of them
        In dB.

    Returns
    -------
    description : object
    """
    if isinstance(gains, list | tuple):
        return [described(one) for one in gains]
    if hasattr(gains, "dist") and hasattr(gains, "kwds"):
        return gains.dist.name, gains.args, gains.kwds
    return gains
