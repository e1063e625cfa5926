"""A local HTTP server of a few files, with the moods a download has to live with."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FileServer:
    """What to serve, and how.

    Attributes:
        files: URL path -> content.
        etag: Validator of all files; "" sends none.
        ranges: Whether Range requests are answered with 206.
        heeds_if_range: Whether a stale If-Range gets the whole file, as RFC 9110 wants.
        cuts: Bytes of the body after which the connection is cut, one entry a request.
        statuses: Status codes to answer with instead of a file, one a request.
        content_type: Of all files.
        requests: (path, Range header or "") of every request so far.
    """

    files: dict[str, bytes]
    etag: str = '"v1"'
    ranges: bool = True
    heeds_if_range: bool = True
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    content_type: str = "application/octet-stream"
    requests: list[tuple[str, str]] = field(default_factory=list)
    address: str = ""

    def url(self, name: str) -> str:
        return f"{self.address}/{name}"


@contextmanager
def serving(**options):
    """Yield a `FileServer` that answers on a free port of this machine."""
    state = FileServer(**options)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            answer(self, state)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(request, state):
    asked = request.headers.get("Range", "")
    state.requests.append((request.path, asked))
    content = state.files.get(request.path.removeprefix("/"))
    status = state.statuses.pop(0) if state.statuses else 200
    if content is None or status != 200:
        request.send_error(404 if content is None else status)
        return
    stale = state.heeds_if_range and request.headers.get("If-Range") != state.etag
    start = 0
    if asked and state.ranges and not stale:
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(content):
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(content)}")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        request.send_response(206)
        request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
    else:
        request.send_response(200)
    body = content[start:]
    request.send_header("Content-Length", str(len(body)))
    request.send_header("Content-Type", state.content_type)
    if state.etag:
        request.send_header("ETag", state.etag)
    request.end_headers()
    request.wfile.write(body[: state.cuts.pop(0)] if state.cuts else body)
