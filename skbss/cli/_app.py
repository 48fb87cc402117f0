"""The command and its sub-commands, one module each."""

from typing import Annotated

import typer

from skbss._version import __version__
from skbss.cli._demo import DEMO_EPILOG, DEMO_HELP, demo
from skbss.cli._evaluate import EVALUATE_EPILOG, EVALUATE_HELP, evaluate
from skbss.cli._separate import SEPARATE_EPILOG, SEPARATE_HELP, separate

app = typer.Typer(
    name="skbss",
    help="Separate a recording into its sources, and look at and listen to the result.",
    epilog="Start with [bold]skbss demo[/bold], then try [bold]skbss separate[/bold] on a file "
    "of your own. [bold]skbss evaluate[/bold] tells how good stems are whose truth you know.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(help=DEMO_HELP, epilog=DEMO_EPILOG)(demo)
app.command(help=SEPARATE_HELP, epilog=SEPARATE_EPILOG)(separate)
app.command(help=EVALUATE_HELP, epilog=EVALUATE_EPILOG)(evaluate)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"skbss {__version__}")
        raise typer.Exit


@app.callback()
def _skbss(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    pass
