"""How a recording is to be separated, checked before any work is done."""

import math
import re
from dataclasses import dataclass, replace
from typing import Any

from skbss.cli._errors import CommandError
from skbss.cli._methods import METHODS, find_method

DEVICES = ("auto", "cpu", "gpu")
GROUPINGS = ("auto", "timbre", "mfcc", "activations", "sections", "parents")

# What not every method takes, in the order of the help.
_OPTIONS = {
    "n_sources": "--sources",
    "n_components": "--components",
    "n_fft": "--n-fft",
    "hop_length": "--hop-length",
    "window": "--window",
    "grouping": "--grouping",
    "mask_exponent": "--mask-exponent",
    "max_iter": "--max-iter",
    "sparsity": "--sparsity",
    "smoothness": "--smoothness",
    "orthogonality": "--orthogonality",
    "group_sparsity": "--group-sparsity",
    "volume": "--volume",
    "pitches": "--pitches",
    "free_components": "--free-components",
}
_WEIGHTS = ("sparsity", "smoothness", "orthogonality", "group_sparsity", "volume")
_PARTICULAR = (*_WEIGHTS, "pitches", "free_components")
_LOWEST_PITCH, _HIGHEST_PITCH = 21, 108
# Frames of unmixing hold the reverberation: 4096 samples at 16 kHz.
_SECONDS_OF_UNMIXING = 0.256
_SECONDS_OF_LONGEST_FRAME = 2


