"""``skbss evaluate`` as people run it."""

import csv
import json
import math
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from skbss.metrics import bss_eval, bss_eval_images, si_sdr

RATE = 8000
HOSTILE = "<script>alert(1)"


@pytest.fixture(scope="module")
def sources():
    """Noises of different color, shape (3, length)."""
    noise = np.random.default_rng(0).standard_normal((3, RATE + 2))
    colored = [noise[0, 2:], noise[1, 2:] + noise[1, 1:-1], noise[2, 2:] - noise[2, :-2]]
    return 0.1 * np.stack(colored).astype(np.float32)


@pytest.fixture(scope="module")
def estimates(sources):
    noise = 0.01 * np.random.default_rng(1).standard_normal(sources.shape)
    return (sources + 0.1 * sources[[1, 2, 0]] + noise).astype(np.float32)


def write(folder, sounds, rate=RATE):
    """Sounds of shape (length,) or (n_channels, length) by their file names."""
    folder.mkdir(exist_ok=True)
    for name, sound in sounds.items():
        options = {} if name.endswith("mp3") else {"subtype": "PCM_16"}
        if name.endswith("wav"):
            options = {"subtype": "FLOAT"}
        soundfile.write(folder / name, np.atleast_2d(sound).T, rate, **options)
    return folder


@pytest.fixture
def pair(folder, sources, estimates):
    """Folders `refs` and `ests` in the working folder, matched by name."""
    write(folder / "refs", {"a.wav": sources[0], "b.wav": sources[1]})
    write(folder / "ests", {"a.wav": estimates[0], "b.wav": estimates[1]})
    return folder


@pytest.fixture
def evaluate(skbss):
    def run(*arguments):
        return skbss("evaluate", "--reference", "refs", "--estimate", "ests", *arguments)

    return run


def table(result):
    """Cells of the table by the name of the source."""
    lines = result.stdout.split("\n\n")[0].splitlines()
    first = 1 + next(k for k, line in enumerate(lines) if line.startswith("source"))
    return {line.split()[0]: line.split()[1:] for line in lines[first:]}


def csv_rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def refused(result):
    """The one line of a command that did nothing."""
    assert result.exit_code == 2
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    return line


def test_the_scores_are_those_of_the_metrics(pair, evaluate, sources, estimates):
    result = evaluate()
    assert (result.exit_code, result.stderr) == (0, "")
    expected = bss_eval(sources[:2], estimates[:2], permute=False)
    columns = [expected.sdr, expected.sir, expected.sar, si_sdr(sources[:2], estimates[:2])]
    rows = table(result)
    assert list(rows) == ["a", "b", "mean"]
    for name, values in zip("ab", np.transpose(columns), strict=True):
        assert rows[name] == [f"{name}.wav", *(f"{value:.1f}" for value in values)]
    assert rows["mean"] == [f"{np.mean(column):.1f}" for column in columns]
    assert re.search(r"^SDR: .*BSS Eval.*Higher is better\.$", result.stdout, re.MULTILINE)
    assert "\x1b" not in result.stdout


def test_columns_are_aligned(pair, evaluate):
    lines = evaluate().stdout.split("\n\n")[0].splitlines()
    assert lines[0].split() == ["SDR", "SIR", "SAR", "SI-SDR"]
    assert lines[1].split() == ["source", "estimate", *["dB"] * 4]
    assert len({len(line) for line in lines}) == 1


def test_a_mixture_tells_what_separation_gained(pair, evaluate, sources, estimates):
    references, estimates, mixture = sources[:2], estimates[:2], sources.sum(axis=0)
    write(pair, {"song.wav": mixture})
    result = evaluate("--mixture", "song.wav")
    before = si_sdr(references, np.broadcast_to(mixture, references.shape))
    gains = si_sdr(references, estimates) - before
    assert [table(result)[name][-1] for name in "ab"] == [f"{gain:.1f}" for gain in gains]
    # The file called mixture is no source, wherever it lies.
    write(pair / "ests", {"mixture.wav": mixture})
    assert evaluate().stdout == result.stdout


def test_a_result_of_skbss_separate_is_evaluated_as_it_is(pair, skbss, sources):
    write(pair, {"song.wav": sources.sum(axis=0)})
    assert skbss("separate", "song.wav", "--sources", "2", "--out", "ests2").exit_code == 0
    result = skbss("evaluate", "--reference", "refs", "--estimate", "ests2")
    assert (result.exit_code, result.stderr) == (0, "")
    found = {row[0] for name, row in table(result).items() if name != "mean"}
    assert found == {"source-1.wav", "source-2.wav"}


