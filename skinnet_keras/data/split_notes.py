"""What became of the splits that were given, and which classes they leave out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import pandas as pd

from skinnet_keras.data.splits import SPLITS
from skinnet_keras.taxonomy import CLASSES

_WORDS_SHOWN = 5


def official_notes(
    table: pd.DataFrame, *, kept: bool, asked: Mapping[str, str], kept_copies: Mapping[str, int]
) -> list[str]:
    """Say where the splits that the data sets give were not used or were changed.

    Args:
        table: The columns `image_id`, `source`, `label`, `duplicate_of`, `official_split` and
            `split`.
        kept: Whether the official splits were to stay.
        asked: Image id -> split that was asked for otherwise.
        kept_copies: Source -> images of its official test set that are kept though they are
            copies.

    Returns:
        One sentence a source, and one a source with an official test set that stays.
    """
    notes = []
    for source, own in table.groupby("source", sort=False):
        given = own[own["official_split"] != ""]
        if given.empty:
            continue
        if not kept:
            notes.append(
                f"{source}: the split it gives ({_counts(given['official_split'])}) is not used, "
                f"--keep-official-test keeps it; here these images are {_counts(given['split'])}."
            )
            continue
        notes += changed_split(str(source), given, given["official_split"], asked)
        test = given[given["official_split"] == "test"]
        if len(test):
            copies = kept_copies.get(str(source), 0)
            notes.append(
                f"{source}: {int((test['split'] == 'test').sum()):,} of the {len(test):,} images "
                f"of its official test set are in test, {copies:,} of them kept though they are "
                "copies."
            )
    return notes


def changed_split(
    name: str, table: pd.DataFrame, given: pd.Series, asked: Mapping[str, str]
) -> list[str]:
    """Say how the splits of a table differ from given ones, and why.

    Args:
        name: Who gives them.
        table: The columns `image_id`, `label`, `duplicate_of` and `split`.
        given: Split of each row, never "".
        asked: Image id -> split that was asked for otherwise.

    Returns:
        One sentence, or none where nothing differs.
    """
    moved = table[(table["split"] != given) & (table["split"] != "")]
    as_asked = moved["split"] == moved["image_id"].map(lambda own: asked.get(own, ""))
    copies = (table["split"] == "") & (table["duplicate_of"] != "")
    unlabelled = (table["split"] == "") & ~copies
    reasons = [
        (as_asked, "as --splits or the catalogue that is updated asks"),
        (~as_asked, "because their lesion, patient or a copy of them lies there"),
    ]
    parts = []
    for rows, why in reasons:
        if rows.any():
            moves = _moves(given[moved.index[rows]], moved["split"][rows])
            parts.append(f"{int(rows.sum()):,} moved ({moves}) {why}")
    parts += [
        f"{int(rows.sum()):,} in none as {what}"
        for rows, what in ((copies, "copies of kept images"), (unlabelled, "unlabelled"))
        if rows.any()
    ]
    if not parts:
        return []
    return [
        f"{name}: of the split it gives ({_counts(given)}), {'; '.join(parts)}; now "
        f"{_counts(table['split'])}."
    ]


def empty_split_notes(
    table: pd.DataFrame, shares: Mapping[str, float], fixed: Iterable[str]
) -> list[str]:
    """Say which classes have no image in a split, and why.

    Args:
        table: The columns `group`, `label`, `duplicate_of` and `split`.
        shares: Share of each split.
        fixed: Groups whose split was given.
    """
    kept = table[(table["duplicate_of"] == "") & (table["label"] != "")]
    wanted = [split for split in SPLITS if shares[split] > 0]
    given = set(fixed)
    notes = []
    for label, own in kept.groupby("label"):
        groups = set(own["group"])
        if len(groups) < len(wanted):
            why = f"it has too few groups ({len(groups)})"
        elif groups <= given:
            why = "the splits that were given leave none there"
        else:
            largest = own["group"].value_counts()
            why = (
                f"its groups hold other images, too, and lie elsewhere ({largest.iloc[0]:,} of its "
                f"{len(own):,} images are in the group {largest.index[0]})"
            )
        notes += [
            f"{label} has no image in {split}: {why}."
            for split in wanted
            if not (own["split"] == split).any()
        ]
    return notes


def unlabelled_notes(table: pd.DataFrame) -> list[str]:
    """Say which diagnoses leave images unlabelled: groups too wide for a class.

    Args:
        table: The columns `source`, `diagnosis` and `label`.

    Returns:
        One sentence a source.
    """
    wide = table[(table["diagnosis"] != "") & (table["label"] == "")]

    def words(diagnoses: pd.Series) -> str:
        counts = [f"{word!r} {count:,}" for word, count in diagnoses.value_counts().items()]
        more = len(counts) - _WORDS_SHOWN
        return ", ".join([*counts[:_WORDS_SHOWN], *([f"{more} more"] if more > 0 else [])])

    return [
        f"Unlabelled: {len(own):,} of {int((table['source'] == source).sum()):,} images of "
        f"{source}, as their diagnosis is too wide for a class "
        f"({words(own['diagnosis'])}): "
        "they are in no split and teach nothing; give each its own diagnosis "
        "(`skinnet data taxonomy` lists them), or UNK for one outside the classes."
        for source, own in wide.groupby("source", sort=False)
    ]


def scarce_class_notes(table: pd.DataFrame) -> list[str]:
    """Say which classes cannot be learned from a catalogue, as train has no or one image of them.

    Args:
        table: The columns `label`, `duplicate_of` and `split`.
    """
    return scarce_classes(table["label"][table["split"] == "train"], CLASSES)


def scarce_classes(labels: pd.Series, classes: Iterable[str]) -> list[str]:
    """Say which of some classes cannot be learned from labelled training images.

    Args:
        labels: Label of each training image.
        classes: The classes a model is to tell apart.

    Returns:
        A sentence when one class alone is there, else one on classes without image and one on
        classes with one.
    """
    counts = {name: int((labels == name).sum()) for name in classes}
    there = [name for name, count in counts.items() if count]
    if not there:
        return ["No image to train on has a label of a class."]
    if len(there) == 1:
        return [
            f"All {counts[there[0]]:,} labelled training images are {there[0]}: a classifier has "
            "nothing to tell apart, and training refuses them."
        ]
    none = [name for name, count in counts.items() if count == 0]
    one = [name for name, count in counts.items() if count == 1]
    sentences = []
    if none:
        sentences.append(
            f"No training image of {', '.join(none)}: a model trained here never names "
            f"{'it' if len(none) == 1 else 'them'}."
        )
    if one:
        sentences.append(
            f"One training image of {', '.join(one)}: a model trained here knows that image, not "
            "the class."
        )
    return sentences


def _counts(splits: pd.Series) -> str:
    counts = [f"{name or 'none'} {n:,}" for name in (*SPLITS, "") if (n := (splits == name).sum())]
    return ", ".join(counts)


def _moves(before: pd.Series, after: pd.Series) -> str:
    moves = Counter(zip(before, after, strict=True))
    return ", ".join(f"{old} to {new} {count:,}" for (old, new), count in sorted(moves.items()))
