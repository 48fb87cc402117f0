"""Systems on tasks: the record, what fails, what goes on."""

import json
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest

from skbss import STFT, BetaNMF, Separator
from skbss.evaluation import Task, evaluate, leaderboard, read_evaluation
from skbss.metrics import score_sources, si_sdr
from skbss.separation import IdealRatioMask, MixtureAsEstimate
from tests.evaluation.conftest import Broken, Noisy, two_bands


def values(evaluation, **wanted):
    return [
        row["value"]
        for row in evaluation.rows
        if all(row[key] == value for key, value in wanted.items())
    ]


def test_one_row_for_every_task_system_seed_source_and_metric(tasks):
    systems = {"noisy": Noisy(), "mixture": MixtureAsEstimate()}
    evaluation = evaluate(systems, tasks, ["si_sdr", "mse"], seeds=[3, 1])
    keys = [
        tuple(row[key] for key in ("task", "system", "seed", "source", "metric"))
        for row in evaluation.rows
    ]
    assert keys == [
        (f"task {k}", system, seed, source, metric)
        for k in range(3)
        for system, seeds in (("noisy", (3, 1)), ("mixture", (3,)))
        for seed in seeds
        for source in ("source 1", "source 2")
        for metric in ("si_sdr", "mse")
    ]
    assert {row["error"] for row in evaluation.rows} == {None}
    assert {row["unit"] for row in evaluation.rows} == {"dB", ""}
    assert repr(evaluation) == "Evaluation(9 runs of 2 systems on 3 tasks)"


def test_scores_are_those_of_the_metrics(task):
    evaluation = evaluate({"noisy": Noisy()}, task, ["si_sdr", "snr"], seeds=[7])
    estimates = Noisy(random_state=7).fit(task.mixture).transform(task.mixture)
    expected = score_sources(task.sources, estimates, ["si_sdr", "snr"])
    for name, scores in expected.items():
        np.testing.assert_array_equal(values(evaluation, metric=name), scores)


def test_seeds_decide_and_nothing_else(tasks):
    one = evaluate([Noisy()], tasks, "si_sdr", seeds=3)
    other = evaluate([Noisy()], tasks[::-1], "si_sdr", seeds=[2, 1, 0], n_jobs=2)
    for task in ("task 0", "task 1", "task 2"):
        for seed in range(3):
            wanted = {"task": task, "seed": seed}
            assert values(one, **wanted) == values(other, **wanted)
    assert len(set(values(one, task="task 0", source="source 1"))) == 3


def test_the_order_of_the_sources_is_found(task):
    class Swapped(Noisy):
        def transform(self, X):
            return super().transform(X)[::-1]

    scores = [
        values(evaluate([kind()], task, ["si_sdr", "sir"], seeds=1)) for kind in (Noisy, Swapped)
    ]
    assert scores[0] == scores[1] or min(scores[1]) > 10


def test_what_fit_is_given(task):
    seen = {}

    class Learner(Noisy):
        def __init__(self, noise=0.1, random_state=None, supervised=True):
            super().__init__(noise, random_state)
            self.supervised = supervised

        def fit(self, X, y=None):
            seen[self.supervised] = (X, y)
            return self

    clips = [np.ones(50), np.ones(70)]
    sources = [np.ones((2, 50)), np.ones((2, 70))]
    trained = Task(
        "trained", task.mixture, task.sources, 8000, train_mixtures=clips, train_sources=sources
    )
    evaluation = evaluate(
        {"blind": Learner(supervised=False), "learned": Learner()}, trained, "si_sdr", seeds=1
    )
    assert seen[False][1] is None
    np.testing.assert_array_equal(seen[False][0], task.mixture)
    for given, expected in zip(seen[True], (clips, sources), strict=True):
        for one, other in zip(given, expected, strict=True):
            np.testing.assert_array_equal(one, other)
    learned_from = {row["system"]: row["learned_from"] for row in evaluation.rows}
    assert learned_from == {"blind": "mixture", "learned": "training set"}
    untrained = evaluate([Learner()], task, "si_sdr", seeds=1)
    assert "no recordings to learn from" in untrained.failures[0]["error"]


def test_parameters_that_are_open_become_those_of_the_task(task):
    seen = []

    class Open(Noisy):
        def __init__(self, noise=0.1, random_state=None, n_sources=None, sample_rate=None):
            super().__init__(noise, random_state, n_sources)
            self.sample_rate = sample_rate

        def fit(self, X, y=None):
            seen.append((self.n_sources, self.sample_rate, self.random_state))
            return self

    evaluate([Open()], task, "si_sdr", seeds=[4])
    evaluate([Open(n_sources=5, sample_rate=1.0, random_state=9)], task, "si_sdr", seeds=[4])
    assert seen == [(2, 8000, 4), (5, 1.0, 4)]