def test_other_names_are_matched_by_their_sound(folder, evaluate, sources, estimates):
    write(folder / "refs", {"a.wav": sources[0], "b.wav": sources[1]})
    write(folder / "ests", {"1.wav": estimates[2], "2.flac": estimates[1], "3.wav": -estimates[0]})
    result = evaluate("--json", "s.json")
    assert result.exit_code == 0
    assert {name: row[0] for name, row in table(result).items() if name in "ab"} == {
        "a": "3.wav",
        "b": "2.flac",
    }
    line = "'1.wav' of the estimates belongs to no reference and got no score."
    assert result.stderr == f"skbss: {line}\n"
    told = json.loads((folder / "s.json").read_text())
    assert told["matched_by"] == "permutation"
    assert told["notes"] == [line]


def test_the_sound_can_overrule_the_names(folder, evaluate, sources, estimates):
    write(folder / "refs", {"a.wav": sources[0], "b.wav": sources[1]})
    write(folder / "ests", {"a.wav": estimates[1], "b.wav": estimates[0], "c.wav": estimates[2]})
    by_name, by_sound = evaluate(), evaluate("--match", "permutation")
    assert table(by_name)["a"][0] == "a.wav"
    assert table(by_sound)["a"][0] == "b.wav"
    assert float(table(by_name)["mean"][-1]) < 0 < float(table(by_sound)["mean"][-1])
    # What is not scored is named, and need not even be read.
    (folder / "ests" / "c.wav").write_text("no sound")
    assert evaluate().stderr == (
        "skbss: 'c.wav' of the estimates belongs to no reference and got no score.\n"
    )


def test_several_channels_are_evaluated_as_images(folder, evaluate, sources, estimates):
    names = ("a.wav", "b.wav")
    # Each channel with noise of its own, so that none is a filtered copy of another.
    room = 0.05 * np.random.default_rng(2).standard_normal((2, 2, RATE))
    references = (sources[:2, np.newaxis] + room).astype(np.float32)
    estimated = (estimates[:2, np.newaxis] + room[::-1]).astype(np.float32)
    write(folder / "refs", dict(zip(names, references, strict=True)))
    write(folder / "ests", dict(zip(names, estimated, strict=True)))
    result = evaluate("--json", "a.json", "--html", "a.html")
    assert (result.exit_code, result.stderr) == (0, "")
    found = json.loads((folder / "a.json").read_text())
    assert found["n_channels"] == 2
    expected = bss_eval_images(references, estimated)
    for name in ("sdr", "isr", "sir", "sar"):
        values = [row["value"] for row in found["scores"] if row["metric"] == f"image_{name}"]
        np.testing.assert_allclose(values, getattr(expected, name), rtol=1e-9)
    flat = [signals.reshape(2, -1) for signals in (references, estimated)]
    values = [row["value"] for row in found["scores"] if row["metric"] == "si_sdr"]
    np.testing.assert_allclose(values, si_sdr(*flat), rtol=1e-9)
    assert "version 4" in result.stdout


def test_further_metrics_come_after_the_usual(pair, evaluate):
    result = evaluate("--metrics", "snr, mse,si_sdr")
    heading = result.stdout.splitlines()[0].split()
    assert heading == ["SDR", "SIR", "SAR", "SI-SDR", "SNR", "MSE"]
    assert re.fullmatch(r"0\.000\d{3}|\d\.\d\de-\d\d", table(result)["a"][-1])
    assert "Mean squared error. Lower is better." in result.stdout


def test_all_metrics_can_be_listed(skbss):
    from skbss.metrics import METRICS

    result = skbss("evaluate", "--metrics", "list")
    assert (result.exit_code, result.stderr) == (0, "")
    assert [line.split()[0] for line in result.stdout.splitlines()] == list(METRICS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--metrics", "loudness"), "--metrics: there is no 'loudness'; there are .*si_sdr"),
        (("--metrics", "sdr_improvement"), "needs the mixture; name it by --mixture"),
        (("--match", "guess"), "--match must be one of auto, name, permutation, got 'guess'"),
        (("--mixture", "none.wav"), "'none.wav' does not exist"),
        (("--csv", "missing/a.csv"), "there is no folder 'missing'"),
        (("--html", "refs"), "--html 'refs' is a folder"),
        (("--csv", "refs/a.wav", "--overwrite"), "is one of the recordings"),
        (("--csv", "x", "--json", "x"), "--csv and --json name the same file"),
    ],
)
def test_options_that_cannot_be_used(pair, evaluate, arguments, message):
    before = sorted(pair.rglob("*"))
    assert re.search(message, refused(evaluate(*arguments)))
    assert sorted(pair.rglob("*")) == before


