"""`skinnet webapp`: a model as a web page that works on the visitor's device, offline too."""

from pathlib import Path
from typing import Annotated

import typer


def webapp(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|EXPORT",
            help="A run, the folder of an exported model, or a .tflite file beside its "
            "metadata.json.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="Folder to write; a page built there before is replaced.")
    ] = Path("exported/webapp"),
    precision: Annotated[
        str, typer.Option(help="Precision of the model: float32, float16, or what was exported.")
    ] = "float16",
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve the page on this machine until Ctrl+C.")
    ] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port for --serve; 0 takes a free one.")
    ] = 8000,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of lines.")
    ] = False,
) -> None:
    """Build a web page that runs a model in the browser: photos stay on the device.

    The page needs nothing but a static file server, installs like an app and
    works offline after the first visit. Building it needs npm, which fetches
    the pinned LiteRT.js; browsers let it work over https or from localhost.

    Example: skinnet webapp exported/skinnet_v2 --out exported/webapp --serve
    """
    import json

    from skinnet_keras.cli.quiet import import_tensorflow_quietly

    import_tensorflow_quietly()
    from skinnet_keras.serving.webapp.build import build_webapp
    from skinnet_keras.serving.webapp.model import open_model

    with open_model(model, precision) as found:
        report = build_webapp(found, out)
    if as_json:
        typer.echo(json.dumps(report.to_dict(), allow_nan=False))
    else:
        typer.echo(
            f"Wrote {report.directory}: {report.model} and LiteRT.js {report.runtime}, "
            f"{report.files} files; a browser loads {report.first_load_bytes / 1e6:.1f} MB once."
        )
    if serve:
        _serve(report.directory, port)
    elif not as_json:
        typer.echo(f"Look at it: python -m http.server -b 127.0.0.1 -d {report.directory}")


def _serve(directory: Path, port: int) -> None:
    from skinnet_keras.serving.webapp.server import HOST, open_server

    with open_server(directory, port) as server:
        typer.echo(f"Serving http://{HOST}:{server.server_port}/ until Ctrl+C", err=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            typer.echo("Stopped.", err=True)
