"""What a server says when the graph refuses an input, without TensorFlow's wrapping."""

from __future__ import annotations

import re


def plain_refusal(message: str) -> str:
    """Take the sentence out of a failed assertion; other messages stay as they are.

    Args:
        message: Such as "assertion failed: [The age -5 is not ...] [[{{node Assert/Assert}}]]".
    """
    found = re.search(r"assertion failed: \[(.*?\.)\]", message, re.DOTALL)
    # TensorFlow escapes quotes, and what is not ASCII, as C does.
    return re.sub(r"\\(['\"\\])", r"\1", found[1]) if found else message.strip()
