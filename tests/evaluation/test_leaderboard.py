"""The table: means, deviations, order, bounds, significance."""

import json

import numpy as np
import pytest

from skbss.evaluation import Evaluation, evaluate, leaderboard
from skbss.separation import IdealBinaryMask, MixtureAsEstimate
from tests.evaluation.conftest import Broken, Noisy, two_bands


def run(task, system, seed, scores, *, oracle=False, error=None, seconds=1.0, best=np.inf):
    return {
        "task": task, "tags": {}, "system": system, "oracle": oracle, "learned_from": "mixture",
        "seed": seed, "sources": ["a", "b"][: len(scores)], "version": "0",
        "metrics": [{"name": "m", "unit": "dB", "definition": "It.", "best": best}],
        "seconds": seconds, "scores": {} if error else {"m": scores}, "error": error,
        "metric_errors": {}, "warnings": [],
    }  # fmt: skip


def test_means_and_deviations_by_hand():
    evaluation = Evaluation(
        [
            run("t", "x", 0, [1.0, 3.0], seconds=1.0),
            run("t", "x", 1, [2.0, 6.0], seconds=5.0),
            run("u", "x", 0, [5.0], seconds=2.0),
            run("u", "x", 1, [7.0], seconds=3.0),
        ]
    )
    (row,) = leaderboard(evaluation).rows
    # By seed (2 + 5) / 2 and (4 + 7) / 2.
    assert row["m"] == pytest.approx(4.5)
    assert row["m_sd"] == pytest.approx(np.std([3.5, 5.5], ddof=1))
    assert row["seconds"] == 2.5
    assert (row["rank"], row["n_tasks"], row["n_failed"], row["p_value"]) == (1, 2, 0, None)
    by_task = leaderboard(evaluation, by_task=True).rows
    assert [(row["task"], row["m"]) for row in by_task] == [("t", 3), ("u", 6)]


def test_one_seed_has_no_deviation():
    (row,) = leaderboard(Evaluation([run("t", "x", 0, [1.0])])).rows
    assert row["m_sd"] is None


def test_the_order():
    evaluation = Evaluation(
        [
            run("t", "worse", 0, [1.0]), run("u", "worse", 0, [1.0]),
            run("t", "bound", 0, [9.0], oracle=True), run("u", "bound", 0, [9.0], oracle=True),
            run("t", "better", 0, [2.0]), run("u", "better", 0, [2.0]),
            run("t", "half", 0, [5.0]), run("u", "half", 0, [5.0], error="No: no"),
            run("t", "never", 0, [5.0], error="No: no"), run("u", "never", 0, [5.0], error="No"),
        ]
    )  # fmt: skip
    rows = leaderboard(evaluation).rows
    assert [row["system"] for row in rows] == ["bound", "better", "worse", "half", "never"]
    assert [row["rank"] for row in rows] == [None, 1, 2, 3, 4]
    assert [row["n_tasks"] for row in rows] == [2, 2, 2, 1, 0]
    assert np.isnan(rows[-1]["m"])
    assert rows[-1]["seconds"] is None


@pytest.mark.parametrize(("best", "winner"), [(np.inf, "high"), (-np.inf, "low"), (0.0, "zero")])
def test_what_is_better(best, winner):
    scores = {"high": 5.0, "zero": 0.5, "low": -3.0}
    runs = [run("t", name, 0, [value], best=best) for name, value in scores.items()]
    assert leaderboard(Evaluation(runs)).rows[0]["system"] == winner


def test_significance_is_of_the_difference_from_the_best():
    rng = np.random.default_rng(0)
    runs = []
    for k in range(12):
        level = 10 * rng.random()
        for name, value in (("a", 3.0), ("close", 2.99), ("far", 0.0)):
            noise = 0 if name == "far" else 0.5 * rng.standard_normal()
            runs.append(run(f"t{k}", name, 0, [level + value + noise]))
    rows = {row["system"]: row for row in leaderboard(Evaluation(runs)).rows}
    best = next(name for name, row in rows.items() if row["rank"] == 1)
    assert rows[best]["p_value"] is None
    assert rows["far"]["p_value"] == pytest.approx(2 * 2 / 2**12)
    other = "close" if best == "a" else "a"
    assert rows[other]["p_value"] > 0.05