def test_several_channels_stay_one_clip():
    sources = np.random.default_rng(0).standard_normal((2, 3, 4000))
    task = Task("three microphones", sources.sum(axis=0), sources, 8000)
    systems = [IdealRatioMask(stft=STFT(256)), MixtureAsEstimate()]
    evaluation = evaluate(systems, task, "si_sdr")
    assert len(evaluation.rows) == 4
    bound, mixture = values(evaluation)[:2], values(evaluation)[2:]
    assert min(bound) > max(mixture) + 3
    np.testing.assert_allclose(
        mixture, si_sdr(sources.reshape(2, -1), np.stack([task.mixture.ravel()] * 2))
    )


def test_only_targets_are_scored(task):
    speech = Task("speech", task.mixture, task.sources, 8000, targets=[1])
    both = evaluate([Noisy()], task, ["si_sdr", "sir"], seeds=1)
    one = evaluate([Noisy()], speech, ["si_sdr", "sir"], seeds=1)
    assert values(one) == values(both, source="source 2")


def test_a_failing_system_is_recorded_and_the_others_go_on(tasks):
    evaluation = evaluate({"broken": Broken(), "noisy": Noisy()}, tasks, "si_sdr", seeds=2)
    failed = [row for row in evaluation.rows if row["error"]]
    assert {row["error"] for row in failed} == {"RuntimeError: too <short>"}
    assert {(row["system"], row["task"]) for row in failed} == {("broken", "task 0")}
    assert len(failed) == 4
    assert all(np.isnan(row["value"]) for row in failed)
    assert [f["seed"] for f in evaluation.failures] == [0, 1]
    assert np.isfinite(values(evaluation, system="noisy")).all()


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (np.zeros((2, 999)), "must give sources of shape"),
        (np.zeros((1, 1000)), "gave 1 source"),
        (np.full((2, 1000), np.nan), "NaN or infinite"),
    ],
)
def test_what_is_no_separation_fails(task, result, message):
    class Wrong(Noisy):
        def transform(self, X):
            return result

    assert message in evaluate([Wrong()], task, "si_sdr", seeds=1).failures[0]["error"]


def test_warnings_are_kept_for_the_record(task):
    class Doubtful(Noisy):
        def fit(self, X, y=None):
            warnings.warn("doubt", UserWarning, stacklevel=1)
            return self

    evaluation = evaluate([Doubtful()], task, "si_sdr", seeds=2)
    assert [entry["warning"] for entry in evaluation.warnings] == ["UserWarning: doubt"] * 2
    silent = Task("silence", task.mixture, task.sources * [[1], [0]], 8000)
    evaluation = evaluate([Noisy()], silent, "si_sdr", seeds=1)
    assert "silent" in evaluation.warnings[0]["warning"]
    assert np.isnan(values(evaluation)).tolist() == [False, True]


def test_pandas_and_polars_read_it(tasks, tmp_path):
    tagged = two_bands("tagged", tags={"snr_db": 5.0, "room": "mild"})
    evaluation = evaluate({"noisy": Noisy(), "broken": Broken()}, [*tasks, tagged], seeds=2)
    frame, other = pd.DataFrame(evaluation.rows), pl.DataFrame(evaluation.rows)
    assert list(frame.columns) == other.columns
    assert len(frame) == other.height == 4 * 2 * 2 * 2 * 4
    assert set(frame["tag_room"].dropna()) == {"mild"}
    mean = frame[frame.metric == "si_sdr"].groupby("system").value.mean()
    assert mean["noisy"] > 10
    evaluation.to_csv(tmp_path / "scores.csv")
    again = pd.read_csv(tmp_path / "scores.csv")
    np.testing.assert_allclose(again["value"], frame["value"])
    assert list(again.columns) == list(frame.columns)


