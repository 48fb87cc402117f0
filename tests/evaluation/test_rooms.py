"""Rooms: what fits in them, where things are, and their responses."""

import sys

import numpy as np
import pyroomacoustics as pra
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skbss.evaluation import Room
from skbss.evaluation._rooms import ROOMS, check_rooms, draw_positions, impulse_responses

BATHROOM = Room("bathroom", dimensions=(3.0, 2.5, 2.4), rt60=0.15)


def responses(room, seed=0, sample_rate=8000, n_sources=2):
    return impulse_responses(room, n_sources, sample_rate, np.random.default_rng(seed))


def test_the_direct_sound_arrives_when_it_should():
    room = Room("anechoic", n_mics=3, mic_spacing=0.1)
    mics, sources = draw_positions(room, 2, np.random.default_rng(0))
    heard = responses(room, sample_rate=16000)
    assert heard.shape[:2] == (2, 3)
    distances = np.linalg.norm(sources[:, None] - mics, axis=-1)
    # pyroomacoustics lets every response start 40 samples early.
    expected = distances / 343 * 16000 + 40
    np.testing.assert_allclose(np.abs(heard).argmax(axis=-1), expected, atol=0.51)
    np.testing.assert_allclose(heard.sum(axis=-1), 1 / distances, rtol=0.01)


def test_without_reflections_there_is_nothing_but_the_direct_sound():
    heard = responses(ROOMS["anechoic"])
    assert heard.shape[-1] < 150


@pytest.mark.parametrize("name", ["mild", "medium"])
def test_reverberation_time(name):
    room = ROOMS[name]
    decay = np.cumsum(np.square(responses(room))[..., ::-1], axis=-1)[..., ::-1]
    decay = 10 * np.log10(decay / decay[..., :1] + 1e-12)
    # From -5 dB to -35 dB, as the standard measures it, and twice that for 60 dB.
    samples = (decay < -35).argmax(axis=-1) - (decay < -5).argmax(axis=-1)
    np.testing.assert_allclose(2 * samples / 8000, room.rt60, rtol=0.25)


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**32),
    distance=st.floats(0.2, 2.0),
    spare=st.floats(1.0, 3.0),
    n_mics=st.integers(1, 4),
    n_sources=st.integers(1, 3),
)
def test_everything_is_where_it_may_be(seed, distance, spare, n_mics, n_sources):
    side = 0.61 + 1.25 * distance * spare
    room = Room(
        "tight", (side, side + 1, 2.5), n_mics=n_mics, mic_spacing=0.05, source_distance=distance
    )
    mics, sources = draw_positions(room, n_sources, np.random.default_rng(seed))
    for points in (mics, sources):
        assert (points >= 0.3).all()
        assert (points <= np.array(room.dimensions) - 0.3).all()
        np.testing.assert_allclose(points[:, 2], 0.45 * 2.5)
    center = mics.mean(axis=0)
    np.testing.assert_allclose(np.linalg.norm(np.diff(mics, axis=0), axis=1), 0.05)
    np.testing.assert_allclose(np.linalg.norm(sources - center, axis=1), distance)
    toward = (sources - center) / distance
    apart = (toward @ toward.T)[~np.eye(n_sources, dtype=bool)]
    assert (apart <= np.cos(np.radians(30)) + 1e-9).all()


def test_a_room_without_a_place_for_so_many_sources():
    message = "Room 'anechoic' has no place for 7 sources at a source_distance of 1.2 m and 2 micr"
    with pytest.raises(ValueError, match=message):
        draw_positions(ROOMS["anechoic"], 7, np.random.default_rng(0))


def test_seeds_decide_and_nothing_else():
    first = responses(BATHROOM)
    before = np.random.get_state()  # noqa: NPY002
    np.testing.assert_array_equal(responses(BATHROOM), first)
    after = np.random.get_state()  # noqa: NPY002
    assert after[2] == before[2]
    np.testing.assert_array_equal(after[1], before[1])
    assert not np.array_equal(responses(BATHROOM, seed=1)[..., :200], first[..., :200])


def test_settings_of_pyroomacoustics_neither_matter_nor_change():
    first = responses(BATHROOM)
    changed = {"c": 300.0, "num_threads": 3, "frac_delay_length": 41, "rir_hpf_enable": False}
    before = {name: pra.constants.get(name) for name in changed}
    try:
        for name, value in changed.items():
            pra.constants.set(name, value)
        np.testing.assert_array_equal(responses(BATHROOM), first)
        assert {name: pra.constants.get(name) for name in changed} == changed
    finally:
        for name, value in before.items():
            pra.constants.set(name, value)


def test_rooms_of_the_library():
    assert check_rooms(None) == [None]
    assert check_rooms("mild") == [ROOMS["mild"]]
    assert check_rooms(BATHROOM) == [BATHROOM]
    assert [room.rt60 for room in check_rooms(["anechoic", "mild", "medium"])] == [0, 0.2, 0.4]
    assert {room.n_mics for room in ROOMS.values()} == {2}


def test_rooms_without_pyroomacoustics(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyroomacoustics", None)
    assert check_rooms(None) == [None]
    with pytest.raises(ImportError, match=r'pip install "skbss\[rooms\]"'):
        check_rooms("mild")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": ""}, "name must not be empty"),
        ({"n_mics": 0}, "n_mics must be at least 1, got 0"),
        ({"dimensions": (3, 4)}, "dimensions must be length, width and height"),
        ({"dimensions": (3, 4, -1)}, "dimensions must be positive and finite, in m, got -1"),
        ({"mic_spacing": 0}, "mic_spacing must be positive"),
        ({"source_distance": np.inf}, "source_distance must be positive and finite"),
        ({"n_mics": 30}, "30 microphones 0.05 m apart are a longer row"),
        ({"source_distance": 5}, "need a room of at least 6.85 m by 6.85 m"),
        ({"rt60": 0.01}, r"rt60 of room 'a' must be 0 or at least 0.116 s"),
        ({"rt60": -0.2}, "rt60 of room 'a' must be 0 or at least"),
        ({"rt60": np.nan}, "rt60 of room 'a' must be 0 or at least"),
        ({"rt60": np.inf}, "rt60 of room 'a' must be 0 or at least"),
    ],
)
def test_impossible_rooms(options, message):
    with pytest.raises(ValueError, match=message):
        Room(**({"name": "a"} | options))


def test_the_shortest_reverberation_of_the_message_is_taken():
    assert responses(Room("dead", rt60=0.116)).shape[-1] > 200


@pytest.mark.parametrize(
    ("options", "message"),
    [({"name": 1}, "name must be a str"), ({"n_mics": 2.0}, "n_mics must be an int, got 2.0")],
)
def test_wrong_types(options, message):
    with pytest.raises(TypeError, match=message):
        Room(**({"name": "a"} | options))


@pytest.mark.parametrize(
    ("rooms", "error", "message"),
    [
        ([], ValueError, "rooms must hold at least one room"),
        (["church"], ValueError, r"names out of \['anechoic', 'mild', 'medium'\], got 'church'"),
        ([0.2], TypeError, "rooms must hold rooms or their names, got 0.2"),
        (["mild", "mild"], ValueError, "names that differ"),
        (["mild", Room("one", n_mics=1)], ValueError, "'mild' with 2, 'one' with 1"),
    ],
)
def test_wrong_rooms(rooms, error, message):
    with pytest.raises(error, match=message):
        check_rooms(rooms)
