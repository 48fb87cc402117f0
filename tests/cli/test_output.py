"""The folder of results appears whole or not at all."""

import json
import os
from pathlib import Path

import pytest

from skbss.cli._errors import CommandError
from skbss.cli._output import (
    MANIFEST,
    alone_in,
    check_target,
    drafts_of,
    output_folder,
    remove_dead_drafts,
    result_of,
)


def write_result(folder, *names, **told):
    for name in names:
        (folder / name).write_text("new")
    sizes = dict.fromkeys(names, 3)
    told = {"files": [*names, MANIFEST], "bytes": sizes, **told}
    (folder / MANIFEST).write_text(json.dumps(told))


def fail(target, error):
    with output_folder(target, overwrite=True) as draft:
        (draft / "x.wav").write_text("half")
        raise error


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_a_new_folder_appears_with_its_parents(tmp_path):
    with output_folder(tmp_path / "a" / "b", overwrite=False) as draft:
        write_result(draft, "x.wav")
        assert not (tmp_path / "a" / "b").exists()
    assert names(tmp_path / "a" / "b") == [MANIFEST, "x.wav"]
    assert names(tmp_path / "a") == ["b"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_nothing_remains_of_a_failure(tmp_path, error):
    with pytest.raises(error):
        fail(tmp_path / "a" / "b", error)
    assert names(tmp_path) == []


def test_an_earlier_result_survives_a_failure(tmp_path):
    write_result(tmp_path, "x.wav")
    with pytest.raises(RuntimeError):
        fail(tmp_path, RuntimeError)
    assert (tmp_path / "x.wav").read_text() == "new"
    assert names(tmp_path) == [MANIFEST, "x.wav"]


def test_an_empty_folder_is_filled(tmp_path):
    inode = tmp_path.stat().st_ino
    with output_folder(tmp_path, overwrite=False) as draft:
        write_result(draft, "x.wav")
    assert names(tmp_path) == [MANIFEST, "x.wav"]
    assert tmp_path.stat().st_ino == inode


def test_an_earlier_result_is_replaced_whole(tmp_path):
    write_result(tmp_path, "x.wav", "stale.wav")
    with output_folder(tmp_path, overwrite=True) as draft:
        write_result(draft, "x.wav", "y.wav")
    assert names(tmp_path) == [MANIFEST, "x.wav", "y.wav"]


def test_an_earlier_result_is_kept_unless_told_otherwise(tmp_path):
    write_result(tmp_path, "x.wav")
    with pytest.raises(CommandError, match=r"holds an earlier result.*--overwrite"):
        check_target(tmp_path, overwrite=False)


def test_only_the_results_of_one_command_may_be_replaced(tmp_path):
    (tmp_path / MANIFEST).write_text(
        json.dumps({"command": "skbss separate --out x song.wav", "files": [MANIFEST]})
    )
    assert check_target(tmp_path, overwrite=True, only="separate") == [MANIFEST]
    with pytest.raises(CommandError, match="a result that skbss demo did not write"):
        check_target(tmp_path, overwrite=True, only="demo")


def test_a_folder_without_rights_is_refused_before_any_work(tmp_path, monkeypatch):
    (tmp_path / "locked").mkdir()
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path / "locked")
    check_target(tmp_path / "open" / "a", overwrite=True)
    with pytest.raises(CommandError, match=r"cannot write to '.*locked': Permission denied"):
        check_target(tmp_path / "locked" / "a" / "b", overwrite=True)


def test_files_of_others_are_never_replaced(tmp_path):
    write_result(tmp_path, "x.wav")
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(CommandError, match=r"holds 'thesis\.tex', which skbss did not write"):
        check_target(tmp_path, overwrite=True)


