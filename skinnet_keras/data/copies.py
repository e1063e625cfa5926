"""Which copy of a picture is kept, and what it inherits from the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from skinnet_keras.data.duplicates import matching_pictures
from skinnet_keras.data.fingerprints import Fingerprint
from skinnet_keras.data.groups import components, equal_keys
from skinnet_keras.data.sources import SOURCES

_PATIENT = ("age", "sex", "site")
_IDS = ("lesion_id", "patient_id")
_TRUST = {name: rank for rank, name in enumerate(SOURCES)}


@dataclass(frozen=True)
class LabelConflict:
    """Copies of one picture with different labels.

    Attributes:
        kept: `image_id` of the kept copy.
        labels: `image_id` -> the label its own source gives it.
        resolved: The label the kept copy got.
    """

    kept: str
    labels: dict[str, str]
    resolved: str


def find_copies(
    table: pd.DataFrame, prints: Sequence[Fingerprint]
) -> tuple[pd.DataFrame, dict[str, int], list[LabelConflict]]:
    """Find the copies of each picture: equal id, equal bytes, or pixels that agree.

    Args:
        table: Rows as `assemble` returns them.
        prints: The fingerprint of each row.

    Returns:
        The table of `resolve_copies`; the number of copies that each cause adds to those before
        it; the label conflicts.
    """
    ids = [
        f"{SOURCES[source].provider}:{stem.removesuffix('_downsampled')}"
        for source, stem in table[["source", "stem"]].itertuples(index=False)
    ]
    evidence = {
        "same_id": equal_keys(ids),
        "same_bytes": equal_keys(item.sha256 for item in prints),
        "same_picture": matching_pictures(prints),
    }
    causes: dict[str, int] = {}
    linked: list[np.ndarray] = []
    pictures = np.arange(len(table))
    for cause, pairs in evidence.items():
        before = pictures.max() + 1
        linked.append(pairs)
        pictures = components(len(table), *linked)
        causes[cause] = int(before - (pictures.max() + 1))
    table, conflicts = resolve_copies(
        table, pictures, [item.width * item.height for item in prints]
    )
    return table, causes, conflicts


def resolve_copies(
    table: pd.DataFrame, pictures: np.ndarray, pixels: Sequence[int]
) -> tuple[pd.DataFrame, list[LabelConflict]]:
    """Keep the best copy of each picture and complete it from the others.

    The best copy has a mask, then the most pixels, then the most metadata. Its age, sex, site and
    (within one provider) lesion and patient ids are filled in where missing. Its label is that of
    the copy whose source comes first in `SOURCES`. Masks stay with their own image, whose
    geometry they have.

    Args:
        table: Rows as `assemble` returns them.
        pictures: int array of shape (N,): rows with one number show the same picture.
        pixels: Width x height of each row.

    Returns:
        The table with `duplicate_of` (the kept copy's `image_id`, or "") and the kept rows
        completed; and the label conflicts.
    """
    table = table.assign(duplicate_of="", pixels=pixels)
    table["filled"] = (table[[*_PATIENT, *_IDS]] != "").sum(axis=1)
    table["trust"] = table["source"].map(_TRUST)
    table["provider"] = [SOURCES[name].provider for name in table["source"]]
    conflicts = []
    with_copies = table[pd.Series(pictures, index=table.index).duplicated(keep=False)]
    for _, copies in with_copies.groupby(pictures[with_copies.index]):
        ranked = copies.assign(mask=copies["mask_path"] != "").sort_values(
            ["mask", "pixels", "filled", "trust", "image_id"],
            ascending=[False, False, False, True, True],
        )
        kept = ranked.index[0]
        table.loc[ranked.index[1:], "duplicate_of"] = ranked["image_id"].iloc[0]
        for column in _PATIENT:
            table.loc[kept, column] = _first(ranked[column])
        own_provider = ranked[ranked["provider"] == ranked["provider"].iloc[0]]
        for column in _IDS:
            table.loc[kept, column] = _first(own_provider[column])
        by_trust = ranked.sort_values("trust", kind="stable")
        label = _first(by_trust["label"])
        table.loc[kept, "label"] = label
        if not table.loc[kept, "diagnosis"]:
            table.loc[kept, "diagnosis"] = _first(by_trust["diagnosis"])
        if copies["label"].replace("", label).nunique() > 1:
            labels = dict(zip(copies["image_id"], copies["label"], strict=True))
            conflicts.append(LabelConflict(ranked["image_id"].iloc[0], labels, label))
    return table.drop(columns=["pixels", "filled", "trust", "provider"]), conflicts


def _first(values: pd.Series) -> str:
    return next((value for value in values if value), "")
