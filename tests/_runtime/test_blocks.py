"""Rows in blocks: all of them once, in bounded memory, in few sizes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skbss._runtime.blocks import _SMALLEST_BLOCK, _VALUES_PER_BLOCK, blocks_of_rows, filled_up


@settings(deadline=None, max_examples=100)
@given(n_rows=st.integers(1, 10**6), values_per_row=st.integers(1, 2 * _VALUES_PER_BLOCK))
def test_every_row_is_in_one_block_of_bounded_size(n_rows, values_per_row):
    blocks = list(blocks_of_rows(n_rows, values_per_row))
    starts, stops, sizes = zip(*blocks, strict=True)
    assert starts == (0, *stops[:-1])
    assert stops[-1] == n_rows
    for start, stop, size in blocks:
        assert stop - start <= size
        assert size.bit_count() == 1
        # No more than memory allows, unless a handful of rows already takes more.
        assert size == _SMALLEST_BLOCK or size * values_per_row <= _VALUES_PER_BLOCK
        # Not twice as much to compute with as there is.
        assert size == _SMALLEST_BLOCK or size < 2 * (stop - start)
    assert len(set(sizes[:-1])) <= 1


def test_there_are_no_blocks_of_no_rows():
    assert list(blocks_of_rows(0, 5)) == []


@pytest.mark.parametrize(
    ("n_rows", "values_per_row", "expected"),
    [
        (1, 1, [(0, 1, 16)]),
        (16, 1, [(0, 16, 16)]),
        (17, 1, [(0, 17, 32)]),
        (5, 2**25, [(0, 5, 16)]),
        (40, 2**17, [(0, 16, 16), (16, 32, 16), (32, 40, 16)]),
        (100, 2**15, [(0, 64, 64), (64, 100, 64)]),
        (70, 2**15, [(0, 64, 64), (64, 70, 16)]),
    ],
)
def test_blocks(n_rows, values_per_row, expected):
    assert list(blocks_of_rows(n_rows, values_per_row)) == expected


@pytest.mark.parametrize("dtype", [np.float32, np.complex128, np.int64])
@pytest.mark.parametrize("shape", [(3,), (3, 2), (3, 2, 4)])
def test_rows_of_zeros_fill_a_block_up(shape, dtype):
    block = np.arange(1, 1 + np.prod(shape)).reshape(shape).astype(dtype)
    full = filled_up(block, 5)
    assert full.dtype == dtype
    assert full.shape == (5, *shape[1:])
    np.testing.assert_array_equal(full[:3], block)
    assert not full[3:].any()


def test_a_full_block_is_not_copied():
    block = np.ones((4, 2))
    assert filled_up(block, 4) is block