@pytest.mark.parametrize("content", ["", "[]", '{"files": 3}', '{"files": [3]}', "{", "\x00"])
def test_a_folder_with_another_manifest_is_not_ours(tmp_path, content):
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(CommandError, match="which skbss did not write"):
        check_target(tmp_path, overwrite=True)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "f").write_text("mine")
    with pytest.raises(CommandError, match="is a file; choose another --out"):
        check_target(tmp_path / "f", overwrite=True)


def test_a_folder_inside_a_file_can_not_be_made(tmp_path):
    (tmp_path / "f").write_text("mine")
    with (
        pytest.raises(CommandError, match=r"f' is a file; choose another --out"),
        output_folder(tmp_path / "f" / "x", overwrite=False),
    ):
        pass
    assert names(tmp_path) == ["f"]


def test_what_a_killed_process_left_is_in_nobodys_way(tmp_path, monkeypatch):
    target, other = tmp_path / "x", tmp_path / "y"
    with pytest.MonkeyPatch.context() as patch:
        # As by SIGKILL: nobody tidies up.
        patch.setattr("shutil.rmtree", lambda *_, **__: None)
        for place in (target, other):
            with pytest.raises(RuntimeError):
                fail(place, RuntimeError)
    target.mkdir()
    assert len(names(tmp_path)) == 3
    assert check_target(target, overwrite=False) == []
    drafts = drafts_of([target])
    remove_dead_drafts(drafts, drafts)
    assert len(names(tmp_path)) == 3, "this process is alive"
    monkeypatch.setattr("skbss.cli._output._is_alive", lambda process: False)
    remove_dead_drafts(drafts, set())
    # That of another result is another matter.
    [left] = set(names(tmp_path)) - {"x"}
    assert left.startswith(".skbss-")
    # Nobody can ask for processes of other machines: only what is old is removed.
    monkeypatch.setattr("skbss.cli._output._machine", lambda: "ffffffff")
    drafts = drafts_of([other])
    remove_dead_drafts(drafts, set())
    assert names(tmp_path) == [left, "x"]
    remove_dead_drafts(drafts, drafts)
    assert names(tmp_path) == ["x"]


def test_what_others_put_there_meanwhile_is_not_replaced(tmp_path):
    def fill_twice():
        with output_folder(tmp_path / "x", overwrite=False) as draft:
            write_result(draft, "a.wav")
            with output_folder(tmp_path / "x", overwrite=False) as first:
                write_result(first, "a.wav", "b.wav")

    with pytest.raises(CommandError, match="holds an earlier result"):
        fill_twice()
    assert names(tmp_path) == ["x"]
    assert names(tmp_path / "x") == ["a.wav", "b.wav", MANIFEST]


@pytest.mark.skipif(os.name != "posix", reason="locks of POSIX")
def test_two_do_not_work_in_one_folder(tmp_path):
    with alone_in(tmp_path / "all"):
        with (
            pytest.raises(CommandError, match="another skbss separate is at work"),
            alone_in(tmp_path / "all"),
        ):
            pass
        with alone_in(tmp_path / "other"):
            pass
    with alone_in(tmp_path / "all"):
        pass


def test_a_replacement_that_is_cut_off_is_ours_and_not_complete(tmp_path, monkeypatch):
    making = {"file": "song.wav"}
    with output_folder(tmp_path / "x", overwrite=False) as draft:
        write_result(draft, "x.wav", "stale.wav", making=making)
    assert result_of(tmp_path / "x", making)
    replace = Path.replace

    def killed(self, target):
        if target.name == "y.wav":
            raise SystemExit
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(SystemExit), output_folder(tmp_path / "x", overwrite=True) as draft:
        write_result(draft, "x.wav", "y.wav", making=making)
    monkeypatch.undo()
    assert result_of(tmp_path / "x", making) is None
    check_target(tmp_path / "x", overwrite=True)
    with output_folder(tmp_path / "x", overwrite=True) as draft:
        write_result(draft, "x.wav", "y.wav", making=making)
    assert result_of(tmp_path / "x", making)
    assert names(tmp_path / "x") == [MANIFEST, "x.wav", "y.wav"]
