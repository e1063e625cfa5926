"""RAS: the paper's own, private set of 43 lesions, in a layout that this package defines.

The set was never published, nor was its layout; this one also suits other cameras that take a
sequence of grey pictures at several wavelengths. Nobody has read real files with it.

    ras.csv (or metadata.csv)   columns image, diagnosis, and optional lesion_id, patient_id,
                                age, sex, site, band
    images/<image>.png          an RGB picture (any of the usual suffixes), or
    images/<image>/             a multispectral sequence, one grey picture a wavelength, named as
                                you like ("450nm.png"), and optionally `rgb.png`, its RGB preview
    masks/<image>_segmentation.png   optional

The models take RGB so far, so one picture of a sequence is read: `rgb`, or without it the one that
the column `band` names ("650nm"), as a grey image. The other bands stay where they are.
"""

from __future__ import annotations

from pathlib import Path

from skinnet_keras.data.sources.base import SourceRow, SourceTable
from skinnet_keras.data.sources.files import (
    find_file,
    find_folders,
    images_below,
    index_images,
    need_folders,
)
from skinnet_keras.data.sources.tables import read_csv, words_of
from skinnet_keras.errors import UserError

_PREVIEW = "rgb"
_OPTIONAL = ("lesion_id", "patient_id", "age", "sex", "site")


def read(root: Path) -> SourceTable:
    """Read the data set.

    Raises:
        UserError: A folder, file or column is missing, or of a sequence neither a preview nor a
            band can be read.
    """
    pictures = _pictures(root, need_folders(root, "images")[0])
    masks = index_images(root, find_folders(root, "masks"))
    path = find_file(root, "ras.csv", "metadata.csv")
    table = read_csv(path, ("image", "diagnosis"))
    rows = [
        SourceRow(
            stem=record["image"],
            path=_choose(pictures[record["image"]], record, path),
            mask_path=masks.get(f"{record['image']}_segmentation", ""),
            diagnosis=record["diagnosis"],
            **{column: record.get(column, "") for column in _OPTIONAL},
        )
        for record in table.to_dict("records")
        if record["image"] in pictures
    ]
    diagnoses = words_of(table, "image", "diagnosis")
    return SourceTable("ras", rows, len(table) - len(rows), diagnoses=diagnoses)


def _pictures(root: Path, folder: Path) -> dict[str, str | dict[str, str]]:
    """Index `images`: image -> its path, or for a sequence band -> path; relative to `root`."""
    found: dict[str, str | dict[str, str]] = {}
    for path in images_below(folder):
        relative = path.relative_to(root).as_posix()
        if path.parent == folder:
            found[path.stem] = relative
        else:
            bands = found.setdefault(path.parent.name, {})
            if isinstance(bands, dict):
                bands[path.stem] = relative
    return found


def _choose(picture: str | dict[str, str], record: dict, table: Path) -> str:
    if isinstance(picture, str):
        return picture
    band = record.get("band", "")
    if _PREVIEW in picture:
        return picture[_PREVIEW]
    if band in picture:
        return picture[band]
    raise UserError(
        f"{table}: the sequence {record['image']} has no picture {_PREVIEW} and no band {band!r} "
        f"(it has {', '.join(picture)}): name one of them in the column band."
    )
