"""Age, sex and site of synthetic patients, correlated with the class.

Means and shares are those of the ISIC-2019 training metadata, rounded; ages there come in steps
of five years, and some entries are missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skinnet_keras.data.metadata import SITES

# Class: mean and standard deviation of age in years, share of women, weights of the sites.
_CLINICAL: dict[str, tuple[float, float, float, tuple[int, ...]]] = {
    "MEL": (61, 15, 0.45, (30, 20, 1, 18, 1, 5, 10, 16)),
    "NV": (45, 15, 0.51, (34, 7, 1, 27, 1, 2, 18, 12)),
    "BCC": (66, 14, 0.40, (34, 35, 1, 14, 0, 0, 6, 11)),
    "AK": (67, 12, 0.47, (11, 71, 0, 8, 0, 1, 0, 9)),
    "BKL": (64, 14, 0.44, (19, 43, 0, 18, 1, 0, 10, 10)),
    "DF": (52, 15, 0.49, (18, 0, 0, 59, 0, 0, 1, 22)),
    "VASC": (53, 19, 0.49, (35, 16, 0, 26, 1, 1, 10, 10)),
    "SCC": (71, 11, 0.32, (18, 28, 0, 29, 1, 2, 4, 18)),
    # Not in those data: made up after granuloma annulare, more women, mostly hands and feet.
    "UNK": (45, 20, 0.66, (4, 2, 0, 35, 0, 5, 4, 50)),
}
_MISSING = (0.02, 0.015, 0.1)


@dataclass(frozen=True)
class Patient:
    """Clinical entries as text; "" is missing."""

    age: str
    sex: str
    site: str


def draw_patient(rng: np.random.Generator, label: str) -> Patient:
    """Draw age (years, 5..85 in fives), sex ("female", "male") and site of a lesion of `label`."""
    mean, deviation, women, weights = _CLINICAL[label]
    age = str(int(np.clip(5 * round(rng.normal(mean, deviation) / 5), 5, 85)))
    sex = "female" if rng.random() < women else "male"
    site = SITES[int(rng.choice(len(SITES), p=np.array(weights) / sum(weights)))]
    known = rng.random(3) >= _MISSING
    return Patient(*(str(e) if k else "" for e, k in zip((age, sex, site), known, strict=True)))
