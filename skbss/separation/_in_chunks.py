"""A recording of any length, piece by piece, such that frames are those of the whole."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from skbss._runtime.waveforms import check_waveforms
from skbss.frontend._framing import Framing
from skbss.masking._level import level_of, level_of_blocks
from skbss.separation._clip import spectrogram_rows
from skbss.separation._cover import Cover

# Samples of a piece, of all channels together.
_SAMPLES = 1 << 20
_EMPTY = "X is empty: there is no block with any samples."


class Chunk(NamedTuple):
    """A piece of a recording.

    Attributes
    ----------
    samples : array of shape ([n_channels,] n)
        With more of the recording on both sides.
    inner : slice
        Those that it is about: no frame that they lie in sees where the piece was cut.
    first_frame : int
        The number of its first frame among those of the whole.
    level : float
        That of the recording.
    """

    samples: np.ndarray
    inner: slice
    first_frame: int
    level: float


def chunks_of(blocks: Iterable[Any], framing: Framing, level: float | None = None):
    """Cut a recording into pieces.

    Parameters
    ----------
    blocks : iterable of arrays of shape ([n_channels,] n)
        The recording, in the order of time.
    framing : Framing
        The frames.
    level : float, optional
        That of the recording. By default it is found by going through it; an iterator is taken to
        be as loud as its first piece.

    Yields
    ------
    chunk : Chunk
    """
    if level is None and not isinstance(blocks, Iterator):
        level = level_of_recording(blocks)
    for samples, inner, start in _cut(_checked(blocks), framing):
        if level is None:
            level = level_of(samples)
        yield Chunk(samples, inner, start // framing.hop_length, level)


def level_of_recording(blocks: Iterable[Any]) -> float:
    """The level of a recording in blocks, which are checked."""
    return level_of_blocks(_checked(blocks))


class SpectrogramBlocks:
    """The rows of the spectrogram of a recording, channel after channel, in blocks.

    Parameters
    ----------
    blocks : iterable of arrays of shape ([n_channels,] n)
        The recording, in the order of time; the same every time that it is iterated over. It is
        gone through once for every channel.
    framing : Framing
        The frames.
    exponent : float
        Of the magnitude.
    """

    def __init__(self, blocks: Iterable[Any], framing: Framing, exponent: float):
        self._blocks, self._framing, self._exponent = blocks, framing, exponent
        self._level = level_of_recording(blocks)
        first = next(_checked(blocks), None)
        if first is None:
            raise ValueError(_EMPTY)
        self.n_channels = int(np.prod(first.shape[:-1]))

    def __iter__(self) -> Iterator[np.ndarray]:
        """Blocks of shape (n_frames, n_freqs)."""
        hop = self._framing.hop_length
        for channel in range(self.n_channels):
            blocks = (x.reshape(self.n_channels, -1)[channel] for x in _checked(self._blocks))
            for chunk in chunks_of(blocks, self._framing, self._level):
                V = spectrogram_rows(
                    chunk.samples, self._framing, exponent=self._exponent, level=chunk.level
                )
                start, stop = chunk.inner.start, chunk.inner.stop
                yield V[start // hop : None if stop is None else stop // hop]


def activations_of_chunk(W: np.ndarray, chunk: Chunk, framing: Framing) -> np.ndarray:
    """Those of the frames of a piece, of the rows of all ``SpectrogramBlocks``."""
    n_channels = int(np.prod(chunk.samples.shape[:-1]))
    n_frames = Cover(chunk.samples.shape[-1], framing).n_frames
    first = chunk.first_frame
    of_channels = W.reshape(n_channels, -1, W.shape[-1])[:, first : first + n_frames]
    return of_channels.reshape(-1, W.shape[-1])


def _cut(blocks, framing):
    """Samples of a piece, what of them it is about, and where in the recording they begin."""
    hop = framing.hop_length
    margin = -(-framing.n_fft // hop) * hop
    waiting: Any = None
    # How many samples of what is waiting were in the middle of the piece before.
    start = done = 0
    for block in blocks:
        waiting = block if waiting is None else np.concatenate([waiting, block], axis=-1)
        n_channels = int(np.prod(block.shape[:-1]))
        step = max(1, _SAMPLES // (n_channels * hop)) * hop
        while waiting.shape[-1] >= done + step + 2 * margin:
            end = done + step
            yield waiting[..., : end + margin], slice(done, end), start
            waiting, start, done = waiting[..., end - margin :], start + end - margin, margin
    if waiting is None:
        raise ValueError(_EMPTY)
    yield waiting, slice(done, None), start


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
