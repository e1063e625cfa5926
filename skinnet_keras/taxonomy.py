"""The diagnosis classes and the hierarchy that maps every data set's words onto them.

The classes are those of ISIC-2019 (paper, "Data"). A *diagnosis* is the word a data set uses; a
*label* is one of `LABELS`, or "" for an image nobody diagnosed.
"""

from __future__ import annotations

import re

from skinnet_keras.errors import UserError

CLASSES = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC")
"""The eight classes of the result tables, in the order of ISIC-2019."""

UNK = "UNK"
"""A known diagnosis outside the eight classes: the ninth class of ISIC-2019."""

LABELS = (*CLASSES, UNK)

RARE_5 = ("AK", "BKL", "DF", "VASC", "SCC")
"""Rare classes as the paper's text lists them."""

RARE_4 = ("AK", "DF", "VASC", "SCC")
"""Rare classes that fit the counts of the paper's table 6: without BKL."""

# label -> disease -> the words data sets use for it. A new word goes under its disease, a new
# disease under its label; words are compared by `_normalise`.
_HIERARCHY: dict[str, dict[str, tuple[str, ...]]] = {
    "MEL": {"melanoma": ("MEL", "melanoma")},
    "NV": {"melanocytic naevus": ("NV", "nevus")},
    "BCC": {"basal cell carcinoma": ("BCC",)},
    # Without a better source `akiec` (actinic keratosis or intraepithelial carcinoma) is AK; the
    # catalogue asks ISIC-2019 first, which tells the two apart.
    "AK": {"actinic keratosis": ("AK", "akiec")},
    "BKL": {
        "benign keratosis": ("BKL",),
        "seborrhoeic keratosis": ("seborrheic keratosis",),
        "lentigo": ("lentigo NOS", "solar lentigo"),
        "lichenoid keratosis": ("lichenoid keratosis",),
    },
    "DF": {"dermatofibroma": ("DF",)},
    "VASC": {"vascular lesion": ("VASC",)},
    "SCC": {"squamous cell carcinoma": ("SCC",)},
    UNK: {
        "other": ("UNK",),
        "café-au-lait macule": ("cafe-au-lait macule",),
        "melanocytic proliferation of uncertain kind": ("atypical melanocytic proliferation",),
    },
}

_UNLABELLED = ("", "unknown")


def _normalise(word: str) -> str:
    return re.sub(r"[\s_-]+", " ", word).strip().casefold()


_LABEL_OF = {
    _normalise(word): label
    for label, diseases in _HIERARCHY.items()
    for words in diseases.values()
    for word in words
}


def label_of(diagnosis: str) -> str:
    """Map a data set's word for a diagnosis onto a label.

    Args:
        diagnosis: The word, e.g. "nv" or "seborrheic keratosis"; upper and lower case, spaces,
            underscores and hyphens are alike.

    Returns:
        One of `LABELS`, or "" when the image is unlabelled ("" or "unknown", the word of
        ISIC-2020).

    Raises:
        UserError: The taxonomy does not have the word.
    """
    word = _normalise(diagnosis)
    if word in _UNLABELLED:
        return ""
    if word not in _LABEL_OF:
        raise UserError(
            f"The diagnosis {diagnosis!r} is not in the taxonomy: correct it, or count such "
            f"images as {UNK}."
        )
    return _LABEL_OF[word]
