"""The report on numbers and perception: what the data say, and nothing else."""

import dataclasses
import math
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import stats

from skbss.evaluation import DisparityReport, Ratings, Task, disparity_report, evaluate
from skbss.metrics import METRICS
from skbss.separation import IdealRatioMask, MixtureAsEstimate

N_TASKS, N_SYSTEMS = 12, 6


def rows_of(n_tasks=N_TASKS, n_systems=N_SYSTEMS, seed=0, **metrics):
    """Rows of metrics that are functions of a score of standard normal distribution."""
    rng = np.random.default_rng(seed)
    return [
        {
            "task": f"task {task}",
            "system": f"system {system}",
            "seed": 0,
            "source": "voice",
            "metric": metric,
            "value": float(function(score, rng)),
            "error": None,
        }
        for task in range(n_tasks)
        for system, score in enumerate(rng.standard_normal(n_systems))
        for metric, function in metrics.items()
    ]


def same(score, _):
    return score


def opposite(score, _):
    return -score


def error(score, _):
    return math.exp(-score)


def increasing_error(score, _):
    return math.exp(score)


def noisy(score, rng):
    return score + 0.5 * rng.standard_normal()


def unrelated(_, rng):
    return rng.standard_normal()


def constant(*_):
    return 1.0


@pytest.fixture
def model_of_hearing(monkeypatch):
    """A metric named "heard" that models perception, among those of the library."""
    heard = dataclasses.replace(METRICS["snr"], name="heard", title="Heard", perceptual=True)
    monkeypatch.setattr("skbss.metrics.METRICS", {**METRICS, "heard": heard})


def report_of(rows, **options):
    return disparity_report(rows, **({"n_resamples": 300} | options))


def only(report):
    (pair,) = report.correlations
    (sentence,) = report.findings
    return pair, sentence


def test_planted_agreement():
    pair, sentence = only(report_of(rows_of(sdr=same, sir=noisy)))
    assert pair["verdict"] == "alike"
    assert 0.5 < pair["spearman_low"] < pair["spearman"] < pair["spearman_high"] <= 1
    assert 0 < pair["kendall_low"] < pair["kendall"] < pair["kendall_high"] <= 1
    assert (pair["n_systems"], pair["n_items"], pair["n_units"]) == (6, 12, 12)
    assert sentence == (
        f"Over 6 systems and 12 tasks, SDR and SIR rank the systems alike: rho "
        f"{pair['spearman']:.2f} [{pair['spearman_low']:.2f}, {pair['spearman_high']:.2f}], tau "
        f"{pair['kendall']:.2f} [{pair['kendall_low']:.2f}, {pair['kendall_high']:.2f}]."
    )


def test_planted_disagreement():
    pair, sentence = only(report_of(rows_of(sdr=same, sir=opposite)))
    assert pair["verdict"] == "opposite"
    assert (pair["spearman"], pair["spearman_high"], pair["kendall"]) == (-1, -1, -1)
    assert "SDR and SIR rank the systems in opposite order: rho -1.00 [-1.00, -1.00]" in (
        sentence.replace("\N{MINUS SIGN}", "-")
    )


def test_weak_agreement_is_called_a_tendency():
    pair, sentence = only(
        report_of(rows_of(40, sdr=same, sir=lambda score, rng: score + 2 * rng.standard_normal()))
    )
    assert 0 < pair["spearman_low"] < 0.5
    assert "SDR and SIR tend to rank the systems alike" in sentence


def test_independent_scores_are_undecided():
    pair, sentence = only(report_of(rows_of(sdr=same, sir=unrelated)))
    assert pair["verdict"] == "undecided"
    assert pair["spearman_low"] < 0 < pair["spearman_high"]
    assert "The interval contains 0: these data do not decide." in sentence
    assert "rank the systems" not in sentence


def test_coefficients_are_those_of_scipy():
    rows = rows_of(sdr=same, sir=noisy)
    pair, _ = only(report_of(rows))
    tables = [
        np.array([row["value"] for row in rows if row["metric"] == name]).reshape(N_TASKS, -1)
        for name in ("sdr", "sir")
    ]
    for key, function in [("spearman", stats.spearmanr), ("kendall", stats.kendalltau)]:
        each = [function(x, y).statistic for x, y in zip(*tables, strict=True)]
        assert pair[key] == pytest.approx(np.mean(each), abs=1e-12)


