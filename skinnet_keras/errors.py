"""The one exception that means "the user can fix this"."""

from __future__ import annotations

import re

# What moves a terminal's cursor or cannot be printed: control characters, halves of UTF-16 pairs.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_HEAD, _TAIL = 3000, 1000


class UserError(Exception):
    """A mistake in the user's input: a path, a file's content, a key, a value.

    The message is one sentence that names the file, row or key and says what to do. The
    command line prints it and exits with code 2; library users can catch it.

    Names, cells and messages of libraries are quoted as they come: here what breaks the line
    becomes a space, what would move the terminal's cursor is escaped, and pages are cut.
    """

    def __init__(self, message: str) -> None:
        line = " ".join(part.strip() for part in message.splitlines())
        if len(line) > _HEAD + _TAIL:
            line = f"{line[:_HEAD]} ... {line[-_TAIL:]}"
        super().__init__(_UNPRINTABLE.sub(_escaped, line))


class DiskFullError(UserError):
    """No room for what was to be written; what was finished before is kept and can go on."""


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
