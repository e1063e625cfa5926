"""Splits and folds that keep groups whole and class shares alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from skinnet_keras.data.folds import assign_folds, check_asked_folds, whole_folds
from skinnet_keras.data.sources.tables import read_csv
from skinnet_keras.errors import UserError

SPLITS = ("train", "val", "test")

_NOTHING: Mapping[str, str] = MappingProxyType({})


def split_table(
    table: pd.DataFrame,
    shares: Mapping[str, float],
    seed: int,
    *,
    asked: Mapping[str, str],
    asked_folds: Mapping[str, str] = _NOTHING,
    keep_official: bool = False,
    folds: int = 5,
) -> pd.DataFrame:
    """Add the columns `split`, and `fold` for cross-validation within train and val.

    The result depends on the rows, not on their order. What is asked for is asked for the whole
    group of an image. Where the images of a group differ, test goes before val before train, and
    the fold most of them ask for (the lowest of equals) before the others.

    Args:
        table: The columns `image_id`, `group`, `label`, `duplicate_of` and `official_split`.
            Copies and unlabelled rows get neither, but what is asked for them holds for their
            group.
        shares: Share of each split.
        seed: Decides among equals.
        asked: Image id -> split, a user's own; it goes before official splits.
        asked_folds: Image id -> fold, a user's own; of no effect for images in test.
        keep_official: Whether official splits stay.
        folds: Number K of folds; there are fewer where the images have too few groups
            (`folds.fold_notes` says so).

    Returns:
        The table with `split` (train, val, test or "") and `fold` ("0" to "K-1" or "").

    Raises:
        UserError: `folds` is less than 2, or a fold that is asked for is not among them.
    """
    if folds < 2:
        raise UserError(f"{folds} folds are no cross-validation: ask for 2 or more.")
    check_asked_folds(asked_folds, folds)
    official = table["official_split"] if keep_official else [""] * len(table)
    fixed = whole_groups(table["group"], official)
    fixed |= whole_groups(table["group"], [asked.get(own, "") for own in table["image_id"]])
    table = table.assign(split="", fold="")
    labelled = table[(table["duplicate_of"] == "") & (table["label"] != "")]
    split_of = assign_groups(labelled["group"], labelled["label"], shares, seed=seed, fixed=fixed)
    table.loc[labelled.index, "split"] = labelled["group"].map(split_of)
    learned = table[table["split"].isin(("train", "val"))]
    fixed = whole_folds(table["group"], [asked_folds.get(own, "") for own in table["image_id"]])
    if fixed:
        # StratifiedGroupKFold cannot start from folds that are filled in part.
        equal = {str(fold): 1 / folds for fold in range(folds)}
        fold_of = assign_groups(learned["group"], learned["label"], equal, seed=seed, fixed=fixed)
    else:
        fold_of = assign_folds(learned["group"], learned["label"], folds, seed=seed)
    table.loc[learned.index, "fold"] = learned["group"].map(fold_of)
    return table


def assign_groups(
    groups: Iterable[str],
    labels: Iterable[str],
    shares: Mapping[str, float],
    *,
    seed: int,
    fixed: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Share groups out so that every part gets its share of every class.

    First every class with enough groups gets one into each part, the rarest class first; then
    the others follow, large groups first, each into the part where the class counts stay closest
    to their targets.

    Args:
        groups: Group of each row.
        labels: Label of each row.
        shares: Part -> its share of the rows; the shares sum to 1.
        seed: Decides among equals.
        fixed: Group -> part, for groups that are not free.

    Returns:
        Group -> part.
    """
    counts = pd.crosstab(pd.Series(groups, dtype=object), pd.Series(labels, dtype=object))
    names = counts.index.to_numpy()
    sizes = counts.to_numpy(dtype=np.float64)
    parts = list(shares)
    targets = np.outer([shares[part] for part in parts], sizes.sum(axis=0))
    filled = np.zeros_like(targets)
    part_of = np.full(len(names), -1)

    def put(group: int, part: int) -> None:
        part_of[group] = part
        filled[part] += sizes[group]

    for group, name in enumerate(names):
        if fixed and name in fixed:
            put(group, parts.index(fixed[name]))

    order = np.random.default_rng(seed).permutation(len(names))
    small_first = order[np.argsort(sizes[order].sum(axis=1), kind="stable")]
    by_share = np.argsort([shares[part] for part in parts], kind="stable")
    groups_of_class = (sizes > 0).sum(axis=0)
    for label in np.argsort(groups_of_class, kind="stable"):
        if groups_of_class[label] < len(parts):
            continue
        for part in by_share:
            free = small_first[(part_of[small_first] < 0) & (sizes[small_first, label] > 0)]
            if filled[part, label] == 0 and shares[parts[part]] > 0 and len(free):
                put(free[0], part)

    scale = np.maximum(targets, 1e-9)
    for group in small_first[::-1]:
        if part_of[group] < 0:
            surplus = ((filled + sizes[group] - targets) ** 2 - (filled - targets) ** 2) / scale
            put(group, int(surplus.sum(axis=1).argmin()))
    return {name: parts[part] for name, part in zip(names, part_of, strict=True)}


