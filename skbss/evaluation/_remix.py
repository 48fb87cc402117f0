"""New mixtures of isolated sources, for training."""

from numbers import Integral

import numpy as np
from scipy.signal import fftconvolve
from scipy.stats import uniform
from sklearn.utils import Bunch, check_random_state

from skbss._runtime.gains import check_gains, draw_gains
from skbss.evaluation._crops import crop, energies, repeated
from skbss.evaluation._mixtures import check_rate, checked_length
from skbss.evaluation._recordings import check_recordings
from skbss.evaluation._rooms import check_rooms, impulse_responses
from skbss.separation._transposition import check_transpositions, transposed

_GAINS = uniform(-5, 10)


def remix(
    sources,
    n_mixtures,
    *,
    sample_rate,
    seconds=1.0,
    gain_db=_GAINS,
    transpositions=None,
    rooms=None,
    random_state=0,
):
    r"""Mix pieces of isolated sources anew, at other places and levels.

    Few recordings become many examples: of every source a piece is drawn from one of its
    recordings, brought to unit power and to a gain of :math:`g` dB that is drawn, too, and all are
    added up. What is trained with mixtures and their sources, such as `DeepUnfoldedNMF`, needs
    more of them than there are recordings.

    Parameters
    ----------
    sources : sequence
        For every source its recordings, arrays of shape (length,), of one channel, finite and not
        silent; or a single one.
    n_mixtures : int
        How many.
    sample_rate : float
        Of all recordings, in Hz.
    seconds : float, default=1.0
        Duration of every mixture. Shorter recordings are repeated, from a random place on.
    gain_db : float, distribution or list of them, default=uniform from -5 to 5
        Power of every source in every mixture, in dB, or that of each one. A distribution is one of
        `scipy.stats`, or whatever has a method `rvs`; two sources with gains between -5 and 5 dB
        are mixed at -10 to 10 dB, and ``[uniform(-5, 15), 0]`` has the first one -5 to 10 dB above
        the second.
    transpositions : sequence of float, default=None
        Semitones: a piece is drawn from its recording as it is, or as played faster or slower by
        one of them, each as often as another. They are the pitches that a few recordings lack.
    rooms : None, Room, str, or sequence of Room and str, default=None
        As in `make_mixtures`: where mixtures are heard, in turn. Without, sources are added as they
        are, in one channel.
    random_state : int, RandomState instance or None, default=0
        Decides everything that is drawn. Mixture :math:`k` depends on nothing but it and :math:`k`:
        the first ones of more mixtures are the same.

    Returns
    -------
    remixed : :class:`~sklearn.utils.Bunch`
        With the attributes

        mixtures : ndarray of shape (n_mixtures, [n_channels,] length)
            In float64, each exactly the sum of its sources.
        sources : ndarray of shape (n_mixtures, n_sources, [n_channels,] length)
            For ``Separator.fit(mixtures, sources)``.

    Raises
    ------
    TypeError, ValueError
        If a recording is silent, not finite or of several channels, or a parameter is out of its
        range.
    ImportError
        If `rooms` are given and pyroomacoustics is not installed.

    See Also
    --------
    make_mixtures : Tasks for training, tuning and testing, divided before they are mixed.

    Notes
    -----
    Pieces that are 40 dB or more below their recording are not drawn. The `transpositions` of a
    `Separator` play all sources of a mixture faster or slower together, those here each by itself.

    Examples
    --------
    >>> from skbss.datasets import load_band
    >>> from skbss.evaluation import remix
    >>> clip = load_band()
    >>> remixed = remix(clip.sources, 8, sample_rate=clip.sample_rate, seconds=0.5)
    >>> remixed.mixtures.shape, remixed.sources.shape
    ((8, 11025), (8, 3, 11025))
    """
    check_rate(sample_rate, rooms)
    if isinstance(n_mixtures, bool) or not isinstance(n_mixtures, Integral):
        raise TypeError(f"n_mixtures must be an int, got {n_mixtures!r}.")
    if n_mixtures < 1:
        raise ValueError(f"n_mixtures must be at least 1, got {n_mixtures}.")
    if seconds is None:
        raise TypeError("seconds must be a number, got None.")
    length = checked_length(seconds, sample_rate)
    of_sources = _checked_sources(sources)
    gains = check_gains(gain_db, len(of_sources))
    semitones = check_transpositions(transpositions)
    of_sources = [_also_transposed(recordings, semitones) for recordings in of_sources]
    rooms = check_rooms(rooms)
    seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    images = np.stack(
        [
            _mixed(of_sources, length, sample_rate, gains, rooms[k % len(rooms)], (seed, k))
            for k in range(int(n_mixtures))
        ]
    )
    return Bunch(mixtures=images.sum(axis=1), sources=images)


def _mixed(of_sources, length, sample_rate, gains, room, seed):
    """The sources of one mixture."""
    rng = np.random.default_rng(seed)
    pieces = []
    for recordings in of_sources:
        waveform = recordings[rng.integers(len(recordings))]
        piece = crop(repeated(waveform, length, rng), length, rng)
        pieces.append(piece / np.abs(piece).max())
    images = np.stack(pieces)
    if room is not None:
        responses = impulse_responses(room, len(images), int(sample_rate), rng)
        images = fftconvolve(images[:, None], responses, axes=-1)[..., :length]
    levels = np.sqrt(length / energies(images)) * 10 ** (draw_gains(gains, rng) / 20)
    return images * levels.reshape(-1, *[1] * (images.ndim - 1))


def _checked_sources(sources):
    if len(sources) < 2:
        raise ValueError(f"sources must be at least two, got {len(sources)}.")
    of_sources = []
    for number, recordings in enumerate(sources):
        is_one = getattr(recordings, "ndim", 0) == 1 and recordings.dtype != object
        groups = check_recordings([recordings] if is_one else recordings, f"sources[{number}]")
        of_sources.append([one.waveform for group in groups for one in group])
    return of_sources


def _also_transposed(recordings, semitones):
    """As they are, and transposed, but for what is silent then: it lay beyond the band."""
    played = list(recordings)
    for one in recordings:
        audible = 1e-4 * np.abs(one).max()
        faster_and_slower = [transposed(one, interval) for interval in semitones]
        played += [other for other in faster_and_slower if np.abs(other).max(initial=0) > audible]
    return played
