"""Patients as people and programs word them, and what every client is to make of them."""

from __future__ import annotations

import numpy as np
import pandas as pd

REFUSED = "refused"
"""Instead of a value: one sentence and no answer."""

AGES = {
    **{"45": 45.0, " 45 ": 45.0, "45.0": 45.0, "57.5": 57.5, "+7": 7.0, ".5": 0.5},
    **{"0": 0.0, "120": 120.0, "0120": 120.0},
    **dict.fromkeys(["", "  ", "unknown", "Unknown", "nan", "NaN", "None", "null"]),
    **dict.fromkeys(["NA", "N/A", "<NA>", "-"]),
    **dict.fromkeys(["-5", "-1", "-0.5", "120.5", "200", "9" * 400], REFUSED),
    **dict.fromkeys(["1e3", "1e1", "1_0", "0x10", "inf", "-inf", "Infinity"], REFUSED),
    **dict.fromkeys(["abc", "45 years", "45,5", ".", "+", "45.5.5", "٤٥"], REFUSED),
}
"""Text -> years, None when missing, or `REFUSED`."""

SEXES = {
    **{"female": "female", " Female": "female", "MALE\n": "male"},
    **dict.fromkeys(["", " ", "Unknown", "nan", "None", "NA", "<na>"], ""),
    **dict.fromkeys(["female male", "f", "femal", "age", "sex_missing", "0"], REFUSED),
    **dict.fromkeys(["anterior torso", "female,male"], REFUSED),
}
"""Text -> one of the two, "" when missing, or `REFUSED`."""

SITES = {
    **{"anterior torso": "anterior torso", " Palms/Soles ": "palms/soles"},
    **{"HEAD/NECK": "head/neck"},
    **dict.fromkeys(["", "UNKNOWN ", "nan", "n/a", "-"], ""),
    **dict.fromkeys(["head", "back", "trunk", "anterior  torso", "site_missing", "male"], REFUSED),
}
"""Text -> one of the eight, "" when missing, or `REFUSED`."""

WORDED = {
    **{(text, "", ""): (years, "", "") for text, years in AGES.items()},
    **{("45", text, ""): (45.0, word, "") for text, word in SEXES.items()},
    **{("45", "male", text): (45.0, "male", word) for text, word in SITES.items()},
}
"""Age, sex and site as text -> what they mean; where one is `REFUSED`, all are."""

NUMBERS = [
    *((value, None) for value in (None, float("nan"), np.float32("nan"), pd.NA, pd.NaT)),
    *((value, 45.0) for value in (45, 45.0, np.float32(45), np.int64(45))),
    *((value, REFUSED) for value in (-5, -1, 200, 10**400, float("inf"), -float("inf"))),
    *((value, REFUSED) for value in (True, np.bool_(1), 45 + 0j, [45], b"45", np.array([45]))),
]
"""Ages of Python programs -> as in `AGES`."""

NOT_WORDS = [
    *((value, "") for value in (None, float("nan"), pd.NA)),
    *((value, REFUSED) for value in (0, 1, True, ["female"], b"female", np.array(["female"]))),
]
"""Sexes and sites of Python programs that are no text -> "" or `REFUSED`."""
