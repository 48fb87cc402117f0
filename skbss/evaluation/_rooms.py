"""Simulated rooms in which sources are heard."""

import math
import threading
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

_SPEED_OF_SOUND = 343.0
_MARGIN = 0.3  # m, from whatever is in the room to its walls
_LEAST_ANGLE = math.radians(30)  # between two sources, as the microphones see them
_HEIGHT = 0.45  # of microphones and sources, as a share of that of the room
_DRAWS, _AT_ONCE = 2000, 256  # after which a room is too small

# Everything that the responses depend on beside their arguments. One thread, because the order in
# which several add up their parts would depend on how many there are.
_SETTINGS = {
    "c": _SPEED_OF_SOUND,
    "frac_delay_length": 81,
    "sinc_lut_granularity": 20,
    "num_threads": 1,
    "rir_hpf_fc": 10.0,
    "rir_hpf_kwargs": {"n": 2, "rp": 5.0, "rs": 60.0, "type": "butter"},
}
_lock = threading.Lock()


@dataclass(frozen=True)
class Room:
    """A rectangular room with a row of microphones.

    Where in the room the microphones and the sources are is drawn anew for every mixture: the
    row of microphones anywhere, turned anywhere, and the sources at one distance from its center
    on one side of it, at least 30 degrees apart and 0.3 m from the walls. All are at one height.

    Parameters
    ----------
    name : str
        What tables call it; not empty.
    dimensions : tuple of 3 float, default=(6.0, 5.0, 3.0)
        Length, width and height in m.
    rt60 : float, default=0.0
        Reverberation time in s, after which sound has fallen by 60 dB, by Sabine's formula; what
        is measured on the responses differs by up to a fifth. 0 is a room without reflections.
    n_mics : int, default=2
        How many microphones there are, and thus channels.
    mic_spacing : float, default=0.05
        From one microphone to the next, in m.
    source_distance : float, default=1.2
        From the center of the microphones to every source, in m.

    Raises
    ------
    TypeError
        If `name` is no str or `n_mics` no int.
    ValueError
        If a measure is not positive, the room is too small for what is in it, or the
        reverberation time is shorter than that of a room whose walls absorb everything.

    See Also
    --------
    make_mixtures : Mixtures in rooms.

    Notes
    -----
    Responses are those of the image-source method [1]_ of pyroomacoustics, with walls that
    absorb alike at all frequencies. The time to compute them grows with the third power of
    `rt60`: two sources and two microphones take half a second at 0.4 s.

    References
    ----------
    .. [1] J. B. Allen and D. A. Berkley, "Image method for efficiently simulating small-room
       acoustics", Journal of the Acoustical Society of America 65 (1979), 943-950.

    Examples
    --------
    >>> from skbss.evaluation import Room
    >>> office = Room("office", dimensions=(4.0, 3.5, 2.6), rt60=0.3, n_mics=4)
    >>> office.source_distance
    1.2
    """

    name: str
    dimensions: tuple[float, float, float] = (6.0, 5.0, 3.0)
    rt60: float = 0.0
    n_mics: int = 2
    mic_spacing: float = 0.05
    source_distance: float = 1.2

    def __post_init__(self):
        if not isinstance(self.name, str):
            raise TypeError(f"name must be a str, got {self.name!r} instead.")
        if not self.name:
            raise ValueError("name must not be empty.")
        if isinstance(self.n_mics, bool) or not isinstance(self.n_mics, int | np.integer):
            raise TypeError(f"n_mics must be an int, got {self.n_mics!r} instead.")
        if self.n_mics < 1:
            raise ValueError(f"n_mics must be at least 1, got {self.n_mics}.")
        object.__setattr__(self, "dimensions", tuple(float(side) for side in self.dimensions))
        if len(self.dimensions) != 3:
            raise ValueError(
                f"dimensions must be length, width and height in m, got {self.dimensions}."
            )
        for name, value in [
            *(("dimensions", side) for side in self.dimensions),
            ("mic_spacing", self.mic_spacing),
            ("source_distance", self.source_distance),
        ]:
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be positive and finite, in m, got {value!r}.")
        self._check_what_fits()
        self._check_reverberation()

    def _check_what_fits(self):
        if (self.n_mics - 1) * self.mic_spacing > self.source_distance:
            raise ValueError(
                f"{self.n_mics} microphones {self.mic_spacing} m apart are a longer row than the "
                f"source_distance of {self.source_distance} m: put the sources farther away."
            )
        least = 1.25 * self.source_distance + 2 * _MARGIN
        if min(self.dimensions[:2]) < least:
            raise ValueError(
                f"Sources at a source_distance of {self.source_distance} m need a room of at least "
                f"{least:g} m by {least:g} m, got dimensions={self.dimensions}."
            )

    def _check_reverberation(self):
        length, width, height = self.dimensions
        surface = 2 * (length * width + length * height + width * height)
        volume = length * width * height
        shortest = 24 * math.log(10) * volume / (_SPEED_OF_SOUND * surface)
        # Rounded up, so that the number in the message is one that is taken.
        shortest = math.ceil(1000 * shortest) / 1000
        if not (self.rt60 == 0 or shortest <= self.rt60 < math.inf):
            raise ValueError(
                f"rt60 of room {self.name!r} must be 0 or at least {shortest} s, that of walls "
                f"which absorb everything at dimensions={self.dimensions}, got {self.rt60!r}."
            )


ROOMS = {
    "anechoic": Room("anechoic"),
    "mild": Room("mild", rt60=0.2),
    "medium": Room("medium", rt60=0.4),
}


