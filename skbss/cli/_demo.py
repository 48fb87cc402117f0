"""``skbss demo``."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from skbss.cli._errors import one_line_errors
from skbss.cli._output import check_target, output_folder
from skbss.cli._progress import progress
from skbss.cli._settings import Settings
from skbss.report import printable

DEMO_HELP = """Separate a recording that comes with skbss, and score the result.

Three piano notes sound one after another, then together; NMF finds one template for each. \
Writes the mixture, a stem for each note and index.html to listen and look, and prints how close \
every stem comes to the true note. Takes less than a minute."""

DEMO_EPILOG = """[bold]Example[/bold]
  skbss demo --out first-try

Then open first-try/index.html in a browser. Running the demo again replaces its result."""

_TITLE = "Three piano notes"
_NOTE = (
    "Nothing was known about the notes when they were separated. Names and scores were found "
    "afterwards, by comparison with the true notes that come with the clip."
)
# The partials of low notes lie closer than the frames of the default can tell apart.
_N_FFT = 2048


def demo(
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="Folder for the stems and the page: new, empty, or an earlier demo.",
        ),
    ] = Path("skbss-demo"),
) -> None:
    """Separate the recording that comes with skbss."""
    with one_line_errors():
        _demo(out)


def _demo(out: Path) -> None:
    check_target(out, overwrite=True, only="demo")
    with progress() as say, output_folder(out, overwrite=True, only="demo") as folder:
        say("Loading the piano notes")
        import numpy as np

        from skbss.cli._result import Account, write_result
        from skbss.cli._scores import DEFINITIONS, match_and_score, score_lines
        from skbss.cli._separation import separate_waveform
        from skbss.datasets import load_piano_notes

        clip = load_piano_notes()
        n_sources = len(clip.sources)
        settings = Settings(n_sources=n_sources, n_components=n_sources, n_fft=_N_FFT)
        settings = settings.resolve(clip.sample_rate)
        waveform = np.asarray(clip.mixture, dtype=np.float32)[np.newaxis]
        say("Separating")
        separation = separate_waveform(
            waveform, clip.sample_rate, settings, one_atom_per_source=True
        )
        say("Scoring")
        order, scores = match_and_score(clip.sources, separation.stems[:, 0], clip.mixture)
        separation.reorder(order)
        say("Writing the stems and the page")
        account = Account(
            title=_TITLE,
            command=shlex.join(["skbss", "demo", "--out", out.resolve().name]),
            source_names=list(clip.source_names),
            stem_names=list(clip.source_names),
            references=np.asarray(clip.sources, dtype=np.float32)[:, np.newaxis],
            scores=scores.columns(),
            definitions=DEFINITIONS,
            notes=[_NOTE],
        )
        write_result(folder, waveform, clip.sample_rate, separation, settings, account)
    for line in score_lines(list(clip.source_names), scores):
        typer.echo(line)
    typer.echo(printable(f"Listen and look: {out / 'index.html'}"))
