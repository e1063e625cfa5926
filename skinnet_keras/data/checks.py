"""Is a catalogue sound? Integrity and leakage, one sentence a kind of problem."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.sources import SOURCES
from skinnet_keras.data.splits import FOLDS, SPLITS
from skinnet_keras.errors import UserError
from skinnet_keras.taxonomy import LABELS


def find_problems(catalogue: Catalogue) -> list[str]:
    """Check a catalogue.

    Leaks are looked for twice: by the column `group`, and by the ids it was made from, so that a
    table edited by hand cannot hide one.

    Args:
        catalogue: The catalogue.

    Returns:
        One sentence for each kind of problem, with a count and an example; empty when it is
        sound.
    """
    table = catalogue.table
    ids = table["image_id"]
    kept_ids = set(ids[table["duplicate_of"] == ""])
    duplicate = table["duplicate_of"] != ""
    split = table["split"] != ""
    problems = [
        _rows("have the image_id of another row", ids[ids.duplicated()]),
        _rows("have a label outside the taxonomy", ids[~table["label"].isin(("", *LABELS))]),
        _rows("have a split other than train, val, test", ids[~table["split"].isin(("", *SPLITS))]),
        _rows("have an unknown fold", ids[~table["fold"].isin(("", *FOLDS))]),
        _rows(
            "are duplicates of no kept image",
            ids[duplicate & ~table["duplicate_of"].isin(kept_ids)],
        ),
        _rows("are duplicates but have a split", ids[duplicate & split]),
        _rows("are unlabelled but have a split", ids[(table["label"] == "") & split]),
        _rows(
            "are kept and labelled but have no split",
            ids[~duplicate & (table["label"] != "") & ~split],
        ),
        _leak("groups", table["group"], table["split"]),
        _leak("groups (folds)", table["group"], table["fold"]),
    ]
    for name, column in (("lesions", "lesion_id"), ("patients", "patient_id")):
        problems.append(_leak(name, _namespaced(table, table[column]), table["split"]))
    stems = ids.str.partition(":")[2].str.removesuffix("_downsampled")
    problems.append(_leak("image names", _namespaced(table, stems), table["split"]))
    problems += _missing_files(catalogue)
    return [problem for problem in problems if problem]


def _rows(what: str, ids: Iterable[str]) -> str:
    ids = list(ids)
    return f"{len(ids)} rows {what}, e.g. {ids[0]}." if ids else ""


def _leak(what: str, keys: pd.Series, parts: pd.Series) -> str:
    used = (keys != "") & (parts != "")
    by_key = parts[used].groupby(keys[used]).nunique()
    leaking = by_key.index[by_key > 1]
    return (
        f"{len(leaking)} {what} are in more than one part, e.g. {leaking[0]}."
        if len(leaking)
        else ""
    )


def _namespaced(table: pd.DataFrame, keys: pd.Series) -> pd.Series:
    providers = table["source"].map(
        lambda name: SOURCES[name].provider if name in SOURCES else name
    )
    return (providers + ":" + keys).where(keys != "", "")


def _missing_files(catalogue: Catalogue) -> list[str]:
    outside, images, masks = [], [], []
    for image_id in catalogue.table["image_id"]:
        try:
            image, mask = catalogue.image_path(image_id), catalogue.mask_path(image_id)
        except UserError:
            outside.append(image_id)
            continue
        if not image.is_file():
            images.append(image_id)
        if mask is not None and not mask.is_file():
            masks.append(image_id)
    return [
        _rows("have a path outside their source's folder", outside),
        _rows("have no image file", images),
        _rows("have no mask file where mask_path names one", masks),
    ]
