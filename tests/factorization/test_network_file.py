"""Files of networks: what cannot be written or read is told by the path that was given."""

import errno
import json
import os
import stat

import numpy as np
import pytest
import safetensors.numpy

from skbss.factorization._network_file import _FORMAT, read_network, write_network

ARRAYS = {"weights.output": np.ones((3, 4)), "atom_source": np.array([0, 0, 1])}


def everything(folder):
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*"))


def test_what_is_written_is_read(tmp_path):
    write_network(str(tmp_path / "network"), ARRAYS, {"mean": 0.5})
    arrays, facts = read_network(str(tmp_path / "network"))
    assert facts == {"mean": 0.5}
    for name, one in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], one)
    assert everything(tmp_path) == ["network"]


def test_others_may_read_what_is_written(tmp_path):
    before = os.umask(0o022)
    try:
        write_network(tmp_path / "network", ARRAYS, {})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "network").stat().st_mode) == 0o644


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("none/network", FileNotFoundError),
        ("none/below/network", FileNotFoundError),
        ("folder", IsADirectoryError),
        ("file/network", NotADirectoryError),
    ],
)
def test_paths_to_which_nothing_can_be_written(tmp_path, name, error):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("words")
    before, path = everything(tmp_path), tmp_path / name
    with pytest.raises(error) as caught:
        write_network(path, ARRAYS, {})
    assert str(path) in str(caught.value)
    assert ".part" not in str(caught.value)
    assert everything(tmp_path) == before


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_writing_that_fails_is_told_by_the_path_that_was_given(tmp_path, monkeypatch, number):
    path = tmp_path / "network"
    path.write_text("what was there")

    def fails(draft, content):
        with open(draft, "wb") as file:  # noqa: PTH123
            file.write(content[:10])
        raise OSError(number, os.strerror(number), str(draft))

    monkeypatch.setattr("pathlib.Path.write_bytes", fails)
    with pytest.raises(OSError, match="network") as caught:
        write_network(path, ARRAYS, {})
    assert caught.value.errno == number
    assert isinstance(caught.value, PermissionError) == (number == errno.EACCES)
    assert caught.value.filename == str(path)
    assert ".part" not in str(caught.value)
    assert path.read_text() == "what was there"
    assert everything(tmp_path) == ["network"]


@pytest.mark.parametrize(
    ("name", "error"), [("none", FileNotFoundError), ("folder", IsADirectoryError)]
)
def test_paths_from_which_nothing_can_be_read(tmp_path, name, error):
    (tmp_path / "folder").mkdir()
    with pytest.raises(error) as caught:
        read_network(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize(
    "number",
    [
        *(np.int64(3), np.uint8(3), np.float32(0.1), np.float64(0.1), np.longdouble(0.5)),
        *(np.bool_(True), np.str_("mu")),
    ],
)
def test_scalars_of_numpy_are_facts(tmp_path, number):
    write_network(tmp_path / "network", ARRAYS, {"parameters": {"one": number}})
    _, facts = read_network(tmp_path / "network")
    read = facts["parameters"]["one"]
    assert read == number
    assert type(read) in (int, float, bool, str)
    assert isinstance(read, bool) == isinstance(number, np.bool_)


def test_facts_that_are_no_text_are_refused_before_anything_is_written(tmp_path):
    for fact in (object(), np.complex64(1)):
        with pytest.raises(TypeError, match="not JSON serializable"):
            write_network(tmp_path / "network", ARRAYS, {"one": fact})
    assert everything(tmp_path) == []


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_precisions_that_networks_have(tmp_path, dtype, index):
    arrays = {"dictionary": np.ones(3, dtype), "atom_source": np.zeros(3, index)}
    write_network(tmp_path / "network", arrays, {})
    read, _ = read_network(tmp_path / "network")
    assert read["dictionary"].dtype == dtype
    assert read["atom_source"].dtype == index


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        *[("dictionary", kind) for kind in (np.float16, np.complex64, np.int64, np.bool_)],
        *[("weights.output", kind) for kind in (np.float16, np.complex64, np.uint8)],
        *[("atom_source", kind) for kind in (np.float32, np.bool_, np.complex64)],
    ],
)
def test_precisions_that_no_network_has(tmp_path, name, dtype):
    path = tmp_path / "network"
    metadata = {"format": _FORMAT, "facts": json.dumps({})}
    arrays = {**ARRAYS, "dictionary": np.ones((3, 4)), name: np.zeros((3, 4), dtype)}
    safetensors.numpy.save_file(arrays, path, metadata)
    message = f"network holds no whole DeepUnfoldedNMF: .*'{name}'.* {np.dtype(dtype)}"
    with pytest.raises(ValueError, match=message):
        read_network(path)