def read_splits(path: Path, image_ids: Iterable[str]) -> dict[str, str]:
    """Read a user's fixed index split (paper, "Data": membership is fixed by index).

    Args:
        path: CSV with the columns `image_id` and `split` (train, val or test), and perhaps
            `fold`: the `catalogue.csv` of an earlier build is one. Rows without a split and a
            fold are skipped.
        image_ids: The catalogue's ids.

    Returns:
        Image id -> split.

    Raises:
        UserError: The file is missing, lacks a column, names an unknown image or an image twice,
            or has an unknown split or fold.
    """
    return _read_column(path, image_ids, "split")


def read_folds(path: Path, image_ids: Iterable[str]) -> dict[str, str]:
    """Read the folds of a user's fixed index split: image id -> fold, as `read_splits`.

    Without a column `fold` there are none.
    """
    return _read_column(path, image_ids, "fold")


def _read_column(path: Path, image_ids: Iterable[str], column: str) -> dict[str, str]:
    table = read_csv(path, ("image_id", "split"), optional=("fold",))
    if "fold" not in table.columns:
        table["fold"] = ""
    table = table[(table["split"] != "") | (table["fold"] != "")]
    unknown = sorted(set(table["image_id"]) - set(image_ids))
    if unknown:
        raise UserError(
            f"{path} names {len(unknown)} images that are not in the catalogue, {unknown[0]} "
            "among them: remove their rows."
        )
    repeated = table["image_id"][table["image_id"].duplicated()]
    if len(repeated):
        raise UserError(f"{path} names {repeated.iloc[0]} twice: keep one of its rows.")
    wrong = sorted(set(table["split"]) - {"", *SPLITS})
    if wrong:
        raise UserError(f"{path} has the split {wrong[0]!r}: use {', '.join(SPLITS)}.")
    wrong = sorted(fold for fold in set(table["fold"]) if fold and not _is_number(fold))
    if wrong:
        raise UserError(f"{path} has the fold {wrong[0]!r}: number the folds from 0.")
    own = table[table[column] != ""]
    return dict(zip(own["image_id"], own[column], strict=True))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and text == str(int(text))


def whole_groups(groups: Iterable[str], splits: Iterable[str]) -> dict[str, str]:
    """Give a group one split where its rows come with several: test before val before train.

    Args:
        groups: Group of each row.
        splits: Split of each row; "" asks for nothing.

    Returns:
        Group -> split, for groups that have any.
    """
    part_of: dict[str, str] = {}
    for split in SPLITS:  # a later one overrides
        part_of |= {group: split for group, own in zip(groups, splits, strict=True) if own == split}
    return part_of
