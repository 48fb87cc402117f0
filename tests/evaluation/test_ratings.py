"""Ratings: files of strangers, agreement, raters who did not listen."""

import csv
import io
import json
import os
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skbss.evaluation import Ratings, listening_test, read_ratings
from skbss.evaluation._agreement import intraclass_correlations, krippendorff_alpha

RATE = 8_000
NAN = np.nan


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A listening test of two systems and two items, on two scales."""
    folder = tmp_path_factory.mktemp("test") / "mushra"
    write_test(folder)
    return folder


def write_test(folder, kind="mushra", **options):
    rng = np.random.default_rng(0)
    references = {item: rng.standard_normal(5000) for item in [("song", "voice"), "speech"]}
    estimates = {
        system: {item: s + rng.standard_normal(5000) for item, s in references.items()}
        for system in ("A", "B")
    }
    listening_test(
        estimates, references, folder, sample_rate=RATE, kind=kind,
        scales=["quality", "artifacts"], anchors=["musical_noise"], **options,
    )  # fmt: skip


def key_of(folder):
    return json.loads((folder / "key.json").read_text())


def saved(folder, rater="Ann", rating=lambda told, scale: 50, scales=("quality", "artifacts")):
    """What the page saves."""
    key = key_of(folder)
    return {
        "format": "skbss-listening-test-ratings",
        "version": 1,
        "test": key["test"],
        "kind": key["kind"],
        "rater": rater,
        "finished": "2026-01-01T00:00:00.000Z",
        "ratings": [
            {
                "trial": 1,
                "position": position,
                "scale": scale,
                "stimulus": name,
                "rating": rating(told, scale),
                "plays": 2,
            }
            for scale in scales
            for position, (name, told) in enumerate(key["stimuli"].items(), start=1)
        ],
    }


def as_csv(told):
    columns = ["test", "kind", "rater", "trial", "position", "scale", "stimulus", "plays"]
    columns.append("rating")
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, extrasaction="ignore", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows({**told, **rating} for rating in told["ratings"])
    return stream.getvalue()


def put(path, told):
    path.write_text(told if isinstance(told, str) else json.dumps(told), encoding="utf-8")
    return path


# ---- what comes back


def test_rows_name_what_was_rated(folder, tmp_path):
    deserved = {"A": 20, "B": 60.5, "reference": 100, "musical_noise": 5}
    path = put(
        tmp_path / "ann.json", saved(folder, rating=lambda told, _: deserved[told["system"]])
    )
    ratings = read_ratings(path, folder)
    assert len(ratings.rows) == 2 * 2 * 4
    assert repr(ratings) == "Ratings(16 by 1 raters of 8 sounds, MUSHRA)"
    for row in ratings.rows:
        assert row["value"] == deserved[row["system"]]
        assert (row["task"], row["source"]) in [("song", "voice"), ("speech", None)]
        assert row["metric"] in ("listening_quality", "listening_artifacts")
        assert row["hidden_reference"] == row["oracle"] == (row["system"] == "reference")
        assert row["anchor"] == (row["system"] == "musical_noise")
        assert (row["rater"], row["plays"], row["seed"], row["error"]) == ("Ann", 2, None, None)
    assert ratings.rows[0]["unit"] == "points from 0 to 100"
    assert "Overall quality, MUSHRA (ITU-R BS.1534-3)" in ratings.rows[0]["definition"]
    table = pd.DataFrame(ratings.rows).pivot_table("value", "system", "metric")
    assert table.loc["B", "listening_artifacts"] == 60.5


def test_a_folder_of_both_formats_and_the_key_itself(tmp_path):
    write_test(tmp_path)
    put(tmp_path / "ann.json", saved(tmp_path, "Ann"))
    put(tmp_path / "ann.csv", as_csv(saved(tmp_path, "Ann")))
    put(tmp_path / "bob.CSV", "\ufeff" + as_csv(saved(tmp_path, "Bob")))
    assert read_ratings(tmp_path, tmp_path / "key.json").raters == ["Ann", "Bob"]
    chosen = read_ratings([tmp_path / "bob.CSV", str(tmp_path / "ann.json")], tmp_path)
    assert chosen.raters == ["Ann", "Bob"]
    assert chosen.without(["Ann"]).raters == ["Bob"]


def test_names_are_read_as_they_were_typed_but_for_what_can_not_be_seen(folder, tmp_path):
    for name, rater, shown in [
        ("guarded.csv", "'=SUM(A1)", "=SUM(A1)"),
        ("markup.json", "<b>Ann</b>", "<b>Ann</b>"),
        ("escape.json", "A\x1b[31m", "A\\x1b[31m"),
    ]:
        told = saved(folder, rater)
        path = put(tmp_path / name, as_csv(told) if name.endswith("csv") else told)
        assert read_ratings(path, folder).raters == [shown]


@pytest.mark.parametrize("extension", ["json", "csv"])
def test_one_rater_may_type_a_name_in_several_ways(folder, tmp_path, extension):
    for k, rater in enumerate(["Zo\u00eb  K.", " Zoe\u0308 K.\t", "zo\u00eb k."]):
        told = saved(folder, rater)
        put(tmp_path / f"{k}.{extension}", as_csv(told) if extension == "csv" else told)
    # Capital letters make another rater.
    assert read_ratings(tmp_path, folder).raters == ["Zo\u00eb K.", "zo\u00eb k."]


def test_unfinished_tests_are_read(folder, tmp_path):
    path = put(tmp_path / "ann.json", saved(folder, scales=["artifacts"]))
    ratings = read_ratings(path, folder)
    assert {row["metric"] for row in ratings.rows} == {"listening_artifacts"}


# ---- what is refused


def without(told, *names):
    return {name: value for name, value in told.items() if name not in names}


def changed(told, **changes):
    return {**told, "ratings": [{**told["ratings"][0], **changes}, *told["ratings"][1:]]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: "{", "is no JSON"),
        (lambda t: "[" * 100_000, "is no JSON"),
        (lambda t: json.dumps(changed(t, rating=NAN)), "it holds NaN"),
        (lambda t: "[]", "holds no ratings of a listening test"),
        (lambda t: without(t, "format"), "holds no ratings of a listening test"),
        (lambda t: {**t, "version": 2}, "has the version 2"),
        (lambda t: {**t, "test": "other"}, "belongs to another listening test"),
        (lambda t: {**t, "kind": "mos"}, "belongs to another listening test"),
        (lambda t: without(t, "rater"), "must name the rater"),
        (lambda t: {**t, "rater": " "}, "must name the rater"),
        (lambda t: {**t, "rater": "x" * 201}, "must name the rater in up to 200"),
        (lambda t: {**t, "rater": ["Ann"]}, "must name the rater"),
        (lambda t: {**t, "ratings": {}}, "must hold a list of ratings"),
        (lambda t: {**t, "ratings": [1]}, "must hold a list of ratings"),
        (lambda t: changed(t, stimulus="0000000000"), "rates the sound '0000000000'"),
        (lambda t: changed(t, stimulus={}), "rates the sound {}"),
        (lambda t: changed(t, stimulus="x" * 999), "rates the sound 'xxxxx.*…"),
        (lambda t: changed(t, scale="timbre"), "rates on the scale 'timbre'"),
        (lambda t: changed(t, rating=100.5), "a number from 0 to 100 as rating, got 100.5"),
        (lambda t: changed(t, rating=-1), "as rating, got -1"),
        (lambda t: changed(t, rating="50"), "as rating, got '50'"),
        (lambda t: changed(t, rating=True), "as rating, got True"),
        (lambda t: changed(t, rating=None), "as rating, got None"),
        (lambda t: changed(t, plays=0.5), "a whole number from 0 to 1000000 as plays"),
        (lambda t: changed(t, trial=0), "from 1 to 1000000 as trial"),
        (lambda t: {**t, "ratings": t["ratings"] * 2}, "rates a sound twice"),
    ],
)
def test_bad_json_is_refused_by_name(folder, tmp_path, change, message):
    path = put(tmp_path / "bad.json", change(saved(folder)))
    with pytest.raises(ValueError, match=rf"bad\.json' .*{message}"):
        read_ratings(path, folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "", "must begin with the columns test,kind"),
        (lambda text: text.replace("plays", "heard"), "must begin with the columns"),
        (lambda text: text.splitlines()[0], "holds no rating"),
        (lambda text: text + "1,2\n", "must have 9 columns in every line"),
        (lambda text: text.replace('"50"', '"fifty"', 1), "has 'fifty' in the column 'rating'"),
        (lambda text: text.replace('"50"', '"nan"', 1), "must .* as rating, got nan"),
        (lambda text: text.replace('"50"', '"inf"', 1), "must .* as rating, got inf"),
        (lambda text: text.replace('"Ann"', '"Bob"', 1), "holds the ratings of 2 raters"),
        (lambda text: text + '"open', "is no CSV"),
    ],
)
def test_bad_csv_is_refused_by_name(folder, tmp_path, change, message):
    path = put(tmp_path / "bad.csv", change(as_csv(saved(folder))))
    with pytest.raises(ValueError, match=rf"bad\.csv' {message}"):
        read_ratings(path, folder)


def test_bytes_that_are_no_text_and_files_too_large(folder, tmp_path, monkeypatch):
    path = tmp_path / "bad.json"
    path.write_bytes(b"\xff\xfe{}")
    with pytest.raises(ValueError, match=r"bad\.json' is no text in UTF-8"):
        read_ratings(path, folder)
    key_size = (folder / "key.json").stat().st_size
    monkeypatch.setattr("skbss.evaluation._rating_files._LARGEST_BYTES", key_size)
    path = put(tmp_path / "ann.json", json.dumps(saved(folder)) + " " * key_size)
    with pytest.raises(ValueError, match=r"ann\.json' is larger than"):
        read_ratings(path, folder)


def test_of_a_folder_only_files_are_read(folder, tmp_path):
    put(tmp_path / "ann.json", saved(folder))
    (tmp_path / "sub.json").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.json")
    assert read_ratings(tmp_path, folder).raters == ["Ann"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.parametrize("extension", ["json", "csv"])
def test_a_pipe_is_refused_by_name(folder, tmp_path, extension):
    path = tmp_path / f"pipe.{extension}"
    os.mkfifo(path)
    with pytest.raises(ValueError, match=rf"pipe\.{extension}' is no regular file"):
        read_ratings(path, folder)
    good = put(tmp_path / "ann.json", saved(folder))
    with pytest.raises(ValueError, match="is no key of a listening test"):
        read_ratings(good, path)


def test_a_link_to_nowhere_is_not_passed_over(folder, tmp_path):
    put(tmp_path / "ann.json", saved(folder))
    (tmp_path / "bob.json").symlink_to(tmp_path / "moved.json")
    with pytest.raises(FileNotFoundError, match=r"bob\.json"):
        read_ratings(tmp_path, folder)


def test_two_ratings_by_one_rater(folder, tmp_path):
    put(tmp_path / "a.json", saved(folder))
    put(tmp_path / "b.json", saved(folder, rating=lambda told, scale: 51))
    with pytest.raises(ValueError, match=r"a\.json' and '.*b\.json' hold different .* by 'Ann'"):
        read_ratings(tmp_path, folder)


def test_mos_takes_whole_numbers_only(tmp_path):
    write_test(tmp_path / "test", kind="mos")
    good = put(tmp_path / "a.json", saved(tmp_path / "test", rating=lambda told, scale: 4))
    ratings = read_ratings(good, tmp_path / "test")
    assert ratings.rows[0]["unit"] == "points from 1 to 5"
    bad = put(tmp_path / "b.json", saved(tmp_path / "test", rating=lambda told, scale: 3.5))
    with pytest.raises(ValueError, match=r"a whole number from 1 to 5 as rating, got 3\.5"):
        read_ratings(bad, tmp_path / "test")
    with pytest.raises(ValueError, match="screened by MUSHRA ratings"):
        ratings.failed_raters()


@pytest.mark.parametrize(
    "key", ["{", "[]", "{}", '{"format": "skbss-listening-test-key", "version": 1}']
)
def test_what_is_no_key_is_refused(folder, tmp_path, key):
    path = put(tmp_path / "ann.json", saved(folder))
    with pytest.raises(ValueError, match=r"wrong\.json' is no key of a listening test"):
        read_ratings(path, put(tmp_path / "wrong.json", key))


def test_missing_files(folder, tmp_path):
    with pytest.raises(ValueError, match="There are no files of ratings"):
        read_ratings(tmp_path, folder)
    with pytest.raises(ValueError, match="an empty sequence"):
        read_ratings([], folder)
    with pytest.raises(FileNotFoundError, match=r"none\.json"):
        read_ratings(tmp_path / "none.json", folder)
    with pytest.raises(FileNotFoundError, match=r"key\.json"):
        read_ratings(folder, tmp_path)


# ---- agreement: published examples

# K. Krippendorff, "Computing Krippendorff's alpha-reliability", 2011, section C: 4 observers.
OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
)
# P. E. Shrout and J. L. Fleiss, 1979, table 2: 4 judges, 6 targets.
JUDGES = np.array(
    [[9, 6, 8, 7, 10, 6], [2, 1, 4, 1, 5, 2], [5, 3, 6, 2, 6, 4], [8, 2, 8, 6, 9, 7]], float
)


def test_alpha_of_the_published_example():
    assert krippendorff_alpha(OBSERVERS) == pytest.approx(0.849, abs=5e-4)


def test_intraclass_correlations_of_the_published_example():
    single, average = intraclass_correlations(JUDGES)
    assert single == pytest.approx(0.29, abs=5e-3)
    assert average == pytest.approx(0.62, abs=5e-3)


def test_alpha_by_its_definition_in_pairs():
    values = OBSERVERS[:, np.isfinite(OBSERVERS).sum(axis=0) > 1]
    units = [column[np.isfinite(column)] for column in values.T]
    every = np.concatenate(units)
    observed = sum(np.square(u[:, None] - u).sum() / (len(u) - 1) for u in units) / len(every)
    expected = np.square(every[:, None] - every).sum() / (len(every) * (len(every) - 1))
    assert krippendorff_alpha(OBSERVERS) == pytest.approx(1 - observed / expected, rel=1e-12)


@given(
    hnp.arrays(np.float64, (4, 6), elements=st.integers(0, 100).map(float)),
    st.integers(1, 50).map(float),
    st.permutations(range(4)),
)
@settings(deadline=None, max_examples=50)
def test_coefficients_know_neither_unit_nor_order(ratings, factor, order):
    for coefficient in (krippendorff_alpha, lambda r: intraclass_correlations(r)[1]):
        value = coefficient(ratings)
        np.testing.assert_allclose(
            coefficient(factor * ratings[order] + 7), value, rtol=1e-6, atol=1e-9
        )
        assert np.isnan(value) or value <= 1 + 1e-12


def test_perfect_agreement_and_none():
    same = np.tile([10.0, 50, 90], (3, 1))
    assert krippendorff_alpha(same) == 1
    assert intraclass_correlations(same) == (1, 1)
    rng = np.random.default_rng(0)
    assert abs(krippendorff_alpha(rng.uniform(0, 100, (10, 500)))) < 0.05


@pytest.mark.parametrize(
    "ratings", [np.full((3, 4), 7.0), np.full((2, 3), NAN), np.array([[1.0, NAN], [NAN, 2]])]
)
def test_alpha_is_undefined_without_pairs_or_differences(ratings):
    assert np.isnan(krippendorff_alpha(ratings))


# ---- agreement and screening of ratings


def ratings_of(values, kind="mushra", metric="listening_quality"):
    """Ratings by {rater: {(task, system): value}}."""
    return Ratings(
        [
            {
                "task": task,
                "source": None,
                "system": system,
                "rater": rater,
                "metric": metric,
                "value": float(value),
                "hidden_reference": system == "reference",
                "anchor": system.startswith("low_pass"),
            }
            for rater, given in values.items()
            for (task, system), value in given.items()
        ],
        kind,
    )


def test_agreement_is_that_on_systems():
    ratings = ratings_of(
        {
            str(rater): {
                **{(str(task), "A"): value for task, value in enumerate(given)},
                **{(str(task), "reference"): 100 for task in range(6)},
            }
            for rater, given in enumerate(JUDGES)
        }
    )
    (row,) = ratings.agreement()
    assert row["metric"] == "listening_quality"
    assert (row["n_raters"], row["n_sounds"], row["n_ratings"], row["n_complete"]) == (4, 6, 24, 6)
    assert row["alpha"] == krippendorff_alpha(JUDGES)
    assert (row["icc_single"], row["icc_average"]) == intraclass_correlations(JUDGES)
    (whole,) = ratings.agreement(only_systems=False)
    assert whole["n_sounds"] == 12
    assert whole["alpha"] > 0.9


def test_agreement_where_raters_heard_different_items():
    ratings = ratings_of(
        {
            str(rater): {
                (str(task), "A"): value for task, value in enumerate(given) if np.isfinite(value)
            }
            for rater, given in enumerate(OBSERVERS)
        }
    )
    (row,) = ratings.agreement()
    assert row["alpha"] == pytest.approx(0.849, abs=5e-4)
    assert (row["n_ratings"], row["n_complete"]) == (41, 8)


def test_agreement_of_one_rater_is_unknown():
    ratings = ratings_of({"Ann": {("x", "A"): 10, ("y", "A"): 90}})
    with pytest.warns(UserWarning, match="alpha, icc_single, icc_average of listening_quality"):
        (row,) = ratings.agreement()
    assert np.isnan(row["alpha"])


def test_raters_who_miss_the_hidden_reference_fail():
    trials = range(20)

    def rater(n_missed, low=89):
        return {(str(t), "reference"): low if t < n_missed else 90 for t in trials}

    ratings = ratings_of({"three": rater(3), "four": rater(4), "zero": rater(0)})
    assert ratings.failed_raters() == ["four"]  # 15 % are allowed
    assert ratings.failed_raters(share=0.1) == ["four", "three"]
    assert ratings.failed_raters(reference_below=80) == []
    assert ratings.without(["four"]).failed_raters() == []


def test_raters_who_hear_no_missing_treble_fail_where_most_others_do():
    def rater(*values):
        return {(str(t), "low_pass_7000"): value for t, value in enumerate(values)}

    given = {name: rater(50, 50, 95) for name in "abcd"} | {"deaf": rater(91, 50, 95)}
    # In the last trial everybody is fooled: it does not count.
    assert ratings_of(given).failed_raters() == ["deaf"]
    assert ratings_of(given).failed_raters(anchor_above=91) == []
    # Without treble other sources may be as well suppressed as can be.
    assert ratings_of(given, metric="listening_separation").failed_raters() == []


def test_wrong_arguments_of_ratings():
    ratings = ratings_of({"Ann": {("x", "A"): 10}})
    with pytest.raises(ValueError, match="share must be from 0 to 1, got 15"):
        ratings.failed_raters(share=15)
    with pytest.raises(ValueError, match="no ratings by 'Bob'"):
        ratings.without(["Bob"])
    with pytest.raises(TypeError, match="collection of str"):
        ratings.without("Ann")


def test_nothing_warns_where_all_is_well():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ratings_of(
            {str(r): {(str(t), "A"): v for t, v in enumerate(g)} for r, g in enumerate(JUDGES)}
        ).agreement()