@dataclass(frozen=True)
class Settings:
    """The options of one separation; None where the method or the recording decides.

    Attributes
    ----------
    method : str
        A key of `METHODS`.
    n_sources : int or None
        How many stems.
    n_components : int or None
        How many templates are learned.
    n_fft, hop_length : int or None
        Frame and step of the STFT in samples.
    window : str or None
        A name that :func:`scipy.signal.get_window` knows.
    grouping : str or None
        How templates are assigned to sources.
    mask_exponent : float or None
        Exponent of the magnitudes in the masks, infinity allowed.
    max_iter : int or None
        Iterations of the fit at most.
    seed : int
        Of the random start.
    sparsity, smoothness, orthogonality, group_sparsity, volume : float or None
        Strengths of penalties.
    pitches : str or None
        The lowest and the highest MIDI number, as in "21-108".
    free_components : int or None
        How many templates are learned beside those of pitches.
    """

    method: str = "nmf"
    n_sources: int | None = None
    n_components: int | None = None
    n_fft: int | None = None
    hop_length: int | None = None
    window: str | None = None
    grouping: str | None = None
    mask_exponent: float | None = None
    max_iter: int | None = None
    seed: int = 0
    sparsity: float | None = None
    smoothness: float | None = None
    orthogonality: float | None = None
    group_sparsity: float | None = None
    volume: float | None = None
    pitches: str | None = None
    free_components: int | None = None

    def check(self) -> None:
        """Refuse what no recording can be separated with.

        Raises
        ------
        CommandError
            Naming the option, what was given and what is allowed.
        """
        takes = find_method(self.method).takes
        for field, option in _OPTIONS.items():
            if getattr(self, field) is not None and field not in takes:
                takers = [name for name, method in METHODS.items() if field in method.takes]
                raise CommandError(
                    f"{option} does not go with --method {self.method}; those that take it: "
                    f"{', '.join(takers)}."
                )
        for field in ("n_sources", "n_components", "hop_length", "max_iter"):
            self._check_at_least(field, 1)
        self._check_at_least("n_fft", 16)
        self._check_at_least("free_components", 0)
        if not 0 <= self.seed < 2**32:
            raise CommandError(f"--seed must be from 0 to {2**32 - 1}, got {self.seed}.")
        if self.grouping is not None and self.grouping not in GROUPINGS:
            raise CommandError(
                f"--grouping must be one of {', '.join(GROUPINGS)}, got '{self.grouping}'."
            )
        if self.grouping == "parents" and takes["grouping"] != "parents":
            takers = [name for name, m in METHODS.items() if m.takes.get("grouping") == "parents"]
            raise CommandError(
                f"--grouping parents does not go with --method {self.method}, whose templates are "
                f"parts of nothing; those that take it: {', '.join(takers)}."
            )
        if self.mask_exponent is not None and not self.mask_exponent > 0:
            raise CommandError(
                f"--mask-exponent must be positive (inf is allowed), got {self.mask_exponent}."
            )
        for field in _WEIGHTS:
            weight = getattr(self, field)
            if weight is not None and not 0 <= weight < math.inf:
                raise CommandError(
                    f"{_OPTIONS[field]} must be 0 or a positive number, got {weight}."
                )
        if self.window is not None:
            _check_window(self.window)
        if self.pitches is not None:
            self.pitch_range()
        self._with_defaults()._check_enough_components()

    def resolve(self, sample_rate: int, n_channels: int = 1) -> "Settings":
        """The same with every open choice made for a recording.

        Parameters
        ----------
        sample_rate : int
            In Hz.
        n_channels : int
            How many the recording has.

        Raises
        ------
        CommandError
            If frames are too long, the hop leaves gaps between them, pitches do not go with the
            sample rate, or sources not with the channels.
        """
        from skbss.frontend._frame_length import usual_n_fft

        settings = self._with_defaults()
        longest = _SECONDS_OF_LONGEST_FRAME * sample_rate
        if settings.n_fft is not None and settings.n_fft > longest:
            raise CommandError(
                f"--n-fft must be at most {longest}, {_SECONDS_OF_LONGEST_FRAME} seconds of this "
                f"recording; got {settings.n_fft}."
            )
        if find_method(self.method).factorizer is None:
            n_sources = settings.n_sources or n_channels
            _check_channels(self.method, n_sources, n_channels)
            n_fft = settings.n_fft or max(
                16, 2 ** round(math.log2(_SECONDS_OF_UNMIXING * sample_rate))
            )
            return replace(settings, n_sources=n_sources, n_fft=n_fft)
        n_fft = settings.n_fft or usual_n_fft(sample_rate)
        hop_length = settings.hop_length or n_fft // 4
        if hop_length > n_fft // 2:
            raise CommandError(
                f"--hop-length must be at most half of --n-fft ({n_fft}), so that the frames "
                f"overlap; got {hop_length}."
            )
        settings = replace(settings, n_fft=n_fft, hop_length=hop_length)
        if "pitches" in find_method(self.method).takes:
            settings = settings._with_pitches(sample_rate)
            settings._check_enough_components()
        return settings

    def pitch_range(self) -> tuple[int, int]:
        """The lowest and the highest pitch as MIDI numbers.

        Raises
        ------
        CommandError
            If `pitches` are not two of them.
        """
        found = re.fullmatch(r"([0-9]{1,3})-([0-9]{1,3})", self.pitches or "")
        if found and int(found[1]) <= int(found[2]) <= 127:
            return int(found[1]), int(found[2])
        raise CommandError(
            "--pitches must be the lowest and the highest MIDI number, from 0 to 127, as in "
            f"{_LOWEST_PITCH}-{_HIGHEST_PITCH}; got '{self.pitches}'."
        )

    def options(self) -> list[str]:
        """The command-line options that say the same."""
        pairs = {
            "--method": self.method,
            **{option: getattr(self, field) for field, option in _OPTIONS.items()},
            "--seed": self.seed,
        }
        return [
            text
            for option, value in pairs.items()
            if value is not None
            for text in (option, _text(value))
        ]

    def particulars(self) -> dict[str, str]:
        """What is told of a result beyond what all methods have, by the names of the options."""
        return {
            option.lstrip("-").replace("-", " ").capitalize(): _text(value)
            for field, option in _OPTIONS.items()
            if field in _PARTICULAR and (value := getattr(self, field)) is not None
        }

    def _with_defaults(self) -> "Settings":
        takes: dict[str, Any] = dict(find_method(self.method).takes)
        given = {field: getattr(self, field) for field in takes}
        return replace(
            self,
            **{
                field: default if given[field] is None else given[field]
                for field, default in takes.items()
            },
        )

    def _with_pitches(self, sample_rate):
        from skbss.factorization._harmonic_patterns import frequency_of

        if self.pitches is None:
            usual = range(_LOWEST_PITCH, _HIGHEST_PITCH + 1)
            heard = [pitch for pitch in usual if frequency_of(pitch) < sample_rate / 2]
            if not heard:
                raise CommandError(
                    f"--method {self.method} needs a sample rate above "
                    f"{2 * frequency_of(_LOWEST_PITCH):.0f} Hz, which the lowest of --pitches asks "
                    f"for; this recording has {sample_rate} Hz."
                )
            return replace(self, pitches=f"{heard[0]}-{heard[-1]}")
        _, high = self.pitch_range()
        if frequency_of(high) >= sample_rate / 2:
            raise CommandError(
                f"--pitches {self.pitches} reaches up to {frequency_of(high):.0f} Hz, which "
                f"must be below half of the sample rate of {sample_rate} Hz."
            )
        return self

    def _check_enough_components(self):
        n_sources = self.n_sources or 1
        if self.n_components is not None:
            n_components, told = self.n_components, f"--components ({self.n_components})"
        elif self.pitches is not None:
            low, high = self.pitch_range()
            n_components = high - low + 1 + (self.free_components or 0)
            told = f"the number of --pitches and --free-components ({n_components})"
        else:
            return
        if n_sources > n_components:
            raise CommandError(
                f"--sources must not exceed {told}, because every source needs a component of its "
                f"own; got {n_sources}."
            )

    def _check_at_least(self, field, least):
        value = getattr(self, field)
        if value is not None and value < least:
            raise CommandError(f"{_OPTIONS[field]} must be at least {least}, got {value}.")


def _text(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def usual(field: str, method: str = "nmf") -> Any:
    """What an option is where nobody says."""
    return METHODS[method].takes[field]


def check_device(device: str) -> None:
    """Refuse a device that is not there.

    Raises
    ------
    CommandError
        If the name is unknown, or JAX sees no such device.
    """
    if device not in DEVICES:
        raise CommandError(f"--device must be one of {', '.join(DEVICES)}, got '{device}'.")
    if device == "gpu":
        import jax

        try:
            jax.devices("gpu")
        except RuntimeError:
            raise CommandError(
                "--device gpu: JAX sees no GPU; install JAX with GPU support or use --device cpu."
            ) from None


def _check_channels(method: str, n_sources: int, n_channels: int) -> None:
    if n_channels == 1:
        raise CommandError(
            f"--method {method} needs a recording of several channels, one for each microphone; "
            "this one has one channel."
        )
    if n_sources > n_channels:
        raise CommandError(
            f"--sources must not exceed the {n_channels} channels of the recording with --method "
            f"{method}, got {n_sources}."
        )


def _check_window(window: str) -> None:
    from scipy.signal import get_window

    try:
        get_window(window, 16)
    except (ValueError, TypeError):
        raise CommandError(
            f"--window must be a window that scipy.signal.get_window knows by name, such as hann, "
            f"hamming or blackman; got '{window}'."
        ) from None
