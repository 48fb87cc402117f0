"""``skbss evaluate``."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from skbss.cli._errors import CommandError, complain, one_line_errors
from skbss.cli._matching import (
    MATCHINGS,
    SoundFolder,
    enumerated,
    find_mixture,
    list_sounds,
    match_names,
)
from skbss.cli._metrics import find_metrics, usual_metrics
from skbss.cli._output_files import check_files, output_files
from skbss.cli._progress import progress
from skbss.report import printable

EVALUATE_HELP = """Compare estimated sources with the true ones.

Takes every sound file of two folders, finds which estimate belongs to which reference, and \
prints how close it comes: SDR, SIR and SAR of BSS Eval, SI-SDR, and with a mixture what \
separation gained. A file called mixture, as skbss separate writes it, is the mixture."""

EVALUATE_EPILOG = """[bold]Examples[/bold]
  skbss evaluate --reference truth --estimate stems
  skbss evaluate --reference truth --estimate stems --html page.html
  skbss evaluate --reference truth --estimate stems --metrics stoi,pesq
  skbss evaluate --metrics list                 every metric that there is

[bold]Exit codes[/bold]
  0 done · 2 bad input, and one line says why · 130 interrupted"""

_WRITING = "Writing"
_LIST = "list"


def _list_metrics(metrics: str | None) -> str | None:
    if metrics != _LIST:
        return metrics
    from skbss.cli._metrics import metric_lines
    from skbss.metrics import METRICS

    for line in metric_lines(METRICS):
        typer.echo(line)
    raise typer.Exit


def evaluate(
    reference: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of the true sources, a sound file each.")
    ],
    estimate: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Folder of the estimated sources; there may be more."),
    ],
    mixture: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default="the file called mixture in one of the folders",
            help="What was separated, to tell what separation gained.",
        ),
    ] = None,
    match: Annotated[
        str,
        typer.Option(
            metavar="HOW",
            help="Which estimate belongs to which reference: [bold]name[/bold], the one of the "
            "same name; [bold]permutation[/bold], what gives the best mean SI-SDR; "
            "[bold]auto[/bold], by name if the names correspond.",
        ),
    ] = "auto",
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,...",
            is_eager=True,
            callback=_list_metrics,
            help="Further metrics; [bold]list[/bold] tells which there are.",
        ),
    ] = None,
    trim: Annotated[
        bool,
        typer.Option("--trim", help="Cut recordings of different length to the shortest."),
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=_WRITING,
            help="Write a page on which to read the scores, listen and compare spectrograms.",
        ),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=_WRITING,
            help="Write a row for each source and metric.",
        ),
    ] = None,
    json: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=_WRITING,
            help="Write the same with means, command and versions.",
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", rich_help_panel=_WRITING, help="Replace existing files."),
    ] = False,
) -> None:
    """Compare estimated sources with the true ones."""
    targets = {"--html": html, "--csv": csv, "--json": json}
    request = _Request(
        reference,
        estimate,
        mixture,
        match,
        metrics,
        trim,
        {option: path for option, path in targets.items() if path is not None},
        overwrite,
    )
    with one_line_errors():
        try:
            _evaluate(request)
        except MemoryError:
            raise CommandError(
                "not enough memory; evaluate shorter recordings, or an excerpt of them."
            ) from None


@dataclass(frozen=True)
class _Request:
    """The options as they were given; `targets` are the files to write by their options."""

    reference: Path
    estimate: Path
    mixture: Path | None
    match: str
    metrics: str | None
    trim: bool
    targets: dict[str, Path]
    overwrite: bool

    def command(self) -> str:
        """The command that makes the result again, without the folders of whoever ran it."""
        words = ["skbss", "evaluate"]
        paths = {
            "--reference": self.reference,
            "--estimate": self.estimate,
            "--mixture": self.mixture,
            **self.targets,
        }
        for option, path in paths.items():
            if path is not None:
                words += [option, _name(path)]
        words += [] if self.match == "auto" else ["--match", self.match]
        words += ["--metrics", self.metrics] if self.metrics else []
        words += ["--trim"] if self.trim else []
        return shlex.join(words)


def _evaluate(request: _Request) -> None:
    if request.match not in MATCHINGS:
        raise CommandError(f"--match must be one of {', '.join(MATCHINGS)}, got '{request.match}'.")
    references = list_sounds("--reference", request.reference)
    estimates = list_sounds("--estimate", request.estimate)
    mixture = request.mixture or find_mixture(references, estimates)
    heard = [mixture] if mixture else []
    targets, overwrite = request.targets, request.overwrite
    check_files(
        targets, overwrite=overwrite, inputs=[*references.sounds, *estimates.sounds, *heard]
    )
    further = find_metrics(request.metrics, has_mixture=mixture is not None)
    matched = match_names(references.sounds, estimates.sounds, matching=request.match)
    with progress() as say, output_files(targets, overwrite=overwrite) as drafts:
        say("Reading the recordings")
        from skbss.cli._evaluation import check_sample_rates, read_evaluation, scored
        from skbss.cli._score_files import table_lines, write_csv, write_html, write_json

        candidates = estimates.sounds if matched is None else matched
        check_sample_rates([*references.sounds, *candidates, *heard])
        evaluation = read_evaluation(
            references.sounds,
            candidates,
            mixture,
            matched=matched is not None,
            trim=request.trim,
        )
        evaluation.notes.extend(_left_over(estimates.sounds, evaluation.estimate_files))
        say("Scoring")
        n_channels = evaluation.references.shape[1]
        metrics = [*usual_metrics(n_channels, has_mixture=mixture is not None), *further]
        evaluation = scored(evaluation, list({m.name: m for m in metrics}.values()))
        if "--csv" in drafts:
            write_csv(drafts["--csv"], evaluation)
        if "--json" in drafts:
            write_json(drafts["--json"], evaluation, command=request.command())
        if "--html" in drafts:
            say("Writing the page")
            write_html(
                drafts["--html"],
                evaluation,
                title=_name(request.estimate),
                compared_with=_name(request.reference),
                command=request.command(),
            )
    for note in [*_skipped(references), *_skipped(estimates), *evaluation.notes]:
        complain(note)
    for line in table_lines(evaluation):
        typer.echo(line)
    for path in targets.values():
        typer.echo(printable(f"Written: {path}"))


def _left_over(files: list[Path], chosen: list[Path]) -> list[str]:
    names = [file.name for file in files if file not in chosen]
    if not names:
        return []
    belong = "belongs" if len(names) == 1 else "belong"
    return [f"{enumerated(names)} of the estimates {belong} to no reference and got no score."]


def _skipped(folder: SoundFolder) -> list[str]:
    if not folder.skipped:
        return []
    are = "is no recording and was" if len(folder.skipped) == 1 else "are no recordings and were"
    return [f"{enumerated(folder.skipped)} in '{folder.path}' {are} skipped."]


def _name(path: Path) -> str:
    return path.resolve().name or str(path)