def test_directions():
    rows = rows_of(sdr=same, mse=error, own=same, offset=lambda score, _: -0.1 * abs(score))
    directions = {"own": np.inf, "offset": 0}
    found = {
        (pair["first"], pair["second"]): pair["spearman"]
        for pair in report_of(rows, best=directions).correlations
    }
    assert found["sdr", "mse"] == found["sdr", "own"] == found["mse", "own"] == 1
    distance = [abs(row["value"]) for row in rows if row["metric"] == "sdr"]
    scores = np.array([row["value"] for row in rows if row["metric"] == "sdr"])
    expected = [
        stats.spearmanr(one, -np.array(other)).statistic
        for one, other in zip(
            scores.reshape(N_TASKS, -1), np.reshape(distance, (N_TASKS, -1)), strict=True
        )
    ]
    assert found["sdr", "offset"] == pytest.approx(np.mean(expected))
    turned = report_of(rows, best=directions | {"mse": np.inf})
    assert turned.correlations[0]["spearman"] == -1


def test_where_zero_is_best_seeds_do_not_cancel():
    rows = [
        {"task": "a", "system": system, "metric": "bias", "value": value, "seed": seed}
        for system, values in {"wild": (-9, 9), "steady": (1, 1)}.items()
        for seed, value in enumerate(values)
    ]
    report = report_of(rows, best={"bias": 0})
    assert report.scores[0]["bias"] == 0
    assert [row["bias"] for row in report.ranks] == [2, 1]


def test_unknown_direction():
    with pytest.raises(ValueError, match="of the metric 'own' is not known: pass best="):
        report_of(rows_of(own=same))


def test_fewer_than_five_systems_have_ranks_but_no_coefficient():
    report = report_of(rows_of(n_systems=4, sdr=same, mse=increasing_error))
    pair, sentence = only(report)
    assert pair["verdict"] == "too few systems"
    assert math.isnan(pair["spearman"])
    assert math.isnan(pair["kendall_low"])
    assert "no item has both scores of 5 systems or more" in sentence
    ranks = [(row["sdr"], row["mse"]) for row in report.ranks]
    assert sorted(ranks) == [(1, 4), (2, 3), (3, 2), (4, 1)]
    text = report.to_text()
    assert "Ranks of the mean scores, 1 being the best" in text
    assert "rho" not in text
    assert "Ranks of the mean" not in str(report_of(rows_of(sdr=same, mse=same)))


def test_ties_share_their_rank():
    rows = [
        {"task": "a", "system": f"{value} {k}", "metric": "sdr", "value": value}
        for k, value in enumerate([3.0, 1.0, 3.0])
    ]
    assert [row["sdr"] for row in report_of(rows).ranks] == [1.5, 3, 1.5]
    tied = rows_of(sdr=lambda score, _: round(score), sir=same)
    pair, _ = only(report_of(tied))
    assert 0.5 < pair["spearman"] < 1


@pytest.mark.parametrize(("n_tasks", "tasks"), [(1, "1 task"), (5, "5 tasks")])
def test_few_tasks_do_not_decide(n_tasks, tasks):
    report = report_of(rows_of(n_tasks, sdr=same, sir=same))
    pair, sentence = only(report)
    assert pair["verdict"] == "too few tasks"
    assert pair["spearman"] == 1
    assert math.isnan(pair["spearman_low"])
    assert math.isnan(pair["kendall_high"])
    assert sentence == (
        f"Over 6 systems and {tasks}, SDR and SIR: rho 1.00, tau 1.00. Fewer than 6 tasks give no "
        "interval: these data do not decide."
    )


def test_six_tasks_decide():
    assert report_of(rows_of(6, sdr=same, sir=same)).correlations[0]["verdict"] == "alike"


@pytest.mark.parametrize("n_tasks", [2, 6, 8])
def test_unrelated_scores_are_rarely_alike(n_tasks):
    metrics = dict.fromkeys(["sdr", "sir", "sar", "snr", "si_sdr", "si_sir", "si_sar"], unrelated)
    verdicts = [
        pair["verdict"]
        for seed in range(20)
        for pair in report_of(
            rows_of(n_tasks, 5, seed=seed, **metrics), n_resamples=100
        ).correlations
    ]
    assert len(verdicts) == 20 * 21
    assert sum(verdict in ("alike", "opposite") for verdict in verdicts) <= 0.06 * len(verdicts)


