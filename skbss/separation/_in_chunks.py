"""A recording of any length, piece by piece, such that frames are those of the whole."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from skbss._runtime.waveforms import check_waveforms
from skbss.frontend._framing import Framing
from skbss.masking._level import level_of, level_of_blocks

# Samples of a piece, of all channels together.
_SAMPLES = 1 << 20


class Chunk(NamedTuple):
    """A piece of a recording.

    Attributes
    ----------
    samples : array of shape ([n_channels,] n)
        With more of the recording on both sides.
    inner : slice
        Those that it is about: no frame that they lie in sees where the piece was cut.
    level : float
        That of the recording.
    """

    samples: np.ndarray
    inner: slice
    level: float


def chunks_of(blocks: Iterable[Any], framing: Framing) -> Iterator[Chunk]:
    """Cut a recording into pieces.

    Parameters
    ----------
    blocks : iterable of arrays of shape ([n_channels,] n)
        The recording, in the order of time. An iterator is taken to be as loud as its first piece.
    framing : Framing
        The frames.

    Yields
    ------
    chunk : Chunk
    """
    level = None if isinstance(blocks, Iterator) else level_of_blocks(_checked(blocks))
    for samples, inner in _cut(_checked(blocks), framing):
        if level is None:
            level = level_of(samples)
        yield Chunk(samples, inner, level)


def _cut(blocks, framing):
    hop = framing.hop_length
    margin = -(-framing.n_fft // hop) * hop
    waiting: Any = None
    # How many samples of what is waiting were in the middle of the piece before.
    done = 0
    for block in blocks:
        waiting = block if waiting is None else np.concatenate([waiting, block], axis=-1)
        n_channels = int(np.prod(block.shape[:-1]))
        step = max(1, _SAMPLES // (n_channels * hop)) * hop
        while waiting.shape[-1] >= done + step + 2 * margin:
            end = done + step
            yield waiting[..., : end + margin], slice(done, end)
            waiting, done = waiting[..., end - margin :], margin
    if waiting is None:
        raise ValueError("X is empty: there is no block with any samples.")
    yield waiting, slice(done, None)


def _checked(blocks):
    """Blocks with samples, all of them alike."""
    first: Any = None
    for block in blocks:
        if np.shape(block)[-1:] == (0,):
            continue
        several = np.ndim(block) > 1
        x = check_waveforms(np.asarray(block)[None] if several else block, name="block").arrays[0]
        x = np.asarray(x[0] if several else x)
        first = x if first is None else first
        if x.shape[:-1] != first.shape[:-1]:
            raise ValueError(
                f"All blocks must have the channels of the first one, of shape {first.shape}; got "
                f"one of shape {x.shape}."
            )
        yield x.astype(first.dtype, copy=False)