def test_a_missing_package_is_told_before_any_work(pair, evaluate, monkeypatch):
    from skbss.metrics import METRICS

    metric = next(metric for metric in METRICS.values() if metric.package)
    monkeypatch.setattr("skbss.metrics._metric.find_spec", lambda name: None)
    for file in (pair / "refs").iterdir():
        file.write_text("no sound")
    line = refused(evaluate("--metrics", metric.name))
    assert f'pip install "skbss[{metric.extra}]"' in line


def test_fewer_estimates_than_references(pair, evaluate):
    (pair / "ests" / "a.wav").unlink()
    assert "there are 2 references and only 1 estimate:" in refused(evaluate())


def test_what_cannot_be_read_is_named(pair, evaluate):
    (pair / "ests" / "b.wav").write_text("Dear diary")
    line = refused(evaluate("--csv", "a.csv", "--html", "a.html"))
    assert "b.wav' cannot be read as a sound file" in line
    assert sorted(entry.name for entry in pair.iterdir()) == ["ests", "refs"]


def test_sample_rates_have_to_agree(pair, evaluate, sources):
    write(pair / "ests", {"b.wav": sources[1]}, rate=16_000)
    line = refused(evaluate())
    assert "a.wav' has 8000 samples per second and " in line
    assert "b.wav' has 16000" in line


def test_channels_have_to_agree(pair, evaluate, sources):
    write(pair / "ests", {"b.wav": np.stack([sources[1]] * 2)})
    line = refused(evaluate())
    assert "a.wav' has 1 channel and " in line
    assert "b.wav' has 2 channels" in line


def test_lengths_have_to_agree_or_are_cut(pair, evaluate, estimates):
    write(pair / "ests", {"b.wav": estimates[1, :-800]})
    line = refused(evaluate())
    assert "has 8000 samples and " in line
    assert "b.wav' has 7200; pass --trim" in line
    result = evaluate("--trim")
    assert result.exit_code == 0
    assert result.stderr == (
        "skbss: All recordings were cut to the 0.900 s of 'b.wav'; 'a.wav' lost 0.100 s at its "
        "end.\n"
    )


def test_recordings_that_are_too_short_for_the_filters(folder, evaluate, sources):
    for name in ("refs", "ests"):
        write(folder / name, {"a.wav": sources[0, :100]})
    assert "512" in refused(evaluate())


def test_silence_has_no_score_and_is_named(pair, evaluate, sources):
    write(pair / "ests", {"b.wav": 0 * sources[1]})
    result = evaluate("--csv", "a.csv", "--json", "a.json", "--html", "a.html")
    assert result.exit_code == 0
    assert result.stderr == (
        "skbss: 'b.wav' of the estimates is silent, so that most of its scores are not defined.\n"
    )
    assert table(result)["b"][1:] == ["nan"] * 4
    assert table(result)["mean"] == table(result)["a"][1:]
    rows = csv_rows(pair / "a.csv")
    assert [row["value"] for row in rows if row["source"] == "b"] == ["nan"] * 4
    told = json.loads((pair / "a.json").read_text())
    assert [row["value"] for row in told["scores"] if row["source"] == "b"] == [None] * 4
    assert "is silent, so that" in (pair / "a.html").read_text()


def test_an_estimate_that_is_the_reference(folder, evaluate, sources):
    for name in ("refs", "ests"):
        write(folder / name, {"a.wav": sources[0], "b.wav": sources[1]})
    result = evaluate("--csv", "a.csv", "--json", "a.json")
    assert table(result)["mean"] == ["inf"] * 4
    rows = csv_rows(folder / "a.csv")
    assert {row["value"] for row in rows} == {"inf"}
    told = json.loads((folder / "a.json").read_text())
    assert {row["value"] for row in told["scores"]} == {None}


def test_rows_for_programs(pair, evaluate, sources, estimates):
    result = evaluate("--csv", "a.csv", "--json", "a.json")
    assert result.stdout.splitlines()[-2:] == ["Written: a.csv", "Written: a.json"]
    rows = csv_rows(pair / "a.csv")
    told = json.loads((pair / "a.json").read_text())
    assert len(rows) == 2 * 4
    assert list(rows[0]) == [
        "source", "reference", "estimate", "metric", "value", "unit", "definition"
    ]  # fmt: skip
    assert told["scores"] == [{**row, "value": float(row["value"])} for row in rows]
    found = [float(row["value"]) for row in rows if row["metric"] == "si_sdr"]
    np.testing.assert_allclose(found, si_sdr(sources[:2], estimates[:2]), rtol=1e-12)
    assert told["means"]["si_sdr"] == pytest.approx(np.mean(found))
    assert (told["sample_rate"], told["n_channels"], told["length"]) == (RATE, 1, RATE)
    assert (told["mixture"], told["matched_by"], told["notes"]) == (None, "name", [])
    assert told["versions"]["skbss"]
    assert told["command"] == (
        "skbss evaluate --reference refs --estimate ests --csv a.csv --json a.json"
    )


