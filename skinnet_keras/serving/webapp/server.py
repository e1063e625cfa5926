"""A local server of a built page, with its headers and media types; for trying it out."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from skinnet_keras.errors import UserError
from skinnet_keras.serving.webapp.policy import CONTENT_TYPES, HEADERS

HOST = "127.0.0.1"
"""Browsers count this address as secure, which service workers need; others cannot reach it."""


class PageHandler(SimpleHTTPRequestHandler):
    """Serves the files of one folder with the headers the page is meant to have."""

    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, **CONTENT_TYPES}  # noqa: RUF012

    def end_headers(self) -> None:
        """Add the headers to every answer."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: one line a file helps nobody."""


def open_server(directory: Path, port: int) -> ThreadingHTTPServer:
    """Bind a server of a folder to a local port.

    Args:
        directory: Folder of a built page.
        port: Port of this machine; 0 takes a free one.

    Returns:
        The server; `serve_forever` runs it, `server_port` tells the port.

    Raises:
        UserError: The port is taken.
    """
    try:
        return ThreadingHTTPServer((HOST, port), partial(PageHandler, directory=str(directory)))
    except OSError as error:
        raise UserError(
            f"Port {port} cannot be used ({error.strerror}): choose another --port."
        ) from error
