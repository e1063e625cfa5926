"""Patient metadata: words harmonised over data sets, and the vector the models take.

The rules for a patient's age, sex and site are the same for every client: `skinnet predict`,
`scripts/predict_tflite.py`, the clients of TensorFlow Serving, the graph it serves, the web page.
Each gives the vector of `MetadataEncoder`, or refuses with one sentence:

* Missing is None, NaN, pandas.NA, and every word of `MISSING`.
* An age is a number of years from 0 to `MAX_AGE`, as a number or in digits with at most one
  point: "57", "57.5". Everything else is refused: -5, 200, infinity, "1e1", "57 years".
* A sex is one of `SEXES`, a site one of `SITES`.
* Case, and spaces around, do not matter in words and digits.

Tensors cannot hold None: the graph takes -1, too, for a missing age. The page offers the words in
lists. Catalogues may use other words for sites, which `harmonise_site` translates first.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from skinnet_keras.errors import UserError

SEXES = ("female", "male")
SITES = (
    "anterior torso",
    "head/neck",
    "lateral torso",
    "lower extremity",
    "oral/genital",
    "palms/soles",
    "posterior torso",
    "upper extremity",
)
"""The anatomical sites of ISIC-2019, in alphabetical order."""

METADATA_DIM = 2 + len(SEXES) + 1 + len(SITES) + 1
"""Length of the metadata vector: 14."""

MAX_AGE = 120.0
MISSING = ("", "unknown", "nan", "none", "null", "na", "n/a", "<na>", "-")
"""The words that stand for a missing value, in lower case."""

_NUMBERS = (int, float, np.integer, np.floating)
_AGE_IN_DIGITS = re.compile(r"\+?(\d+\.?\d*|\.\d+)", re.ASCII)

# Words of HAM10000 (`localization`), ISIC-2020 and derm7pt (`location`). ISIC-2019 gives the same
# HAM10000 images these sites, and leaves `trunk` empty: it does not say which side. It has no word
# for the buttocks; ICD-O counts their skin to the trunk (C44.5), and they are behind.
_SITE_SYNONYMS = {
    "abdomen": "anterior torso",
    "acral": "palms/soles",
    "back": "posterior torso",
    "buttocks": "posterior torso",
    "chest": "anterior torso",
    "ear": "head/neck",
    "face": "head/neck",
    "foot": "lower extremity",
    "genital": "oral/genital",
    "genital areas": "oral/genital",
    "hand": "upper extremity",
    "head neck": "head/neck",
    "lower limbs": "lower extremity",
    "neck": "head/neck",
    "scalp": "head/neck",
    "torso": "",
    "trunk": "",
    "upper limbs": "upper extremity",
}


def harmonise_site(word: str) -> str:
    """Map a data set's word for an anatomical site onto `SITES`.

    Args:
        word: E.g. "back" (HAM10000) or "head/neck" (ISIC-2019).

    Returns:
        One of `SITES`, or "" when the word is missing or too vague ("torso").

    Raises:
        UserError: The word is not known.
    """
    word = word.strip().lower()
    return read_site(_SITE_SYNONYMS.get(word, word))


def harmonise_sex(word: str) -> str:
    """Return "female", "male" or "" (missing); any other word is a UserError."""
    return read_sex(word)


def harmonise_age(text: str) -> str:
    """Return an age in years as short text ("55", not "55.0"), or "" when it is missing.

    Raises:
        UserError: The age is not a number between 0 and 120.
    """
    age = read_age(text)
    return "" if age is None else f"{age:g}"


def read_age(value: Any) -> float | None:
    """Read a patient's age by the rules above.

    Args:
        value: A number, text, or a missing value.

    Returns:
        Years from 0 to `MAX_AGE`, or None when missing.

    Raises:
        UserError: The value is no age.
    """
    if _is_missing(value):
        return None
    number = value
    if isinstance(value, str):
        number = float(value) if _AGE_IN_DIGITS.fullmatch(value.strip()) else None
    # True is an int to Python, but no age.
    is_number = isinstance(number, _NUMBERS) and not isinstance(number, bool)
    if not is_number or not 0 <= number <= MAX_AGE:
        raise UserError(f"The age {value!r} is not a number of years between 0 and {MAX_AGE:g}.")
    return float(number)


def read_sex(value: Any) -> str:
    """Read a patient's sex by the rules above.

    Returns:
        One of `SEXES`, or "" when missing.

    Raises:
        UserError: The value is neither.
    """
    return _one_of("sex", value, SEXES)


def read_site(value: Any) -> str:
    """Read an anatomical site by the rules above.

    Returns:
        One of `SITES`, or "" when missing.

    Raises:
        UserError: The value is neither.
    """
    return _one_of("site", value, SITES)


class MetadataEncoder:
    """Turns age, sex and anatomical site into the `METADATA_DIM` floats the models take.

    Layout: age / 100 clipped to 0..1, age missing; female, male, sex missing; one float a site
    of `SITES`, site missing. A missing value is 0 in its own floats and 1 in its indicator.
    """

    def encode(self, age: float | str | None, sex: str | None, site: str | None) -> np.ndarray:
        """Encode one patient, by the rules of the module.

        Args:
            age: Years, 0..120, or missing.
            sex: "female" or "male", or missing.
            site: One of `SITES`, or missing.

        Returns:
            float32 array of shape (14,), values in 0..1.

        Raises:
            UserError: A value is outside its range or not one of its words.
        """
        return self._vector(read_age(age), read_sex(sex), read_site(site))

    def encode_table(self, table: pd.DataFrame) -> np.ndarray:
        """Encode the columns `age`, `sex` and `site` of a table.

        Args:
            table: One row a patient, values as for `encode` or as text; "" and NaN are missing.

        Returns:
            float32 array of shape (N, 14).

        Raises:
            UserError: As `encode`.
        """
        columns = table[["age", "sex", "site"]].astype(object)
        rows = columns.where(columns.notna(), None).itertuples(index=False)
        vectors = [self.encode(*row) for row in rows]
        return np.array(vectors, dtype=np.float32).reshape(len(vectors), METADATA_DIM)

    def layout(self) -> list[dict[str, str]]:
        """Describe the vector: for each float, in order, its `name` and `meaning`."""
        floats = [("age", "age in years / 100, clipped to 0..1; 0 when missing")]
        floats += [("age_missing", "1 when the age is missing")]
        floats += [(sex, f"1 when the sex is {sex}") for sex in SEXES]
        floats += [("sex_missing", "1 when the sex is missing")]
        floats += [(site, f"1 when the anatomical site is {site}") for site in SITES]
        floats += [("site_missing", "1 when the anatomical site is missing")]
        return [{"name": name, "meaning": meaning} for name, meaning in floats]

    @staticmethod
    def _vector(age: float | None, sex: str, site: str) -> np.ndarray:
        scaled = 0.0 if age is None else min(age / 100.0, 1.0)
        sexes = [float(sex == word) for word in (*SEXES, "")]
        sites = [float(site == word) for word in (*SITES, "")]
        return np.array([scaled, float(age is None), *sexes, *sites], dtype=np.float32)


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in MISSING
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def _one_of(field: str, value: Any, words: tuple[str, ...]) -> str:
    if _is_missing(value):
        return ""
    word = value.strip().lower() if isinstance(value, str) else value
    if not isinstance(word, str) or word not in words:
        raise UserError(
            f"The {field} {word!r} is not known: use one of {', '.join(words)}, or leave it out."
        )
    return word
