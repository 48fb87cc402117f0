"""``skbss separate``."""

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from skbss.cli._errors import CommandError, complain, one_line_errors
from skbss.cli._methods import METHODS, find_method
from skbss.cli._names import distinct, file_name, numbered
from skbss.cli._output import check_target, output_folder
from skbss.cli._progress import progress
from skbss.cli._settings import DEVICES, GROUPINGS, Settings, check_device, usual
from skbss.report import printable

SEPARATE_HELP = """Separate recordings into their sources, blindly.

Writes the mixture and every source as 32-bit float WAV, with the rate and the channels of the \
recording. The sources add up to the mixture, unless --method esad finds fewer of them than there \
are channels. index.html plays and shows them all."""

SEPARATE_EPILOG = """[bold]Examples[/bold]
  skbss separate song.wav                       two sources, into song-stems/
  skbss separate song.mp3 --sources 4 --out stems
  skbss separate talk.flac --method is-nmf --n-fft 1024
  skbss separate quartet.wav --method harmonic-nmf --pitches 36-96
  skbss separate room.wav --method esad         as many sources as microphones
  skbss separate *.wav --out all                one folder for each file, all checked first
  skbss separate -- -take1.wav                  when a name starts with a dash

[bold]When the result is bad[/bold]
  One instrument is in several stems    fewer --sources
  Two instruments share a stem          more --components, another --grouping
  Notes blur into each other            larger --n-fft
  Drums and consonants smear            smaller --n-fft
  Sounds leak between the stems         larger --mask-exponent
  Stems gurgle                          smaller --mask-exponent
  Still bad                             another --seed, another --method

[bold]Exit codes[/bold]
  0 done · 2 bad input, and one line says why · 130 interrupted"""

_DEFAULTS = Settings()
_TIME_FREQUENCY = "Spectrogram"
_RUN = "Running and writing"
_MODEL = "Of some methods only"


def separate(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Sound files: wav, flac, ogg, mp3 or aiff; any rate, length and number of "
            "channels.",
        ),
    ],
    method: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="How the sources are found: "
            + "; ".join(f"[bold]{name}[/bold], {m.summary}" for name, m in METHODS.items())
            + ". nmf is the safe choice; is-nmf hears quiet sounds better, euclidean-nmf loud "
            "ones; minibatch-nmf is for hours; sparse-nmf uses few templates at a time; "
            "structured-nmf suits sounds that last; harmonic-nmf knows pitches, not drums; "
            "conv-nmf learns how sounds begin and decay; growing-nmf finds out "
            "how many templates are worth it; multilayer-nmf groups them by what they are parts "
            "of; orthogonal-nmf is for sources in bands of their own; esad is for microphones in a "
            "room, at least as many as sources. Options that a method does not take are refused.",
        ),
    ] = _DEFAULTS.method,
    sources: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            show_default=f"{usual('n_sources')}; with esad that of the channels",
            help="Number of stems, from 1 to --components; with esad, to the number of channels.",
        ),
    ] = None,
    components: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            show_default=str(usual("n_components")),
            help="Number of spectral templates, shared out among the sources; with growing-nmf the "
            "most there can be. About one for each pitch and drum that sounds; time and memory "
            "grow with it.",
        ),
    ] = None,
    grouping: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            show_default=usual("grouping"),
            help=f"How templates become sources ({', '.join(GROUPINGS)}): by timbre, frequency "
            "region or cepstra; by sounding at the same moments, or in the same parts of a long "
            "recording; auto takes the last where it is clear, else timbre; parents "
            "is for multilayer-nmf, and its default.",
        ),
    ] = None,
    mask_exponent: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            show_default=str(usual("mask_exponent")),
            help="Sharpness of the masks, above 0: 1 shares every bin by magnitude, 2 by power "
            "(Wiener's filter), inf gives it to the loudest source. More means less leakage and "
            "more artifacts.",
        ),
    ] = None,
    max_iter: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            show_default=str(usual("max_iter")),
            help="Iterations at most. Quality settles by about 50.",
        ),
    ] = None,
    sparsity: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            show_default=f"{usual('sparsity', 'sparse-nmf'):g}",
            rich_help_panel=_MODEL,
            help="sparse-nmf, conv-nmf: how few templates sound at a time; 0 asks for nothing.",
        ),
    ] = None,
    smoothness: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            show_default=f"{usual('smoothness', 'structured-nmf'):g}",
            rich_help_panel=_MODEL,
            help="structured-nmf: how slowly activations change; 0.03 to 1, 0 asks for nothing. "
            "Attacks are smeared.",
        ),
    ] = None,
    orthogonality: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            show_default="0",
            rich_help_panel=_MODEL,
            help="structured-nmf: how few frequencies templates share; from 0.01 on.",
        ),
    ] = None,
    group_sparsity: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            show_default="0",
            rich_help_panel=_MODEL,
            help="structured-nmf: silences the templates that matter least; 0.003 to 0.01.",
        ),
    ] = None,
    volume: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            show_default="0",
            rich_help_panel=_MODEL,
            help="structured-nmf: how close templates lie together; 1e-5 to 1e-3, and few "
            "--components.",
        ),
    ] = None,
    pitches: Annotated[
        str | None,
        typer.Option(
            metavar="LOW-HIGH",
            show_default="21-108, as far as the sample rate goes",
            rich_help_panel=_MODEL,
            help="harmonic-nmf: the pitches that can sound, as MIDI numbers (60 is middle C), with "
            "a template each.",
        ),
    ] = None,
    free_components: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            show_default="0",
            rich_help_panel=_MODEL,
            help="harmonic-nmf: further templates, for drums and noise.",
        ),
    ] = None,
    n_fft: Annotated[
        int | None,
        typer.Option(
            metavar="SAMPLES",
            show_default="the power of two nearest to 46 ms; with esad to 256 ms",
            rich_help_panel=_TIME_FREQUENCY,
            help="Length of a frame. Longer tells pitches apart, shorter keeps attacks sharp.",
        ),
    ] = None,
    hop_length: Annotated[
        int | None,
        typer.Option(
            metavar="SAMPLES",
            show_default="a quarter of --n-fft",
            rich_help_panel=_TIME_FREQUENCY,
            help="Step between frames, at most half of --n-fft. Longer is faster and coarser.",
        ),
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            show_default=usual("window"),
            rich_help_panel=_TIME_FREQUENCY,
            help="Shape of a frame, as scipy.signal.get_window names it: hann, hamming, blackman.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            show_default="NAME-stems, one for each file",
            rich_help_panel=_RUN,
            help="Folder for the stems; several files get one folder each in it. It must be new, "
            "empty, or an earlier result.",
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            rich_help_panel=_RUN,
            help="Replace an earlier result of skbss. Other files are never touched.",
        ),
    ] = False,
    html: Annotated[
        bool,
        typer.Option(rich_help_panel=_RUN, help="Also write index.html, to listen and look."),
    ] = True,
    seed: Annotated[
        int,
        typer.Option(
            metavar="N",
            rich_help_panel=_RUN,
            help="Random start. The same seed gives the same stems; another may be better.",
        ),
    ] = _DEFAULTS.seed,
    device: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            rich_help_panel=_RUN,
            help=f"Where to compute ({', '.join(DEVICES)}): auto takes a GPU if JAX sees one.",
        ),
    ] = "auto",
) -> None:
    """Separate recordings into their sources."""
    settings = Settings(
        method=method,
        n_sources=sources,
        n_components=components,
        n_fft=n_fft,
        hop_length=hop_length,
        window=window,
        grouping=grouping,
        mask_exponent=mask_exponent,
        max_iter=max_iter,
        seed=seed,
        sparsity=sparsity,
        smoothness=smoothness,
        orthogonality=orthogonality,
        group_sparsity=group_sparsity,
        volume=volume,
        pitches=pitches,
        free_components=free_components,
    )
    with one_line_errors():
        settings.check()
        check_device(device)
        targets = _targets(files, out)
        _check_all(files, targets, settings, overwrite=overwrite)
    n_failed = 0
    for file, target in zip(files, targets, strict=True):
        with one_line_errors():
            try:
                _separate_file(
                    file, target, settings, device=device, overwrite=overwrite, html=html
                )
            except CommandError as error:
                if len(files) == 1:
                    raise
                complain(str(error))
                n_failed += 1
    if n_failed:
        raise typer.Exit(2)


