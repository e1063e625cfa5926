"""Splits and folds that keep groups whole and class shares alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from skinnet_keras.errors import UserError

SPLITS = ("train", "val", "test")
FOLDS = ("0", "1", "2", "3", "4")


def split_table(
    table: pd.DataFrame,
    shares: Mapping[str, float],
    seed: int,
    *,
    asked: Mapping[str, str],
    keep_official: bool = False,
) -> pd.DataFrame:
    """Add the columns `split`, and `fold` for cross-validation within train and val.

    Args:
        table: The columns `image_id`, `group`, `label`, `duplicate_of` and `official_split`.
            Copies and unlabelled rows get neither.
        shares: Share of each split.
        seed: Decides among equals.
        asked: Image id -> split, a user's own; it goes before official splits.
        keep_official: Whether official splits stay.
    """
    official = table["official_split"] if keep_official else [""] * len(table)
    fixed = whole_groups(table["group"], official)
    fixed |= whole_groups(table["group"], [asked.get(own, "") for own in table["image_id"]])
    table = table.assign(split="", fold="")
    labelled = table[(table["duplicate_of"] == "") & (table["label"] != "")]
    split_of = assign_groups(labelled["group"], labelled["label"], shares, seed=seed, fixed=fixed)
    table.loc[labelled.index, "split"] = labelled["group"].map(split_of)
    learned = table[table["split"].isin(("train", "val"))]
    fold_of = assign_groups(
        learned["group"], learned["label"], dict.fromkeys(FOLDS, 1 / len(FOLDS)), seed=seed
    )
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
    """Read a user's fixed index split.

    Args:
        path: CSV with the columns `image_id` and `split` (train, val or test).
        image_ids: The catalogue's ids.

    Returns:
        Image id -> split.

    Raises:
        UserError: The file is missing, lacks a column, or names an unknown image or split.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as a CSV file ({error}).") from error
    for column in ("image_id", "split"):
        if column not in table.columns:
            raise UserError(f"{path} has no column {column}: it needs image_id and split.")
    unknown = sorted(set(table["image_id"]) - set(image_ids))
    if unknown:
        raise UserError(
            f"{path} names {len(unknown)} images that are not in the catalogue, {unknown[0]} "
            "among them: remove their rows."
        )
    wrong = sorted(set(table["split"]) - set(SPLITS))
    if wrong:
        raise UserError(f"{path} has the split {wrong[0]!r}: use {', '.join(SPLITS)}.")
    return dict(zip(table["image_id"], table["split"], strict=True))


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
