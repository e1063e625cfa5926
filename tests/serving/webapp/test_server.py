"""The local server of the page."""

from __future__ import annotations

import urllib.request

import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.serving.webapp.policy import HEADERS
from skinnet_keras.serving.webapp.server import PageHandler, open_server
from webapp_visit import serving


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.wasm", "application/wasm"),
        ("a.webmanifest", "application/manifest+json"),
        ("a.tflite", "application/octet-stream"),
    ],
)
def test_files_have_their_type_and_the_headers(tmp_path, name, kind):
    (tmp_path / name).write_text("content")
    with serving(tmp_path, PageHandler) as site, urllib.request.urlopen(site.url + name) as answer:  # noqa: S310
        assert answer.read() == b"content"
        assert answer.headers["Content-Type"] == kind
        for header, value in HEADERS.items():
            assert answer.headers[header] == value


def test_a_taken_port_is_a_sentence(tmp_path):
    with (
        open_server(tmp_path, 0) as server,
        pytest.raises(UserError, match="choose another --port"),
    ):
        open_server(tmp_path, server.server_port)
