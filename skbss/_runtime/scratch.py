"""Rows that are put aside in a temporary file, which is gone with whoever used it."""

import tempfile

import numpy as np
from numpy.typing import DTypeLike


class ScratchRows:
    """A matrix on disk, written and read by rows; rows that were not written are zeros.

    Parameters
    ----------
    shape : tuple of int
        ``(n_rows, n_columns)``.
    dtype : dtype
        Of the entries.
    """

    def __init__(self, shape: tuple[int, int], dtype: DTypeLike):
        self.shape, self.dtype = shape, np.dtype(dtype)
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - open until `close`
        size = self._place(shape[0])
        try:
            # What is missing in the end can be read as zeros, and takes no room on most disks.
            self._file.truncate(size)
        except OSError as error:
            self._file.close()
            where = f"a temporary file of {size} bytes in {tempfile.gettempdir()!r}, or TMPDIR"
            raise OSError(error.errno, f"{error.strerror}: {where}") from error

    def write(self, start: int, rows: np.ndarray) -> None:
        """Put down rows, the first of which has the number `start`."""
        self._file.seek(self._place(start))
        self._file.write(np.ascontiguousarray(rows, self.dtype).data)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Take up the rows from `start` to `stop`."""
        self._file.seek(self._place(start))
        rows = np.empty((stop - start, self.shape[1]), self.dtype)
        self._file.readinto(rows.data)
        return rows

    def close(self) -> None:
        """Remove the file."""
        self._file.close()

    def _place(self, row):
        return row * self.shape[1] * self.dtype.itemsize