def test_that_pairs_are_many_is_told():
    text = str(report_of(rows_of(sdr=same, sir=noisy, mse=error)))
    assert "The intervals of the 3 pairs of scores are not corrected for their number" in text
    assert "not corrected" not in str(report_of(rows_of(sdr=same, sir=noisy)))


def test_mixtures_of_one_recording_are_one_unit():
    rows = rows_of(12, sdr=same, sir=noisy)
    rows = [row | {"tag_clean": int(row["task"].split()[1]) % 4} for row in rows]
    assert report_of(rows).correlations[0]["verdict"] == "alike"
    pair, sentence = only(report_of(rows, by="tag_clean"))
    assert (pair["verdict"], pair["n_units"]) == ("too few tasks", 4)
    assert "and 12 items of 4 clean recordings, SDR" in sentence
    assert "Fewer than 6 clean recordings give no interval" in sentence


def test_a_constant_score_has_no_correlation():
    pair, sentence = only(report_of(rows_of(sdr=same, sir=constant)))
    assert pair["verdict"] == "undefined"
    assert math.isnan(pair["spearman"])
    assert "on every item one of them is the same for all systems" in sentence


def test_no_common_items():
    rows = rows_of(sdr=same)
    rows += [row | {"task": "elsewhere"} for row in rows_of(1, sir=same)]
    pair, sentence = only(report_of(rows))
    assert pair["verdict"] == "no common items"
    assert sentence == "SDR and SIR: no item has both scores of any system."


def test_missing_values_are_left_out_and_counted():
    rows = rows_of(sdr=same, sir=noisy)
    rows[0]["value"] = math.nan
    rows[1]["value"] = None
    for k in (4, 16):
        rows[k] |= {"value": math.nan, "error": "MemoryError: too long"}
    report = report_of(rows)
    pair, _ = only(report)
    assert (pair["n_systems"], pair["n_systems_least"], pair["n_items"]) == (6, 5, 11)
    assert pair["n_items_short"] == 1
    assert report.missing == [
        {"system": "system 0", "metric": "sdr", "n_values": 12, "n_failed": 0, "n_undefined": 1},
        {"system": "system 0", "metric": "sir", "n_values": 12, "n_failed": 0, "n_undefined": 1},
        {"system": "system 2", "metric": "sdr", "n_values": 12, "n_failed": 2, "n_undefined": 0},
    ]
    text = str(report)
    assert "Missing, and left out, of 144 values: 2 of runs that failed, 2 that are not def" in text
    assert "system 2, SDR: 2 failed, 0 not defined, of 12." in text
    assert "Left out: 1 item with fewer than 5 systems." in text


def test_seeds_are_averaged_and_those_that_failed_left_out():
    rows = rows_of(1, sdr=same)
    again = [row | {"seed": 1, "value": row["value"] + 2} for row in rows]
    again[3] |= {"value": math.nan, "error": "failed"}
    report = report_of(rows + again)
    means = [row["sdr"] for row in report.scores]
    expected = [row["value"] + (1 if k != 3 else 0) for k, row in enumerate(rows)]
    np.testing.assert_allclose(means, expected)
    assert report.missing[0]["n_failed"] == 1


def test_a_system_that_always_failed_is_shown():
    rows = rows_of(sdr=same, sir=noisy)
    rows += [
        row | {"system": "broken", "value": math.nan, "error": "boom"}
        for row in rows
        if row["system"] == "system 0"
    ]
    report = report_of(rows)
    assert report.scores[-1]["system"] == "broken"
    assert math.isnan(report.scores[-1]["sdr"])
    assert math.isnan(report.ranks[-1]["sdr"])
    assert report.correlations[0]["n_systems"] == 6
    assert "broken  " in str(report)


def test_means_are_over_tasks_of_means_over_sources():
    values = {("a", "voice"): 1.0, ("a", "drums"): 3.0, ("b", "voice"): 10.0}
    rows = [
        {"task": task, "source": source, "system": "s", "metric": "sdr", "value": value}
        for (task, source), value in values.items()
    ]
    assert report_of(rows).scores == [{"system": "s", "oracle": False, "sdr": 6.0}]