def _check_all(
    files: list[Path], targets: list[Path], settings: Settings, *, overwrite: bool
) -> None:
    """Refuse all files, with a line for each reason, if one of them cannot be separated."""
    from skbss.cli._recording import probe_recording

    reasons = {}  # in order, each once
    for file, target in zip(files, targets, strict=True):
        try:
            settings.resolve(*probe_recording(file))
            check_target(target, overwrite=overwrite)
        except CommandError as error:
            reasons[str(error)] = error
    for reason in list(reasons)[:-1]:
        complain(reason)
    if reasons:
        raise list(reasons.values())[-1]


def _separate_file(
    file: Path, target: Path, settings: Settings, *, device: str, overwrite: bool, html: bool
) -> None:
    from skbss.cli._in_blocks import separate_recording
    from skbss.cli._recording import decode_recording, read_recording
    from skbss.cli._result import Account, write_result
    from skbss.cli._separation import on_device, separate_waveform

    in_blocks = find_method(settings.method).in_blocks
    recording = None if in_blocks else read_recording(file)
    with progress() as say, output_folder(target, overwrite=overwrite) as folder:
        say(f"Separating {file.name}")
        if recording is None:
            recording = decode_recording(file, folder / "mixture.wav")
        settings = settings.resolve(recording.sample_rate, len(recording.waveform))
        with on_device(device):
            if in_blocks:
                separation = separate_recording(recording, settings, folder)
            else:
                separation = separate_waveform(recording.waveform, recording.sample_rate, settings)
        say("Writing the stems and the page" if html else "Writing the stems")
        numbers = range(1, 1 + len(separation.stems))
        account = Account(
            title=file.name,
            subtitle=recording.tag,
            command=_command(file, settings, target, html=html),
            source_names=[f"Source {k}" for k in numbers],
            stem_names=numbered(len(numbers)),
        )
        write_result(
            folder,
            recording.waveform,
            recording.sample_rate,
            separation,
            settings,
            account,
            html=html,
        )
    for note in separation.notes:
        complain(f"{file.name}: {note}")
    listen = target / "index.html" if html else target
    typer.echo(printable(f"{file.name}: {len(separation.stems)} sources in {listen}"))


def _targets(files: list[Path], out: Path | None) -> list[Path]:
    """The folder of each file."""
    stems = distinct(file_name(file.stem) for file in files)
    if out is None:
        return [Path(f"{stem}-stems") for stem in stems]
    return [out] if len(files) == 1 else [out / stem for stem in stems]


def _command(file: Path, settings: Settings, target: Path, *, html: bool) -> str:
    """The command that makes the result again, without the folders of whoever ran it."""
    name = file.name
    folder = os.path.basename(os.path.abspath(target))  # noqa: PTH100, PTH119
    words = ["skbss", "separate", *settings.options(), "--out", folder]
    words += [] if html else ["--no-html"]
    words += ["--", name] if name.startswith("-") else [name]
    return shlex.join(words)