def test_finished_runs_are_not_run_again(tasks, tmp_path):
    path = tmp_path / "deep" / "scores.jsonl"
    first = evaluate({"noisy": Noisy()}, tasks[:2], "si_sdr", seeds=2, path=path)
    before = path.read_bytes()
    again = evaluate({"noisy": Noisy()}, tasks[:2], "si_sdr", seeds=2, path=path)
    assert path.read_bytes() == before
    assert again.rows == first.rows
    more = evaluate({"noisy": Noisy()}, tasks, "si_sdr", seeds=3, path=path)
    assert path.read_bytes().startswith(before)
    assert len(path.read_bytes().splitlines()) == 1 + 9
    assert len(more.runs) == 9
    changed = evaluate({"noisy": Noisy(0.2)}, tasks, "si_sdr", seeds=3, path=path)
    assert values(changed) != values(more)
    assert len(read_evaluation(path).runs) == 18
    other = evaluate(
        {"noisy": Noisy()}, two_bands("task 0", 800, seed=9), "si_sdr", seeds=1, path=path
    )
    assert values(other) != values(first, task="task 0", seed=0)


def test_tags_are_those_of_the_task_today(tmp_path):
    path = tmp_path / "scores.jsonl"
    for room in ("mild", "medium"):
        tagged = two_bands(tags={"room": room})
        evaluation = evaluate([Noisy()], tagged, "si_sdr", seeds=1, path=path)
        assert {row["tag_room"] for row in evaluation.rows} == {room}
    assert len(path.read_bytes().splitlines()) == 2


def test_what_a_stop_cut_short_is_run_again(tasks, tmp_path):
    path = tmp_path / "scores.jsonl"
    whole = evaluate([Noisy()], tasks, "si_sdr", seeds=2, path=path)
    lines = path.read_bytes().splitlines(keepends=True)
    for kept in (lines[:4], [*lines[:4], lines[4][:20]], [lines[0][:9]], []):
        path.write_bytes(b"".join(kept))
        again = evaluate([Noisy()], tasks, "si_sdr", seeds=2, path=path)
        assert [row["value"] for row in again.rows] == [row["value"] for row in whole.rows]
        assert len(read_evaluation(path).runs) == 6


class Mortal(Noisy):
    """Kills its process in the middle, where the environment says so."""

    def transform(self, X):
        if os.environ.get("KILL") and self.random_state == 2 and len(X) == 900:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().transform(X)


def test_killed_in_the_middle_it_gives_the_same_table(tasks, tmp_path):
    path, reference = tmp_path / "killed.jsonl", evaluate([Mortal()], tasks, "si_sdr", seeds=4)
    code = """
import sys
sys.path.insert(0, sys.argv[2])
from skbss.evaluation import evaluate
from tests.evaluation.conftest import two_bands
from tests.evaluation.test_evaluate import Mortal

tasks = [two_bands(f"task {k}", 800 + 100 * k, k) for k in range(3)]
evaluate([Mortal()], tasks, "si_sdr", seeds=4, path=sys.argv[1])
"""
    command = [sys.executable, "-c", code, path, str(Path(__file__).parents[2])]
    done = subprocess.run(command, env={**os.environ, "KILL": "1"}, check=False, timeout=300)
    assert done.returncode == -signal.SIGKILL
    assert len(read_evaluation(path).runs) == 6
    resumed = evaluate([Mortal()], tasks, "si_sdr", seeds=4, path=path)
    assert len(path.read_bytes().splitlines()) == 13
    for one, other in zip(leaderboard(resumed).rows, leaderboard(reference).rows, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}


def test_what_can_not_be_recognized_again_is_refused(task, tmp_path):
    class Local(Noisy):
        pass

    with pytest.raises(TypeError, match=r"separators\['Local'\] can not be recognized"):
        evaluate([Local()], task, "si_sdr", path=tmp_path / "scores.jsonl")
    assert len(evaluate([Local()], task, "si_sdr", seeds=2).runs) == 2


class Editable(Noisy):
    """Its code changes between runs."""


def test_code_that_changed_is_run_anew(task, tmp_path, monkeypatch):
    path = tmp_path / "scores.jsonl"
    first = values(evaluate([Editable()], task, "si_sdr", seeds=1, path=path))
    monkeypatch.setattr(Editable, "transform", lambda self, X: np.stack([X, X]), raising=False)
    second = values(evaluate([Editable()], task, "si_sdr", seeds=1, path=path))
    assert min(first) > max(second) + 5

    def constant(value):
        source = f"def mine(references, estimates):\n    return [{value}] * len(references)"
        names = {"__name__": "mine"}
        exec(source, names)
        return names["mine"]

    for value in (1.0, 2.0):
        found = evaluate([Editable()], task, constant(value), seeds=1, path=path)
        assert values(found) == [value, value]


