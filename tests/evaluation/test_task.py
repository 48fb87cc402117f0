"""Tasks: what they hold, what they refuse, and their fingerprint."""

import copy
import pickle

import numpy as np
import pytest

from skbss.evaluation import Task


def make_task(name="a task", n_channels=None, **changes):
    rng = np.random.default_rng(0)
    axes = () if n_channels is None else (n_channels,)
    sources = rng.standard_normal((2, *axes, 400))
    train = [rng.standard_normal((2, *axes, length)) for length in (300, 500)]
    arguments = {
        "mixture": sources.sum(axis=0),
        "sources": sources,
        "sample_rate": 8000,
        "train_mixtures": [one.sum(axis=0) for one in train],
        "train_sources": train,
        "tags": {"snr_db": 5.0, "room": "mild"},
    }
    return Task(name, **(arguments | changes))


def test_what_a_task_holds():
    task = make_task(n_channels=2, source_names=["speech", "noise"], targets=[np.int64(0)])
    assert (task.n_sources, task.n_channels) == (2, 2)
    assert task.source_names == ("speech", "noise")
    assert task.targets == (0,)
    assert task.tags == {"snr_db": 5.0, "room": "mild"}
    assert [clip.shape for clip in task.train_sources] == [(2, 2, 300), (2, 2, 500)]
    assert repr(task) == (
        "Task('a task', 2 sources, 2 channels, 0.05 s at 8000 Hz, 2 clips to train on)"
    )


def test_what_is_filled_in():
    task = Task("bare", [1, 2, 3], [[1, 2, 3]], 44100.0)
    assert task.mixture.dtype == task.sources.dtype == np.float64
    assert (task.source_names, task.targets, task.tags) == (("source 1",), (0,), {})
    assert task.train_mixtures is None
    assert task.train_sources is None
    assert task.n_channels == 1
    assert repr(task) == "Task('bare', 1 source, 1 channel, 6.8e-05 s at 44100 Hz)"


def test_precision_stays_and_nothing_is_copied():
    sources = np.ones((2, 10), np.float32)
    task = Task("single", sources.sum(axis=0), sources, 8000)
    assert task.mixture.dtype == np.float32
    assert np.shares_memory(task.sources, sources)


def test_clips_of_training_may_be_stacked():
    stacked = np.ones((3, 2, 50))
    task = make_task(train_mixtures=stacked.sum(axis=1), train_sources=stacked)
    assert len(task.train_mixtures) == 3


def test_many_tasks_share_one_training_set():
    first = make_task()
    second = make_task(train_mixtures=first.train_mixtures, train_sources=first.train_sources)
    assert second.train_mixtures is first.train_mixtures
    assert second.train_sources is first.train_sources
    assert first.digest == second.digest


def test_training_sets_of_two_tasks_do_not_mix():
    first, second = make_task(), make_task(n_channels=2)
    with pytest.raises(ValueError, match=r"train_sources\[0\] must hold the true sources"):
        make_task(train_mixtures=first.train_mixtures, train_sources=second.train_sources)


def test_tasks_are_equal_by_identity():
    task = make_task()
    assert task in [task]
    assert task != make_task()
    assert len({task, make_task()}) == 2


def test_tasks_do_not_change():
    with pytest.raises(AttributeError, match="cannot assign"):
        make_task().mixture = np.ones(3)


@pytest.mark.parametrize("copied", [copy.copy, lambda task: pickle.loads(pickle.dumps(task))])
def test_copies_have_the_same_digest(copied):
    task = make_task()
    assert copied(task).digest == task.digest == make_task().digest
    assert len(task.digest) == 64


def test_the_digest_is_that_of_every_machine():
    task = Task(
        "fixed",
        [1.0, 2.0],
        [[1.0, 0.0], [0.0, 2.0]],
        8000,
        train_mixtures=[[3.0]],
        train_sources=[[[1.0], [2.0]]],
    )
    assert task.digest == "1426bb17c1ec491f659bf1986a33d8d119f8f8170a5f354094883ab6fcf20100"


