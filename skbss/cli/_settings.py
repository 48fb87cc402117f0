"""How a recording is to be separated, checked before any work is done."""

from dataclasses import dataclass, replace

from skbss.cli._errors import CommandError
from skbss.cli._methods import find_method

DEVICES = ("auto", "cpu", "gpu")
GROUPINGS = ("auto", "timbre", "mfcc", "activations", "sections")


@dataclass(frozen=True)
class Settings:
    """The options of one separation; None where the recording decides.

    Attributes
    ----------
    method : str
        A key of `METHODS`.
    n_sources : int
        How many stems.
    n_components : int
        How many templates are learned.
    n_fft, hop_length : int or None
        Frame and step of the STFT in samples.
    window : str
        A name that :func:`scipy.signal.get_window` knows.
    grouping : str
        How templates are assigned to sources.
    mask_exponent : float
        Exponent of the magnitudes in the masks, infinity allowed.
    max_iter : int
        Iterations of the fit at most.
    seed : int
        Of the random start.
    """

    method: str = "nmf"
    n_sources: int = 2
    n_components: int = 24
    n_fft: int | None = None
    hop_length: int | None = None
    window: str = "hann"
    grouping: str = "auto"
    mask_exponent: float = 1.0
    max_iter: int = 200
    seed: int = 0

    def check(self) -> None:
        """Refuse what no recording can be separated with.

        Raises
        ------
        CommandError
            Naming the option, what was given and what is allowed.
        """
        find_method(self.method)
        _check_at_least("--sources", self.n_sources, 1)
        _check_at_least("--components", self.n_components, 1)
        if self.n_sources > self.n_components:
            raise CommandError(
                f"--sources must not exceed --components ({self.n_components}), because every "
                f"source needs a component of its own; got {self.n_sources}."
            )
        if self.n_fft is not None:
            _check_at_least("--n-fft", self.n_fft, 16)
        if self.hop_length is not None:
            _check_at_least("--hop-length", self.hop_length, 1)
        _check_at_least("--max-iter", self.max_iter, 1)
        if not 0 <= self.seed < 2**32:
            raise CommandError(f"--seed must be from 0 to {2**32 - 1}, got {self.seed}.")
        if self.grouping not in GROUPINGS:
            raise CommandError(
                f"--grouping must be one of {', '.join(GROUPINGS)}, got '{self.grouping}'."
            )
        if not self.mask_exponent > 0:
            raise CommandError(
                f"--mask-exponent must be positive (inf is allowed), got {self.mask_exponent}."
            )
        _check_window(self.window)

    def resolve(self, sample_rate: int) -> "Settings":
        """The same with every open choice made for a sample rate in Hz.

        Raises
        ------
        CommandError
            If the hop leaves gaps between the frames.
        """
        from skbss.frontend._frame_length import usual_n_fft

        n_fft = self.n_fft or usual_n_fft(sample_rate)
        hop_length = self.hop_length or n_fft // 4
        if hop_length > n_fft // 2:
            raise CommandError(
                f"--hop-length must be at most half of --n-fft ({n_fft}), so that the frames "
                f"overlap; got {hop_length}."
            )
        return replace(self, n_fft=n_fft, hop_length=hop_length)

    def options(self) -> list[str]:
        """The command-line options that say the same."""
        pairs = {
            "--method": self.method,
            "--sources": self.n_sources,
            "--components": self.n_components,
            "--n-fft": self.n_fft,
            "--hop-length": self.hop_length,
            "--window": self.window,
            "--grouping": self.grouping,
            "--mask-exponent": self.mask_exponent,
            "--max-iter": self.max_iter,
            "--seed": self.seed,
        }
        return [
            text
            for option, value in pairs.items()
            if value is not None
            for text in (option, f"{value:g}" if isinstance(value, float) else str(value))
        ]


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


def _check_at_least(option: str, value: int, least: int) -> None:
    if value < least:
        raise CommandError(f"{option} must be at least {least}, got {value}.")


def _check_window(window: str) -> None:
    from scipy.signal import get_window

    try:
        get_window(window, 16)
    except (ValueError, TypeError):
        raise CommandError(
            f"--window must be a window that scipy.signal.get_window knows by name, such as hann, "
            f"hamming or blackman; got '{window}'."
        ) from None
