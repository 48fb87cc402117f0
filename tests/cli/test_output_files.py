"""Files that appear whole and together, or not at all."""

import os
from pathlib import Path

import pytest

from skbss.cli._errors import CommandError
from skbss.cli._output_files import check_files, output_files


def write(targets, *, overwrite=False, text="new"):
    with output_files(targets, overwrite=overwrite) as drafts:
        for draft in drafts.values():
            draft.write_text(text)


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


@pytest.fixture
def targets(tmp_path):
    return {"--csv": tmp_path / "a.csv", "--json": tmp_path / "a.json"}


def test_all_files_appear(tmp_path, targets):
    write(targets)
    assert names(tmp_path) == ["a.csv", "a.json"]
    assert (tmp_path / "a.csv").read_text() == "new"


def test_nothing_is_written_where_nothing_was_asked_for(tmp_path):
    write({})
    assert names(tmp_path) == []


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_nothing_remains_of_a_failure(tmp_path, targets, error):
    (tmp_path / "a.csv").write_text("old")

    def fail():
        with output_files(targets, overwrite=True) as drafts:
            drafts["--csv"].write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert names(tmp_path) == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "old"


def test_existing_files_are_kept_unless_told_otherwise(tmp_path, targets):
    (tmp_path / "a.json").write_text("old")
    with pytest.raises(CommandError, match=r"--json '.*a\.json' is there already"):
        write(targets)
    assert names(tmp_path) == ["a.json"]
    write(targets, overwrite=True)
    assert (tmp_path / "a.json").read_text() == "new"


def test_a_file_that_comes_in_between_is_kept(tmp_path, targets):
    def race():
        with output_files(targets, overwrite=False) as drafts:
            for draft in drafts.values():
                draft.write_text("new")
            (tmp_path / "a.json").write_text("theirs")

    with pytest.raises(CommandError, match="is there already"):
        race()
    assert names(tmp_path) == ["a.json"]
    assert (tmp_path / "a.json").read_text() == "theirs"


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real" / "a.csv")
    write({"--csv": tmp_path / "link.csv"}, overwrite=True)
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real" / "a.csv").read_text() == "new"
    assert names(tmp_path / "real") == ["a.csv"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("there", "is a folder; name a file"),
        ("missing/a.csv", r"there is no folder '.*missing'"),
        ("a.wav", "is one of the recordings"),
        ("link.wav", "is one of the recordings"),
        ("x" * 300, "cannot be used"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, path, message):
    (tmp_path / "there").mkdir()
    (tmp_path / "a.wav").write_bytes(b"")
    (tmp_path / "link.wav").symlink_to(tmp_path / "a.wav")
    with pytest.raises(CommandError, match=message):
        check_files({"--csv": tmp_path / path}, overwrite=True, inputs=[tmp_path / "a.wav"])


def test_two_options_cannot_name_one_file(tmp_path):
    targets = {"--csv": tmp_path / "a", "--json": tmp_path / "." / "a"}
    with pytest.raises(CommandError, match="--csv and --json name the same file"):
        check_files(targets, overwrite=False)


@pytest.mark.skipif(os.name != "posix", reason="devices of POSIX")
def test_a_device_is_no_file():
    with pytest.raises(CommandError, match="is not a regular file"):
        check_files({"--csv": Path("/dev/null")}, overwrite=True)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs permissions that bind")
def test_a_folder_that_may_not_be_written_to(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(CommandError, match="Permission denied; choose another --csv"):
        check_files({"--csv": tmp_path / "a.csv"}, overwrite=False)