def test_memory_order_does_not_change_the_digest():
    task = make_task()
    other = make_task(sources=np.asfortranarray(task.sources), mixture=task.mixture.astype(">f8"))
    assert other.digest == task.digest


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "another"},
        {"sample_rate": 16000},
        {"source_names": ["speech", "noise"]},
        {"targets": [0]},
        {"targets": [1, 0]},
        {"mixture": np.ones(400)},
        {"sources": np.ones((2, 400))},
        {"train_mixtures": None, "train_sources": None},
        {"train_mixtures": [np.ones(9)], "train_sources": [np.ones((2, 9))]},
        {"mixture": make_task().mixture.astype(np.float32)},
    ],
)
def test_what_decides_a_result_changes_the_digest(changes):
    assert make_task(**changes).digest != make_task().digest


def test_tags_do_not_change_the_digest():
    assert make_task(tags=None).digest == make_task().digest


def test_names_do_not_run_together_in_the_digest():
    one, other = make_task(source_names=["ab", "c"]), make_task(source_names=["a", "bc"])
    assert one.digest != other.digest


ROUGH = np.r_[np.ones(399), np.nan]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": ""}, "name must not be empty"),
        ({"mixture": np.ones((1, 1, 400))}, r"mixture must have the shape \(\[n_channels,\]"),
        ({"mixture": np.ones(0)}, r"mixture of shape \(0,\) is empty"),
        ({"mixture": ROUGH}, "Input mixture contains NaN"),
        ({"sources": np.ones((2, 399))}, r"have the shape \(n_sources, 400\), got \(2, 399\)"),
        ({"sources": np.ones(400)}, r"have the shape \(n_sources, 400\), got \(400,\)"),
        ({"sources": np.ones((2, 1, 400))}, "sources must hold the true sources of mixture"),
        ({"sources": [ROUGH, ROUGH]}, "Input sources contains NaN"),
        ({"sample_rate": 0}, "sample_rate must be positive and finite, got 0"),
        ({"sample_rate": np.nan}, "sample_rate must be positive and finite, got nan"),
        ({"source_names": ["one"]}, "source_names must hold 2 names, got 1"),
        ({"source_names": ["one", "one"]}, "source_names must differ"),
        ({"targets": []}, "targets must hold at least one index from 0 to 1"),
        ({"targets": [2]}, r"index from 0 to 1, got \(2,\)"),
        ({"targets": [-1]}, r"index from 0 to 1, got \(-1,\)"),
        ({"targets": [1, 1]}, "targets must hold every index once"),
        ({"train_sources": None}, "must be given together"),
        ({"train_mixtures": None}, "must be given together"),
        ({"train_mixtures": [], "train_sources": []}, "at least one: got 0 and 0"),
        ({"train_mixtures": [np.ones(300)]}, "as many clips, at least one: got 1 and 2"),
        (
            {"train_mixtures": np.ones(2)},
            r"train_mixtures\[0\] must have the shape .*: one array per clip",
        ),
        (
            {"train_mixtures": [np.ones(9)], "train_sources": [np.ones((3, 9))]},
            r"train_sources\[0\] must hold the 2 sources of the task, got 3",
        ),
        (
            {"train_mixtures": [np.ones(9)], "train_sources": [np.ones((2, 8))]},
            r"train_sources\[0\] must hold the true sources of train_mixtures\[0\]",
        ),
        (
            {"train_mixtures": [np.full(9, np.inf)], "train_sources": [np.ones((2, 9))]},
            r"Input train_mixtures\[0\] contains infinity",
        ),
        ({"tags": {"": 1}}, "Every key of tags must not be empty"),
    ],
)
def test_wrong_values(changes, message):
    with pytest.raises(ValueError, match=message):
        make_task(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": 3}, "name must be a str, got 3"),
        ({"sample_rate": "16k"}, "sample_rate must be a number, got '16k'"),
        ({"source_names": "ab"}, "source_names must be a sequence of str, got the str 'ab'"),
        ({"source_names": ["a", 1]}, r"source_names\[1\] must be a str"),
        ({"targets": [0.5]}, "targets must hold indices of sources, got 0.5"),
        ({"targets": [True, False]}, "targets must hold indices of sources, got True"),
        ({"tags": ["room"]}, "tags must be a mapping"),
        ({"tags": {1: "a"}}, "Every key of tags must be a str"),
        ({"tags": {"room": [1]}}, r"tags\['room'\] must be a str or a number"),
    ],
)
def test_wrong_types(changes, message):
    with pytest.raises(TypeError, match=message):
        make_task(**changes)


def test_channels_come_before_time():
    recording = np.random.default_rng(0).standard_normal((500, 2))
    with pytest.raises(ValueError, match=r"fewer samples than channels: .*mixture.T"):
        Task("stereo", recording, recording[None], 8000)
