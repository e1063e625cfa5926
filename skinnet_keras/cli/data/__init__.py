"""`skinnet data`: one module a verb."""

import typer

from skinnet_keras.cli.data import build, check, cite, download, show, taxonomy

app = typer.Typer(
    no_args_is_help=True,
    help="Download data sets, build a catalogue of them, check it and look at it.",
)

for _function in (
    download.download,
    build.build,
    check.check,
    show.show,
    taxonomy.taxonomy,
    cite.cite,
):
    app.command()(_function)
