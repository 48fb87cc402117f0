"""Precision by scope: as precise as the data, whatever JAX is set to, and nothing left behind."""

import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skbss._runtime.device import is_jax_array, movable, precision

SINGLE = [np.float32, np.complex64, np.dtype(np.float32), "float32"]
DOUBLE = [np.float64, np.complex128, np.dtype(np.float64), "float64"]


def settings():
    return jax.config.jax_enable_x64, jax.config.jax_default_matmul_precision


@pytest.mark.parametrize("user_wants_x64", [False, True])
@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(dtype, np.float32) for dtype in SINGLE] + [(dtype, np.float64) for dtype in DOUBLE],
)
def test_the_data_decides(dtype, expected, user_wants_x64):
    with jax.enable_x64(user_wants_x64):
        before = settings()
        with precision(dtype):
            assert jnp.asarray(0.5).dtype == expected
            assert jax.config.jax_default_matmul_precision == "highest"
        assert settings() == before


def test_scopes_nest():
    with precision(np.float64):
        with precision(np.float32):
            assert jnp.asarray(0.5).dtype == np.float32
        assert jnp.asarray(0.5).dtype == np.float64


def test_settings_come_back_after_an_error():
    before = settings()
    with pytest.raises(RuntimeError, match="stop"), precision(np.float64):
        raise RuntimeError("stop")
    assert settings() == before


def test_other_threads_are_left_alone():
    seen, entered, looked = [], threading.Event(), threading.Event()

    def look():
        entered.wait(60)
        seen.append(settings())
        looked.set()

    before = settings()
    thread = threading.Thread(target=look)
    thread.start()
    with precision(np.float64):
        entered.set()
        assert looked.wait(60)
    thread.join()
    assert seen == [before]


def test_what_a_jax_array_is():
    assert is_jax_array(jnp.ones(2))
    assert jax.jit(lambda x: x * is_jax_array(x))(2.0) == 2
    for other in (np.ones(2), [1.0], 1.0, None):
        assert not is_jax_array(other)


@pytest.mark.parametrize("like", [np.ones(3), jnp.ones(3)])
def test_what_lies_together_is_not_moved(like):
    for array in (np.ones(2), jnp.ones(2) if is_jax_array(like) else [1.0, 1.0]):
        assert movable(array, like) is array


def test_arrays_of_jax_come_to_the_host_where_the_data_lies_there():
    moved = movable(jnp.arange(3.0), np.ones(3))
    assert isinstance(moved, np.ndarray)
    np.testing.assert_array_equal(moved, [0, 1, 2])
