"""7-point criteria evaluation database (derm7pt; Kawahara et al. 2019): 1,011 cases, two images.

Layout: `release_v0/images/<sub-folder>/<file>.jpg` and `release_v0/meta/{meta, train_indexes,
valid_indexes, test_indexes}.csv`. `meta.csv` gives each case a dermoscopic image (`derm`) and a
clinical photograph (`clinic`), by paths whose upper and lower case differs from the disk for some;
the index files hold 0-based row numbers of `meta.csv`. There is no age. The two kinds of images
are two sources, `derm7pt` and `derm7pt_clinical`, as a network for one should not be fed the other
by accident; they share their lesion ids, so that a case stays in one split.

An image is named by its listed path in lower case: `nel_nel026`. `case_num` numbers the cases and
is the lesion id; the column `case_id`, empty in the authors' published example, is of unstated
meaning and not read. An image that several cases list is one row: its cases count as one lesion,
it has no diagnosis where theirs differ, and of their official splits test goes before validation
before training. A clinical photograph that `meta.csv` also lists as a dermoscopic image is one:
nine cases have no photograph and repeat the dermoscopic path. The layout is known from the authors'
code and other people's readers; this reader has never seen the real files.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from skinnet_keras.data.sources.base import SourceRow, SourceTable
from skinnet_keras.data.sources.files import (
    find_file,
    image_name,
    images_below,
    need_folders,
)
from skinnet_keras.data.sources.tables import missing_sentences, read_csv
from skinnet_keras.errors import UserError

_SPLITS = {"train": "train_indexes.csv", "val": "valid_indexes.csv", "test": "test_indexes.csv"}
_STRICTEST_FIRST = ("test", "val", "train", "")
_VIEWS = ("derm", "clinic")


def read(root: Path) -> SourceTable:
    """Read the dermoscopic images.

    Raises:
        UserError: A folder, file or column is missing.
    """
    return _read_view(root, "derm7pt", "derm")


def read_clinical(root: Path) -> SourceTable:
    """Read the clinical photographs; errors as `read`."""
    return _read_view(root, "derm7pt_clinical", "clinic")


def _read_view(root: Path, name: str, view: str) -> SourceTable:
    on_disk = _images_by_lower_case(root)
    path = find_file(root, "meta.csv")
    meta = read_csv(path, ("case_num", "diagnosis", "location", "sex", *_VIEWS))
    for column in _VIEWS:
        meta[column] = [_plain(file) for file in meta[column]]
    meta["split"] = _official_splits(root, len(meta))
    meta["lesion_id"] = _lesion_ids(meta)
    meta["file"] = meta[view]
    notes = []
    if view == "clinic":
        dermoscopic = (meta["clinic"] != "") & meta["clinic"].isin(meta["derm"])
        if left_out := meta.loc[dermoscopic, "clinic"].nunique():
            notes.append(
                f"{left_out} images are left out, as {path.name} names them as the dermoscopic "
                f"image, too, e.g. {meta.loc[dermoscopic, 'clinic'].iloc[0]!r}."
            )
        meta.loc[dermoscopic, "file"] = ""
    rows, diagnoses, absent = [], {}, []
    for key, cases in meta[meta["file"] != ""].groupby("file", sort=False):
        file = str(key)
        stem = file.replace("/", "_")
        diagnoses[stem] = _same(cases["diagnosis"])
        if file in on_disk:
            rows.append(
                SourceRow(
                    stem=stem,
                    path=on_disk[file],
                    diagnosis=diagnoses[stem],
                    lesion_id=cases["lesion_id"].iloc[0],
                    sex=_same(cases["sex"]),
                    site=_same(cases["location"]),
                    official_split=min(cases["split"], key=_STRICTEST_FIRST.index),
                )
            )
        else:
            absent.append(file)
    named = {*meta["derm"], *meta["clinic"]}
    unlisted = [own for file, own in on_disk.items() if file not in named]
    missing = missing_sentences(path, len(diagnoses), absent, unlisted, [])
    return SourceTable(name, rows, len(absent), missing, notes, diagnoses)


def _images_by_lower_case(root: Path) -> dict[str, str]:
    """Index the images: path below `images`, as `_plain` -> path relative to `root`."""
    return {
        _plain(path.relative_to(folder).as_posix()): path.relative_to(root).as_posix()
        for folder in need_folders(root, "images")
        for path in images_below(root, folder)
    }


def _plain(file: str) -> str:
    """Return a listed path in lower case, with `/` and without the image's suffix."""
    return image_name(file.replace("\\", "/")).lower()


def _official_splits(root: Path, cases: int) -> list[str]:
    splits = [""] * cases
    for split, file_name in _SPLITS.items():
        path = find_file(root, file_name)
        for text in read_csv(path, ("indexes",))["indexes"]:
            if not text.isdecimal() or int(text) >= cases:
                raise UserError(
                    f"{path} has the index {text!r}, but meta.csv has the rows 0 to {cases - 1}: "
                    "take both from one release."
                )
            splits[int(text)] = split
    return splits


def _lesion_ids(meta: pd.DataFrame) -> list[str]:
    """Name the lesion of each case by its number, or by another case's that shares an image."""
    same_as: dict[str, str] = {}

    def lesion_of(case: str) -> str:
        while same_as[case] != case:
            case = same_as[case]
        return case

    first_case: dict[str, str] = {}
    for case, *files in meta[["case_num", *_VIEWS]].itertuples(index=False):
        same_as.setdefault(case, case)
        for file in filter(None, files):
            other = first_case.setdefault(file, case)
            same_as[lesion_of(case)] = lesion_of(other)
    return [lesion_of(case) for case in meta["case_num"]]


def _same(words: pd.Series) -> str:
    """Return the word that all share, or ""."""
    return words.iloc[0] if words.nunique() == 1 else ""
