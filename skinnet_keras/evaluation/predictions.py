"""The predictions file: what every evaluation command reads, from our models or anybody else's.

CSV with the columns `image_id`, `label`, one probability column per class and, optionally,
`group` (the lesion or patient an image belongs to, for the bootstrap).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skinnet_keras.atomic import atomic_file
from skinnet_keras.data.delimited import read_delimited, without_placeholder
from skinnet_keras.errors import UserError
from skinnet_keras.taxonomy import CLASSES, LABELS, UNK

# Wide enough for probabilities printed with four decimals or computed in half precision.
SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Predictions:
    """Class probabilities of a set of images.

    Attributes:
        image_ids: N unique image names.
        labels: N true labels; "" = unlabelled.
        probabilities: float64 (N, K), each row in 0..1 and summing to 1.
        classes: Names of the K columns.
        groups: N names of the unit the bootstrap resamples ("" = the image alone), or None.
    """

    image_ids: list[str]
    labels: list[str]
    probabilities: np.ndarray
    classes: tuple[str, ...]
    groups: list[str] | None = None

    def scored(self) -> Predictions:
        """The rows that metrics count: those whose label is one of `classes`.

        Unlabelled rows are left out, and so are UNK rows where the model has no UNK class.
        """
        keep = [row for row, label in enumerate(self.labels) if label in self.classes]
        return Predictions(
            image_ids=[self.image_ids[row] for row in keep],
            labels=[self.labels[row] for row in keep],
            probabilities=self.probabilities[keep],
            classes=self.classes,
            groups=None if self.groups is None else [self.groups[row] for row in keep],
        )

    def true_indices(self) -> np.ndarray:
        """Index into `classes` of every row's label, int64 (N,).

        Raises:
            KeyError: A row's label is not one of `classes`; call `scored()` first.
        """
        index = {name: k for k, name in enumerate(self.classes)}
        return np.array([index[label] for label in self.labels], dtype=np.int64)

    def predicted_indices(self) -> np.ndarray:
        """Index into `classes` of every row's most probable class (first of ties), int64 (N,)."""
        return self.probabilities.argmax(axis=1).astype(np.int64)


def predictions_path(run_or_file: str | Path, split: str = "test") -> Path:
    """The predictions file that a run directory or a file name stands for.

    Args:
        run_or_file: A run directory, or a predictions file itself.
        split: Which of a run's files: `predictions_<split>.csv`.

    Raises:
        UserError: There is no such file.
    """
    path = Path(run_or_file)
    if path.is_file():
        return path
    if not path.exists():
        raise UserError(f"{path} does not exist: name a run directory or a predictions CSV.")
    file = path / f"predictions_{split}.csv"
    if not file.is_file():
        found = sorted(p.stem.removeprefix("predictions_") for p in path.glob("predictions_*.csv"))
        hint = f"choose --split from {', '.join(found)}" if found else "is it a run directory?"
        raise UserError(f"{path} holds no {file.name}: {hint}.")
    return file


def unique_names(sources: Sequence[Path]) -> list[str]:
    """A short name for every run directory or predictions file.

    The folder's name or the file's without suffix; its whole path where that name is taken, as two
    runs may have the same name in different folders.

    Raises:
        UserError: A source is named twice.
    """
    names: list[str] = []
    for source in sources:
        name = source.resolve().name if source.is_dir() else source.stem
        name = str(source) if name in names else name
        if name in names:
            raise UserError(f"{source} is named twice: name every run once.")
        names.append(name)
    return names


def count_differing(first: Predictions, second: Predictions) -> int:
    """Number of images that only one of the two has, or that have another label in each."""
    labels = dict(zip(first.image_ids, first.labels, strict=True))
    others = dict(zip(second.image_ids, second.labels, strict=True))
    return sum(labels.get(name) != others.get(name) for name in labels.keys() | others.keys())


