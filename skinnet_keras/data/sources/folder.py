"""Anybody's images with a CSV that lists them: `labels.csv`, `metadata.csv` or the only CSV.

Columns: `path` (of the image, relative to the CSV, with `/`), `label` or `diagnosis` (a class code
such as MEL, or a diagnosis of the taxonomy such as "blue nevus"; empty: unlabelled), and optional
`mask_path`, `lesion_id`, `patient_id`, `age` (years), `sex` (female, male), `site` (a site of
ISIC-2019 or a word of a known data set), `skin_type` (Fitzpatrick, 1 to 6) and `split` (train, val,
test: your own, kept like an official one). Other columns are not read.

An image is named by its path: `clinic/07.jpg` is `folder:clinic_07`. Ids of lesions and patients
are compared within the folder only. Several folders are told apart by a name of your own after a
hyphen, `folder-clinic_a` and `folder-clinic_b`, each with ids of its own.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from skinnet_keras.data.sources.base import SourceRow, SourceTable
from skinnet_keras.data.sources.files import find_file, has_file, joined_stem
from skinnet_keras.data.sources.tables import read_csv
from skinnet_keras.errors import UserError

_NAMES = ("labels.csv", "metadata.csv")
_OPTIONAL = ("lesion_id", "patient_id", "age", "sex", "site")
_SPLITS = ("", "train", "val", "test")
_SKIN_TYPES = ("", "1", "2", "3", "4", "5", "6")


def read(root: Path) -> SourceTable:
    """Read the data set.

    Raises:
        UserError: There is no such CSV, a column is missing, or a row is wrong; the sentence
            names its line.
    """
    csv = _find_csv(root)
    table = read_csv(csv, ("path",))
    column = next((name for name in ("label", "diagnosis") if name in table.columns), None)
    if column is None:
        raise UserError(f"{csv} has no column label or diagnosis: add one of them.")
    base = csv.parent.relative_to(root)
    rows: list[SourceRow] = []
    diagnoses: dict[str, str] = {}
    lines: dict[str, int] = {}
    # The header is line 1.
    for line, record in enumerate(table.to_dict("records"), start=2):
        where = f"{csv}, line {line}"
        path = _inside(record["path"], where)
        mask = _inside(record["mask_path"], where) if record.get("mask_path") else None
        stem = joined_stem(path)
        if stem in lines:
            raise UserError(
                f"{where}: {path} gets the same name as line {lines[stem]}, {stem}: remove or "
                "rename one of the images."
            )
        lines[stem] = line
        diagnoses[stem] = record[column]
        if (csv.parent / path).is_file():
            rows.append(
                SourceRow(
                    stem=stem,
                    path=(base / path).as_posix(),
                    mask_path=(base / mask).as_posix() if mask else "",
                    diagnosis=record[column],
                    skin_type=_skin_type(record.get("skin_type", ""), where),
                    official_split=_split(record.get("split", ""), where),
                    **{name: record.get(name, "") for name in _OPTIONAL},
                )
            )
    return SourceTable("folder", rows, len(table) - len(rows), diagnoses=diagnoses)


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
    if word not in _SPLITS:
        raise UserError(f"{where}: the split {word!r} is none of train, val, test.")
    return word
