"""Rows shared out among devices: what is refused, read and given back; with one device here."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp

import skbss
from skbss._runtime import sharded_rows
from skbss._runtime.device import has_shared_rows, is_jax_array, lies_on_host

X = np.random.default_rng(0).random((7, 3), dtype=np.float32)


def test_rows_are_those_that_were_given():
    rows = skbss.shard_rows(X)
    assert (rows.shape, rows.dtype, rows.ndim, rows.size, len(rows)) == ((7, 3), X.dtype, 2, 21, 7)
    np.testing.assert_array_equal(rows, X)
    np.testing.assert_array_equal(rows[2:6:2], X[2:6:2])
    places, own = rows.local()
    np.testing.assert_array_equal(places, np.arange(7))
    np.testing.assert_array_equal(own, X)
    assert "shape=(7, 3)" in repr(rows)


def test_they_lie_where_jax_keeps_arrays():
    rows = skbss.shard_rows(X)
    assert has_shared_rows(rows)
    assert is_jax_array(rows)
    assert lies_on_host(rows)


@pytest.mark.parametrize("given", [X.tolist(), X.astype(np.float64), np.ones((2, 2), int)])
def test_double_precision_is_refused_where_jax_has_none(given):
    with pytest.raises(ValueError, match="jax_enable_x64"):
        skbss.shard_rows(given)
    with jax.enable_x64(True):
        assert skbss.shard_rows(given).dtype == np.float64


@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray, skbss.shard_rows])
def test_arrays_of_any_kind(kind):
    np.testing.assert_array_equal(skbss.shard_rows(kind(X)), X)


def test_a_file_is_read_in_pieces(tmp_path, monkeypatch):
    np.save(tmp_path / "X.npy", X)
    monkeypatch.setattr(sharded_rows, "_BYTES_PER_BLOCK", 2 * X[0].nbytes)
    heights = []

    def listening(block, in_memory=sharded_rows.in_memory):
        heights.append(len(block))
        return in_memory(block)

    monkeypatch.setattr(sharded_rows, "in_memory", listening)
    rows = skbss.shard_rows(np.load(tmp_path / "X.npy", mmap_mode="r"))
    np.testing.assert_array_equal(rows, X)
    assert heights == [2, 2, 2, 1]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (X[0], ValueError, r"shape \(n_rows, n_columns\).*got shape \(3,\)"),
        (X[:0], ValueError, r"got shape \(0, 3\)"),
        (X[None], ValueError, r"got shape \(1, 7, 3\)"),
        (X + 1j, ValueError, "complex"),
        (np.array([["a"]]), TypeError, "dtype <U1"),
        (sp.csr_matrix(X), TypeError, "sparse"),
    ],
)
def test_what_is_no_dense_matrix_is_refused(given, error, message):
    with pytest.raises(error, match=message):
        skbss.shard_rows(given)


@pytest.mark.parametrize(
    ("devices", "message"),
    [
        ([], r"sequence of devices of JAX, got \[\]"),
        (["cpu"], "sequence of devices of JAX"),
        (2 * jax.devices()[:1], "different from each other"),
    ],
)
def test_devices_are_checked(devices, message):
    with pytest.raises(ValueError, match=message):
        skbss.shard_rows(X, devices)


def test_single_rows_are_no_slices():
    with pytest.raises(TypeError, match="Only slices of rows"):
        skbss.shard_rows(X)[0]


def test_weights_of_other_rows_are_refused():
    model = skbss.BetaNMF(2)
    with pytest.raises(ValueError, match=r"\(6, 3\) do not broadcast to the shape \(7, 3\)"):
        model.fit(skbss.shard_rows(X), weights=skbss.shard_rows(X[:6]))
    with pytest.raises(ValueError, match=r"\(6, 1\) do not broadcast to the shape \(7, 3\)"):
        model.fit(skbss.shard_rows(X), weights=np.ones((6, 1)) / 2)


@pytest.mark.parametrize("wrong", [-1.0, np.inf])
def test_what_is_wrong_in_the_data_is_refused(wrong):
    bad = X.copy()
    bad[3, 1] = wrong
    with pytest.raises(ValueError, match="Negative values" if wrong < 0 else "infinity"):
        skbss.BetaNMF(2).fit(skbss.shard_rows(bad))


def test_one_device_is_enough():
    parameters = {"init": "random", "random_state": 0, "max_iter": 10, "tol": 0}
    one, shared = skbss.BetaNMF(2, **parameters), skbss.BetaNMF(2, **parameters)
    W, of_shared = one.fit_transform(X), shared.fit_transform(skbss.shard_rows(X))
    np.testing.assert_allclose(of_shared, W, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(shared.components_, one.components_, rtol=1e-5, atol=1e-5)