def test_fitted_or_not_is_the_same_system(task, tmp_path):
    path = tmp_path / "scores.jsonl"
    system = Noisy()
    evaluate([system], task, "si_sdr", seeds=1, path=path)
    evaluate([system.fit(task.mixture)], task, "si_sdr", seeds=1, path=path)
    assert len(path.read_bytes().splitlines()) == 2


def test_what_failed_is_tried_again(task, tmp_path, monkeypatch):
    path = tmp_path / "scores.jsonl"
    short = two_bands(length=800)
    assert evaluate([Broken()], short, "si_sdr", seeds=1, path=path).failures
    monkeypatch.setattr(Broken.fit, "__code__", Noisy.fit.__code__)
    assert not evaluate([Broken()], short, "si_sdr", seeds=1, path=path).failures
    assert not read_evaluation(path).where(seed=1).runs


class Careless(Noisy):
    """Writes into what it is given."""

    def transform(self, X):
        estimates = super().transform(X)
        X[:] = 9
        return estimates


def test_what_a_system_writes_into_its_input_stays_there(task):
    def careless(references, estimates):
        estimates[:] = 3
        return np.ones(len(references))

    def rude(references, estimates):
        references[:] = 3
        return np.ones(len(references))

    expected = values(evaluate([MixtureAsEstimate()], task, "si_sdr"))
    systems = {"careless": Careless(), "mixture": MixtureAsEstimate()}
    evaluation = evaluate(systems, task, [careless, rude, "si_sdr"], seeds=1)
    assert values(evaluation, system="mixture", metric="si_sdr") == expected
    assert min(values(evaluation, system="careless", metric="si_sdr")) > 10
    with pytest.raises(ValueError, match="read-only"):
        task.mixture[0] = 1
    assert evaluation.failures == []


def test_a_failing_metric_leaves_the_others(task):
    def broken(references, estimates):
        raise RuntimeError("no")

    evaluation = evaluate([Noisy()], task, ["si_sdr", broken, "snr"], seeds=1)
    assert np.isfinite(values(evaluation, metric="si_sdr")).all()
    assert np.isfinite(values(evaluation, metric="snr")).all()
    assert np.isnan(values(evaluation, metric="broken")).all()
    assert {row["error"] for row in evaluation.rows} == {None, "RuntimeError: no"}
    assert [entry["metric"] for entry in evaluation.failures] == ["broken"]
    assert leaderboard(evaluation).rows[0]["n_failed"] == 0
    assert leaderboard(evaluation, "broken").rows[0]["n_failed"] == 1


class Exiting(Noisy):
    """Ends the program."""

    def fit(self, X, y=None):
        raise SystemExit(3)


class Deadly(Noisy):
    """Takes its process with it on what is short."""

    def fit(self, X, y=None):
        if len(X) < 900:
            os._exit(1)
        return self


def test_a_system_that_exits_is_a_failure(task):
    evaluation = evaluate({"exiting": Exiting(), "noisy": Noisy()}, task, "si_sdr", seeds=1)
    assert [entry["error"] for entry in evaluation.failures] == ["SystemExit: 3"]


def test_a_system_that_dies_does_not_stop_the_others(tasks):
    systems = {"deadly": Deadly(), "noisy": Noisy()}
    evaluation = evaluate(systems, tasks[:2], "si_sdr", seeds=1, n_jobs=2)
    assert [(entry["task"], entry["system"]) for entry in evaluation.failures] == [
        ("task 0", "deadly")
    ]
    assert "The process died" in evaluation.failures[0]["error"]
    assert np.isfinite(values(evaluation, system="noisy")).all()


def test_a_table_is_written_whole_or_not_at_all(tmp_path):
    odd = two_bands("a\udcff,\n")
    path = tmp_path / "scores.csv"
    evaluate([Noisy()], odd, "si_sdr", seeds=1).to_csv(path)
    assert list(pd.read_csv(path)["task"]) == ["a\\udcff,\n"] * 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["scores.csv"]
    with pytest.raises(OSError, match="directory"):
        evaluate([Noisy()], odd, "si_sdr", seeds=1).to_csv(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["scores.csv"]


def test_some_of_the_runs(tasks):
    evaluation = evaluate([Noisy(), MixtureAsEstimate()], tasks, "si_sdr", seeds=2)
    some = evaluation.where(task="task 1", system="Noisy")
    assert [(run["task"], run["seed"]) for run in some.runs] == [("task 1", 0), ("task 1", 1)]


def test_a_folder_is_no_path(task, tmp_path):
    with pytest.raises(ValueError, match="path must be a file"):
        evaluate([Noisy()], task, "si_sdr", path=tmp_path)


@pytest.mark.parametrize("content", ["something\n", "[1]\n", '{"a": 1}', '{"format": "other"}\n'])
def test_other_files_are_left_alone(task, tmp_path, content):
    path = tmp_path / "notes.txt"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"notes.txt' is no record of an evaluation"):
        evaluate([Noisy()], task, "si_sdr", path=path)
    assert path.read_text() == content
    with pytest.raises(FileNotFoundError, match="no evaluation in"):
        read_evaluation(tmp_path / "missing")


