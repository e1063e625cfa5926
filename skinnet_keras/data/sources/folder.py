"""Anybody's images with a CSV that lists them: `labels.csv`, `metadata.csv` or the only CSV.

Columns: `path` (of the image, relative to the CSV, with `/`), `label` or `diagnosis` (a class code
such as MEL, or a diagnosis of the taxonomy such as "blue nevus"; empty: unlabelled), and optional
`mask_path`, `lesion_id`, `patient_id`, `age` (years), `sex` (female, male), `site` (a site of
ISIC-2019 or a word of a known data set), `skin_type` (Fitzpatrick, 1 to 6) and `split` (train, val,
test: your own, kept like an official one). Other columns are not read. Upper and lower case of a
path do not matter, nor does a missing suffix, where one file alone can be meant.

An image is named by its path: `clinic/07.jpg` is `folder:clinic_07`. Ids of lesions and patients
are compared within the folder only. Several folders are told apart by a name of your own after a
hyphen, `folder-clinic_a` and `folder-clinic_b`, each with ids of its own.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from skinnet_keras.data.sources.base import SourceRow, SourceTable
from skinnet_keras.data.sources.files import (
    find_file,
    has_file,
    image_name,
    images_below,
    joined_stem,
)
from skinnet_keras.data.sources.tables import missing_sentences, read_csv
from skinnet_keras.errors import UserError

_NAMES = ("labels.csv", "metadata.csv")
_LABELS = ("label", "diagnosis")
_OPTIONAL = ("lesion_id", "patient_id", "age", "sex", "site")
_CHECKED = ("mask_path", "skin_type", "split")
_SPLITS = ("", "train", "val", "test")
_SKIN_TYPES = ("", "1", "2", "3", "4", "5", "6")


def read(root: Path) -> SourceTable:
    """Read the data set.

    Raises:
        UserError: There is no such CSV, a column is missing, or a row is wrong; the sentence
            names its line.
    """
    csv = _find_csv(root)
    table = read_csv(csv, ("path",), optional=(*_LABELS, *_OPTIONAL, *_CHECKED))
    column = next((name for name in _LABELS if name in table.columns), None)
    if column is None:
        raise UserError(f"{csv} has no column label or diagnosis: add one of them.")
    base = csv.parent.relative_to(root)
    files = _Files(csv.parent)
    rows: list[SourceRow] = []
    diagnoses: dict[str, str] = {}
    lines: dict[str, int] = {}
    absent: list[str] = []
    no_masks: list[str] = []
    for (line, record), own in zip(table.iterrows(), table["path"], strict=True):
        where = f"{csv}, line {line}"
        listed = _inside(own, where)
        found = files.find(listed)
        stem = joined_stem(found or PurePosixPath(image_name(str(listed))))
        if stem in lines:
            raise UserError(
                f"{where}: {listed} gets the same name as line {lines[stem]}, {stem}: remove or "
                "rename one of the images."
            )
        lines[stem] = int(str(line))
        diagnoses[stem] = record[column]
        if found is None:
            absent.append(own)
            continue
        mask = None
        if record.get("mask_path"):
            mask = files.find(_inside(record["mask_path"], where))
            if mask is None:
                no_masks.append(record["mask_path"])
        rows.append(
            SourceRow(
                stem=stem,
                path=(base / found).as_posix(),
                mask_path=(base / mask).as_posix() if mask else "",
                diagnosis=record[column],
                skin_type=_skin_type(record.get("skin_type", ""), where),
                official_split=_split(record.get("split", ""), where),
                **{name: record.get(name, "") for name in _OPTIONAL},
            )
        )
    missing = missing_sentences(csv, len(table), absent, files.never_found(), [])
    if no_masks:
        missing.append(
            f"{len(no_masks):,} masks that {csv.name} names are not there, e.g. {no_masks[0]!r}: "
            "their images are read without."
        )
    unread = [
        str(name) for name in table.columns if name not in ("path", column, *_OPTIONAL, *_CHECKED)
    ]
    notes = [f"Columns of {csv.name} that are not read: {', '.join(unread)}."] if unread else []
    return SourceTable("folder", rows, len(absent), missing, notes, diagnoses)


class _Files:
    """The images below a folder, found by how a table spells their paths."""

    def __init__(self, folder: Path):
        self._images = [
            path.relative_to(folder).as_posix() for path in images_below(folder, folder)
        ]
        self._exact = set(self._images)
        self._alike: dict[str, list[str]] = {}
        for path in self._images:
            for spelling in {path.casefold(), image_name(path).casefold()}:
                self._alike.setdefault(spelling, []).append(path)
        self._folder = folder
        self._found: set[str] = set()

    def find(self, listed: PurePosixPath) -> PurePosixPath | None:
        """Find a file as it is spelt, else in other case or with an image's suffix, if one is."""
        path = str(listed)
        if path not in self._exact and not os.path.isfile(self._folder / listed):
            alike = self._alike.get(path.casefold(), [])
            if len(alike) != 1:
                return None
            path = alike[0]
        self._found.add(path)
        return PurePosixPath(path)

    def never_found(self) -> list[str]:
        """Return the images that were not found, in order."""
        return [path for path in self._images if path not in self._found]


def _find_csv(root: Path) -> Path:
    if has_file(root, *_NAMES):
        return find_file(root, *_NAMES)
    found = sorted(path for path in root.glob("*.csv") if not path.name.startswith("."))
    found = found or sorted(path for path in root.glob("*/*.csv") if path.name[0] != ".")
    if not found:
        return find_file(root, *_NAMES)
    if len(found) > 1:
        raise UserError(
            f"{root} has {len(found)} CSV files, {found[0].name} and {found[1].name} among them: "
            f"call the one to read {_NAMES[0]}."
        )
    return found[0]


def _inside(text: str, where: str) -> PurePosixPath:
    path = PurePosixPath(text)
    if not path.parts:
        raise UserError(f"{where} has no path: name the image or remove the line.")
    if "\\" in text:
        raise UserError(f"{where}: the path {text!r} has a backslash: separate folders with /.")
    if path.is_absolute() or ".." in path.parts or path.parts[0].endswith(":"):
        raise UserError(
            f"{where}: the path {text!r} leaves the folder: give it relative to the CSV file."
        )
    return path


def _skin_type(text: str, where: str) -> str:
    word = text.removesuffix(".0")  # as spreadsheets write whole numbers beside empty cells
    if word not in _SKIN_TYPES:
        raise UserError(f"{where}: the skin type {text!r} is none of 1 to 6 (Fitzpatrick).")
    return word


def _split(word: str, where: str) -> str:
    if word.lower() not in _SPLITS:
        raise UserError(f"{where}: the split {word!r} is none of train, val, test.")
    return word.lower()
