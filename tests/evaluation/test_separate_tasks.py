"""The sounds behind the scores."""

import numpy as np
import pytest

from skbss.evaluation import Task, evaluate, listening_test, separate_tasks
from skbss.metrics import si_sdr
from tests.evaluation.conftest import Broken, Noisy, two_bands


def test_the_sounds_are_those_that_were_scored(tasks):
    systems = {"fine": Noisy(), "poor": Noisy(0.5)}
    sounds = separate_tasks(systems, tasks, seed=3)
    assert list(sounds.estimates) == ["fine", "poor"]
    for row in evaluate(systems, tasks, "si_sdr", seeds=[3]).rows:
        item = row["task"], row["source"]
        score = si_sdr(sounds.references[item][None], sounds.estimates[row["system"]][item][None])
        assert score == pytest.approx(row["value"])
    np.testing.assert_array_equal(sounds.mixtures["task 1", "source 2"], tasks[1].mixture)


def test_only_targets_are_there(task):
    speech = Task("speech", task.mixture, task.sources, 8000, targets=[1])
    sounds = separate_tasks([Noisy()], speech)
    assert list(sounds.references) == [("speech", "source 2")]


def test_people_can_listen_to_them(tmp_path):
    sounds = separate_tasks([Noisy(), Noisy(0.5)], two_bands(length=6000))
    page = listening_test(
        sounds.estimates,
        sounds.references,
        tmp_path / "test",
        sample_rate=8000,
        mixtures=sounds.mixtures,
        scales=["quality"],
    )
    assert page.exists()


def test_what_goes_wrong_is_raised():
    with pytest.raises(RuntimeError, match="too <short>"):
        separate_tasks([Broken()], two_bands(length=800))