def check_rooms(rooms):
    """Rooms from what the caller gave.

    Parameters
    ----------
    rooms : None, Room, str, or sequence of Room and str
        Rooms, or names of those that are there.

    Returns
    -------
    rooms : list of Room or None
        ``[None]`` without any.

    Raises
    ------
    TypeError, ValueError
        For what is no room, rooms of one name, or rooms that differ in their microphones.
    ImportError
        If there are rooms, but pyroomacoustics is not installed.
    """
    if rooms is None:
        return [None]
    if isinstance(rooms, Room | str):
        rooms = [rooms]
    checked = [_checked_room(room) for room in rooms]
    if not checked:
        raise ValueError("rooms must hold at least one room; without rooms pass None.")
    names = [room.name for room in checked]
    if len(set(names)) < len(names):
        raise ValueError(f"rooms must have names that differ, got {names}.")
    if len({room.n_mics for room in checked}) > 1:
        raise ValueError(
            "rooms must have as many microphones each, got "
            + ", ".join(f"{room.name!r} with {room.n_mics}" for room in checked)
            + "."
        )
    _import_pyroomacoustics()
    return checked


def impulse_responses(room, n_sources, sample_rate, rng):
    """What every microphone hears of a click of every source.

    Parameters
    ----------
    room : Room
        In which positions are drawn.
    n_sources : int
        How many.
    sample_rate : int
        In Hz.
    rng : numpy.random.Generator
        Draws the positions; nothing else is random.

    Returns
    -------
    responses : ndarray of shape (n_sources, n_mics, taps)
        In float64. The same on every run, whatever the settings of pyroomacoustics are.
    """
    mics, sources = draw_positions(room, n_sources, rng)
    pra = _import_pyroomacoustics()
    with _fixed_settings(pra, high_pass=room.rt60 > 0):
        absorption, order = 1.0, 0
        if room.rt60 > 0:
            absorption, order = pra.inverse_sabine(room.rt60, room.dimensions)
        box = pra.ShoeBox(
            room.dimensions, fs=sample_rate, materials=pra.Material(absorption), max_order=order
        )
        for position in sources:
            box.add_source(position)
        box.add_microphone(mics.T)
        box.compute_rir()
    taps = max(len(response) for of_mic in box.rir for response in of_mic)
    responses = np.zeros((n_sources, room.n_mics, taps))
    for mic, of_mic in enumerate(box.rir):
        for source, response in enumerate(of_mic):
            responses[source, mic, : len(response)] = response
    return responses


def draw_positions(room, n_sources, rng):
    """Where the microphones and the sources are.

    Parameters
    ----------
    room : Room
        In which they have to fit.
    n_sources : int
        At most 6: more do not fit side by side.
    rng : numpy.random.Generator
        Draws them.

    Returns
    -------
    mics : ndarray of shape (n_mics, 3)
        In m.
    sources : ndarray of shape (n_sources, 3)
        In m.

    Raises
    ------
    ValueError
        If nothing fits after half a million draws.
    """
    sides = np.array(room.dimensions[:2])
    offsets = (np.arange(room.n_mics) - (room.n_mics - 1) / 2) * room.mic_spacing
    height = _HEIGHT * room.dimensions[2]
    for _ in range(_DRAWS):
        # Many at once, of which the first that fits is taken: in tight rooms one in 600 does.
        center = rng.uniform(_MARGIN, sides - _MARGIN, (_AT_ONCE, 1, 2))
        facing = rng.uniform(0, 2 * np.pi, (_AT_ONCE, 1))
        angles = rng.uniform(-np.pi / 2, np.pi / 2, (_AT_ONCE, n_sources))
        mics = center + offsets[:, None] * _direction(facing + np.pi / 2)
        sources = center + room.source_distance * _direction(facing + angles)
        flat = np.concatenate([mics, sources], axis=1)
        is_inside = ((flat >= _MARGIN) & (flat <= sides - _MARGIN)).all(axis=(1, 2))
        is_apart = (np.diff(np.sort(angles, axis=1), axis=1) >= _LEAST_ANGLE).all(axis=1)
        fitting = np.flatnonzero(is_inside & is_apart)
        if len(fitting):
            first = fitting[0]
            return tuple(np.insert(points[first], 2, height, axis=1) for points in (mics, sources))
    raise ValueError(
        f"Room {room.name!r} has no place for {n_sources} sources at a source_distance of "
        f"{room.source_distance} m and {room.n_mics} microphones {room.mic_spacing} m apart: make "
        "its dimensions larger, or source_distance smaller."
    )


def _direction(azimuth):
    return np.stack([np.cos(azimuth), np.sin(azimuth)], axis=-1)


def _checked_room(room):
    if isinstance(room, Room):
        return room
    if not isinstance(room, str):
        raise TypeError(f"rooms must hold rooms or their names, got {room!r}.")
    if room not in ROOMS:
        raise ValueError(f"rooms must hold rooms or names out of {list(ROOMS)}, got {room!r}.")
    return ROOMS[room]


def _import_pyroomacoustics():
    try:
        import pyroomacoustics
    except ImportError as error:
        raise ImportError(
            'Rooms need pyroomacoustics: install it by pip install "skbss[rooms]", or pass '
            "rooms=None."
        ) from error
    return pyroomacoustics


@contextmanager
def _fixed_settings(pra, *, high_pass):
    """Settings of the whole process, as results have to find them, and back."""
    wanted = {**_SETTINGS, "rir_hpf_enable": high_pass}
    with _lock:
        before = {name: pra.constants.get(name) for name in wanted}
        try:
            for name, value in wanted.items():
                pra.constants.set(name, value)
            yield
        finally:
            for name, value in before.items():
                pra.constants.set(name, value)
