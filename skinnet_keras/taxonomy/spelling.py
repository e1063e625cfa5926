"""When two spellings are one word."""

from __future__ import annotations

import re
import unicodedata

# British spellings, written in the American way: naevus, seborrhoeic, tumour.
_AMERICAN = {"ae": "e", "oe": "e", "our": "or"}


def normalise(word: str) -> str:
    """Return what all spellings of a word have in common.

    Upper and lower case, accents and apostrophes do not count; spaces, underscores, hyphens and
    other punctuation are alike; so are British and American spellings.
    """
    letters = unicodedata.normalize("NFKD", word.casefold())
    letters = "".join(letter for letter in letters if not unicodedata.combining(letter))
    key = re.sub(r"[\W_]+", " ", re.sub("['\u2019]", "", letters)).strip()
    for british, american in _AMERICAN.items():
        key = key.replace(british, american)
    return key
