"""Is a catalogue sound? One sentence for each kind of problem."""

from __future__ import annotations

import pandas as pd

from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.folds import fold_names
from skinnet_keras.data.leaks import find_leaks
from skinnet_keras.data.splits import SPLITS
from skinnet_keras.errors import UserError
from skinnet_keras.taxonomy import LABELS


def find_problems(catalogue: Catalogue) -> list[str]:
    """Check a catalogue's table and that its files are there; `file_checks` decodes them.

    Args:
        catalogue: The catalogue.

    Returns:
        One sentence for each kind of problem, with a count and an example; empty when it is
        sound.
    """
    table = catalogue.table
    ids, split, fold = table["image_id"], table["split"], table["fold"]
    copy, unlabelled = table["duplicate_of"] != "", table["label"] == ""
    learned = split.isin(("train", "val"))
    kept_ids = set(ids[~copy])
    problems = {
        "the image_id of another row": ids.duplicated(),
        "a label outside the taxonomy": ~table["label"].isin(("", *LABELS)),
        "a split other than train, val, test": ~split.isin(("", *SPLITS)),
        "a duplicate_of that is no kept image": copy & ~table["duplicate_of"].isin(kept_ids),
        "a split though they are copies": copy & (split != ""),
        "a split though they are unlabelled": unlabelled & (split != ""),
        "no split though they are kept and labelled": ~copy & ~unlabelled & (split == ""),
        "a fold that is no number": ~fold.str.fullmatch("(0|[1-9][0-9]*)?"),
        "a fold though they are not in train or val": ~learned & (fold != ""),
        "no fold though they are in train or val": learned & (fold == ""),
    }
    return [
        *(rows_sentence(what, ids[wrong]) for what, wrong in problems.items() if wrong.any()),
        *_missing_folds(table),
        *find_leaks(catalogue),
        *_missing_files(catalogue),
    ]


def rows_sentence(what: str, ids: pd.Series | list[str]) -> str:
    """Return "3 rows have <what>, e.g. <first id>."."""
    first = ids[0] if isinstance(ids, list) else ids.iloc[0]
    return f"{len(ids):,} {'row has' if len(ids) == 1 else 'rows have'} {what}, e.g. {first}."


def _missing_folds(table: pd.DataFrame) -> list[str]:
    names = [name for name in fold_names(table) if name.isdigit()]
    absent = sorted({str(number) for number in range(len(names))} - set(names))
    if not absent:
        return []
    return [f"The folds {', '.join(names)} leave out {absent[0]}: they count from 0 without a gap."]


def _missing_files(catalogue: Catalogue) -> list[str]:
    outside: dict[str, list[str]] = {}
    images, masks = [], []
    for image_id in catalogue.table["image_id"]:
        try:
            image, mask = catalogue.image_path(image_id), catalogue.mask_path(image_id)
        except UserError as error:
            outside.setdefault(str(error), []).append(image_id)
            continue
        if not image.is_file():
            images.append(image_id)
        if mask is not None and not mask.is_file():
            masks.append(image_id)
    return [
        *(f"{image_ids[0]}: {error}" for error, image_ids in outside.items()),
        *([rows_sentence("no image file", images)] if images else []),
        *([rows_sentence("no mask file where mask_path names one", masks)] if masks else []),
    ]
