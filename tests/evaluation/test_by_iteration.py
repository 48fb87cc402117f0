"""Scores over the iterations: those of the systems with that limit."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skbss import STFT, BetaNMF, Separator
from skbss.evaluation import Task, by_iteration, evaluate
from skbss.separation import MixtureAsEstimate

pytestmark = pytest.mark.usefixtures("few_programs")


@pytest.fixture(scope="module")
def task():
    rng = np.random.default_rng(0)
    time = np.arange(6000) / 8000
    sources = np.sin(2 * np.pi * np.array([[300.0], [700.0]]) * time)
    sources *= rng.random((2, 12)).repeat(500, axis=1)
    train = sources[:, ::-1]
    return Task(
        "tones",
        sources.sum(axis=0),
        sources,
        8000,
        train_mixtures=[train.sum(axis=0)],
        train_sources=[train],
    )


def system(supervised, **options):
    options = {"tol": 0, **options}
    factorizer = BetaNMF(4, init="random", beta_loss="kullback-leibler", **options)
    return Separator(factorizer, stft=STFT(512), supervised=supervised)


@pytest.mark.parametrize("supervised", [False, True])
def test_the_same_as_systems_with_that_limit(task, supervised):
    found = by_iteration(
        {"nmf": system(supervised)}, task, "si_sdr", iterations=[30, 10, 15], seeds=2
    )
    for n_iter in (10, 15, 30):
        alone = evaluate({"nmf": system(supervised, max_iter=n_iter)}, task, "si_sdr", seeds=2)
        values = [row["value"] for row in found.rows if row["tag_n_iter"] == n_iter]
        assert values == [row["value"] for row in alone.rows]
    assert found.failures == []


def test_stopping_is_no_warning(task):
    unfinished = system(False, tol=1e-9, max_iter=10)
    with pytest.warns(ConvergenceWarning):
        unfinished.fit(task.mixture)
    found = by_iteration([unfinished], task, "si_sdr", iterations=[10], seeds=1)
    assert found.warnings == []


def test_the_parameter_can_be_named(task):
    found = by_iteration(
        {"nmf": system(False)}, task, "si_sdr", iterations=[5, 10], seeds=1,
        parameter="factorizer__max_iter",
    )  # fmt: skip
    assert [row["tag_n_iter"] for row in found.rows] == [5, 5, 10, 10]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"iterations": []}, ValueError, "at least one number"),
        ({"iterations": [0]}, ValueError, "must be positive, got 0"),
        ({"iterations": [1.5]}, TypeError, "must hold integers, got 1.5"),
        ({"parameter": "steps"}, ValueError, r"has no parameter 'steps'. Those it has: factorizer"),
    ],
)
def test_errors(task, options, error, message):
    with pytest.raises(error, match=message):
        by_iteration({"nmf": system(False)}, task, "si_sdr", **options)


def test_systems_without_iterations(task):
    with pytest.raises(ValueError, match="has 0 parameters that end in max_iter"):
        by_iteration([MixtureAsEstimate()], task, "si_sdr")


def test_a_tag_that_is_taken(task):
    tagged = Task("tagged", task.mixture, task.sources, 8000, tags={"n_iter": 3})
    with pytest.raises(ValueError, match="has a tag n_iter"):
        by_iteration([system(False)], tagged, "si_sdr")
