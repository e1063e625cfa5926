"""A downloader for pooch that goes on where an interrupted download stopped.

The bytes go to a `.part` file whose companion `.part.json` keeps the server's validator (ETag or
Last-Modified). A later request asks for the rest (RFC 9110: Range with If-Range), so a file that
changed on the server, or a server that knows no ranges, starts again from the first byte.
"""

from __future__ import annotations

import errno
import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skinnet_keras.atomic import sync_file
from skinnet_keras.errors import UserError
from skinnet_keras.json_text import read_json_file

if TYPE_CHECKING:
    import requests

_CHUNK = 1 << 16  # what an interruption can lose at most
_TIMEOUT = (15, 60)  # seconds to connect, and between two pieces of the answer
_LONGEST_WAIT = 30.0
_GONE = (401, 403, 404, 410)
_BUSY = (408, 425, 429, 500, 502, 503, 504)
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class NotServedError(UserError):
    """The server has no such file for us; another address may."""


class _InterruptedError(Exception):
    """The connection or the server failed; asking again may help."""


@dataclass
class ResumingDownloader:
    """Downloads one file; the form `pooch.retrieve(downloader=...)` expects.

    Attributes:
        part: Where the bytes are collected; kept when a download fails, so that the next one
            continues it.
        on_progress: Called with the bytes there are and the bytes there will be (or None).
        attempts: Failures in a row, without a new byte, after which it gives up.
        wait: Sleeps for a number of seconds (1, 2, 4, ... up to 30 between attempts).
    """

    part: Path
    on_progress: Callable[[int, int | None], None]
    attempts: int = 5
    wait: Callable[[float], None] = time.sleep

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        """Download `url` to `output_file`.

        Raises:
            NotServedError: The server refuses the file or does not have it.
            UserError: The network, the server or the disk fails.
        """
        failures, furthest = 0, self._size()
        while True:
            try:
                self._fetch_rest(url)
                break
            except _InterruptedError as error:
                failures = failures + 1 if self._size() <= furthest else 1
                furthest = max(furthest, self._size())
                if failures >= self.attempts:
                    raise UserError(
                        f"{url} could not be fetched ({error}): check the network and run the "
                        f"command again; {self._kept()}"
                    ) from error
                self.wait(min(2.0 ** (failures - 1), _LONGEST_WAIT))
            except OSError as error:
                if error.errno not in _DISK_FULL:
                    raise
                raise UserError(
                    f"The disk is full: make room and run the command again; {self._kept()}"
                ) from error
        sync_file(self.part)
        os.replace(self.part, output_file)
        self._note.unlink(missing_ok=True)

    def _fetch_rest(self, url: str) -> None:
        import requests

        from skinnet_keras import __version__

        headers = {"User-Agent": f"skinnet-keras/{__version__}", "Accept-Encoding": "identity"}
        start, validator = self._size(), self._read_validator()
        if start and validator:
            headers |= {"Range": f"bytes={start}-", "If-Range": validator}
        try:
            with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
                self._write(response, start, validator, url)
        except requests.RequestException as error:
            raise _InterruptedError(type(error).__name__) from error

    def _write(self, response: requests.Response, start: int, validator: str, url: str) -> None:
        status = response.status_code
        if status in _GONE:
            raise NotServedError(f"{url} is not there for us (the server says {status}).")
        if status in _BUSY:
            raise _InterruptedError(f"the server says {status}")
        if status == 416 and _content_range(response)[1] == start:
            return  # the part was complete already
        if status == 206 and (start, validator) == (
            _content_range(response)[0],
            _validator(response),
        ):
            total = _content_range(response)[1]
        elif status in (206, 416):
            self._discard()
            raise _InterruptedError("the file changed on the server")
        elif status == 200:
            start, total = 0, _content_length(response)
            if response.headers.get("Content-Type", "").startswith("text/html"):
                raise NotServedError(f"{url} is a web page, not the file.")
        else:
            raise UserError(f"{url} cannot be fetched (the server says {status}).")
        if not start:
            self._discard()
            self._note.write_text(json.dumps({"validator": _validator(response)}), encoding="utf-8")
        done = start
        with self.part.open("ab") as file:
            for piece in response.iter_content(_CHUNK):
                file.write(piece)
                done += len(piece)
                self.on_progress(done, total)
        if total is not None and done != total:
            raise _InterruptedError(f"{done:,} of {total:,} bytes came")

    @property
    def _note(self) -> Path:
        return self.part.with_name(f"{self.part.name}.json")

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0

    def _read_validator(self) -> str:
        try:
            return str(read_json_file(self._note)["validator"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def _discard(self) -> None:
        self.part.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def _kept(self) -> str:
        if not self._size():
            return "nothing had come yet."
        return f"{self._size():,} bytes are kept in {self.part} and it goes on from there."


def _validator(response: requests.Response) -> str:
    """Return what If-Range takes: a strong ETag, else Last-Modified, else ""."""
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified", "")


def _content_length(response: requests.Response) -> int | None:
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def _content_range(response: requests.Response) -> tuple[int | None, int | None]:
    """Return the first byte and the full length that Content-Range names, None where absent."""
    match = re.fullmatch(
        r"bytes (?:(\d+)-\d+|\*)/(?:(\d+)|\*)", response.headers.get("Content-Range", "")
    )
    if match is None:
        return None, None
    first, length = match.groups()
    return (int(first) if first else None), (int(length) if length else None)
