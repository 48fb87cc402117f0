"""``skbss demo`` as a newcomer runs it."""

import json
import re

import numpy as np
import pytest
import soundfile

from skbss.datasets import load_piano_notes


@pytest.fixture(scope="module")
def demo(skbss, tmp_path_factory):
    out = tmp_path_factory.mktemp("demo") / "skbss-demo"
    return out, skbss("demo", "--out", out)


@pytest.fixture(scope="module")
def clip():
    return load_piano_notes()


def told(folder):
    return json.loads((folder / "separation.json").read_text(encoding="utf-8"))


def stems_of(folder):
    names = told(folder)["files"][1 : 1 + len(told(folder)["sources"])]
    return np.stack([soundfile.read(folder / name, dtype="float32")[0] for name in names])


def test_every_note_improves_and_by_18_db_on_average(demo, clip):
    out, result = demo
    assert result.exit_code == 0
    assert result.stderr == ""
    table = [line.split() for line in result.stdout.splitlines()[1:-1]]
    assert [row[0] for row in table] == [*clip.source_names, "mean"]
    gains = [float(row[-1]) for row in table]
    assert gains[-1] >= 18
    assert all(gain > 10 for gain in gains)
    assert gains[-1] == pytest.approx(np.mean(gains[:-1]), abs=0.1)
    assert result.stdout.splitlines()[-1] == f"Listen and look: {out / 'index.html'}"


def test_stems_are_named_after_the_notes_that_they_are(demo, clip):
    out, _ = demo
    assert told(out)["sources"] == list(clip.source_names)
    likeness = np.abs(np.corrcoef(stems_of(out), clip.sources)[: len(clip.sources), -3:])
    np.testing.assert_array_equal(likeness.argmax(axis=1), np.arange(len(clip.sources)))


def test_stems_add_up_to_the_mixture(demo, clip):
    out, _ = demo
    mixture, rate = soundfile.read(out / "mixture.wav", dtype="float32")
    assert rate == clip.sample_rate
    np.testing.assert_array_equal(mixture, np.asarray(clip.mixture, np.float32))
    stems = stems_of(out)
    np.testing.assert_allclose(
        stems.sum(axis=0, dtype=np.float64), mixture, rtol=0, atol=np.abs(stems).max() * 2.0**-24
    )


def test_the_page_shows_the_scores_that_were_printed(demo):
    out, result = demo
    page = (out / "index.html").read_text(encoding="utf-8")
    cells = re.findall(r"<td>([^<]*)</td>", page)
    printed = re.findall(r"-?\d+\.\d", "\n".join(result.stdout.splitlines()[1:-1]))
    assert [cell.replace("\N{MINUS SIGN}", "-") for cell in cells] == printed
    assert "skbss demo --out skbss-demo" in page


def test_the_page_says_where_the_names_come_from(demo):
    out, _ = demo
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "by comparison with the true notes that come with the clip" in page


def test_the_result_of_another_command_is_kept(skbss, recording, folder):
    assert skbss("separate", recording, "--out", "o", "--no-html").exit_code == 0
    before = {path.name: path.read_bytes() for path in (folder / "o").iterdir()}
    refused = skbss("demo", "--out", "o")
    assert refused.exit_code == 2
    assert "'o' holds a result that skbss demo did not write" in refused.stderr
    assert {path.name: path.read_bytes() for path in (folder / "o").iterdir()} == before


def test_the_demo_replaces_its_own_result_and_nothing_else(demo, skbss):
    out, first = demo
    before = (out / "index.html").read_bytes()
    again = skbss("demo", "--out", out)
    assert (again.exit_code, again.stdout) == (0, first.stdout)
    assert (out / "index.html").read_bytes() == before
    (out / "notes.txt").write_text("mine")
    refused = skbss("demo", "--out", out)
    (out / "notes.txt").unlink()
    assert refused.exit_code == 2
    assert "holds 'notes.txt', which skbss did not write" in refused.stderr
