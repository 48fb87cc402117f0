"""Sound that travels inside the page."""

import base64
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from skbss._runtime.recorded_waveform import in_blocks

# An uncompressed page of this size still opens at once on a phone; beyond it sound is compressed.
_LOSSLESS_BUDGET = 24_000_000
_COMPRESSED_BUDGET = 16_000_000
_STEREO_BYTES_PER_SECOND = 16_000
_MONO_BYTES_PER_SECOND = 6_000
_PEAK = 0.98
_LARGEST_GAIN = 1e30


@dataclass(frozen=True)
class PreviewPlan:
    """How every player of one page is encoded, so that they can be compared by ear.

    Attributes
    ----------
    encoding : str
        "FLAC" (16 bit, lossless but for the rounding) or "MP3".
    sample_rate : int
        In Hz, between 8000 and 48000: what every browser plays.
    n_channels : int
        1 or 2.
    seconds : float or None
        Length of the excerpt, None for the whole recording.
    gain : float
        One factor for all players; brings the loudest sample of them all to full scale.
    """

    encoding: str
    sample_rate: int
    n_channels: int
    seconds: float | None
    gain: float

    def describe(self) -> str:
        """One sentence for the reader of the page."""
        sound = "stereo" if self.n_channels == 2 else "mono"
        kilohertz = f"{self.sample_rate / 1000:g} kHz"
        extent = "" if self.seconds is None else f", the first {self.seconds / 60:.0f} minutes"
        gain_db = 20 * np.log10(self.gain)
        gain = (
            f" All players share one gain of {gain_db:+.1f} dB; the files keep the level of the "
            "recording."
            if abs(gain_db) >= 0.05
            else ""
        )
        quality = "16-bit FLAC" if self.encoding == "FLAC" else "MP3"
        return f"The players hold {sound} {quality} at {kilohertz}{extent}.{gain}"


def plan_previews(
    n_players: int, n_channels: int, length: int, sample_rate: float, peak: float
) -> PreviewPlan:
    """Choose the best sound that keeps the whole page small.

    Parameters
    ----------
    n_players, n_channels, length : int
        What is to be embedded; `length` in samples.
    sample_rate : float
        Of the recording, in Hz.
    peak : float
        Largest magnitude in any of the waveforms; 0 for silence.
    """
    seconds = length / sample_rate
    heard_channels = n_channels if n_channels <= 2 else 1
    rate = int(np.clip(round(sample_rate), 8_000, 48_000))
    gain = min(_PEAK / peak, _LARGEST_GAIN) if peak > 0 else 1.0
    if 2 * heard_channels * rate * seconds * n_players <= _LOSSLESS_BUDGET:
        return PreviewPlan("FLAC", rate, heard_channels, None, gain)
    if _STEREO_BYTES_PER_SECOND * seconds * n_players <= _COMPRESSED_BUDGET:
        rate = min((32_000, 44_100, 48_000), key=lambda choice: abs(choice - rate))
        return PreviewPlan("MP3", rate, heard_channels, None, gain)
    fits = _COMPRESSED_BUDGET / (_MONO_BYTES_PER_SECOND * n_players)
    return PreviewPlan("MP3", 22_050, 1, None if seconds <= fits else max(fits, 1.0), gain)


def audio_data_uris(waveforms: Sequence[Any], sample_rate: float, plan: PreviewPlan) -> list[str]:
    """Every waveform, shape (n_channels, length), encoded by the plan as a ``data:`` URI."""
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        return list(pool.map(partial(_encode, sample_rate=sample_rate, plan=plan), waveforms))


def _encode(waveform: Any, *, sample_rate: float, plan: PreviewPlan) -> str:
    import soundfile

    length = None if plan.seconds is None else int(plan.seconds * sample_rate)
    stream = io.BytesIO()
    options = {"subtype": "PCM_16"}
    if plan.encoding == "MP3":
        options = {"subtype": "MPEG_LAYER_III"}
    with soundfile.SoundFile(
        stream, "w", plan.sample_rate, plan.n_channels, format=plan.encoding, **options
    ) as file:
        for samples in _heard(in_blocks(waveform, length), sample_rate, plan):
            file.write(np.clip(plan.gain * samples, -1, 1))
    kind = {"FLAC": "audio/flac", "MP3": "audio/mpeg"}[plan.encoding]
    return f"data:{kind};base64," + base64.b64encode(stream.getbuffer()).decode("ascii")


def _heard(
    blocks: Iterable[np.ndarray], sample_rate: float, plan: PreviewPlan
) -> Iterator[np.ndarray]:
    """The samples that are heard, of shape (n, n_channels), at the rate of the plan."""
    import soxr

    mixed = (
        block if len(block) == plan.n_channels else block.mean(axis=0, keepdims=True)
        for block in blocks
    )
    if plan.sample_rate == sample_rate:
        yield from (block.T for block in mixed)
        return
    resampler = soxr.ResampleStream(sample_rate, plan.sample_rate, plan.n_channels)
    for block in mixed:
        yield resampler.resample_chunk(np.ascontiguousarray(block.T, np.float32))
    yield resampler.resample_chunk(np.empty((0, plan.n_channels), np.float32), last=True)
