"""Mixtures: exact sums and levels, parts that share nothing, the same numbers every time."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from skbss import BetaNMF, Separator
from skbss.evaluation import Room, make_mixtures
from skbss.evaluation._recordings import apportion

RATE = 8000
BATHROOM = Room("bathroom", dimensions=(3.0, 2.5, 2.4), rt60=0.15)


def recordings(n, length=600, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    return [scale * rng.standard_normal(length + 10 * k) for k in range(n)]


def mix(clean=None, interference=None, **options):
    clean = recordings(10) if clean is None else clean
    interference = recordings(5, 900, seed=1) if interference is None else interference
    return make_mixtures(clean, interference, **({"sample_rate": RATE} | options))


def everything(mixtures):
    return [*mixtures.train, *mixtures.dev, *mixtures.test]


def ratio(task):
    heard = task.sources.reshape(2, task.n_channels, -1)[:, 0]
    energy = np.square(heard).sum(axis=-1)
    return 10 * np.log10(energy[0] / energy[1])


@settings(deadline=None, max_examples=30)
@given(
    level=st.floats(-60, 60),
    scales=st.tuples(*[st.sampled_from([1e-150, 1e-6, 1.0, 1e150])] * 2),
    seed=st.integers(0, 2**20),
)
def test_sums_levels_and_peaks_are_exact(level, scales, seed):
    mixtures = mix(
        recordings(3, 200, scale=scales[0]),
        recordings(3, 300, seed=1, scale=scales[1]),
        snr_db=level,
        random_state=seed,
    )
    for task in everything(mixtures):
        assert task.mixture.dtype == task.sources.dtype == np.float64
        np.testing.assert_array_equal(task.mixture, task.sources.sum(axis=0))
        assert ratio(task) == pytest.approx(level, abs=1e-9)
        assert task.tags["snr_db"] == level
        assert np.abs(task.mixture).max() == pytest.approx(0.9, rel=1e-12)


def test_sums_levels_and_peaks_are_exact_in_rooms():
    rooms = [Room("dead"), BATHROOM]
    mixtures = mix(recordings(4, 2000), rooms=rooms, snr_db=[-5, 5], n_mixtures=8)
    for task in everything(mixtures):
        assert task.n_channels == 2
        np.testing.assert_array_equal(task.mixture, task.sources.sum(axis=0))
        assert ratio(task) == pytest.approx(task.tags["snr_db"], abs=1e-9)
        assert np.abs(task.mixture).max() == pytest.approx(0.9, rel=1e-12)
    assert {task.tags["room"] for task in mixtures.train} == {"dead", "bathroom"}
    assert {task.tags["room"] for task in everything(mix())} == {"none"}


def test_a_room_is_heard():
    click = np.zeros((3, 3000))
    click[:, 0] = 1
    click[1:, 5] = [1, 2]
    (task, *_) = mix(click, rooms=BATHROOM).test
    after = np.square(task.sources[0, :, 1000:]).sum(axis=-1)
    assert (after > 1e-6 * np.square(task.sources[0]).sum(axis=-1)).all()


def test_no_recording_is_in_two_parts():
    mixtures = mix(n_mixtures=60, snr_db=[0, 5])
    for kind in ("clean", "interference"):
        used = {part: {task.tags[kind] for task in mixtures[part]} for part in mixtures}
        for one, other in itertools.combinations(used.values(), 2):
            assert not one & other
        assert {name for names in used.values() for name in names} == {
            f"{kind} {k + 1}" for k in range(10 if kind == "clean" else 5)
        }


def test_the_samples_agree_with_the_names():
    clean = {f"word {k}": one for k, one in enumerate(recordings(5))}
    for task in everything(mix(clean)):
        given = clean[task.tags["clean"]]
        np.testing.assert_allclose(task.sources[0] / given, task.sources[0, 0] / given[0])


def test_groups_stay_together():
    speakers = {f"speaker {k}": recordings(3, seed=k) for k in range(4)}
    mixtures = mix(speakers, split=(0.5, 0.25, 0.25))
    where = {}
    for part, tasks in mixtures.items():
        for task in tasks:
            where.setdefault(task.tags["clean"][: len("speaker 0")], set()).add(part)
    assert sorted(map(tuple, where.values())) == [("dev",), ("test",), ("train",), ("train",)]
    assert [len(tasks) for tasks in mixtures.values()] == [6, 3, 3]


def test_groups_may_have_names_inside_or_none():
    named = mix({"anna": {"yes": np.ones(5)}, "bob": [np.ones(6)], "carl": np.ones(7)})
    assert {task.tags["clean"] for task in everything(named)} == {"anna yes", "bob 1", "carl"}
    plain = mix([[np.ones(5)], [np.ones(6), np.ones(7)], np.ones(8)])
    assert {task.tags["clean"] for task in everything(plain)} == {
        "clean 1 1",
        "clean 2 1",
        "clean 2 2",
        "clean 3",
    }


@settings(deadline=None)
@given(
    total=st.integers(3, 200),
    shares=st.tuples(*[st.integers(0, 10)] * 3).filter(any),
)
def test_shares_are_rounded_to_within_one(total, shares):
    shares = tuple(np.array(shares) / sum(shares))
    counts = apportion(total, shares, "", "")
    assert sum(counts) == total
    assert [count > 0 for count in counts] == [share > 0 for share in shares]
    raised = sum(share > 0 and share * total < 1 for share in shares)
    assert (np.abs(np.array(counts) - np.array(shares) * total) < 1 + raised).all()


@pytest.mark.parametrize(
    ("total", "expected"),
    [(10, [7, 1, 2]), (100, [70, 10, 20]), (3, [1, 1, 1]), (4, [2, 1, 1]), (5, [3, 1, 1])],
)
def test_largest_remainders(total, expected):
    assert apportion(total, (0.7, 0.1, 0.2), "", "") == expected


def test_parts_without_a_share_are_empty():
    mixtures = mix(recordings(2), recordings(1, 900, seed=1)[:1], split=(0, 0, 1))
    assert (mixtures.train, mixtures.dev, len(mixtures.test)) == ([], [], 2)
    assert mixtures.test[0].train_mixtures is None


def test_every_recording_meets_every_level_and_room():
    rooms = [Room("one", n_mics=1), Room("other", n_mics=1)]
    mixtures = mix(recordings(5), snr_db=[-5, 0, 5], rooms=rooms)
    for tasks in mixtures.values():
        met = [(task.tags["clean"], task.tags["snr_db"], task.tags["room"]) for task in tasks]
        names = {name for name, *_ in met}
        assert sorted(met) == sorted(itertools.product(names, [-5, 0, 5], ["one", "other"]))


def test_numbers_of_mixtures():
    assert [len(tasks) for tasks in mix(n_mixtures=20).values()] == [14, 2, 4]
    assert [len(tasks) for tasks in mix(n_mixtures=(3, 0, 12)).values()] == [3, 0, 12]
    assert [task.name for task in mix(n_mixtures=(0, 0, 10)).test[::9]] == ["test 01", "test 10"]


def test_levels_from_a_distribution():
    tasks = everything(mix(snr_db=stats.uniform(-5, 15), n_mixtures=30))
    levels = [task.tags["snr_db"] for task in tasks]
    assert len(set(levels)) == 30
    assert min(levels) >= -5
    assert max(levels) <= 10
    for task in tasks:
        assert ratio(task) == pytest.approx(task.tags["snr_db"], abs=1e-9)


def test_two_levels_are_no_range():
    assert {task.tags["snr_db"] for task in everything(mix(snr_db=(-5, 5)))} == {-5, 5}


def test_dev_and_test_learn_from_train():
    mixtures = mix(source_names=("speech", "noise"), targets=(0, 1))
    for task in mixtures.train:
        assert task.train_mixtures is None
    assert len({id(task.train_mixtures) for task in [*mixtures.dev, *mixtures.test]}) == 1
    for task in [*mixtures.dev, *mixtures.test]:
        assert len(task.train_mixtures) == len(mixtures.train)
        for trained, clip, sources in zip(
            mixtures.train, task.train_mixtures, task.train_sources, strict=True
        ):
            assert np.shares_memory(clip, trained.mixture)
            assert np.shares_memory(sources, trained.sources)
        assert task.source_names == ("speech", "noise")
        assert task.targets == (0, 1)


def test_a_separator_learns_from_them():
    task = mix(recordings(4, 3000), recordings(4, 3000, seed=1), n_mixtures=4).test[0]
    separator = Separator(BetaNMF(2, max_iter=5, tol=0, random_state=0))
    separator.fit(task.train_mixtures, task.train_sources)
    assert separator.transform(task.mixture).shape == task.sources.shape


@pytest.mark.parametrize("rooms", [None, BATHROOM])
def test_the_same_seed_gives_the_same_arrays(rooms):
    options = {"rooms": rooms, "n_mixtures": 5, "snr_db": stats.uniform(0, 5)}
    first, again = mix(**options), mix(**options)
    assert [task.digest for task in everything(first)] == [
        task.digest for task in everything(again)
    ]
    other = mix(**options, random_state=1)
    assert everything(other)[0].digest != everything(first)[0].digest


def test_a_random_state_may_be_given():
    digests = [
        [task.digest for task in everything(mix(random_state=state))]
        for state in (np.random.RandomState(3), np.random.RandomState(3), None, None)
    ]
    assert digests[0] == digests[1]
    assert digests[2] != digests[3]


def test_mixtures_do_not_depend_on_one_another():
    few, many = mix(n_mixtures=(3, 2, 2)), mix(n_mixtures=(9, 4, 1))
    for part in ("train", "dev", "test"):
        for one, other in zip(few[part], many[part], strict=False):
            np.testing.assert_array_equal(one.sources, other.sources)


def test_shorter_interference_is_repeated():
    period = np.array([1.0, 2.0, 3.0, -6.0, 5.0])
    for task in everything(mix(recordings(4), [period, period + 1, period + 2], n_mixtures=9)):
        disturbing = task.sources[1]
        assert len(disturbing) >= 600
        np.testing.assert_allclose(disturbing[5:], disturbing[:-5])


def test_crops_are_no_pauses():
    bursts = np.zeros((3, 20000))
    for row in range(3):
        bursts[row, 15000 : 15100 + row] = 1
    tasks = everything(mix(bursts, recordings(3, 500, seed=1), seconds=0.02, n_mixtures=30))
    assert len({int(task.sources[0].argmax()) for task in tasks}) > 10
    for task in tasks:
        assert task.mixture.shape == (160,)
        # 40 dB below the mean power, of which a share of 100 in 20000 is not silent.
        assert np.count_nonzero(task.sources[0]) >= 1
        assert ratio(task) == pytest.approx(0, abs=1e-9)


def test_shorter_recordings_are_followed_by_silence():
    tasks = everything(mix(recordings(3, 100), seconds=0.05))
    for task in tasks:
        assert task.mixture.shape == (400,)
        assert task.sources[0, :100].all()
        assert not task.sources[0, 130:].any()
        assert task.sources[1].all()


def test_recordings_that_cancel_are_no_error():
    base = [np.array([1.0, -2.0]), np.array([1.0, 3.0]), np.array([2.0, 3.0])]
    clean = [np.concatenate([one, one]) for one in base]
    mixtures = mix(clean, [-one for one in clean], n_mixtures=60)
    assert any(not task.mixture.any() for task in everything(mixtures))


def test_nothing_given_is_changed():
    clean, interference = recordings(3), recordings(3, 900, seed=1)
    before = [one.copy() for one in [*clean, *interference]]
    mix(clean, interference, rooms=BATHROOM, seconds=0.1)
    for one, copy in zip([*clean, *interference], before, strict=True):
        np.testing.assert_array_equal(one, copy)


def test_integers_are_taken():
    clean = [np.arange(1, 50, dtype=np.int16) + k for k in range(3)]
    assert everything(mix(clean))[0].sources.dtype == np.float64


STEREO = [np.ones((2, 100))]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clean": recordings(2)}, r"clean holds 2 recordings, .* 3 parts: at least 3 are needed"),
        ({"interference": recordings(1, seed=1)}, "pieces of a long recording that do not overlap"),
        ({"clean": [recordings(3)]}, "clean holds 1 groups, but .* at least 3"),
        ({"clean": []}, "clean must hold at least one recording"),
        ({"clean": [[], np.ones(3)]}, "clean must hold at least one recording, and no empty"),
        ({"clean": [np.ones(0)]}, r"clean\[0\] is empty"),
        ({"clean": np.ones(9)}, r"clean\[0\] must have .* A single recording is given in a list"),
        ({"clean": STEREO}, r"clean\[0\] must have the shape \(length,\), got \(2, 100\)"),
        ({"clean": {"a": np.zeros(9)}}, r"clean\['a'\] is silent: leave it out"),
        ({"interference": [[np.ones(3), [np.nan]]]}, r"interference\[0\]\[1\] holds NaN or inf"),
        ({"clean": [np.ones(4), np.ones(4)]}, "'clean 1' and 'clean 2' hold the same samples"),
        ({"interference": recordings(5)}, "'clean 1' and 'interference 1' hold the same samples"),
        ({"sample_rate": 0}, "sample_rate must be positive and finite, got 0"),
        ({"sample_rate": 8000.5, "rooms": "mild"}, "sample_rate must be a whole number"),
        ({"seconds": 0}, "seconds must be at least that of one sample, got 0"),
        ({"seconds": np.nan}, "seconds must be at least that of one sample, got nan"),
        ({"snr_db": []}, "snr_db must hold at least one level"),
        ({"snr_db": np.inf}, "snr_db must be from -150 dB to 150 dB, got inf"),
        ({"snr_db": [0, np.nan]}, "snr_db must be from -150 dB to 150 dB, got nan"),
        ({"split": (0.7, 0.3)}, "split must be the shares of train, dev and test"),
        ({"split": (0.7, 0.1, 0.1)}, "adding up to 1, got"),
        ({"split": (1.2, -0.1, -0.1)}, "adding up to 1, got"),
        ({"n_mixtures": 2}, "n_mixtures is 2, but .* at least 3 are needed"),
        ({"n_mixtures": (1, -1, 1)}, "wants -1 mixtures for dev"),
        ({"n_mixtures": (1, 0, 1), "split": (0, 0, 1)}, "wants 1 mixtures for train"),
        ({"rooms": "church"}, "rooms must hold rooms or names"),
        ({"source_names": ("one",)}, "source_names must hold 2 names"),
        ({"targets": (2,)}, "targets must hold at least one index"),
        (
            {"rooms": BATHROOM, "clean": recordings(3, 20)},
            "ends before their sound has crossed room 'bathroom'",
        ),
    ],
)
def test_wrong_values(options, message):
    with pytest.raises(ValueError, match=message):
        mix(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clean": "song.wav"}, "clean must be a sequence or a mapping of recordings"),
        ({"clean": 3}, "clean must be a sequence or a mapping of recordings"),
        ({"clean": {1: np.ones(3)}}, "Every key of clean must be a str"),
        ({"clean": [np.ones(3, complex)]}, r"clean\[0\] must hold real samples"),
        ({"clean": [["a.wav"]]}, "must hold real samples"),
        ({"sample_rate": "16k"}, "sample_rate must be a number"),
        ({"snr_db": "loud"}, "snr_db must be a number, a sequence of numbers or a distribution"),
        ({"n_mixtures": 3.5}, "n_mixtures must be an int or three of them, got 3.5"),
        ({"n_mixtures": (1, 2)}, "n_mixtures must be an int or three of them"),
    ],
)
def test_wrong_types(options, message):
    with pytest.raises(TypeError, match=message):
        mix(**options)


def test_names_keep_several_sets_apart():
    dry, wet = mix(), mix(name="wet")
    assert [task.name for task in wet.test] == [f"wet {task.name}" for task in dry.test]
    np.testing.assert_array_equal(wet.test[0].mixture, dry.test[0].mixture)
    with pytest.raises(TypeError, match="name must be a str that is not empty, or None, got ''"):
        mix(name="")
