"""Long arrays in pieces: bounded memory, and few shapes to compile programs for."""

from collections.abc import Iterator

import numpy as np

_VALUES_PER_BLOCK = 2**21
_SMALLEST_BLOCK = 16


def blocks_of_rows(n_rows: int, values_per_row: int) -> Iterator[tuple[int, int, int]]:
    """Cut rows into blocks.

    Parameters
    ----------
    n_rows : int
        How many there are.
    values_per_row : int
        How many numbers a row takes while it is computed with.

    Yields
    ------
    start, stop, size : int
        The rows, and the number of rows to compute with: a power of two, so that arrays of all
        lengths share a few compiled programs.
    """
    limit = max(
        _SMALLEST_BLOCK, 1 << max(0, (_VALUES_PER_BLOCK // values_per_row).bit_length() - 1)
    )
    for start in range(0, n_rows, limit):
        stop = min(start + limit, n_rows)
        yield start, stop, max(_SMALLEST_BLOCK, 1 << (stop - start - 1).bit_length())


def filled_up(block: np.ndarray, size: int) -> np.ndarray:
    """The block with rows of zeros after it, `size` rows in all."""
    if len(block) == size:
        return block
    return np.concatenate([block, np.zeros((size - len(block), *block.shape[1:]), block.dtype)])


def bucket(count: int, smallest: int = 16) -> int:
    """A size with four steps an octave that is at least `count`, and at least `smallest`.

    Arrays filled up to it grow by a quarter at most, and share a few compiled programs.
    """
    count = max(count, smallest)
    step = 1 << max(0, (count - 1).bit_length() - 3)
    return -(-count // step) * step