def test_a_record_that_was_tampered_with_is_refused(task, tmp_path):
    path = tmp_path / "scores.jsonl"
    evaluate([Noisy()], task, "si_sdr", seeds=1, path=path)
    header, line = path.read_text().splitlines()
    entry = json.loads(line)
    del entry["run"]["scores"]
    path.write_text(f"{header}\n{json.dumps(entry)}\n")
    with pytest.raises(ValueError, match="no record of an evaluation"):
        read_evaluation(path)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_every_backend(tasks, backend):
    expected = evaluate([Noisy()], tasks, "si_sdr", seeds=2)
    with joblib.parallel_config(backend=backend, n_jobs=2):
        found = evaluate([Noisy()], tasks, "si_sdr", seeds=2)
    assert values(found) == values(expected)


def test_progress_is_shown_where_it_is_wanted(task, capsys):
    evaluate([Noisy()], task, "si_sdr", seeds=2)
    assert capsys.readouterr().err == ""
    evaluate({"\x1b[31mred": Noisy()}, task, "si_sdr", seeds=2, progress=True)
    shown = capsys.readouterr().err
    assert "2/2" in shown
    assert "\x1b[31mred" not in shown


def test_a_real_separator(tmp_path):
    time = np.arange(8000) / 8000
    sources = np.sin(2 * np.pi * np.array([[300.0], [1500.0]]) * time)
    sources *= np.array([time < 0.6, time > 0.4])
    task = Task("tones", sources.sum(axis=0), sources, 8000)
    nmf = Separator(BetaNMF(2, max_iter=50, tol=0), supervised=False)
    evaluation = evaluate(
        {"nmf": nmf, "bound": IdealRatioMask()}, task, "si_sdr", seeds=1, n_jobs=2
    )
    assert min(values(evaluation, system="nmf")) > 10
    assert [row["oracle"] for row in evaluation.rows] == [False, False, True, True]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (({}, two_bands()), ValueError, "at least one system"),
        (({1: Noisy()}, two_bands()), TypeError, "must be strings, got 1"),
        (({"class": Noisy}, two_bands()), TypeError, r"separators\['class'\] must be an estimator"),
        (([Noisy()], []), ValueError, "at least one task"),
        (([Noisy()], ["task"]), TypeError, r"tasks\[0\] must be a Task, got str"),
        (([Noisy()], [two_bands(), two_bands()]), ValueError, "there are two 'two bands'"),
        (([Noisy()], two_bands(), "sdrr"), ValueError, "There is no metric 'sdrr'"),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        evaluate(*arguments)


@pytest.mark.parametrize(
    ("seeds", "error", "message"),
    [
        (0, ValueError, "at least one seed"),
        ([1, 1], ValueError, "each once"),
        ([-1], ValueError, "Every seed must be from 0"),
        ([0.5], TypeError, "seeds must hold integers, got 0.5"),
        (1.5, TypeError, "seeds must be an int or a sequence"),
    ],
)
def test_seeds_must_be_integers(task, seeds, error, message):
    with pytest.raises(error, match=message):
        evaluate([Noisy()], task, seeds=seeds)


def test_a_silent_estimate_is_no_advantage(task):
    class Hushed(Noisy):
        def transform(self, X):
            estimates = super().transform(X)
            estimates[np.argmin(si_sdr(task.sources, estimates))] = 0
            return estimates

    table = leaderboard(evaluate({"hushed": Hushed(), "noisy": Noisy()}, task, "si_sdr", seeds=1))
    assert [row["system"] for row in table.rows] == ["noisy", "hushed"]
    assert [row["n_undefined"] for row in table.rows] == [0, 1]
    assert "1/1, 1 value undefined" in str(table)


def test_a_silent_reference_is_nobodys_fault(task):
    silent = Task("silence", task.mixture, task.sources * [[1], [0]], 8000)
    table = leaderboard(evaluate({"one": Noisy(), "two": Noisy(0.2)}, silent, "si_sdr", seeds=1))
    assert [row["n_undefined"] for row in table.rows] == [0, 0]
