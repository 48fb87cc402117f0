"""Many recordings: where they are found, where results go, and what a second run finds done."""

import json
import shutil
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from skbss.cli import _recording
from skbss.cli._corpus import Found, find_recordings, folders_of
from skbss.cli._errors import CommandError
from skbss.cli._job import Job, attempt
from skbss.cli._output import MANIFEST
from skbss.cli._settings import Settings

RATE = 8000
FAST = ("--components", 2, "--max-iter", 2, "--n-fft", 64, "--no-html")


def write(path, seed=0, length=400):
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(seed).uniform(-0.5, 0.5, length)
    soundfile.write(path, samples, RATE, subtype="FLOAT")


def records(folder):
    lines = (folder / "corpus.jsonl").read_text().splitlines()
    assert json.loads(lines[0]) == {"format": "skbss corpus 1"}
    return {record["file"]: record for record in map(json.loads, lines[1:])}


def results(folder):
    return {path.parent.relative_to(folder).as_posix() for path in folder.rglob(MANIFEST)}


def times(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.wav")}


@pytest.fixture
def corpus(folder):
    """Four recordings in two folders, a broken one, and what is none."""
    for seed, name in enumerate(["b/2.wav", "b/10.wav", "a/x.wav", "b/deep/x.wav"]):
        write(folder / "corpus" / name, seed)
    (folder / "corpus" / "b" / "5.wav").write_bytes(b"RIFF and no more")
    (folder / "corpus" / "README.txt").write_text("Ten takes.")
    return folder / "corpus"


@pytest.fixture
def separate(skbss):
    def run(*arguments):
        return skbss("separate", *arguments, *FAST, quick=False)

    return run


def test_folders_are_gone_through_as_people_count(corpus):
    (corpus / ".hidden").mkdir()
    shutil.copy(corpus / "a" / "x.wav", corpus / ".hidden" / "x.wav")
    shutil.copy(corpus / "a" / "x.wav", corpus / "._x.wav")
    found = find_recordings([corpus])
    assert [one.name for one in found] == [
        "a/x.wav",
        "b/2.wav",
        "b/5.wav",
        "b/10.wav",
        "b/deep/x.wav",
    ]
    assert all(one.file == corpus / one.name for one in found)


def test_results_are_no_recordings(corpus, separate):
    assert separate(corpus, "--out", corpus / "out").exit_code == 2
    assert separate(corpus / "a" / "x.wav", "--out", corpus / "a" / "stems").exit_code == 0
    found = {one.name for one in find_recordings([corpus], besides=corpus / "out")}
    assert found == {"a/x.wav", "b/2.wav", "b/5.wav", "b/10.wav", "b/deep/x.wav"}


def test_each_recording_counts_once(corpus):
    paths = [corpus / "a" / "x.wav", corpus, corpus / "b"]
    names = [one.name for one in find_recordings(paths)]
    assert names == [
        f"{corpus.as_posix()}/a/x.wav",
        *(f"{corpus.as_posix()}/b/{name}" for name in ("2.wav", "5.wav", "10.wav", "deep/x.wav")),
    ]


def test_a_folder_without_recordings(folder):
    (folder / "notes").mkdir()
    (folder / "notes" / "a.txt").write_text("none")
    with pytest.raises(CommandError, match="'notes' holds no recordings"):
        find_recordings([Path("notes")])


PARTS = st.sampled_from(["a", "A", "a-2", "..", "b?", "b_", "x.wav", "é"])
NAMES = st.lists(
    st.tuples(st.lists(PARTS, max_size=2), PARTS).map(lambda t: "/".join([*t[0], f"{t[1]}.wav"])),
    max_size=12,
    unique=True,
)


@given(NAMES, NAMES)
def test_every_recording_has_a_folder_of_its_own_that_stays(first, later):
    def places(names, known):
        found = [Found(Path(name), name, PurePosixPath(name)) for name in names]
        return dict(zip(names, folders_of(found, known), strict=True))

    before = places(first, {})
    known = {name: str(folder) for name, folder in before.items()}
    both = [*dict.fromkeys([*later, *first])]
    after = places(both, known)
    assert {name: after[name] for name in first} == before
    # No folder is that of another, whatever the case, nor lies in one.
    folded = [PurePosixPath(str(folder).casefold()) for folder in after.values()]
    assert len(set(folded)) == len(folded)
    assert not {parent for folder in folded for parent in folder.parents} & set(folded)
    assert all(part.strip(". ") for folder in after.values() for part in folder.parts)
    assert all(len(after[name].parts) == len(PurePosixPath(name).parts) for name in both)


def test_what_fails_is_passed_over(corpus, folder, separate):
    result = separate(corpus, "--out", "all")
    assert result.exit_code == 2
    [told] = result.stderr.splitlines()
    assert "5.wav' cannot be read as a sound file" in told
    assert result.stdout.endswith("4 of 5 recordings are separated, 1 failed.\n")
    assert results(folder / "all") == {"a/x", "b/2", "b/10", "b/deep/x"}
    told = records(folder / "all")
    assert {name: record["state"] for name, record in told.items()} == {
        "a/x.wav": "separated",
        "b/2.wav": "separated",
        "b/5.wav": "failed",
        "b/10.wav": "separated",
        "b/deep/x.wav": "separated",
    }
    assert "cannot be read as a sound file" in told["b/5.wav"]["error"]
    assert told["b/10.wav"]["folder"] == "b/10"
    assert told["b/10.wav"]["sources"] == 2


def test_the_folder_has_a_name_where_none_is_given(corpus, folder, separate):
    (corpus / "b" / "5.wav").unlink()
    assert separate(corpus).exit_code == 0
    assert results(folder / "corpus-stems") == {"a/x", "b/2", "b/10", "b/deep/x"}
    result = separate(corpus, corpus / "a" / "x.wav")
    assert (result.exit_code, "--out is needed" in result.stderr) == (2, True)


def test_a_second_run_does_what_is_missing(corpus, folder, separate):
    separate(corpus, "--out", "all")
    before = times(folder / "all")
    again = separate(corpus, "--out", "all")
    assert again.exit_code == 2
    assert "pass --resume to keep it" in again.stderr
    shutil.rmtree(folder / "all" / "b" / "10")
    write(corpus / "b" / "5.wav")
    write(corpus / "a" / "another.wav")
    result = separate(corpus, "--out", "all", "--resume")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "another.wav: 2 sources in all/a/another",
        "5.wav: 2 sources in all/b/5",
        "10.wav: 2 sources in all/b/10",
        "6 of 6 recordings are separated, 3 of them before.",
    ]
    after = times(folder / "all")
    kept = [path for path in before if "10" not in path.parts]
    assert {path: after[path] for path in kept} == {path: before[path] for path in kept}
    assert {record["state"] for record in records(folder / "all").values()} == {"separated"}


