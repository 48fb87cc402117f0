"""Gains in dB of the sources of a mixture: given, or to be drawn."""

import numpy as np

_MOST = 150
# Of a distribution, of which a draw beyond the range must be the exception.
_TRIALS = 9


def check_gains(gain_db, n_sources, name="gain_db"):
    """For every source a distribution or a number.

    Parameters
    ----------
    gain_db : float, distribution or list of them
        In dB, from -150 to 150: a distribution has a method `rvs` that takes a `random_state` and
        makes one number, as those of `scipy.stats`.
    n_sources : int
        How many there are.
    name : str, default="gain_db"
        What it is called.

    Returns
    -------
    gains : list

    Raises
    ------
    TypeError
        If one is no number, or nothing that numbers can be drawn from.
    ValueError
        If there are more or fewer than sources, or if one is out of range: a number, or the
        median of a few draws, which are made here only to be tried.
    """
    gains = list(gain_db) if isinstance(gain_db, list | tuple) else [gain_db] * n_sources
    if len(gains) != n_sources:
        raise ValueError(
            f"{name} must be one gain, or a list of one for each of the {n_sources} sources, got "
            f"{len(gains)}."
        )
    return [_tried(one, name) if hasattr(one, "rvs") else _checked(one, name) for one in gains]


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
        What is drawn beyond 150 dB or below -150 dB is brought back to that: a rare draw of a
        distribution without bounds does not end a long training.
    """
    drawn = [_drawn(gain, rng, name) if hasattr(gain, "rvs") else gain for gain in gains]
    return np.clip(drawn, -_MOST, _MOST)


def _tried(distribution, name):
    """A distribution that can be drawn from, by one of NumPy's kinds of generators at least."""
    if isinstance(distribution, type):
        raise TypeError(
            f"{name} must be a number or a distribution, got the class {distribution.__name__}: "
            "pass an instance of it."
        )
    try:
        median = _median(distribution, np.random.RandomState(0), name)
    except TypeError:
        median = _median(distribution, np.random.default_rng(0), name)
    if abs(median) > _MOST:
        raise ValueError(
            f"{name} must be from -{_MOST} dB to {_MOST} dB, got a distribution around {median:g}."
        )
    return distribution


def _median(distribution, rng, name):
    return np.median([_drawn(distribution, rng, name) for _ in range(_TRIALS)])


def _drawn(distribution, rng, name):
    # Whatever goes wrong in somebody else's method.
    try:
        drawn = distribution.rvs(random_state=rng)
        number = np.asarray(drawn)
    except Exception as error:
        raise TypeError(
            f"{name} must be a number or a distribution with a method rvs(random_state=...), but "
            f"that of {distribution!r} raises {type(error).__name__}: {error}."
        ) from error
    if number.size != 1 or number.dtype.kind not in "iuf":
        raise TypeError(
            f"{name} must be a number or a distribution of numbers, but {distribution!r} draws "
            f"{drawn!r}."
        )
    if np.isnan(number).any():
        raise ValueError(f"{name} must not be NaN, which {distribution!r} draws.")
    return float(number.item())


def _checked(gain_db, name):
    if isinstance(gain_db, bool) or not isinstance(gain_db, int | float | np.number):
        raise TypeError(
            f"{name} must be a number or a distribution with a method rvs, got {gain_db!r}."
        )
    if not abs(float(gain_db)) <= _MOST:
        raise ValueError(f"{name} must be from -{_MOST} dB to {_MOST} dB, got {gain_db}.")
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
