"""Frames that cover a clip, and the way through them in bounded memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from skbss._runtime.blocks import blocks_of_rows
from skbss._runtime.device import is_jax_array, precision
from skbss.frontend._framing import Framing
from skbss.frontend._transforms import add_block, divided_by_windows, samples_of_block


@dataclass(frozen=True, eq=False)
class Block:
    """Neighboring frames of a clip, and the samples under them.

    Attributes
    ----------
    samples : array of shape (..., n_samples)
        As many as `size` frames cover.
    start, stop : int
        The frames.
    size : int
        How many frames to compute with: those beyond `stop` fill up the shape.
    """

    samples: Any
    start: int
    stop: int
    size: int

    @property
    def n_frames(self) -> np.ndarray:
        """How many frames count, as kernels take it."""
        return np.asarray(self.stop - self.start)


class Cover:
    """Made-up samples around clips of one length, such that every sample lies well inside frames.

    Parameters
    ----------
    length : int
        Samples of a clip.
    framing : Framing
        The frames as the front end has them.

    Attributes
    ----------
    framing : Framing
        The frames on the padded clip, which need no more samples around it.
    n_frames : int
        How many there are.
    first_middle : int
        The sample of the clip in the middle of the first frame; negative before the clip.
    """

    def __init__(self, length: int, framing: Framing):
        self._length = length
        # Whole hops: the last samples would else lie under the fading end of a window only.
        self._after = -length % framing.hop_length
        self._around, self._pad_mode = framing.margin, str(framing.pad_mode)
        if framing.margin == 0:
            self._around, self._pad_mode = framing.n_fft, "constant"
        self.first_middle = framing.n_fft // 2 - self._around
        self.framing = replace(framing, margin=0, pad_mode="constant")
        self.n_frames = self.framing.n_frames(length + self._after + 2 * self._around)

    def padded(self, x):
        """The clip with samples around it.

        Parameters
        ----------
        x : array of shape (..., length)
            Waveforms.

        Returns
        -------
        padded : array of shape (..., n_samples)
        """
        xp = jnp if is_jax_array(x) else np
        lead = [(0, 0)] * (x.ndim - 1)
        x = xp.pad(x, [*lead, (0, self._after)])
        return xp.pad(x, [*lead, (self._around, self._around)], mode=self._pad_mode)

    def blocks(self, padded, values_per_frame: int) -> Iterator[Block]:
        """The padded clip in blocks of frames.

        Parameters
        ----------
        padded : array of shape (..., n_samples)
            An array of JAX is one block.
        values_per_frame : int
            How many numbers a frame takes while it is computed with.

        Yields
        ------
        block : Block
            In the order of time.
        """
        if is_jax_array(padded):
            yield Block(padded, 0, self.n_frames, self.n_frames)
            return
        lead = padded.shape[:-1]
        for start, stop, size in blocks_of_rows(self.n_frames, values_per_frame):
            samples = np.empty((*lead, self.framing.span(size)), padded.dtype)
            for index in np.ndindex(lead):
                samples[index] = samples_of_block(padded[index], self.framing, start, size)
            yield Block(samples, start, stop, size)

    def synthesized(self, waveforms_of: Callable[[Block], Any], padded, values_per_frame: int):
        """Waveforms that are computed from the frames of a clip.

        Parameters
        ----------
        waveforms_of : callable
            The windowed frames that a block becomes, added up: an array of shape
            (..., n_samples).
        padded : array of shape (..., n_samples)
            What the blocks are cut from.
        values_per_frame : int
            How many numbers a frame takes while it is computed with.

        Returns
        -------
        x : array of shape (..., length)
            A JAX array where `padded` is one.
        """
        dtype = np.dtype(padded.dtype)
        window_power = self.framing.window_power(self.n_frames, dtype)
        if is_jax_array(padded):
            (block,) = self.blocks(padded, values_per_frame)
            part = slice(self._around, self._around + self._length)
            with jax.default_matmul_precision("highest"):
                return waveforms_of(block)[..., part] / window_power[part]
        total: Any = None
        with precision(dtype):
            for block in self.blocks(padded, values_per_frame):
                added = np.asarray(waveforms_of(block))
                if total is None:
                    total = np.zeros(
                        (*added.shape[:-1], self.framing.span(self.n_frames)), added.dtype
                    )
                add_block(total, added, self.framing, block.start)
        return divided_by_windows(
            total, window_power, replace(self.framing, margin=self._around), self._length
        )
