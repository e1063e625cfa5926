"""Patient metadata: words harmonised over data sets, and the vector the models take."""

from __future__ import annotations

import math

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
MISSING = ("", "unknown")
"""The words that stand for a missing value."""

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
    return _one_of("site", _SITE_SYNONYMS.get(word, word), SITES)


def harmonise_sex(word: str) -> str:
    """Return "female", "male" or "" (missing); any other word is a UserError."""
    return _one_of("sex", word, SEXES)


def harmonise_age(text: str) -> str:
    """Return an age in years as short text ("55", not "55.0"), or "" when it is missing.

    Raises:
        UserError: The age is not a number between 0 and 120.
    """
    age = _age(text)
    return "" if age is None else f"{age:g}"


class MetadataEncoder:
    """Turns age, sex and anatomical site into the `METADATA_DIM` floats the models take.

    Layout: age / 100 clipped to 0..1, age missing; female, male, sex missing; one float a site
    of `SITES`, site missing. A missing value is 0 in its own floats and 1 in its indicator.
    """

    def encode(self, age: float | None, sex: str | None, site: str | None) -> np.ndarray:
        """Encode one patient.

        Args:
            age: Years, 0..120; None or NaN when missing.
            sex: "female" or "male"; None, "" or "unknown" when missing.
            site: One of `SITES`; None, "" or "unknown" when missing.

        Returns:
            float32 array of shape (14,), values in 0..1.

        Raises:
            UserError: A value is outside its range or not one of its words.
        """
        return self._vector(_age(age), _one_of("sex", sex, SEXES), _one_of("site", site, SITES))

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


def _age(value: float | str | None) -> float | None:
    if value is None or (isinstance(value, str) and value.strip().lower() in MISSING):
        return None
    try:
        age = float(value)
    except ValueError:
        age = math.inf
    if math.isnan(age):
        return None
    if not 0.0 <= age <= MAX_AGE:
        raise UserError(f"The age {value!r} is not a number of years between 0 and 120.")
    return age


def _one_of(field: str, word: str | None, words: tuple[str, ...]) -> str:
    word = (word or "").strip().lower()
    if word in MISSING:
        return ""
    if word not in words:
        raise UserError(
            f"The {field} {word!r} is not known: use one of {', '.join(words)}, or leave it out."
        )
    return word