def test_the_page_shows_what_was_printed(pair, evaluate, sources):
    write(pair, {"song.wav": sources.sum(axis=0)})
    result = evaluate("--mixture", "song.wav", "--html", "a.html")
    page = (pair / "a.html").read_text()
    cells = [cell.replace("\N{MINUS SIGN}", "-") for cell in re.findall(r"<td>([^<]*)</td>", page)]
    rows = table(result)
    assert cells == [*rows["a"][1:], *rows["b"][1:], *rows["mean"]]
    assert page.count("<audio") == 5
    assert "compared with refs" in page
    assert "BSS Eval" in page
    assert str(pair) not in page


def test_files_that_are_there_are_kept(pair, evaluate):
    (pair / "a.csv").write_text("mine")
    assert "'a.csv' is there already" in refused(evaluate("--csv", "a.csv", "--html", "a.html"))
    assert (pair / "a.csv").read_text() == "mine"
    assert not (pair / "a.html").exists()
    assert evaluate("--csv", "a.csv", "--overwrite").exit_code == 0
    assert (pair / "a.csv").read_text().startswith("source,")


def test_names_and_tags_are_shown_as_text(folder, evaluate, sources, estimates):
    name = f"{HOSTILE}\x1b[31m.wav"
    write(folder / "refs", {name: sources[0]})
    write(folder / "ests", {name: estimates[0], "extra\x1b.wav": estimates[1]})
    write(folder / "ests", {"rest\n.txt.wav": estimates[2]})
    with soundfile.SoundFile(folder / "refs" / "mixture.flac", "w", RATE, 1) as file:
        file.title = f"{HOSTILE}</script>"
        file.write(sources[0] + sources[1])
    result = evaluate("--csv", "a.csv", "--json", "a.json", "--html", "a.html")
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout + result.stderr
    assert r"<script>alert(1)\x1b[31m" in result.stdout
    assert len(result.stderr.splitlines()) == 1
    page = (folder / "a.html").read_text()
    assert "<script>alert" not in page
    assert r"&lt;script&gt;alert(1)\x1b[31m" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    for file in ("a.csv", "a.json", "a.html"):
        assert "\x1b" not in (folder / file).read_text()
    assert len(csv_rows(folder / "a.csv")) == 5


def test_names_are_no_formulas(folder, evaluate, sources, estimates):
    write(folder / "refs", {"=HYPERLINK(1).wav": sources[0], "'b.wav": sources[1]})
    write(folder / "ests", {"=HYPERLINK(1).wav": estimates[0], "'b.wav": estimates[1]})
    result = evaluate("--csv", "a.csv", "--json", "a.json")
    rows = csv_rows(folder / "a.csv")
    assert {row["source"] for row in rows} == {"'=HYPERLINK(1)", "''b"}
    assert {row["estimate"] for row in rows} == {"'=HYPERLINK(1).wav", "''b.wav"}
    told = json.loads((folder / "a.json").read_text())
    assert {row["source"] for row in told["scores"]} == {"=HYPERLINK(1)", "'b"}
    assert set(table(result)) == {"=HYPERLINK(1)", "'b", "mean"}
    assert all(math.isfinite(float(row["value"])) for row in rows)


def test_what_is_no_recording_is_mentioned(pair, evaluate):
    (pair / "refs" / "notes.txt").write_text("")
    (pair / "ests" / "separation.json").write_text("")
    assert evaluate().stderr == "skbss: 'notes.txt' in 'refs' is no recording and was skipped.\n"


def test_memory_that_runs_out_is_told(pair, evaluate, monkeypatch):
    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr("skbss.cli._evaluation.scored", fail)
    assert "not enough memory; evaluate shorter recordings" in refused(evaluate())


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_interrupt_leaves_nothing_behind(pair):
    before = sorted(pair.rglob("*"))
    program = (
        "import time, skbss.cli, skbss.report\n"
        "def write_half(path, *_, **__):\n"
        "    path.write_text('half')\n"
        "    print('writing', flush=True)\n"
        "    time.sleep(60)\n"
        "skbss.report.write_evaluation_page = write_half\n"
        "skbss.cli.main()"
    )
    arguments = ["--reference", "refs", "--estimate", "ests", "--html", "a.html"]
    process = subprocess.Popen(
        [sys.executable, "-c", program, "evaluate", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "writing\n", process.communicate()
    assert len(sorted(pair.rglob("*"))) == len(before) + 1
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err == "skbss: interrupted; nothing unfinished was left behind.\n"
    assert sorted(pair.rglob("*")) == before
