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
    ImageIndex,
    find_file,
    find_folders,
    images_below,
    index_images,
    need_folders,
)
from skinnet_keras.data.sources.tables import match_images, read_csv
from skinnet_keras.errors import UserError

_PREVIEW = "rgb"
_OPTIONAL = ("lesion_id", "patient_id", "age", "sex", "site")


def read(root: Path) -> SourceTable:
    """Read the data set.

    Raises:
        UserError: A folder, file or column is missing, or of a sequence neither a preview nor a
            band can be read.
    """
    images, bands = _pictures(root, need_folders(root, "images")[0])
    masks = index_images(root, find_folders(root, "masks"))
    path = find_file(root, "ras.csv", "metadata.csv")
    optional = (*_OPTIONAL, "band")
    table = read_csv(path, ("image", "diagnosis"), optional=optional, key="image")
    matched = match_images(table, "image", images, path)
    rows = [
        SourceRow(
            stem=record["image"],
            path=_choose(images[record["image"]], bands.get(record["image"]), record, path),
            mask_path=masks.path_of(f"{record['image']}_segmentation"),
            diagnosis=record["diagnosis"],
            **{column: record.get(column, "") for column in _OPTIONAL},
        )
        for record in matched.records
    ]
    return SourceTable("ras", rows, **matched.facts(table["diagnosis"]))


def _pictures(root: Path, folder: Path) -> tuple[ImageIndex, dict[str, ImageIndex]]:
    """Index `images` (of a sequence its first picture), and the bands of each sequence."""
    images = ImageIndex()
    sequences: dict[str, ImageIndex] = {}
    for path in images_below(root, folder):
        relative = path.relative_to(root).as_posix()
        if path.parent == folder:
            images.add(path.stem, relative)
        else:
            sequences.setdefault(path.parent.name, ImageIndex()).add(path.stem, relative)
    for name, bands in sequences.items():
        images.add(name, next(iter(bands.values())))
    return images, sequences


def _choose(picture: str, bands: ImageIndex | None, record: dict, table: Path) -> str:
    if bands is None or picture not in bands.values():
        return picture
    band = record.get("band", "")
    found = bands.path_of(_PREVIEW) or bands.path_of(band)
    if found:
        return found
    raise UserError(
        f"{table}: the sequence {record['image']} has no picture {_PREVIEW} and no band {band!r} "
        f"(it has {', '.join(bands)}): name one of them in the column band."
    )
