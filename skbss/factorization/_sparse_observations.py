"""What the kernels are given for a sparse data matrix."""

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp

from skbss._kernels.block_data import BlockData
from skbss._kernels.sparse_data import EntryData, PaddedRows
from skbss._runtime.blocks import bucket

# Rows are cut into pieces of at most so many entries. A chunk holds a few entries of many pieces;
# what it works with fits the caches of a CPU, and is enough to keep another device busy.
_ENTRIES_PER_PIECE = 256
_ENTRIES_PER_CHUNK = 8
_PIECES_PER_CHUNK = 128
_PIECES_PER_CHUNK_ELSEWHERE = 1 << 13
_DENSE_ENTRIES_PER_BLOCK = 1 << 20


def stored_places(X):
    """The row and the column of every stored entry of a CSR matrix."""
    rows = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    return rows, X.indices


def sparse_weight_sums(X, weights, axis):
    """Total weight of every row (``axis=1``) or column (0) of a CSR matrix.

    Parameters
    ----------
    X : CSR of shape (n_samples, n_features)
        NaN where not observed.
    weights : array of shape (1 or n_samples, 1 or n_features) or None
        As given by the user.
    axis : {0, 1}
        Over which to sum.
    """
    if weights is None:
        sums = np.full(X.shape[1 - axis], float(X.shape[axis]))
    else:
        repeats = X.shape[axis] if weights.shape[axis] == 1 else 1
        sums = repeats * weights.sum(axis=axis, dtype=np.float64)
        sums = np.broadcast_to(sums, X.shape[1 - axis])
    missing = np.isnan(X.data)
    if missing.any():
        rows, columns = stored_places(X)
        lost = np.ones(int(missing.sum()))
        if weights is not None:
            lost = np.broadcast_to(weights, X.shape)[rows[missing], columns[missing]]
        place = (rows if axis == 1 else columns)[missing]
        sums = sums - np.bincount(place, lost, minlength=len(sums))
    return sums


def sparse_means(X, weights, *, by_row):
    """Weighted mean of all entries of a CSR matrix, or of every row; 0 where nothing was observed.

    Parameters
    ----------
    X : CSR of shape (n_samples, n_features)
        NaN where not observed.
    weights : array of shape (1 or n_samples, 1 or n_features) or None
        As given by the user.
    by_row : bool
        Whether to give the mean of every row, in shape (n_samples, 1).
    """
    rows, columns = stored_places(X)
    counted = X.data.astype(np.float64)
    counted[np.isnan(counted)] = 0
    if weights is not None:
        counted = counted * np.broadcast_to(weights, X.shape)[rows, columns]
    total = sparse_weight_sums(X, weights, axis=1)
    if not by_row:
        total = total.sum()
        return float(counted.sum() / total) if total > 0 else 0.0
    level = np.bincount(rows, counted, minlength=X.shape[0])
    return np.divide(level, total, out=np.zeros(X.shape[0]), where=total > 0)[:, None]


def sparse_data(X, weights, scale, *, beta, dtype, smallest):
    """A CSR matrix divided by its level, for the kernels.

    Parameters
    ----------
    X : CSR of shape (n_samples, n_features)
        Non-negative, NaN where not observed.
    weights : array of shape (1 or n_samples, 1 or n_features) or None
        As given by the user.
    scale : float or array of shape (n_samples, 1)
        What to divide by.
    beta : float
        Of the divergence.
    dtype : dtype
        To compute in.
    smallest : float
        To which smaller entries are raised where no model is close to zero.

    Returns
    -------
    data : EntryData or BlockData
    """
    rows, columns = stored_places(X)
    values = X.data.astype(dtype)
    missing = np.isnan(values)
    values[missing] = 0
    scale = scale[rows, 0] if np.ndim(scale) else scale
    values = (values / scale).astype(dtype)
    if weights is None and not missing.any() and beta in (1, 2):
        return _entry_data(sp.csr_array((values, X.indices, X.indptr), shape=X.shape))
    return _block_data(X, rows, columns, values, ~missing, weights, smallest)


def _entry_data(X):
    """The entries of a CSR matrix, by row and by column."""
    by_column = X.tocsc()
    return EntryData(_padded_rows(X), _padded_rows(by_column), X.shape)