@pytest.mark.parametrize("change", ["option", "recording", "cut off"])
def test_what_was_made_otherwise_is_not_taken_for_done(corpus, folder, separate, change):
    shutil.rmtree(corpus / "b")
    separate(corpus, "--out", "all")
    target = folder / "all" / "a" / "x"
    before = (target / "source-1.wav").read_bytes()
    options = ("--seed", 1) if change == "option" else ()
    if change == "recording":
        write(corpus / "a" / "x.wav", seed=9)
    if change == "cut off":
        (target / "source-1.wav").unlink()
    again = (corpus, "--out", "all", "--resume", *options)
    refused = separate(*again)
    assert refused.exit_code == 2
    assert "holds another result" in refused.stderr
    assert separate(*again, "--overwrite").exit_code == 0
    assert ((target / "source-1.wav").read_bytes() == before) == (change == "cut off")
    assert separate(*again).stdout == "1 of 1 recordings are separated, 1 of them before.\n"


def test_one_file_is_kept_as_well(corpus, folder, separate):
    one = (corpus / "a" / "x.wav", "--out", "one", "--resume")
    first = separate(*one)
    before = times(folder / "one")
    assert separate(*one).stdout == first.stdout == "x.wav: 2 sources in one\n"
    assert times(folder / "one") == before


