"""`skinnet benchmark`: one module a verb."""

import typer

from skinnet_keras.cli.benchmark import deploy

app = typer.Typer(no_args_is_help=True, help="What models cost on this machine.")


@app.callback()
def _group() -> None:
    """What models cost on this machine."""


app.command()(deploy.deploy)