def test_sources_of_one_task_are_drawn_together():
    rows = rows_of(48, sdr=same, sir=unrelated)
    for row in rows:
        task, source = divmod(int(row["task"].split()[1]), 4)
        row |= {"task": f"task {task}", "source": f"source {source}", "tag_room": task % 6}
    by_task, by_item, by_room = (
        report_of(rows, by=by).correlations[0] for by in ("task", ["task", "source"], "tag_room")
    )
    assert by_task["spearman"] == by_item["spearman"] == by_room["spearman"]
    assert [pair["n_units"] for pair in (by_task, by_item, by_room)] == [12, 48, 6]
    assert {pair["n_items"] for pair in (by_task, by_item, by_room)} == {48}
    assert by_task["spearman_low"] != by_item["spearman_low"]
    assert "and 48 items of 12 tasks," in report_of(rows).findings[0]
    assert "and 48 items," in report_of(rows, by=["task", "source"]).findings[0]
    assert "and 48 items of 6 rooms," in report_of(rows, by="tag_room").findings[0]


def test_units_must_be_told():
    rows = rows_of(sdr=same)
    with pytest.raises(ValueError, match="by='room' must be columns of rows"):
        report_of(rows, by="room")
    with pytest.raises(ValueError, match="by='seed' must have one value for every source"):
        report_of(rows + [row | {"seed": 1} for row in rows], by="seed")
    with pytest.raises(TypeError, match="by must be a column or a sequence of columns"):
        report_of(rows, by=[])


@pytest.mark.usefixtures("model_of_hearing")
def test_ratings_stand_beside_scores():
    rows = rows_of(sdr=same, heard=noisy)
    rated = [
        row
        | {"metric": "listening_quality", "value": 50 + 10 * row["value"] + rater, "rater": rater}
        for row in rows
        if row["metric"] == "sdr"
        for rater in (-3, 3)
    ]
    hidden = [
        row | {"system": "reference", "value": 100, "hidden_reference": True, "oracle": True}
        for row in rated
        if row["system"] == "system 0"
    ]
    report = report_of(rows, ratings=Ratings(rated + hidden, "mushra"))
    assert [pair["first_kind"] for pair in report.correlations] == [
        "signal",
        "perceptual model",
        "signal",
    ]
    assert [pair["second_kind"] for pair in report.correlations] == [
        "listeners",
        "listeners",
        "perceptual model",
    ]
    assert report.correlations[0]["spearman"] == 1
    text = str(report)
    assert "Rated by listeners: listening_quality." in text
    assert "Computed by models of perception: Heard." in text
    assert "24 ratings left out: of hidden references and anchors" in text
    assert "reference" not in [row["system"] for row in report.scores]


@pytest.mark.usefixtures("model_of_hearing")
def test_nothing_is_said_of_listeners_without_listeners():
    text = report_of(rows_of(sdr=same, heard=noisy)).to_text()
    assert "No listener's ratings are among these scores." in text
    assert "Rated by" not in text
    assert "mos" not in re.findall(r"[a-z]+", text.lower())


def test_one_metric_can_not_be_both():
    rows = rows_of(sdr=same)
    with pytest.raises(ValueError, match="'sdr' is both in rows and in ratings: rename"):
        report_of(rows, ratings=rows)


def test_bounds_are_named_and_can_be_left_out():
    rows = rows_of(sdr=same, sir=noisy)
    rows = [row | {"oracle": np.bool_(row["system"] == "system 1")} for row in rows]
    report = report_of(rows)
    assert [row["oracle"] for row in report.scores] == [False, True, *[False] * 4]
    assert "6 systems, 1 bound among them;" in str(report)
    assert "system 1 (bound)" in str(report)
    without = report_of(rows, oracles=False)
    assert without.correlations[0]["n_systems"] == 5
    assert "system 1" not in str(without)
    assert "ound" not in str(without)


@pytest.mark.parametrize(
    "as_given",
    [pd.DataFrame, pl.DataFrame, lambda rows: SimpleNamespace(rows=rows), iter],
    ids=["pandas", "polars", "rows", "iterator"],
)
def test_forms_of_rows(as_given):
    rows = rows_of(sdr=same, sir=noisy)
    rows[3] |= {"value": math.nan, "error": "failed"}
    expected, report = report_of(rows), report_of(as_given(rows))
    assert str(report) == str(expected)
    assert report.missing == expected.missing


def test_tables_are_read_by_data_frames():
    report = report_of(rows_of(sdr=same, sir=noisy, mse=error))
    assert pd.DataFrame(report.correlations).shape == (3, 17)
    assert pl.DataFrame(report.scores).columns == ["system", "oracle", "sdr", "sir", "mse"]
    assert repr(report) == "DisparityReport(6 systems, 3 metrics)"