def _padded_rows(X):
    """The compressed rows of a CSR matrix, or columns of a CSC matrix, in the kernels' layout."""
    counts = np.diff(X.indptr)
    n_rows, n_entries = len(counts), len(X.data)
    n_pieces = np.maximum(1, -(-counts // _ENTRIES_PER_PIECE))
    first = np.cumsum(n_pieces) - n_pieces
    rows = np.repeat(np.arange(n_rows), n_pieces)
    rank = np.arange(len(rows)) - first[rows]
    lengths = np.minimum(counts[rows] - rank * _ENTRIES_PER_PIECE, _ENTRIES_PER_PIECE)
    by_length = np.argsort(-lengths, kind="stable")
    place = np.empty_like(by_length)
    place[by_length] = np.arange(len(rows))

    most = _PIECES_PER_CHUNK
    if jax.default_backend() != "cpu":
        most = _PIECES_PER_CHUNK_ELSEWHERE
    # Among several groups of pieces none has to hold both the longest and the shortest.
    height = min(most, max(8, _bucket(len(rows)) // 32))
    n_further = len(rows) - n_rows
    room = _bucket(n_further) if n_further else 0
    n_groups = -(-(n_rows + room) // height)
    # Pieces are sorted: the first of every group of them is its longest.
    longest = np.zeros(n_groups, np.int64)
    heads = lengths[by_length[::height]]
    longest[: len(heads)] = heads
    n_chunks = -(-longest // _ENTRIES_PER_CHUNK)
    first_chunk = np.cumsum(n_chunks) - n_chunks
    total = int(n_chunks.sum())

    entry_rows = np.repeat(np.arange(n_rows), counts)
    position = np.arange(n_entries) - X.indptr[entry_rows]
    piece = place[first[entry_rows] + position // _ENTRIES_PER_PIECE]
    position = position % _ENTRIES_PER_PIECE
    chunk = first_chunk[piece // height] + position // _ENTRIES_PER_CHUNK
    at = chunk, piece % height, position % _ENTRIES_PER_CHUNK

    def chunks(entries):
        padded = np.zeros((bucket(total), height, _ENTRIES_PER_CHUNK), entries.dtype)
        padded[at] = entries
        return jnp.asarray(padded)

    def indices(numbers, size, fill):
        padded = np.full(size, fill, np.int32)
        padded[: len(numbers)] = numbers
        return jnp.asarray(padded)

    starts = np.repeat(np.arange(n_groups) * height, n_chunks)
    return PaddedRows(
        columns=chunks(X.indices.astype(np.int32)),
        values=chunks(X.data),
        starts=indices(starts, bucket(total), 0),
        n_chunks=jnp.int32(total),
        row_of_piece=indices(rows[by_length], n_groups * height, 0),
        first_piece=jnp.asarray(place[first], np.int32),
        further_pieces=indices(place[rank > 0], room, 0),
        row_of_further=indices(rows[rank > 0], room, n_rows),
    )


def _bucket(count):
    """A power of two, so that a matrix with a few more entries needs no new program."""
    return 1 << max(4, count - 1).bit_length()


def _block_data(X, rows, columns, values, observed, weights, smallest):
    n_samples, n_features = X.shape
    height = max(1, min(n_samples, _DENSE_ENTRIES_PER_BLOCK // n_features))
    n_blocks = -(-n_samples // height)
    block = rows // height
    counts = np.bincount(block, minlength=n_blocks)
    width = _bucket(int(counts.max()))
    place = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)

    def blocks(entries, fill):
        grouped = np.full((n_blocks, width), fill, entries.dtype)
        grouped[block, place] = entries
        return jnp.asarray(grouped)

    row_weights = np.ones((n_samples, 1), values.dtype)
    column_weights = np.ones(n_features, values.dtype)
    if weights is not None and weights.shape[0] == 1:
        column_weights = np.broadcast_to(weights[0], n_features).astype(values.dtype)
    elif weights is not None:
        row_weights = weights.astype(values.dtype)
    # Rows that pad the last block weigh nothing.
    padded = np.zeros((n_blocks * height, row_weights.shape[1]), values.dtype)
    padded[:n_samples] = row_weights
    return BlockData(
        rows=blocks((rows % height).astype(np.int32), height),
        columns=blocks(columns.astype(np.int32), 0),
        values=blocks(values, 0),
        observed=None if observed.all() else blocks(observed.astype(values.dtype), 1),
        row_weights=jnp.asarray(padded.reshape(n_blocks, height, -1)),
        column_weights=jnp.asarray(column_weights),
        smallest=jnp.full((n_blocks, height, 1), smallest, values.dtype),
        shape=X.shape,
    )
