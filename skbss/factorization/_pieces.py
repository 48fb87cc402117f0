"""Pieces of recordings, by the numbers of their rows."""

from typing import NamedTuple

import numpy as np


class Recording(NamedTuple):
    """Rows of a matrix.

    Attributes
    ----------
    first : int
        Number of its first row.
    length : int
        How many it has.
    """

    first: int
    length: int


def recordings_of(lengths) -> list[Recording]:
    """Those that lie below each other.

    Parameters
    ----------
    lengths : sequence of int
        Numbers of their rows.

    Returns
    -------
    recordings : list of Recording
    """
    firsts = np.cumsum([0, *lengths[:-1]])
    return [
        Recording(int(first), int(length)) for first, length in zip(firsts, lengths, strict=True)
    ]


def pieces_of(recordings, length, silent, *, margin=0, rng=None):
    """Cut recordings into pieces that cover them.

    Parameters
    ----------
    recordings : sequence of Recording
        What is cut.
    length : int
        Rows of a piece.
    silent : int
        Number of a row to name where a recording has none.
    margin : int, default=0
        By how many rows pieces overlap at either end.
    rng : RandomState, default=None
        Of the place of the first cut. By default pieces, without their margins, begin where their
        recordings do.

    Returns
    -------
    pieces : ndarray of shape (n_pieces, length)
        Numbers of rows. Without the margins and what is silent, all rows in their order.
    """
    own = length - 2 * margin
    found = []
    for first, n_rows in recordings:
        begin = -rng.randint(own) if rng is not None and n_rows > 1 else 0
        starts = np.arange(begin, n_rows, own)
        found.append(_rows(first, n_rows, starts - margin, length, silent))
    return np.concatenate(found)


def drawn_pieces(recordings, n_pieces, length, silent, rng):
    """Pieces from anywhere, those of long recordings more often.

    Parameters
    ----------
    recordings : sequence of Recording
        What they are drawn from.
    n_pieces : int
        How many.
    length : int
        Rows of a piece.
    silent : int
        Number of a row to name after the end of a recording that is shorter.
    rng : RandomState
        What draws.

    Returns
    -------
    pieces : ndarray of shape (n_pieces, length)
        Numbers of rows.
    """
    firsts, lengths = np.array(recordings).T
    which = rng.choice(len(lengths), n_pieces, p=lengths / lengths.sum())
    begin = np.floor(rng.uniform(size=n_pieces) * (np.maximum(lengths[which] - length, 0) + 1))
    return np.concatenate(
        [
            _rows(firsts[one], lengths[one], np.array([start]), length, silent)
            for one, start in zip(which, begin.astype(int), strict=True)
        ]
    )


def _rows(first, n_rows, starts, length, silent):
    rows = starts[:, None] + np.arange(length)
    return np.where((rows >= 0) & (rows < n_rows), first + rows, silent).astype(np.int32)
