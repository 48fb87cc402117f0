"""Which sound file belongs to which."""

import os
from pathlib import Path

import pytest

from skbss.cli._errors import CommandError
from skbss.cli._matching import enumerated, find_mixture, list_sounds, match_names


def fill(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")
    return folder


def paths(folder, *names):
    return [Path(folder) / name for name in names]


def matched(references, estimates, matching="auto"):
    found = match_names(paths("refs", *references), paths("ests", *estimates), matching=matching)
    return None if found is None else [path.name for path in found]


def test_sounds_are_listed_as_people_count(tmp_path):
    fill(tmp_path, "take10.wav", "take2.FLAC", "Take1.mp3", "mixture.wav", "b.ogg")
    found = list_sounds("--estimate", tmp_path)
    assert [path.name for path in found.sounds] == [
        "b.ogg",
        "Take1.mp3",
        "take2.FLAC",
        "take10.wav",
    ]
    assert [path.name for path in found.mixtures] == ["mixture.wav"]
    assert found.skipped == []


def test_what_is_no_recording_is_skipped_and_what_skbss_writes_is_not_missed(tmp_path):
    fill(tmp_path, "a.wav", "separation.json", "index.html", ".DS_Store", "cover.jpg", "film.mp4")
    (tmp_path / "more.wav").mkdir()
    found = list_sounds("--estimate", tmp_path)
    assert [path.name for path in found.sounds] == ["a.wav"]
    assert found.skipped == ["cover.jpg", "film.mp4", "more.wav"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (None, "--reference '.*refs' does not exist"),
        ([], "holds no recordings of sources"),
        (["MIXTURE.flac", "notes.txt"], "holds no recordings of sources"),
    ],
)
def test_a_folder_without_sources_is_refused(tmp_path, names, message):
    folder = tmp_path / "refs"
    if names is not None:
        fill(folder, *names)
    with pytest.raises(CommandError, match=message):
        list_sounds("--reference", folder)


def test_a_file_is_no_folder(tmp_path):
    fill(tmp_path, "a.wav")
    with pytest.raises(CommandError, match=r"--reference '.*a\.wav' is not a folder"):
        list_sounds("--reference", tmp_path / "a.wav")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs permissions that bind")
def test_a_folder_that_may_not_be_read(tmp_path):
    tmp_path.chmod(0)
    try:
        with pytest.raises(CommandError, match="cannot be read: Permission denied"):
            list_sounds("--reference", tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_the_mixture_is_that_of_the_first_folder(tmp_path):
    first = list_sounds("-", fill(tmp_path / "one", "a.wav"))
    second = list_sounds("-", fill(tmp_path / "two", "a.wav", "Mixture.flac"))
    assert find_mixture(first, second) == tmp_path / "two" / "Mixture.flac"
    assert find_mixture(first) is None
    third = list_sounds("-", fill(tmp_path / "three", "a.wav", "mixture.wav"))
    assert find_mixture(third, second) == tmp_path / "three" / "mixture.wav"


def test_two_mixtures_in_a_folder_are_refused(tmp_path):
    folder = list_sounds("-", fill(tmp_path, "a.wav", "mixture.wav", "mixture.flac"))
    with pytest.raises(CommandError, match="are all called mixture; name one by --mixture"):
        find_mixture(folder)


@pytest.mark.parametrize("matching", ["auto", "name"])
def test_names_match_in_any_case_format_and_order(matching):
    # The accent is one character in one name and two in the other.
    found = matched(
        ["Bass.wav", "Fl\u00fbte.wav"], ["flu\u0302te.wav", "bass.flac", "other.wav"], matching
    )
    assert found == ["bass.flac", "flu\u0302te.wav"]


def test_names_that_do_not_correspond_leave_it_to_the_ear():
    assert matched(["bass.wav", "drums.wav"], ["1.wav", "2.wav", "3.wav"]) is None
    assert matched(["bass.wav"], ["bass.wav"], "permutation") is None


@pytest.mark.parametrize(
    ("references", "estimates", "matching", "message"),
    [
        (["a.wav", "b.wav"], ["a.wav"], "auto", "2 references and only 1 estimate: every"),
        (["a.wav", "b.wav"], ["a.wav"], "permutation", "2 references and only 1 estimate:"),
        (["a.wav", "b.wav"], ["a.wav", "c.wav"], "auto", "no estimate is called 'b'"),
        (["a.wav"], ["c.wav"], "name", "no estimate is called 'a'"),
        (["a.wav"], ["a.wav", "A.flac"], "auto", r"'a\.wav' and 'A\.flac' in 'ests' have one name"),
        (["a.wav", "a.mp3"], ["a.wav", "b.wav"], "name", "'a.mp3' in 'refs' have one name"),
    ],
)
def test_names_that_leave_it_open_are_refused(references, estimates, matching, message):
    with pytest.raises(CommandError, match=message):
        matched(references, estimates, matching)


def test_long_lists_are_cut_short():
    assert enumerated(["a"]) == "'a'"
    assert enumerated(["a", "b", "c"]) == "'a', 'b' and 'c'"
    assert enumerated(list("abcdef")) == "'a', 'b', 'c' and 3 more"
