"""``skbss separate``."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from skbss.cli._corpus import find_recordings, folders_of
from skbss.cli._corpus_log import CorpusLog
from skbss.cli._errors import CommandError, complain, one_line_errors
from skbss.cli._job import Job, Outcome, attempt, separate_job
from skbss.cli._methods import METHODS
from skbss.cli._names import file_name
from skbss.cli._output import alone_in, check_target, drafts_of, remove_dead_drafts
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
  skbss separate corpus --out all --workers 4   all in a folder; cut off? again with --resume
  ffmpeg -i film.mkv -f wav - | skbss separate --stream > stems.au
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
_CORPUS = "Many recordings"
_MOST_REASONS = 10


def separate(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE|DIR...",
            help="Sound files: wav, flac, ogg, mp3 or aiff; any rate, length and number of "
            "channels. Of a folder, all that are in it and in its folders.",
        ),
    ] = None,
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
            show_default=f"{usual('max_iter')}; with minibatch-nmf "
            f"{usual('max_iter', 'minibatch-nmf')}",
            help="Iterations at most, each over all of the recording. Quality settles by about 50.",
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
            help="Folder for the stems; several files get one folder each in it, and corpus.jsonl "
            "tells what became of them. It must be new, empty, or an earlier result.",
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
    workers: Annotated[
        int,
        typer.Option(
            metavar="N",
            rich_help_panel=_CORPUS,
            help="How many processes separate at once.",
        ),
    ] = 1,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            show_default=False,
            rich_help_panel=_CORPUS,
            help="The scheduler of a Dask cluster, tcp://HOST:PORT, whose workers separate instead "
            "of this machine. They must see the same files.",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            rich_help_panel=_CORPUS,
            help="Keep the results that are there, of the same recordings with the same options, "
            "and go on with the others.",
        ),
    ] = False,
    stream: Annotated[
        bool,
        typer.Option(
            "--stream",
            rich_help_panel=_RUN,
            help="Read a recording from standard input, and write one to standard output that has "
            "the channels of all stems: AU with 32-bit floats, which programs for sound know by "
            "itself.",
        ),
    ] = False,
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
        if scheduler is None:
            check_device(device)
        way = _Way(settings, device, html, overwrite, resume, workers, scheduler)
        way.check()
        if stream:
            _separate_stream(way, files, out)
            return
        if not files:
            raise CommandError("name the recordings to separate, or pass --stream.")
        if _is_one_file(files) and scheduler is None:
            _separate_file(way.job(files[0], out or _stems_of(files[0])), resume=resume)
            n_failed = 0
        else:
            n_failed = _separate_corpus(files, out, way)
    if n_failed:
        raise typer.Exit(2)


@dataclass(frozen=True)
class _Way:
    """The options but for those that say what is separated, and where to."""

    settings: Settings
    device: str
    html: bool
    overwrite: bool
    resume: bool
    workers: int
    scheduler: str | None

    def check(self) -> None:
        if self.workers < 1:
            raise CommandError(f"--workers must be at least 1, got {self.workers}.")
        if self.workers > 1 and self.scheduler is not None:
            raise CommandError(
                "--workers are processes of this machine: leave them out where a --scheduler says "
                "who works."
            )

    def job(self, file: Path, target: Path, root: Path = Path()) -> Job:
        return Job(file, target, root, self.settings, self.device, self.overwrite, self.html)


def _separate_stream(way: _Way, files: list[Path] | None, out: Path | None) -> None:
    given = {
        "FILE": files,
        "--out": out,
        "--overwrite": way.overwrite,
        "--resume": way.resume,
        "--workers": way.workers > 1,
        "--scheduler": way.scheduler,
    }
    for option in (option for option, value in given.items() if value):
        raise CommandError(
            f"{option} does not go with --stream, which reads standard input and writes standard "
            "output."
        )
    if sys.stdin is None or sys.stdout is None or sys.stdin.isatty() or sys.stdout.isatty():
        raise CommandError(
            "--stream reads and writes sound, not text: 'skbss separate --stream < in.wav > out.au'"
            ", or between other programs."
        )
    from skbss.cli._stream import separate_stream

    separate_stream(sys.stdin.buffer, sys.stdout.fileno(), way.settings, way.device)


def _separate_file(job: Job, *, resume: bool) -> None:
    """Separate one recording that was named, and tell about it."""
    outcome = job.done() if resume else None
    if outcome is None:
        from skbss.cli._recording import probe_recording

        job.settings.resolve(*probe_recording(job.file))
        check_target(job.target, overwrite=job.overwrite, resumes=resume)
        with progress() as say:
            outcome = separate_job(job, say)
    _tell(job, outcome)


def _separate_corpus(paths: list[Path], out: Path | None, way: _Way) -> int:
    """Separate all recordings; how many could not be."""
    out = _folder_of_all(paths, out)
    log = None if out is None else CorpusLog(out)
    recordings = find_recordings(paths, besides=out)
    folders = folders_of(recordings, {} if log is None else log.folders)
    if out is None:
        folders = [folder.with_name(f"{folder.name}-stems") for folder in folders]
    root = Path() if out is None else out
    jobs = {
        way.job(found.file, root / folder, root): (found.name, str(folder))
        for found, folder in zip(recordings, folders, strict=True)
    }
    done = {job: outcome for job in jobs if way.resume and (outcome := job.done())}
    missing = [job for job in jobs if job not in done]
    _check_all(missing, set(paths), resumes=way.resume)
    n_failed = 0
    with ExitStack() as stack:
        if out is not None:
            stack.enter_context(alone_in(out))
        old = drafts_of(job.target for job in jobs)
        finished = stack.enter_context(_engine(way))
        if log is not None:
            log.begin(jobs[job][0] for job in missing)
            for job in done:
                if jobs[job][0] not in log.folders:
                    log.add(*jobs[job], done[job])
        say = stack.enter_context(progress(total=len(jobs), done=len(done)))
        for job, outcome in finished(missing):
            if log is not None:
                log.add(*jobs[job], outcome)
            _tell(job, outcome)
            say(job.file.name)
            n_failed += outcome.error is not None
    remove_dead_drafts(drafts_of(job.target for job in jobs), old)
    _tell_sum(len(jobs), len(done), n_failed)
    return n_failed


@contextmanager
def _engine(way: _Way) -> Iterator[Callable[[list[Job]], Iterable[tuple[Job, Outcome]]]]:
    """What separates many recordings, somewhere, and yields what became of each."""
    if way.scheduler is not None:
        from skbss.cli._cluster import connected, on_cluster

        with connected(way.scheduler) as client:
            yield lambda jobs: on_cluster(client, jobs)
    elif way.workers > 1:
        from skbss.cli._workers import in_processes

        yield lambda jobs: in_processes(jobs, way.workers)
    else:
        yield lambda jobs: ((job, attempt(job)) for job in jobs)


def _tell(job: Job, outcome: Outcome) -> None:
    if outcome.error is not None:
        complain(outcome.error)
        return
    for note in outcome.notes:
        complain(f"{job.file.name}: {note}")
    listen = job.target / "index.html" if job.html else job.target
    _echo(printable(f"{job.file.name}: {outcome.n_stems} sources in {listen}"))


def _echo(line: str) -> None:
    # By its name: where a display is shown, it is what writes above that.
    typer.echo(line, file=sys.stdout)


def _tell_sum(n_jobs: int, n_done: int, n_failed: int) -> None:
    there = f", {n_done} of them before" if n_done else ""
    failed = f", {n_failed} failed" if n_failed else ""
    _echo(f"{n_jobs - n_failed} of {n_jobs} recordings are separated{there}{failed}.")


def _check_all(jobs: list[Job], named: set[Path], *, resumes: bool) -> None:
    """Refuse all, with a line for each reason, if one is not there or its folder is taken."""
    reasons: dict[str, None] = {}  # in order, each once
    for job in jobs:
        try:
            if job.file in named and not job.file.exists():
                raise CommandError(f"'{job.file}' does not exist.")
            check_target(job.target, overwrite=job.overwrite, resumes=resumes)
        except CommandError as error:
            reasons[str(error)] = None
    *first, last = reasons or [None]
    for reason in first[:_MOST_REASONS]:
        complain(str(reason))
    if len(first) > _MOST_REASONS:
        complain(f"... and {len(first) - _MOST_REASONS} more.")
    if last is not None:
        raise CommandError(last)


def _is_one_file(paths: list[Path]) -> bool:
    return len(paths) == 1 and not paths[0].is_dir()


def _folder_of_all(paths: list[Path], out: Path | None) -> Path | None:
    """The folder that holds the results of all; None where each lies beside the others here."""
    if out is not None or not any(path.is_dir() for path in paths):
        return out
    if len(paths) > 1:
        raise CommandError("--out is needed where a folder is not all that is to be separated.")
    return _stems_of(paths[0].resolve())


def _stems_of(path: Path) -> Path:
    return Path(f"{file_name(path.name if path.is_dir() else path.stem)}-stems")
