"""The members of an ensemble: folders with predictions of the same images."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.predictions import (
    Predictions,
    count_differing,
    read_predictions,
    unique_names,
)

SPLITS = ("val", "test")

# What later tells whether a member is still the one that was combined; those it has.
_HASHED = (
    *(f"predictions_{split}.csv" for split in SPLITS),
    *("config.yaml", "best.keras", "segmenter.keras"),
)


@dataclass(frozen=True)
class Member:
    """A folder with `predictions_val.csv`, `predictions_test.csv` or both.

    Attributes:
        name: What tables call it.
        directory: A run directory, or any folder with predictions.
    """

    name: str
    directory: Path

    def has(self, split: str) -> bool:
        """Whether it holds predictions of a split."""
        return (self.directory / f"predictions_{split}.csv").is_file()

    def hashes(self) -> dict[str, str]:
        """SHA-256 of its predictions and, in a run directory, of its config and models."""
        hashes = {}
        for name in _HASHED:
            if (self.directory / name).is_file():
                with (self.directory / name).open("rb") as file:
                    hashes[name] = hashlib.file_digest(file, "sha256").hexdigest()
        return hashes


@dataclass(frozen=True)
class AlignedPredictions:
    """Members' predictions of one split, row by row of the same images.

    Attributes:
        images: Image names, labels, groups and classes; its probabilities are the first member's.
        probabilities: float64 (M, N, K), rows and columns as in `images`.
    """

    images: Predictions
    probabilities: np.ndarray

    def with_probabilities(self, probabilities: np.ndarray) -> Predictions:
        """These images with other probabilities, float (N, K)."""
        images = self.images
        return Predictions(
            images.image_ids, images.labels, probabilities, images.classes, images.groups
        )

    def labelled(self) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities (M, n, K) and true classes, int (n,), of the rows that metrics count."""
        classes = self.images.classes
        rows = [row for row, label in enumerate(self.images.labels) if label in classes]
        return self.probabilities[:, rows], self.images.scored().true_indices()


def find_members(sources: Sequence[Path]) -> list[Member]:
    """The members that folders stand for.

    Raises:
        UserError: Fewer than two folders, one named twice, or one without predictions.
    """
    if len(sources) < 2:
        raise UserError("an ensemble takes two runs or more: name at least one more.")
    for number, source in enumerate(sources):
        if source.is_file():
            raise UserError(
                f"{source} is a file where a folder is needed: put predictions of another system "
                "into a folder of their own, as predictions_val.csv and predictions_test.csv."
            )
        if not source.exists():
            raise UserError(f"{source} does not exist: name a run directory.")
        if source.resolve() in [earlier.resolve() for earlier in sources[:number]]:
            raise UserError(f"{source} is named twice: name every run once.")
    members = [
        Member(name, source) for name, source in zip(unique_names(sources), sources, strict=True)
    ]
    for member in members:
        if not any(member.has(split) for split in SPLITS):
            raise UserError(
                f"{member.directory} holds neither predictions_val.csv nor predictions_test.csv: "
                "is it a run directory?"
            )
    return members


def common_splits(members: Sequence[Member], *, methods: Sequence[str]) -> tuple[str, ...]:
    """The splits that an ensemble can be formed on.

    Args:
        members: From `find_members`, so each has a split.
        methods: The methods; all but `mean` need validation predictions.

    Returns:
        `val`, `test` or both: those that every member has; one at least.

    Raises:
        UserError: The method needs validation predictions that a member lacks, or only some
            members have test predictions.
    """
    lacking = {
        split: [member.directory for member in members if not member.has(split)] for split in SPLITS
    }
    choosing = [method for method in methods if method != "mean"]
    if lacking["val"] and choosing:
        raise UserError(
            f"{lacking['val'][0]} holds no predictions_val.csv, which {choosing[0]} chooses by: "
            "add it, or use --method mean."
        )
    if 0 < len(lacking["test"]) < len(members):
        raise UserError(
            f"{lacking['test'][0]} holds no predictions_test.csv, but other members do: predict "
            "the test images with it too, or leave it out."
        )
    return tuple(split for split in SPLITS if not lacking[split])


def read_splits(members: Sequence[Member], splits: Sequence[str]) -> dict[str, AlignedPredictions]:
    """Read the members' predictions and bring them into one order.

    Rows follow the first member's file of a split, classes its first file. Groups are those of
    the first member that has any.

    Args:
        members: From `find_members`.
        splits: From `common_splits`.

    Raises:
        UserError: A file cannot be read, has other classes than the first one, or has other
            images or labels than the first member's of the split.
    """
    first_file = members[0].directory / f"predictions_{splits[0]}.csv"
    classes = read_predictions(first_file).classes
    aligned = {}
    for split in splits:
        files = [member.directory / f"predictions_{split}.csv" for member in members]
        read = [read_predictions(file) for file in files]
        for file, predictions in zip(files, read, strict=True):
            _check_classes(first_file, classes, file, predictions.classes)
            _check_images(files[0], read[0], file, predictions)
        order = read[0].image_ids
        probabilities = np.stack([_ordered(item, order, classes) for item in read])
        groups = next((_groups(item, order) for item in read if item.groups is not None), None)
        images = Predictions(order, read[0].labels, probabilities[0], classes, groups)
        aligned[split] = AlignedPredictions(images, probabilities)
    return aligned


def _check_classes(
    first: Path, expected: tuple[str, ...], file: Path, classes: tuple[str, ...]
) -> None:
    differing = sorted({*expected} ^ {*classes})
    if differing:
        raise UserError(
            f"{first} and {file} differ in their classes (only one of them has the column "
            f"{', '.join(differing)}): combine predictions of the same classes."
        )


def _check_images(first: Path, expected: Predictions, file: Path, read: Predictions) -> None:
    count = count_differing(expected, read)
    if count:
        images = "1 image is" if count == 1 else f"{count} images are"
        raise UserError(
            f"{first} and {file} are not of the same images: {images} in one of them only or "
            "labelled otherwise; combine runs of one catalogue."
        )


def _ordered(
    predictions: Predictions, image_ids: Sequence[str], classes: Sequence[str]
) -> np.ndarray:
    row = {name: number for number, name in enumerate(predictions.image_ids)}
    rows = [row[name] for name in image_ids]
    return predictions.probabilities[rows][:, [predictions.classes.index(c) for c in classes]]


def _groups(predictions: Predictions, image_ids: Sequence[str]) -> list[str]:
    assert predictions.groups is not None  # noqa: S101
    group = dict(zip(predictions.image_ids, predictions.groups, strict=True))
    return [group[name] for name in image_ids]
