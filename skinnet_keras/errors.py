"""The one exception that means "the user can fix this"."""

from __future__ import annotations

import re

_BREAKS = re.compile(r"\s*[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]\s*")
# What moves a terminal's cursor or cannot be printed: control characters, halves of UTF-16 pairs.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class UserError(Exception):
    """A mistake in the user's input: a path, a file's content, a key, a value.

    The message is one sentence that names the file, row or key and says what to do. The
    command line prints it and exits with code 2; library users can catch it.

    Names, cells and messages of libraries are quoted as they come: what breaks the line becomes a
    space, what would move the terminal's cursor is escaped.
    """

    def __init__(self, message: str) -> None:
        super().__init__(_UNPRINTABLE.sub(_escaped, _BREAKS.sub(" ", message.strip())))


class DiskFullError(UserError):
    """No room for what was to be written; what was finished before is kept and can go on."""


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
