"""What a server says when the graph refuses an input, without TensorFlow's wrapping."""

from __future__ import annotations

import re


def plain_refusal(message: str) -> str:
    """Take the sentence out of a failed assertion; other messages stay as they are.

    Args:
        message: E.g. "assertion failed: [The sex \\'femal\\' is not known: ...]\\n\\t [[{{node ...".
    """
    found = re.search(r"assertion failed: \[(.*?)\](?=\s|$)(?!.*assertion failed)", message, re.S)
    return re.sub(r"\\(.)", r"\1", found[1]) if found else message.strip()
