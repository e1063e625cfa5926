"""Cross-validation folds: stratified by class, groups whole."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from skinnet_keras.errors import UserError


def assign_folds(
    groups: Iterable[str], labels: Iterable[str], folds: int, *, seed: int
) -> dict[str, str]:
    """Share groups out to K folds of alike class shares, by scikit-learn's StratifiedGroupKFold.

    K is `folds`, or less where the images do not suffice: no more than the groups of the class
    that has most of them, so that every fold can hold that class. A rarer class is then absent
    from some folds.

    Args:
        groups: Group of each row.
        labels: Label of each row.
        folds: The folds asked for.
        seed: Decides among equals. The order of the rows decides nothing.

    Returns:
        Group -> its fold, "0" to "K-1"; all "0" where no two folds can be made.
    """
    # A second and 100 MB, which `skinnet predict` must not take.
    from sklearn.model_selection import StratifiedGroupKFold

    rows = pd.DataFrame({"group": list(groups), "label": list(labels)}, dtype=object)
    # scikit-learn's draws follow the order of the rows.
    rows = rows.sort_values(["group", "label"], ignore_index=True)
    if rows.empty:
        return {}
    groups_of_class = rows.drop_duplicates().value_counts("label")
    number = min(folds, int(groups_of_class.iloc[0]))
    if number < 2:
        return dict.fromkeys(rows["group"], "0")
    splitter = StratifiedGroupKFold(number, shuffle=True, random_state=seed)
    fold_of: dict[str, str] = {}
    with warnings.catch_warnings():
        # Classes with fewer images than folds: `fold_notes` says it in our words.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        parts = splitter.split(np.zeros(len(rows)), rows["label"], rows["group"])
        for fold, (_, held_out) in enumerate(parts):
            fold_of |= dict.fromkeys(rows["group"].iloc[held_out], str(fold))
    return fold_of


def fold_names(table: pd.DataFrame) -> list[str]:
    """Return the folds of a catalogue's table in numerical order; fewer than two are of no use."""
    return sorted(set(table["fold"]) - {""}, key=lambda name: (len(name), name))


def whole_folds(groups: Iterable[str], folds: Iterable[str]) -> dict[str, str]:
    """Give a group one fold where its rows come with several.

    The fold most of its rows ask for, the lowest of equals.

    Args:
        groups: Group of each row.
        folds: Fold of each row, a number from 0; "" asks for nothing.

    Returns:
        Group -> fold, for groups that have any.
    """
    asked = pd.DataFrame({"group": list(groups), "fold": list(folds)}, dtype=object)
    asked = asked[asked["fold"] != ""]
    votes = pd.crosstab(asked["group"], asked["fold"].astype(int))
    if votes.empty:
        return {}
    return {str(group): str(fold) for group, fold in votes.idxmax(axis=1).items()}


def check_asked_folds(asked: Mapping[str, str], folds: int) -> None:
    """Refuse folds that are not among the K of a catalogue.

    Raises:
        UserError: A fold is not a number from 0 to K-1.
    """
    names = {str(number) for number in range(folds)}
    for image_id, fold in asked.items():
        if fold not in names:
            raise UserError(
                f"{image_id} is asked into fold {fold!r}, but the folds are 0 to {folds - 1}: "
                "correct it, or ask for more folds."
            )


def fold_notes(table: pd.DataFrame, folds: int) -> list[str]:
    """Say in sentences where a table's folds are not what was asked for.

    Args:
        table: The columns `label`, `group` and `fold`.
        folds: The folds asked for.

    Returns:
        A sentence when there are fewer folds, and one for each class some folds do not have.
    """
    learned = table[table["fold"] != ""]
    if learned.empty:
        return []
    present = learned["fold"].nunique()
    notes = []
    if present < folds:
        notes.append(
            f"There are {present} folds, not {folds}: the images have too few groups, or the folds "
            "they were asked into leave some empty."
        )
    of_class = learned.groupby("label")[["fold", "group"]].nunique()
    for label, own, groups in of_class.itertuples():
        if own < present:
            why = (
                "it has too few groups"
                if groups < present
                else "its groups hold other images, too, or were asked into these folds"
            )
            notes.append(f"{label} is in {own} of the {present} folds: {why}.")
    return notes
