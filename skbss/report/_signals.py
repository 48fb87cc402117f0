"""Recordings as a page plays and shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from skbss._runtime.recorded_waveform import in_blocks
from skbss.report._difference import difference_data_uri, level_difference
from skbss.report._players import PreviewPlan, audio_data_uris, plan_previews
from skbss.report._plots import Tick, frequency_ticks, time_ticks
from skbss.report._spectrogram import display_power, erb_rows, png_data_uri

N_COLORS = 8  # as many as the style sheet names


@dataclass(frozen=True)
class SignalView:
    """One player with its spectrogram.

    Attributes
    ----------
    name : str
        What is heard.
    about : str
        A few words on it.
    file : str or None
        Where it can be downloaded.
    color : int or None
        Of its source; None for the mixture.
    audio, picture : str
        ``data:`` URIs.
    """

    name: str
    about: str
    file: str | None
    color: int | None
    audio: str
    picture: str


@dataclass(frozen=True)
class PairView:
    """A source: its estimate, and where it is known its reference and how they differ."""

    name: str
    color: int
    estimate: SignalView
    reference: SignalView | None = None
    difference: str | None = None


@dataclass(frozen=True)
class Axes:
    """Ticks that all spectrograms of a page share; the fewer ones are for narrow places."""

    times: list[Tick]
    few_times: list[Tick]
    frequencies: list[Tick]
    roomy_frequencies: list[Tick]
    few_frequencies: list[Tick]
    time_unit: str


class Gallery:
    """Sounds and spectrograms of several recordings, on one scale of loudness for ear and eye.

    Parameters
    ----------
    waveforms : sequence of arrays of shape (n_channels, length), or of ``RecordedWaveform``
        All that is shown, of the same shape.
    sample_rate : float
        In Hz.

    Attributes
    ----------
    plan : PreviewPlan
        How the sounds are encoded.
    axes : Axes
        Of every spectrogram.
    """

    plan: PreviewPlan
    axes: Axes

    def __init__(self, waveforms: Sequence[Any], sample_rate: float) -> None:
        n_channels, length = waveforms[0].shape
        blocks = (block for waveform in waveforms for block in in_blocks(waveform))
        peak = max(max(float(block.max()), -float(block.min())) for block in blocks)
        self.plan = plan_previews(len(waveforms), n_channels, length, sample_rate, peak)
        self._sounds = audio_data_uris(waveforms, sample_rate, self.plan)
        self._powers = [
            display_power(waveform, sample_rate, gain=self.plan.gain) for waveform in waveforms
        ]
        self._loudest = max(float(power.max()) for power in self._powers)
        edges = erb_rows(len(self._powers[0]), sample_rate)
        seconds = length / sample_rate
        self.axes = Axes(
            times=time_ticks(seconds),
            few_times=time_ticks(seconds, most=4),
            frequencies=frequency_ticks(edges),
            roomy_frequencies=frequency_ticks(edges, closest=0.11),
            few_frequencies=frequency_ticks(edges, closest=0.27),
            time_unit="" if seconds >= 60 else "s",
        )

    def signal(
        self, index: int, name: str, about: str, file: str | None, color: int | None = None
    ) -> SignalView:
        """The recording at `index`, with what is to be said about it."""
        picture = png_data_uri(self._powers[index], loudest=self._loudest)
        return SignalView(name, about, file, color, self._sounds[index], picture)

    def difference(self, estimate: int, reference: int) -> str:
        """Picture of how the recording at `estimate` differs from that at `reference`."""
        powers = self._powers[estimate], self._powers[reference]
        return difference_data_uri(level_difference(*powers, loudest=self._loudest))


def facts(n_sources: int, shape: tuple[int, ...], sample_rate: float) -> list[str]:
    """What the recordings are, in a few words; `shape` is (n_channels, length)."""
    n_channels, length = shape
    seconds = length / sample_rate
    duration = f"{seconds:.3g} s"
    if seconds >= 60:
        whole = round(seconds)
        duration = f"{whole // 60}:{whole % 60:02d} min"
    channels = {1: "mono", 2: "stereo"}.get(n_channels, f"{n_channels} channels")
    return [
        f"{n_sources} source{'' if n_sources == 1 else 's'}",
        duration,
        channels,
        f"{sample_rate / 1000:g} kHz",
    ]