def test_infinite_scores():
    runs = [run("t", "exact", seed, [np.inf]) for seed in (0, 1)]
    runs += [run("t", "other", seed, [3.0]) for seed in (0, 1)]
    rows = leaderboard(Evaluation(runs)).rows
    assert (rows[0]["system"], rows[0]["m"], rows[0]["m_sd"]) == ("exact", np.inf, None)
    assert "∞" in str(leaderboard(Evaluation(runs)))


def test_the_text(tasks):
    systems = {
        "noisy": Noisy(), "b<b>roken\x1b": Broken(), "ideal": IdealBinaryMask(),
        "mixture": MixtureAsEstimate(),
    }  # fmt: skip
    table = leaderboard(evaluate(systems, tasks, ["si_sdr", "sir"], seeds=2))
    text, page = str(table), table._repr_html_()
    for part in ("SI-SDR (dB)", "bound", "noisy", "2/3, 2 failed", "±", "Wilcoxon"):
        assert part in text
        assert part in page
    assert "\x1b" not in text
    assert "b<b>roken" in text
    assert "<b>" not in page
    assert max(map(len, text.splitlines())) <= 100
    # Plain numbers, which every format of files knows.
    assert json.loads(json.dumps(table.rows)) == table.rows


def test_errors(task):
    evaluation = evaluate([Noisy()], task, "si_sdr", seeds=1)
    with pytest.raises(ValueError, match="among those of all runs, si_sdr; got 'sdr'"):
        leaderboard(evaluation, "sdr")
    with pytest.raises(ValueError, match="at least one metric"):
        leaderboard(evaluation, [])
    with pytest.raises(TypeError, match="as evaluate returns it"):
        leaderboard(evaluation.rows)
    with pytest.raises(ValueError, match="holds no runs"):
        leaderboard(Evaluation([]))


def test_metrics_of_only_some_runs():
    one = evaluate([Noisy()], two_bands("one"), ["si_sdr", "snr"], seeds=1)
    two = evaluate([Noisy()], two_bands("two"), ["snr", "mse"], seeds=1)
    table = leaderboard(Evaluation([*one.runs, *two.runs]))
    assert table.metrics == ("snr",)


def test_runs_that_do_not_belong_together_are_refused(task):
    runs = evaluate([Noisy()], task, "si_sdr", seeds=1).runs
    with pytest.raises(ValueError, match="several runs of 'Noisy' on 'two bands' with seed 0"):
        leaderboard(Evaluation([*runs, *runs]))
    tagged = [{**runs[0], "tags": {"n_iter": n_iter}} for n_iter in (10, 20)]
    with pytest.raises(ValueError, match=r"choose by evaluation.where\(n_iter=...\)"):
        leaderboard(Evaluation(tagged))
    assert len(leaderboard(Evaluation(tagged).where(n_iter=20)).rows) == 1


def test_mixtures_of_one_recording_are_one_unit():
    rng = np.random.default_rng(0)
    runs = []
    for recording in range(4):
        gain = 1 + rng.random()
        for level in range(5):
            for name, value in (("a", 0.0), ("b", gain)):
                one = run(f"{recording} at {level}", name, 0, [value])
                runs.append({**one, "tags": {"clean": recording}})
    by_task, by_recording = (
        next(row for row in leaderboard(Evaluation(runs), unit=unit).rows if row["rank"] == 2)
        for unit in ("task", "clean")
    )
    assert by_task["p_value"] < 0.05 < by_recording["p_value"]
    assert by_task["m"] == by_recording["m"]
    assert "over values of clean" in " ".join(
        str(leaderboard(Evaluation(runs), unit="clean")).split()
    )
    with pytest.raises(ValueError, match=r"has no tag 'room'; its tags are \['clean'\]"):
        leaderboard(Evaluation(runs), unit="room")


def test_names_are_made_printable():
    table = str(leaderboard(Evaluation([run("a\x1b[31mX\nY", "x", 0, [1.0])]), by_task=True))
    assert "\x1b" not in table
    assert "a\\x1b[31mX\\nY" in table


def test_small_numbers_are_seen():
    runs = [run("t", "x", seed, [value]) for seed, value in enumerate((0.00123, 0.00125))]
    assert "0.00124 ± 1.41e-05" in str(leaderboard(Evaluation(runs)))