def test_an_evaluation_is_taken_with_metrics_of_its_own():
    def loudness(references, estimates):
        return -np.square(estimates).sum(axis=-1)

    rng = np.random.default_rng(0)
    sources = rng.standard_normal((2, 4000))
    task = Task("noise", sources.sum(axis=0), sources, 8000)
    systems = [MixtureAsEstimate(), IdealRatioMask()]
    report = report_of(evaluate(systems, task, ["si_sdr", loudness]))
    assert [row["si_sdr"] for row in report.ranks] == [2, 1]
    assert report.correlations[0]["verdict"] == "too few systems"
    # The mixture is a bound, and no separation of the true sources.
    assert "2 systems, 2 bounds among them;" in str(report)
    assert "given the true sources" not in str(report)


def test_the_seed_decides():
    rows = rows_of(sdr=same, sir=noisy)
    # Tasks of very different size, where the bootstrap reaches farther than Student's t.
    rows = [
        row | {"task": f"task {min(number, 6)}", "source": f"source {max(number, 6)}"}
        for row in rows
        for number in [int(row["task"].split()[1])]
    ]
    assert report_of(rows).correlations == report_of(rows).correlations
    assert report_of(rows).correlations != report_of(rows, random_state=1).correlations
    few = rows_of(sdr=same, sir=noisy)
    more = few + [row | {"metric": "mse", "value": -row["value"]} for row in few[::2]]
    assert report_of(more).correlations[0] == report_of(few).correlations[0]


def test_wider_intervals_for_more_confidence():
    rows = rows_of(sdr=same, sir=unrelated)
    widths = [
        pair["spearman_high"] - pair["spearman_low"]
        for confidence in (0.5, 0.9, 0.99)
        for pair in report_of(rows, confidence=confidence).correlations
    ]
    assert widths == sorted(widths)
    assert "with 50 % intervals" in str(report_of(rows, confidence=0.5))


def test_markup_in_names_is_text():
    bad = "<script>alert(1)</script>"
    rows = [
        row | {"system": row["system"] + bad, "task": bad + row["task"]}
        for row in rows_of(sdr=same, own=same)
    ]
    rows = [row | {"metric": bad if row["metric"] == "own" else row["metric"]} for row in rows]
    report = report_of(rows, best={bad: np.inf})
    page = report._repr_html_()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "\x1b" not in str(
        report_of([row | {"system": "\x1b[31m"} for row in rows_of(1, sdr=same)])
    )


def test_infinite_scores():
    rows = rows_of(sdr=same, sir=same)
    for row in rows[:2]:
        row["value"] = math.inf
    report = report_of(rows)
    assert report.correlations[0]["spearman"] == 1
    assert report.scores[0]["sdr"] == math.inf
    assert "∞" in str(report)


def test_an_empty_report():
    assert str(DisparityReport(["nothing"], [], [], [], [], [])) == "nothing"
    with pytest.raises(ValueError, match="rows must hold at least one score"):
        report_of([])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_resamples": 0}, ValueError, "n_resamples must be at least 1, got 0"),
        ({"n_resamples": 1.5}, TypeError, "n_resamples must be an int, got 1.5"),
        ({"confidence": 1}, ValueError, "confidence must be between 0 and 1, got 1"),
        ({"confidence": math.nan}, ValueError, "confidence must be between 0 and 1, got nan"),
        ({"best": ["sdr"]}, TypeError, "best must be a mapping"),
        ({"best": {"sdr": "yes"}}, TypeError, "must be a number"),
        ({"rows": "scores.csv"}, TypeError, "rows must be a list of dicts"),
        ({"rows": [3]}, TypeError, r"rows\[0\] must be a dict, got 3"),
        ({"rows": [{"task": "a"}]}, ValueError, r"rows\[0\] must have the key 'system'"),
        ({"ratings": [{"task": "a"}]}, ValueError, r"ratings\[0\] must have the key 'system'"),
        ({"rows": [{"task": 1, "system": "", "metric": "", "value": 1}]}, TypeError, "'task'"),
        (
            {"rows": [{"task": "a", "system": "s", "metric": "sdr", "value": "5"}]},
            TypeError,
            r"rows\[0\]\['value'\] must be a number, got '5'",
        ),
    ],
)
def test_wrong_input(options, error, message):
    rows = options.pop("rows", rows_of(1, sdr=same))
    with pytest.raises(error, match=message):
        report_of(rows, **options)