def test_a_line_that_was_cut_off_is_no_line(corpus, folder, separate):
    shutil.rmtree(corpus / "b")
    separate(corpus, "--out", "all")
    log = folder / "all" / "corpus.jsonl"
    log.write_bytes(log.read_bytes()[:-5])
    result = separate(corpus, "--out", "all", "--resume")
    assert result.stdout == "1 of 1 recordings are separated, 1 of them before.\n"
    assert records(folder / "all")["a/x.wav"]["state"] == "separated"


@pytest.mark.parametrize(
    "content",
    [
        "mine",
        '{"format": "skbss corpus 1"}\n[]\n',
        '{"format": "skbss corpus 1"}\n{"file": "a/x.wav", "folder": "../../x"}\n',
        '{"format": "skbss corpus 1"}\n{"file": "a/x.wav", "folder": "/etc"}\n',
    ],
)
def test_a_manifest_that_is_none_is_left_alone(corpus, folder, separate, content):
    (folder / "all").mkdir()
    log = folder / "all" / "corpus.jsonl"
    log.write_text(content)
    result = separate(corpus, "--out", "all")
    assert result.exit_code == 2
    assert "is no manifest of a corpus" in result.stderr
    assert log.read_text() == content
    assert [path.name for path in (folder / "all").iterdir()] == ["corpus.jsonl"]


def test_recordings_of_one_name(corpus, folder, separate):
    shutil.copy(corpus / "a" / "x.wav", folder / "x.wav")
    paths = ("x.wav", "corpus/a/x.wav", "corpus/b/deep/x.wav")
    assert separate(*paths, "--out", "all").exit_code == 0
    told = {name: record["folder"] for name, record in records(folder / "all").items()}
    assert told == dict(zip(paths, ["x", "x-2", "x-3"], strict=True))
    before = times(folder / "all")
    again = separate(*reversed(paths), "--out", "all", "--resume")
    assert again.stdout == "3 of 3 recordings are separated, 3 of them before.\n"
    assert times(folder / "all") == before


def test_a_link_to_nowhere_does_not_stop_the_others(corpus, folder, separate):
    (corpus / "a" / "lost.wav").symlink_to("nowhere")
    (corpus / "a" / "self.wav").symlink_to("self.wav")
    result = separate(corpus / "a", "--out", "all")
    assert result.exit_code == 2
    assert sorted("is not there" in line for line in result.stderr.splitlines()) == [True, True]
    assert results(folder / "all") == {"x"}


def test_a_recording_that_changes_meanwhile_is_not_taken_for_done(corpus, monkeypatch):
    job = Job(corpus / "a" / "x.wav", corpus / "stems", corpus, Settings(n_fft=64, max_iter=1))
    read = _recording.read_recording

    def change(path):
        found = read(path)
        write(path, seed=7, length=500)
        return found

    monkeypatch.setattr(_recording, "read_recording", change)
    assert "was changed while it was read" in attempt(job).error
    assert not (corpus / "stems").exists()


def test_an_earlier_result_is_not_what_was_to_replace_it(corpus, monkeypatch):
    job = Job(corpus / "a" / "x.wav", corpus / "stems", corpus, Settings(n_fft=64, max_iter=1))
    assert attempt(job).error is None

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("skbss.cli._result.write_wav", fail)
    assert "No space left" in attempt(replace(job, overwrite=True)).error
    assert attempt(job).error is None


@pytest.mark.parametrize("content", ["{}", '{"making": 1, "files": []}', "[" * 200_000])
def test_a_manifest_of_a_result_that_is_none(corpus, folder, separate, content):
    separate(corpus / "a", "--out", "all")
    (folder / "all" / "x" / MANIFEST).write_text(content)
    again = separate(corpus / "a", "--out", "all", "--resume")
    assert again.exit_code == 2
    assert "which skbss did not write" in again.stderr


def test_a_stem_that_lost_its_end_is_made_again(corpus, folder, separate):
    separate(corpus / "a", "--out", "all")
    (folder / "all" / "x" / "source-1.wav").write_bytes(b"")
    result = separate(corpus / "a", "--out", "all", "--resume", "--overwrite")
    assert result.stdout.endswith("1 of 1 recordings are separated.\n")
    assert (folder / "all" / "x" / "source-1.wav").stat().st_size
