"""`skinnet data`: one module a verb."""

import typer

from skinnet_keras.cli.data import build, check, show

app = typer.Typer(no_args_is_help=True, help="Build, check and show a catalogue of images.")

for _function in (build.build, check.check, show.show):
    app.command()(_function)