def read_predictions(path: str | Path) -> Predictions:
    """Read and check a predictions file.

    Args:
        path: CSV as described in the module's docstring, UTF-8, with any separator
            `read_delimited` knows. The order of columns is free and becomes the order of
            `classes`. A label or group that says "not known" (NA, nan, -, ...) is none.

    Raises:
        UserError: The file cannot be read, lacks a column, has one that is no class, repeats an
            image, or has a label, a probability or a row sum that cannot be right. The sentence
            names the file and the line (the header is line 1).
    """
    path = Path(path)
    _check_whole(path)
    header, rows = _read_table(path)
    classes = _class_columns(path, header)
    column = {name: position for position, name in enumerate(header)}
    seen: dict[str, int] = {}
    image_ids, labels, groups = [], [], []
    probabilities = np.empty((len(rows), len(classes)))
    for n, (line, row) in enumerate(rows):
        image_id, label = row[column["image_id"]], without_placeholder(row[column["label"]])
        where = f"{path}, line {line} (image '{image_id}')"
        if not image_id:
            raise UserError(f"{path}, line {line}: image_id is empty, every row needs one.")
        if image_id in seen:
            raise UserError(f"{where}: this image_id is already in line {seen[image_id]}.")
        if label and label not in LABELS:
            known = ", ".join(LABELS)
            raise UserError(f"{where}: unknown label '{label}'; use one of {known}, or none.")
        if label and label not in classes and label != UNK:
            raise UserError(_missing_column(path, label))
        seen[image_id] = line
        image_ids.append(image_id)
        labels.append(label)
        groups.append(without_placeholder(row[column["group"]]) if "group" in column else "")
        probabilities[n] = [_probability(where, name, row[column[name]]) for name in classes]
        total = probabilities[n].sum()
        if abs(total - 1.0) > SUM_TOLERANCE:
            absent = [name for name in CLASSES if name not in classes]
            if absent:
                raise UserError(_missing_column(path, absent[0]))
            raise UserError(f"{where}: the probabilities sum to {total:.4g}, they must sum to 1.")
    return Predictions(
        image_ids, labels, probabilities, classes, groups if "group" in column else None
    )


def _check_whole(path: Path) -> None:
    """Refuse a run's own file without the line end that it was written with: it was cut off."""
    in_run = (path.parent / "environment.json").is_file()
    if in_run and path.is_file() and not path.read_bytes().endswith(b"\n"):
        raise UserError(
            f"{path} was cut off: it does not end with a line end; let the run measure itself "
            f"again with `skinnet train --resume {path.parent}`."
        )


def write_predictions(
    path: str | Path,
    image_ids: Sequence[str],
    labels: Sequence[str],
    probabilities: np.ndarray,
    classes: Sequence[str],
    groups: Sequence[str] | None = None,
) -> None:
    """Write a predictions file, whole or not at all.

    Numbers are written with as many digits as their type holds, so that reading them back gives
    the same numbers.

    Args:
        path: CSV file to write; an existing one is replaced.
        image_ids: N unique image names.
        labels: N true labels; "" = unlabelled.
        probabilities: float (N, K), rows sum to 1.
        classes: K class names, in the order of the columns.
        groups: N names of the unit the bootstrap resamples, or None for no such column.

    Raises:
        ValueError: The lengths do not fit together.
    """
    probabilities = np.asarray(probabilities)
    n = len(image_ids)
    if len(labels) != n or (groups is not None and len(groups) != n):
        raise ValueError("image_ids, labels and groups differ in length")
    if probabilities.shape != (n, len(classes)):
        raise ValueError(
            f"probabilities have the shape {probabilities.shape}, not {(n, len(classes))}"
        )
    header = ["image_id", "label", *classes]
    with atomic_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header if groups is None else [*header, "group"])
        for row in range(n):
            group = [] if groups is None else [groups[row]]
            values = [str(value) for value in probabilities[row]]
            writer.writerow([image_ids[row], labels[row], *values, *group])


def _read_table(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Header and (line number, fields) of every row that is not blank."""
    needed = ("image_id", "label")
    header, rows = read_delimited(path, (*needed, "group"), needed=needed, what="a predictions CSV")
    if not rows:
        raise UserError(f"{path} holds no row of predictions: a header and one row an image.")
    for line, row in rows:
        if len(row) != len(header):
            raise UserError(
                f"{path}, line {line}: {len(row)} fields where the header has {len(header)}."
            )
    return header, rows


def _class_columns(path: Path, header: list[str]) -> tuple[str, ...]:
    """The header's class names in their order."""
    for name in ("image_id", "label"):
        if name not in header:
            raise UserError(f"{path} lacks the column '{name}': add it.")
    classes = tuple(name for name in header if name not in ("image_id", "label", "group"))
    for name in classes:
        if name not in LABELS:
            known = ", ".join(LABELS)
            raise UserError(
                f"{path} has the column '{name}', which is no class ({known}): rename or remove it."
            )
    if len(classes) < 2:
        absent = next(name for name in CLASSES if name not in classes)
        raise UserError(_missing_column(path, absent))
    return classes


def _missing_column(path: Path, name: str) -> str:
    return (
        f"{path} lacks the probability column '{name}': add it "
        "(zeros where the model does not know the class)."
    )


def _probability(where: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise UserError(f"{where}: '{text}' in column '{name}' is not a number.") from None
    if not (0.0 <= value <= 1.0 + SUM_TOLERANCE):
        raise UserError(f"{where}: {text} in column '{name}' is not a probability (0..1).")
    return value
